"""The command `yurt`: start the platform, play the story, check the machine; and one group of commands per room."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from portal.cli import airlock, audit, jail, mask, mpc, policy, scheduler
from store.errors import YurtError

app = typer.Typer(
    help="Yurt (毡房): data that is usable, not visible (可用不可见).",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # a traceback must never print values
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (policy, mask, jail, mpc, scheduler, airlock, audit):
    app.add_typer(group.app, name=group.__name__.rpartition(".")[2])

Home = Annotated[
    Path | None,
    typer.Option(help="Folder that holds all state; default: YURT_HOME, else .yurt here.", show_default=False),
]


@app.command()
def up(home: Home = None) -> None:
    """Start the platform and keep it running until Ctrl-C."""
    from portal.platform.namespace import run_inside
    from store.settings import Settings

    settings = Settings(home=home) if home else Settings()
    raise typer.Exit(run_inside(settings.home, ["up", str(settings.home)]))


@app.command()
def demo(
    home: Home = None,
    once: Annotated[
        bool, typer.Option("--once", help="Exit after the story instead of leaving the portal up.")
    ] = False,
) -> None:
    """Start the platform on real data and play the whole story through its real doors."""
    from portal.platform.namespace import run_inside
    from store.settings import Settings

    settings = Settings(home=home) if home else Settings()
    raise typer.Exit(run_inside(settings.home, ["demo", str(settings.home), *(["--once"] if once else [])]))


@app.command()
def doctor() -> None:
    """Check that this machine has what the platform needs, and say what is missing and how to get it."""
    from portal.platform.doctor import report

    raise typer.Exit(report())


def main() -> None:
    """Entry point. Bad usage: one line on standard error and exit status 2; an expected failure: its code, 1."""
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except TyperException as error:
        context = getattr(error, "ctx", None)
        if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
            sys.stdout.write(context.get_help() + "\n")
            sys.exit(0)
        command = context.command_path if context is not None else "yurt"
        what = " ".join(getattr(error, "format_message", error.__str__)().split())
        sys.stderr.write(f"{command}: {what} See `{command} --help`.\n")
        sys.exit(2)
    except typer.Abort:
        sys.exit(130)
    except YurtError as error:
        sys.stderr.write(f"{error.code}: {error.message} {error.hint}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
