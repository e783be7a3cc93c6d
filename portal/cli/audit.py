"""`yurt audit`: verify the log, follow it, export it."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Verify and read the audit log.", no_args_is_help=True)

Log = Annotated[Path | None, typer.Option("--log", help="The log file; default: the log in the platform's home.")]


def _default_folder() -> Path:
    from store.settings import Settings

    return Settings().home / "audit"


@app.command()
def verify(
    log: Log = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="A signed checkpoint, best one you kept elsewhere; default: the log's own.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="The public key of the log's keeper (64 hexadecimal digits).")
    ] = None,
    algorithm: Annotated[str, typer.Option(help="sm3 or sha256; a checkpoint names its own.")] = "sm3",
) -> None:
    """Check that the log is whole: exit 0 and a summary, or exit 1 and the first bad position.

    Without a checkpoint a changed, moved or removed record is found, but not a log cut at its end or written anew.
    """
    from audit.verify import LogBroken, verify_log

    path = log or _default_folder() / "log.jsonl"
    if log is None:
        checkpoint = checkpoint or path.with_name("checkpoint")
        key = key or path.with_name("key")
    missing = next((file for file in (path, checkpoint, key) if file and not file.is_file()), None)
    if missing:
        typer.echo(f"yurt audit verify: {missing} does not exist; name the log with --log PATH", err=True)
        raise typer.Exit(2)
    try:
        summary = verify_log(path, checkpoint, key, algorithm)
    except LogBroken as broken:
        typer.echo(f"broken: {broken}")
        raise typer.Exit(1) from None
    against = f", checkpoint over {summary.checkpoint_size}" if summary.checkpoint_size is not None else ""
    typer.echo(f"whole: {summary.records} records{against}, root {summary.root}")
    if summary.first_time:
        typer.echo(f"from {summary.first_time} to {summary.last_time}")


@app.command()
def show(
    log: Log = None, last: Annotated[int, typer.Option(min=1, help="How many of the newest records.")] = 20
) -> None:
    """Print the newest records, one JSON object a line."""
    import json
    from collections import deque

    from audit.log import read_records

    for record in deque(read_records(log or _default_folder() / "log.jsonl"), maxlen=last):
        typer.echo(json.dumps(record, ensure_ascii=False))
