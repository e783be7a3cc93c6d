"""Look-ups: which values are asked for, what stands in the place of a mask, and where a call of ours may not stand."""

import pytest
from sqlglot import exp

from gateway.lookups import MOST_BYTES, MOST_VALUES, Lookup, checked, parted
from store.errors import YurtError

CALL = "YURT_PSEUDONYM(CAST(r.a AS TEXT), 'p.x')"
TABLE = f"SELECT {CALL} AS a, r.b AS b FROM t AS r WHERE r.c > 1"


def source(number: int, lookup: Lookup, alias: str) -> exp.Expr:
    return exp.to_table(f"given_{number}", alias=alias)


def test_a_query_without_a_mask_stays_as_it_is() -> None:
    assert parted("SELECT  1", "postgres", source).sql == "SELECT  1"


def test_values_are_asked_for_behind_the_row_filter() -> None:
    (lookup,) = parted(TABLE, "postgres", source).lookups
    assert lookup.values == (
        'SELECT DISTINCT (CAST(r.a AS TEXT)) COLLATE "C" AS "k" FROM t AS r'
        f" WHERE r.c > 1 AND NOT CAST(r.a AS TEXT) IS NULL LIMIT {MOST_VALUES + 1}"
    )
    assert lookup.call == "YURT_PSEUDONYM(k, 'p.x')"


def test_the_engine_joins_with_what_it_is_given_and_hides_the_rest() -> None:
    assert parted(f"SELECT x.a FROM ({TABLE}) AS x", "spark", source).sql == (
        "SELECT x.a FROM (SELECT CASE WHEN CAST(r.a AS STRING) IS NULL THEN CAST(NULL AS STRING)"
        " ELSE COALESCE(`yurt_0`.`m`, '***') END AS a, r.b AS b FROM t AS r"
        " LEFT JOIN given_0 AS yurt_0 ON `yurt_0`.`k` = CAST(r.a AS STRING) WHERE r.c > 1) AS x"
    )


def test_equal_columns_are_looked_up_once() -> None:
    two = f"SELECT x.a FROM ({TABLE}) AS x JOIN ({TABLE}) AS y ON x.a = y.a"
    assert len(parted(two, "postgres", source).lookups) == 1


@pytest.mark.parametrize("outer", ["SELECT x.b FROM ({}) AS x", "SELECT count(*) FROM ({}) AS x WHERE x.b = 1"])
def test_a_mask_that_nobody_reads_is_not_looked_up(outer: str) -> None:
    assert not parted(outer.format(TABLE), "postgres", source).lookups


@pytest.mark.parametrize(
    "outer", ["{}", "SELECT * FROM ({}) AS x", "SELECT x.* FROM ({}) AS x", "SELECT 1 FROM ({}) AS x ORDER BY a"]
)
def test_a_mask_that_may_be_read_is_looked_up(outer: str) -> None:
    assert parted(outer.format(TABLE), "postgres", source).lookups


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT r.b FROM t AS r WHERE {CALL} = 'x'",
        f"SELECT {CALL} AS a FROM t AS r JOIN u ON u.b = r.b",
        f"SELECT {CALL} AS a FROM t AS r GROUP BY r.a",
        f"SELECT {CALL} AS a FROM (SELECT 1 AS a) AS r",
        "SELECT YURT_PSEUDONYM(CAST(r.a AS TEXT), r.b) AS a FROM t AS r",
        "SELECT YURT_PSEUDONYM(CAST(s.a AS TEXT), 'p.x') AS a FROM t AS r",
        "SELECT YURT_PSEUDONYM('13712345678', 'p.x') AS a FROM t AS r",
        f"SELECT YURT_PSEUDONYM({CALL}, 'p.x') AS a FROM t AS r",
    ],
)
def test_a_call_of_ours_stands_nowhere_else(sql: str) -> None:
    with pytest.raises(YurtError) as caught:
        parted(sql, "postgres", source)
    assert caught.value.code == "ENGINE_FAILED"


@pytest.mark.parametrize(("values", "size"), [(MOST_VALUES + 1, 0), (1, MOST_BYTES + 1)])
def test_too_many_values_are_refused(values: int, size: int) -> None:
    checked(MOST_VALUES, MOST_BYTES)
    with pytest.raises(YurtError) as caught:
        checked(values, size)
    assert caught.value.code == "MASK_VALUES_TOO_MANY"
