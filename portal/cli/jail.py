"""`yurt jail`: run a command in the jail that notebooks and sealed jobs get."""

import signal
import sys
from types import FrameType
from typing import Annotated, NoReturn

import typer

app = typer.Typer(help="Run a command in the jail that notebooks and sealed jobs get.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Run a command in the jail that notebooks and sealed jobs get."""


def _ended(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


@app.command("exec", context_settings={"allow_interspersed_args": False})
def execute(
    command: Annotated[list[str], typer.Argument(metavar="CMD...", help="Program and arguments, after `--`.")],
    backend: Annotated[str, typer.Option(help="bubblewrap or gvisor.")] = "bubblewrap",
    memory: Annotated[str, typer.Option(help="Most memory, swap and scratch files, such as 512M or 2G.")] = "512M",
    cpus: Annotated[float, typer.Option(help="Most processors' worth of time.")] = 1.0,
    pids: Annotated[int, typer.Option(help="Most processes and threads.")] = 128,
    timeout: Annotated[float | None, typer.Option(help="Seconds after which it is stopped.")] = None,
    bind: Annotated[
        list[str] | None, typer.Option(metavar="SRC:DST:ro", help="Show a file or folder in the jail; ro or rw.")
    ] = None,
) -> None:
    """Run CMD in the jail; the exit status is CMD's. It sees /usr, the sandboxes' Python, and what --bind names."""
    from sandbox.environment import built_environment
    from sandbox.jail import Bind, JailSpec, backend_named, run_jailed
    from sandbox.profile import Limits, parse_bytes
    from store.errors import YurtError

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _ended)
    try:
        limits = Limits(memory_bytes=parse_bytes(memory), cpus=cpus, pids=pids, wall_s=timeout)
        spec = JailSpec(
            command,
            limits=limits,
            binds=[Bind.parse(text) for text in bind or ()],
            python=built_environment(),
            stdin=sys.stdin.fileno() if sys.stdin is not None else None,
            instance="cli",
        )
        result = run_jailed(spec, backend_named(backend))
    except YurtError as error:
        typer.echo(str(error), err=True)
        # 400: what was typed is wrong; anything else: this host cannot build the jail (125, as in docker run).
        raise typer.Exit(2 if error.http == 400 else 125) from error
    if result.exceeded is not None:
        typer.echo(str(result.exceeded), err=True)
    raise typer.Exit(result.status)
