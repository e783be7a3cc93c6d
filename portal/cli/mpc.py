"""`yurt mpc`: joint jobs, with every party as a process of its own."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

app = typer.Typer(help="Joint computation (联合计算): run a job that several agencies compute together.")

JobPath = Annotated[Path, typer.Argument(help="The job, as described in docs/joint-jobs.md.", show_default=False)]
Parties = Annotated[
    Path | None, typer.Option("--parties", help="Folder of party folders made by `yurt mpc keys`.", show_default=False)
]


@app.command()
def run(
    job_file: JobPath,
    parties: Parties = None,
    signed_file: Annotated[Path | None, typer.Option("--signed", help="A job signed by `yurt mpc sign`.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on standard error.")] = False,
) -> None:
    """Run a joint job on this machine; print the receiver's result and a report as one JSON object.

    Without --parties, folders and keys are made for this run alone and removed afterwards. A refusal is printed as
    JSON too; exit 1 when there is no result, 2 when the job file is wrong.
    """
    from mpc.errors import JointFailure
    from mpc.job import load_job
    from mpc.manifest import SignedJob
    from mpc.run import run_job
    from mpc.setup import set_up
    from store.errors import YurtError

    def progress(event: dict[str, Any]) -> None:
        if event["type"] == "step" and not quiet:
            typer.echo(f"{event['party']}: {event['step']}", err=True)

    try:
        job = load_job(job_file)
        signed = SignedJob.model_validate_json(signed_file.read_text("utf-8")) if signed_file else None
    except (YurtError, OSError, ValueError) as error:
        _stop(str(error))
    try:
        with tempfile.TemporaryDirectory(prefix="yurt-mpc-") as made:
            folder = parties or Path(made)
            if parties is None:
                set_up(job, folder, job_file.parent)
            result = run_job(job, folder, progress, signed)
    except YurtError as error:
        records = error.records if isinstance(error, JointFailure) else ()
        refusal = {"outcome": "refuse", "code": error.code, "message": error.message, "hint": error.hint}
        _show({**refusal, "records": list(records)})
        raise typer.Exit(1) from None
    _show({"outcome": "result", "receiver": job.receiver, "result": result.value, "report": result.report})


@app.command()
def keys(
    job_file: JobPath,
    parties: Annotated[Path, typer.Option("--parties", help="Folder to make them in.")],
) -> None:
    """Make a folder with keys, certificate and policy for every party of a job, and issue the job for signing."""
    from mpc.identity import own_card, write_private
    from mpc.job import load_job
    from mpc.manifest import issue
    from mpc.setup import set_up
    from store.errors import YurtError

    try:
        job = load_job(job_file)
        folders = set_up(job, parties, job_file.parent)
        issued = issue(job, {name: own_card(folder) for name, folder in folders.items()})
    except (YurtError, OSError) as error:
        _stop(str(error))
    write_private(parties / "job.json", issued.model_dump_json(indent=1).encode())
    shown = {name: str(folder) for name, folder in folders.items()}
    _show({"digest": issued.manifest.digest(), "job": str(parties / "job.json"), "parties": shown})


@app.command()
def sign(
    signed_file: Annotated[Path, typer.Argument(help="The issued job (job.json).", show_default=False)],
    party: Annotated[Path, typer.Option("--as", help="The folder of the party whose approver signs.")],
) -> None:
    """Sign an issued job as one party's approver, after reading what it does and discloses."""
    from mpc.identity import party_name, write_private
    from mpc.manifest import SignedJob
    from store.errors import YurtError

    try:
        issued = SignedJob.model_validate_json(signed_file.read_text("utf-8"))
        name = party_name(party)
        signed = issued.signed(name, party / "approver/approver.key")
    except (YurtError, OSError, ValueError) as error:
        _stop(str(error))
    write_private(signed_file, signed.model_dump_json(indent=1).encode())
    job = issued.manifest.job
    _show({
        "digest": issued.manifest.digest(), "signed_by": sorted(signed.signatures), "purpose": job.purpose,
        "receiver": job.receiver, "leakage": list(issued.manifest.leakage),
    })  # fmt: skip


def _show(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def _stop(message: str) -> NoReturn:
    typer.echo(" ".join(message.split()), err=True)
    raise typer.Exit(2)
