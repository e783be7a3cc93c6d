"""`yurt airlock`: inspect files as the airlock would, before asking for their release."""

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Inspect outputs before they leave (no running platform needed).", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Inspect outputs before they leave."""


@app.command("inspect")
def inspect_files(files: Annotated[list[Path], typer.Argument(help="Files to inspect, in this order.")]) -> None:
    """Print one JSON line per file: verdict pass, review or block, and the findings behind it."""
    from sandbox.airlock.inspect import inspect
    from store.settings import Settings

    name_model = Settings().name_model

    for file in files:
        result = inspect(file, name_model=name_model)
        findings = [{"code": f.code, "where": f.where, "why": f.why} for f in result.findings]
        line = {"path": str(file), "verdict": result.verdict.value, "findings": findings}
        typer.echo(json.dumps(line, ensure_ascii=False))
