"""Risk of re-identification of a table, measured by SQL: k, l, t, prosecutor, journalist and marketer risk, level.

k-anonymity (Sweeney 2002), distinct l-diversity (Machanavajjhala 2007), t-closeness with the equal-distance or, for
numbers, the ordered earth mover's distance (Li 2007). Records without a value of a quasi-identifier are like each other
and unlike all others. Level as in GB/T 42460-2023: 1 direct identifiers present,
2 identifying through quasi-identifiers, 3 risk at most the threshold, 4 aggregates (a table of records never is).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlglot import exp

from masking.classify import suggest_table
from masking.errors import MASK_NO_COLUMN
from masking.files import Tables, open_tables
from store.errors import YurtError

THRESHOLD = 0.2
"""Highest risk of a controlled release: classes of five. Public release asks for 0.05."""
BINS = 100
"""Ordered distances are taken over at most this many ranks, so that the work stays classes x 100."""


@dataclass(frozen=True, slots=True)
class Risk:
    """`k`, `l` smallest class and fewest sensitive values in one (`l`, `t` None without a sensitive column);
    `max_risk` 1/k, `avg_risk` classes per record, `unique_share` records alone in their class, `level` 1 to 4."""

    k: int
    l: int | None  # noqa: E741 - the name of the measure
    t: float | None
    max_risk: float
    avg_risk: float
    unique_share: float
    level: int


@dataclass(frozen=True, slots=True)
class Linkage:
    """What three attackers can hope for (El Emam 2008). `prosecutor`: knows that a person is in the table:
    highest 1/class. `at_risk`: share of records above the threshold for the prosecutor. `journalist`: does not
    know; highest 1/class in the population, None without a population table. `marketer`: share of records an attacker
    who links all of them gets right on average."""

    prosecutor: float
    at_risk: float
    journalist: float | None
    marketer: float


def _name(column: str) -> exp.Column:
    return exp.Column(this=exp.to_identifier(column, quoted=True))


def _classes(quasi: Sequence[str], sensitive: str | None) -> exp.Select:
    """One row per class: n records, l sensitive values."""
    counts: list[exp.Expr] = [exp.alias_(exp.Count(this=exp.Star()), "n")]
    if sensitive is not None:
        counts.append(exp.alias_(exp.Count(this=exp.Distinct(expressions=[_name(sensitive)])), "l"))
    return exp.select(*counts).from_("t").group_by(*(_name(column) for column in quasi))


SUMMARY = """
SELECT COALESCE(MIN(n), 0), COUNT(*), COALESCE(SUM(n), 0), COUNT(*) FILTER (n = 1) FROM classes
"""

EQUAL_DISTANCE = """
WITH pairs AS (SELECT c, s, COUNT(*) AS m FROM keyed GROUP BY ALL),
  sizes AS (SELECT c, SUM(m) AS n FROM pairs GROUP BY c),
  whole AS (SELECT s, SUM(m) / SUM(SUM(m)) OVER () AS p FROM pairs GROUP BY s)
SELECT MAX(t) FROM (
  SELECT pairs.c, (SUM(ABS(m / n - p)) + 1 - SUM(p)) / 2 AS t
  FROM pairs JOIN sizes USING (c) JOIN whole USING (s) GROUP BY pairs.c)
