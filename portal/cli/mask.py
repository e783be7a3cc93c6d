"""`yurt mask`: find identifiers in text and tables, mask them, measure what risk is left."""

import codecs
import io
import json
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

app = typer.Typer(
    help="Find identifiers in text and tables, mask them, and measure the risk that is left.", no_args_is_help=True
)

File = Annotated[Path, typer.Argument(help="A .csv, .parquet or .duckdb file.")]
Lang = Annotated[str, typer.Option(help="zh, en, or auto: Chinese where a Chinese character occurs.")]


def _stop(line: str) -> NoReturn:
    typer.echo(line, err=True)
    raise typer.Exit(2)


_NO_OBJECT = 'Line {number} is no JSON object with a "text": write {{"id": 1, "text": "…"}}, one a line.'


def _row(line: str) -> dict[str, Any] | None:
    """The object of a line, if it is one with a text."""
    try:
        row = json.loads(line, parse_constant=_no_number) if line.strip() else None
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and isinstance(row.get("text"), str) else None


def _at_hand() -> Iterator[list[dict[str, Any]]]:
    """Objects with `id` and `text` from stdin, in lists of those that have arrived by now: nobody who waits for an
    answer waits longer. Ends the command on the first line that is none."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8-sig")("surrogateescape"), translate=True)
    rest, number, chunk = "", 0, b" "
    while chunk:
        chunk = getattr(sys.stdin.buffer, "read1", sys.stdin.buffer.read)(1 << 16)
        *lines, rest = (rest + decoder.decode(chunk, final=not chunk)).split("\n")
        rows: list[dict[str, Any]] = []
        for line in lines if chunk else [*lines, rest]:
            number += 1
            row = _row(line)
            if row is None and line.strip():
                yield rows
                _stop(_NO_OBJECT.format(number=number))
            if row is not None:
                rows.append(row)
        yield rows


def _no_number(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are no JSON


def _print(row: dict[str, Any]) -> None:
    line = json.dumps(row, ensure_ascii=False)
    if any("\ud800" <= letter <= "\udfff" for letter in line):  # half a character cannot be written as UTF-8
        line = json.dumps(row)
    sys.stdout.write(line + "\n")


def _checked_lang(lang: str) -> None:
    if lang not in {"zh", "en", "auto"}:
        _stop("--lang is zh, en or auto.")


def _use_name_model() -> None:
    """Load the name model the operator set, if any."""
    from store.errors import YurtError
    from store.settings import Settings

    name = Settings().name_model
    if name:
        from masking.ner.slot import use

        try:
            use(name)
        except YurtError as error:
            _stop(str(error))


@app.command()
def detect(lang: Lang = "auto") -> None:
    """Read {"id", "text"} lines on stdin; write {"id", "spans": [{"start", "end", "type", "score"}]} lines.

    Offsets count code points of the text as given. Example:

    echo '{"id": 1, "text": "电话13947112233"}' | yurt mask detect
    """
    _checked_lang(lang)
    from masking import detect as detector

    _use_name_model()
    for rows in _at_hand():
        for row, spans in zip(rows, detector.detect_all([row["text"] for row in rows], lang), strict=True):
            found = [{"start": s.start, "end": s.end, "type": s.type.value, "score": s.score} for s in spans]
            _print({"id": row.get("id"), "spans": found})
        sys.stdout.flush()


@app.command()
def text(
    operator: Annotated[
        str,
        typer.Option(
            help="redact: <TYPE>; constant: ***; partial: 139****2233; number: <TYPE_1>, alike for alike values."
        ),
    ] = "redact",
    lang: Lang = "auto",
) -> None:
    """Read {"id", "text"} lines on stdin; write {"id", "text"} lines without the identifiers found.

    The result is read again until nothing more is found in it.
    """
    _checked_lang(lang)
    from masking.text import TEXT_OPERATORS, mask_all

    if operator not in TEXT_OPERATORS:
        _stop(f"--operator is one of {', '.join(TEXT_OPERATORS)}.")
    _use_name_model()
    for rows in _at_hand():
        masked = mask_all([row["text"] for row in rows], operator, lang)  # type: ignore[arg-type]
        for row, said in zip(rows, masked, strict=True):
            _print({"id": row.get("id"), "text": said})
        sys.stdout.flush()


@app.command()
def suggest(
    file: File,
    report: Annotated[
        Path | None, typer.Option(help="Also write a report to file with an agency: .xlsx, .json or .md.")
    ] = None,
) -> None:
    """Say what each column of a table seems to hold: type, role, grade (GB/T 43697-2024) and a fitting mask.

    One line per column: {"table", "column", "type", "role", "grade", "evidence", "operator"}. Roles: direct, quasi,
    sensitive, other. Grades: 1 public, 2 internal, 3 personal, 4 sensitive personal. A person confirms. The report
    adds classes, the grade of each table with the volume rule, and room for who confirms.
    """
    from masking.classify import suggest_table
    from store.errors import YurtError

    _use_name_model()
    try:
        if report is None:
            suggestions = suggest_table(file)
        else:
            from masking.reports import check_ending, classification

            check_ending(report)
            made = classification.classify_file(file, file.name)
            classification.write_classification(made, report)
            suggestions = list(made.columns)
    except OSError:
        _stop(f"{report} cannot be written: check the folder.")
    except YurtError as error:
        _stop(f"{error.message} {error.hint}")
    for s in suggestions:
        _print({"table": s.table, "column": s.column, "type": s.type, "role": s.role, "grade": s.grade,
                "evidence": s.evidence, "operator": s.operator})  # fmt: skip


@app.command()
def table(
    rules: Annotated[
        Path, typer.Option("--rules", help="YAML: `columns: {NAME: OPERATOR or {OPERATOR: {arguments}}}`.")
    ],
    source: Annotated[Path, typer.Option("--in", help="The file to mask: .csv, .parquet or .duckdb.")],
    target: Annotated[Path, typer.Option("--out", help="The masked file: .csv or .parquet.")],
    key_file: Annotated[
        Path | None,
        typer.Option(
            help="A file with at least 16 secret bytes for keyed operators; without it a key for this run only."
        ),
    ] = None,
    reveal: Annotated[
        bool,
        typer.Option("--reveal", help="Lead a file masked by these rules back; needs the key file it was masked with."),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(help="Also write what was found, done, risked before and after, and lost: .json, .xlsx or .md."),
    ] = None,
    approved_by: Annotated[str | None, typer.Option(help="Who approved the masking, for the report.")] = None,
) -> None:
    """Mask a file by rules, streaming; prints one summary line {"rows", "seconds", "key", "operators"}.

    Every column needs a rule, or `others:` says what becomes of the rest (drop, keep, redact, …). With the key of one
    run only, pseudonyms join within the file and never with another. What --reveal leads back is recorded first, in the
    audit log of the platform's home (YURT_HOME): who, the digest of the file, which columns.
    """
    from audit import LogBroken
    from masking.table import load_rules, mask_table
    from store.errors import YurtError

    for path in (rules, source, *([key_file] if key_file is not None else [])):
        if not path.is_file():
            _stop(f"There is no file {path}: check the path.")
    if reveal and key_file is None:
        _stop("--reveal needs --key-file: only the holder of the key can undo reversible operators.")
    key = key_file.read_bytes() if key_file is not None else secrets.token_bytes(32)
    if len(key) < 16:
        _stop("The key file holds fewer than 16 bytes: make one with `head -c 32 /dev/urandom > KEY`.")
    if reveal and report is not None:
        _stop("--report describes a masking; leave it out with --reveal.")
    try:
        if report is not None:
            from masking.reports import check_ending

            check_ending(report)
        written = load_rules(rules.read_text("utf-8"))
        if reveal:
            from portal.actions.masking import reveal as lead_back
            from store.settings import Settings

            done = lead_back(Settings(), written, source, target, key)
        else:
            done = mask_table(written, source, target, key)
        if report is not None:
            from masking.reports.masking import describe_masking, write_masking

            write_masking(describe_masking(source, target, done.operators, approved_by), report)
    except YurtError as error:
        _stop(f"{error.message} {error.hint}")
    except UnicodeDecodeError:
        _stop(f"{rules} is no UTF-8 text: save the rules as UTF-8.")
    except (OSError, LogBroken):
        _stop(
            "The record or report of this could not be written, so nothing was led back: check YURT_HOME and folders."
        )
    _print({"rows": done.rows, "seconds": done.seconds, "key": "file" if key_file is not None else "this run only",
            "operators": dict(done.operators)})  # fmt: skip


@app.command()
def risk(
    file: File,
    quasi: Annotated[str, typer.Option(help="Quasi-identifiers, with commas: age,sex,county.")],
    sensitive: Annotated[
        str | None, typer.Option(help="The sensitive column, for l-diversity and t-closeness.")
    ] = None,
    population: Annotated[
        Path | None, typer.Option(help="A table of everybody with the same quasi-identifiers: what a journalist holds.")
    ] = None,
    detail: Annotated[
        bool, typer.Option("--detail", help="Add what three attackers can hope for: prosecutor, journalist, marketer.")
    ] = False,
) -> None:
    """Measure re-identification risk: {"k", "l", "t", "max_risk", "avg_risk", "unique_share", "level"}.

    Level as in GB/T 42460-2023: 1 direct identifiers are present, 2 quasi-identifiers identify people,
    3 the highest risk is at most 0.2 (classes of five). With --detail or --population also "prosecutor", "at_risk",
    "journalist" and "marketer".
    """
    from dataclasses import asdict

    from masking.risk import linkage, measure
    from store.errors import YurtError

    columns = [name.strip() for name in quasi.split(",") if name.strip()]
    if not columns:
        _stop("--quasi names at least one column, for example --quasi age,sex.")
    try:
        found = asdict(measure(file, columns, sensitive))
        if detail or population is not None:
            found |= asdict(linkage(file, columns, population))
        _print(found)
    except YurtError as error:
        _stop(f"{error.message} {error.hint}")


@app.command()
def anonymise(
    k: Annotated[int, typer.Option(help="Records every class must have.", min=2)],
    quasi: Annotated[str, typer.Option(help="Quasi-identifiers, with commas: age,sex,county.")],
    source: Annotated[Path, typer.Option("--in", help="The file to anonymise: .csv, .parquet or .duckdb.")],
    target: Annotated[Path, typer.Option("--out", help="The anonymous file: .csv or .parquet.")],
    sensitive: Annotated[str | None, typer.Option(help="The sensitive column, for --l.")] = None,
    l_values: Annotated[int, typer.Option("--l", help="Different sensitive values every class must have.", min=1)] = 1,
) -> None:
    """Make a table k-anonymous by Mondrian; prints {"rows", "classes", "dropped", "before", "after", "utility"}.

    Numbers and dates become ranges, division codes, diagnoses and addresses of networks what is above them, other words
    sets. Direct identifiers are left out. Utility: ncp (0 nothing lost, 1 all), discernibility, mean_class.
    """
    from masking import mondrian
    from masking.outputs import check_target, write_table
    from store.errors import YurtError

    columns = [name.strip() for name in quasi.split(",") if name.strip()]
    if not columns:
        _stop("--quasi names at least one column, for example --quasi age,sex.")
    if l_values > 1 and sensitive is None:
        _stop("--l needs --sensitive: the column whose values it counts.")
    try:
        check_target(source, target)
        made = mondrian.anonymise(source, columns, k, sensitive, l_values)
        write_table(made.table, target)
    except YurtError as error:
        _stop(f"{error.message} {error.hint}")
    except OSError:
        _stop(f"{target} cannot be written: check the folder.")
    _print(made.summary())


@app.command()
def synthesise(
    source: Annotated[Path, typer.Option("--in", help="The table to take after: .csv, .parquet or .duckdb.")],
    target: Annotated[Path, typer.Option("--out", help="The made-up table: .csv or .parquet.")],
    rows: Annotated[int, typer.Option(help="Rows to make.", min=1, max=1_000_000)] = 1000,
    epsilon: Annotated[float, typer.Option(help="Privacy loss of all that is released of the columns together.")] = 1.0,
    delta: Annotated[float, typer.Option(help="Chance that the loss is larger.")] = 1e-6,
) -> None:
    """Make development data: same schema, valid formats, no real row.

    Identifiers are made up from ranges nobody holds; every other column is drawn from its noisy distribution,
    given the column it depends on most, so that values of a few records never appear. Relations of three columns are
    not kept. The guarantee is for one record.
    Prints {"rows", "columns", "epsilon", "delta", "redrawn"}.
    """
    from masking import synthesis
    from masking.outputs import check_target, write_table
    from store.errors import YurtError

    try:
        check_target(source, target)
        made = synthesis.synthesise(source, rows, epsilon, delta)
        write_table(made.table, target)
    except YurtError as error:
        _stop(f"{error.message} {error.hint}")
    except OSError:
        _stop(f"{target} cannot be written: check the folder.")
    _print(made.summary())
