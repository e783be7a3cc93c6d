"""`yurt scheduler`: replay a trace through the platform's own scheduling decisions."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Who goes next on the shared pool.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Who goes next on the shared pool."""


@app.command()
def simulate(
    trace: Annotated[Path, typer.Option(help="CSV: job_id,tenant,submit_s,gpus,duration_s.")],
    gpus: Annotated[int, typer.Option(min=1, help="GPUs in the pool.")],
    order: Annotated[str, typer.Option(help="fifo, backfill, sjf, drf, usage or fair.")] = "fair",
    tenants: Annotated[
        Path | None, typer.Option(help="CSV: tenant,weight and, if wanted, gpus (most it may hold).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Replay a trace and print waits, utilisation, fairness and decisions per second."""
    from scheduler.order import rule_named
    from scheduler.resources import Resources
    from scheduler.simulate import simulate as replay
    from scheduler.trace import read_tenants, read_trace
    from store.errors import YurtError

    try:
        rule = rule_named(order)
        nodes = read_tenants(tenants) if tenants else None
        summary = asdict(replay(read_trace(trace), Resources(gpu_milli=gpus * 1000), rule, nodes).summary)
    except YurtError as error:
        typer.echo(f"{error.code}: {error.message} {error.hint}", err=True)
        raise typer.Exit(2) from None
    if as_json:
        typer.echo(json.dumps(summary))
        return
    width = max(map(len, summary))
    for name, value in summary.items():
        typer.echo(f"{name:<{width}}  {value:,}" if isinstance(value, int | float) else f"{name:<{width}}  {value}")