"""

ORDERED_DISTANCE = """
WITH ranked AS (SELECT c, DENSE_RANK() OVER (ORDER BY CAST(s AS DOUBLE)) - 1 AS r FROM keyed),
  width AS (SELECT MAX(r) + 1 AS m FROM ranked),
  binned AS (SELECT c, CASE WHEN m > $bins THEN r * $bins // m ELSE r END AS b FROM ranked, width),
  whole AS (SELECT b, COUNT(*) / SUM(COUNT(*)) OVER () AS p FROM binned GROUP BY b),
  sizes AS (SELECT c, COUNT(*) AS n FROM binned GROUP BY c),
  pairs AS (SELECT c, b, COUNT(*) AS m FROM binned GROUP BY ALL),
  steps AS (
    SELECT sizes.c, SUM(COALESCE(pairs.m, 0) / n - p) OVER (PARTITION BY sizes.c ORDER BY whole.b) AS d
    FROM sizes CROSS JOIN whole LEFT JOIN pairs ON pairs.c = sizes.c AND pairs.b = whole.b)
SELECT MAX(t) FROM (
  SELECT c, SUM(ABS(d)) / GREATEST((SELECT COUNT(*) FROM whole) - 1, 1) AS t FROM steps GROUP BY c)
"""


def _closeness(connection: Any, quasi: Sequence[str], sensitive: str) -> float | None:
    """t of the table `t`; records without a sensitive value take no part."""
    rank = exp.Window(
        this=exp.Anonymous(this="DENSE_RANK"), order=exp.Order(expressions=[exp.Ordered(this=_name(c)) for c in quasi])
    )
    value = _name(sensitive)
    keyed = (
        exp.select(exp.alias_(rank, "c"), exp.alias_(value, "s")).from_("t").where(value.copy().is_(exp.null()).not_())
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE keyed AS {keyed.sql('duckdb')}")
    numbers = connection.execute(
        "SELECT COUNT(*) = COUNT(TRY_CAST(s AS DOUBLE)) AND COUNT(DISTINCT s) > 2 FROM keyed"
    ).fetchone()[0]
    query = connection.execute(ORDERED_DISTANCE, {"bins": BINS}) if numbers else connection.execute(EQUAL_DISTANCE)
    found = query.fetchone()[0]
    return None if found is None else round(float(found), 6)


def _checked(relation: Any, columns: Sequence[str]) -> None:
    for column in columns:
        if column not in relation.columns:
            raise YurtError(MASK_NO_COLUMN, column=column, known=", ".join(relation.columns))


def _first(tables: Tables) -> Any:
    """The first table, as the view `t`."""
    relation = next(iter(tables.relations.values()))
    relation.create_view("t", replace=True)
    return relation


def measure(
    source: Path | str | pa.Table, quasi: Sequence[str], sensitive: str | None = None, threshold: float = THRESHOLD
) -> Risk:
    """Risk of the first table of `source` for the given quasi-identifiers; raises MASK_BAD_FILE, MASK_NO_COLUMN."""
    direct = {s.column for s in suggest_table(source) if s.role == "direct" and s.grade >= 3}
    with open_tables(source) as tables:
        connection = tables.connection
        _checked(_first(tables), [*quasi, *([sensitive] if sensitive is not None else [])])
        connection.execute(f"CREATE OR REPLACE TEMP TABLE classes AS {_classes(quasi, sensitive).sql('duckdb')}")
        k, classes, rows, alone = connection.execute(SUMMARY).fetchone()
        fewest = None
        t = None
        if sensitive is not None:
            fewest = connection.execute("SELECT MIN(l) FROM classes").fetchone()[0]
            t = _closeness(connection, quasi, sensitive)
    highest = 1 / k if k else 0.0
    level = 1 if direct - set(quasi) else 3 if highest <= threshold else 2
    return Risk(
        k, fewest, t, round(highest, 6), round(classes / rows, 6) if rows else 0.0,
        round(alone / rows, 6) if rows else 0.0, level,
    )  # fmt: skip


LINKAGE = """
SELECT COALESCE(MAX(1 / n), 0), COALESCE(SUM(n) FILTER (1 / n > $threshold) / SUM(n), 0),
  COALESCE(COUNT(*) / SUM(n), 0)
FROM classes
"""
AGAINST_POPULATION = """
SELECT COALESCE(MAX(1 / GREATEST(n, p)), 0), COALESCE(SUM(n / GREATEST(n, p)) / SUM(n), 0) FROM matched
"""


def _matched(quasi: Sequence[str]) -> exp.Select:
    """Classes of the table with the size `p` of the same class in the population."""
    same = [
        exp.NullSafeEQ(
            this=exp.column(exp.to_identifier(name, quoted=True), "classes"),
            expression=exp.column(exp.to_identifier(name, quoted=True), "people"),
        )
        for name in quasi
    ]
    size = exp.alias_(exp.func("COALESCE", exp.column("p", "people"), exp.Literal.number(0)), "p")
    return (
        exp.select(exp.column("n", "classes"), size)
        .from_("classes")
        .join("people", on=exp.and_(*same), join_type="left")
    )


def linkage(
    source: Path | str | pa.Table,
    quasi: Sequence[str],
    population: Path | str | pa.Table | None = None,
    threshold: float = THRESHOLD,
) -> Linkage:
    """Risk from linking with what an attacker holds; `population` is a table of the same quasi-identifiers.

    A class is taken to be at least as large in the population as in the table. Values are compared as text.
    Raises MASK_BAD_FILE, MASK_NO_COLUMN.
    """
    keys = [exp.alias_(exp.cast(_name(c), "text"), exp.to_identifier(c, quoted=True)) for c in quasi]

    def counted(name: str) -> str:
        inner = exp.select(*(key.copy() for key in keys)).from_("t").subquery("s")
        size = exp.alias_(exp.Count(this=exp.Star()), name)
        return exp.select(*(_name(c) for c in quasi), size).from_(inner).group_by(*map(_name, quasi)).sql("duckdb")

    people: Any = None
    if population is not None:
        with open_tables(population) as tables:
            _checked(_first(tables), quasi)
            people = tables.connection.sql(counted("p")).to_arrow_table()
    with open_tables(source) as tables:
        connection = tables.connection
        if people is not None:
            connection.register("people", people)
        _checked(_first(tables), quasi)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE classes AS {counted('n')}")
        prosecutor, at_risk, marketer = connection.execute(LINKAGE, {"threshold": threshold}).fetchone()
        journalist = None
        if people is not None:
            connection.execute(f"CREATE OR REPLACE TEMP TABLE matched AS {_matched(quasi).sql('duckdb')}")
            journalist, marketer = connection.execute(AGAINST_POPULATION).fetchone()
    return Linkage(
        round(prosecutor, 6),
        round(at_risk, 6),
        None if journalist is None else round(journalist, 6),
        round(marketer, 6),
    )
