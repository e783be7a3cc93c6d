"""`yurt policy`: check queries against a policy, run them on data, explain a decision, replay a changed policy."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Check, run, explain and replay queries under a policy.", no_args_is_help=True)

PolicyFile = Annotated[Path, typer.Option("--policy", help="The policy (YAML).")]
SchemaFile = Annotated[Path, typer.Option("--schema", help="CREATE TABLE statements.")]
Dialect = Annotated[str, typer.Option(help="duckdb, postgres or spark.")]


def _usage(text: str) -> typer.Exit:
    typer.echo(text, err=True)
    return typer.Exit(2)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise _usage(f"Cannot read {path}: give a UTF-8 text file.") from None


def _lines() -> Iterator[dict[str, Any]]:
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="surrogateescape")
    for number, line in enumerate(sys.stdin, 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line, parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise _usage(f"Line {number} of the input is not JSON: give one object per line.") from None
        if not isinstance(found, dict) or not isinstance(found.get("sql"), str):
            raise _usage(f'Line {number} of the input has no sql: give {{"id": …, "sql": …}}.')
        setup = found.get("setup") or []
        if not isinstance(setup, list) or not all(isinstance(each, str) for each in setup):
            raise _usage(f"Line {number} of the input has a setup that is no list of SQL texts.")
        yield found


def _no_number(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are no JSON


def _print(line: dict[str, Any]) -> None:
    text = json.dumps(line, ensure_ascii=False)
    if any("\ud800" <= letter <= "\udfff" for letter in text):  # half a character cannot be written as UTF-8
        text = json.dumps(line)
    typer.echo(text)


def _loaded(policy: Path, schema: Any = None) -> Any:
    """The policy; with a schema, one that names only what is there."""
    from policies.load import fits, load_policy
    from store.errors import YurtError

    text = _read(policy)
    try:
        loaded = load_policy(text)
        if schema is not None:
            fits(text, schema)
        return loaded
    except YurtError as error:
        raise _usage(f"{policy}: {error.message} {error.hint}") from None


def _schema(schema: Path) -> Any:
    from policies.schema import Schema
    from store.errors import YurtError

    try:
        return Schema.from_ddl(_read(schema))
    except YurtError as error:
        raise _usage(f"{schema}: {error.message} {error.hint}") from None


@app.command()
def check(policy: PolicyFile, schema: SchemaFile, dialect: Dialect = "duckdb") -> None:
    """Decide each query on standard input (JSON lines: id, sql) without running it."""
    from policies.decide import decide
    from policies.dialects import DIALECTS
    from policies.explain import decision_line

    if dialect not in DIALECTS:
        raise _usage(f"There is no dialect {dialect}: use " + ", ".join(DIALECTS) + ".")
    tables = _schema(schema)
    loaded = _loaded(policy, tables)
    for line in _lines():
        _print({"id": line.get("id"), **decision_line(decide(line["sql"], loaded, tables, dialect=dialect))})


@app.command()
def run(
    policy: PolicyFile,
    data: Annotated[Path, typer.Option("--data", help="A .duckdb file, or a folder of TABLE.parquet / TABLE.csv.")],
    keep_history: Annotated[bool, typer.Option("--keep-history", help="Remember answers from line to line.")] = False,
) -> None:
    """Answer each query on standard input (JSON lines: id, sql, setup) from the data, under the policy."""
    from gateway import offline
    from store.errors import YurtError
    from store.settings import Settings

    loaded = _loaded(policy)
    try:
        for line in offline.run(_lines(), loaded, data, keep_history, Settings().name_model):
            _print(line)
    except YurtError as error:
        raise _usage(f"{data}: {error.message} {error.hint}") from None


@app.command()
def explain(sql: str, policy: PolicyFile, schema: SchemaFile, dialect: Dialect = "duckdb") -> None:
    """Show the whole decision about one query: rewritten SQL, lineage, thresholds, masks, what would pass instead."""
    from policies.decide import decide
    from policies.explain import asked_about, explained

    tables, about = _schema(schema), asked_about(sql) or sql
    loaded = _loaded(policy, tables)
    found = explained(decide(about, loaded, tables, dialect=dialect), loaded, sql=about)
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2))


@app.command()
def replay(
    policy: PolicyFile,
    before: Annotated[Path | None, typer.Option("--before", help="The policy the questions were asked under.")] = None,
    schema: Annotated[Path | None, typer.Option("--schema", help="CREATE TABLE statements.")] = None,
    project: Annotated[str | None, typer.Option("--project", help="A project of this machine's platform.")] = None,
    approver: Annotated[str | None, typer.Option("--approver", help="Who looks: an approver of its data.")] = None,
) -> None:
    """Hold questions asked before against a changed policy: what it would newly refuse, newly allow, or leave.

    With --project and --approver, a project's own questions; else those on standard input (JSON lines: id, sql, and the
    code of the refusal if there was one), with --schema and, to decide them as before, --before. The last line sums up.
    """
    if project is not None and approver is not None:
        _replayed_project(project, approver, _read(policy))
    elif schema is not None and project is None and approver is None:
        _replayed_lines(_loaded(policy), _loaded(before) if before else None, _schema(schema))
    else:
        raise _usage("Give --project and --approver, or --schema and questions on standard input.")


def _replayed_lines(policy: Any, before: Any, schema: Any) -> None:
    from policies import replay as rules
    from policies.decide import decide
    from policies.decision import Refused

    def asked(line: dict[str, Any]) -> rules.Asked:
        code = str(line.get("code") or "")
        if before is not None:
            decision = decide(line["sql"], before, schema, suggest=False)
            code = decision.code if isinstance(decision, Refused) else ""
        return rules.Asked(line["sql"], code, where={"id": line.get("id")})

    changes = []
    for each in rules.replayed(map(asked, _lines()), policy, schema):
        changes.append(each.change)
        _print(rules.line(each))
    _print({"summary": rules.summary(changes)})


def _replayed_project(project: str, approver: str, text: str) -> None:
    from portal.context import Platform
    from portal.views.replay import replay as replayed
    from store.errors import YurtError
    from store.settings import Settings

    platform = Platform.open(Settings())
    try:
        found = replayed(platform, approver, project, text)
    except YurtError as error:
        raise _usage(f"{error.message} {error.hint}") from None
    finally:
        platform.close()
    for line in found["questions"]:
        _print(line)
    _print({"summary": found["summary"], "not_shown": found["not_shown"]})


@app.command()
def prepare(
    project: str,
    database: Annotated[str, typer.Option(help="The PostgreSQL database that holds the project's datasets.")],
    db_schema: Annotated[str, typer.Option(help="The schema of their tables.")] = "public",
) -> None:
    """Print the SQL by which the owner of a PostgreSQL database lets the gateway read a project's datasets, no more.

    Run it again whenever the project's grants change: psql -1 -f -
    """
    from gateway import postgres_lock
    from policies.grants import policy_of
    from policies.requests import project as project_of
    from policies.schema import Schema
    from portal.context import Platform
    from store.errors import YurtError
    from store.settings import Settings

    platform = Platform.open(Settings())
    try:
        with platform.database.reading() as session:
            policy, datasets = policy_of(session, project_of(session, project))
            types = {each.id: {column.name: column.data_type for column in each.columns} for each in datasets}
    except YurtError as error:
        raise _usage(f"{error.message} {error.hint}") from None
    finally:
        platform.close()
    locked = postgres_lock.prepared(database, db_schema)
    for statement in (*locked, *postgres_lock.project(policy, Schema.from_mapping(types), db_schema)):
        typer.echo(statement.as_string(None) + ";")
