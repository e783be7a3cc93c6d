"""Query texts of a size: those of TPC-H as they are, and generated ones as long as TPC-DS's longest."""

from pathlib import Path
from random import Random

_TPCH = Path(__file__).parent.parent / "tests" / "data" / "tpch"

JOINS = (
    ("orders", "customer", "o_custkey = c_custkey", ("c_mktsegment", "c_nationkey"), "o_totalprice", "o_orderdate"),
    ("lineitem", "orders", "l_orderkey = o_orderkey", ("l_shipmode", "l_returnflag"), "l_extendedprice", "l_shipdate"),
    ("lineitem", "part", "l_partkey = p_partkey", ("p_brand", "p_container"), "l_quantity", "l_receiptdate"),
    ("partsupp", "supplier", "ps_suppkey = s_suppkey", ("s_nationkey", "ps_suppkey"), "ps_supplycost", None),
)


def tpch_texts() -> dict[str, str]:
    """Name -> SQL of the 22 queries."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(_TPCH.glob("q*.sql"))}


def tpch_schema() -> str:
    """CREATE TABLE statements of the eight tables."""
    return (_TPCH / "schema.sql").read_text(encoding="utf-8")


def long_texts(count: int = 20, tables: int = 10, lines: int = 200, seed: int = 7) -> dict[str, str]:
    """Name -> SQL of `count` reports over the TPC-H tables: so many common tables, about so many lines, as in TPC-DS:
    each joins two base tables, groups, filters and chooses with CASE; the last SELECT joins them all."""
    random = Random(seed)  # noqa: S311  the texts are no secret
    return {f"long{number:02}": _long(random, tables, lines) for number in range(count)}


def _long(random: Random, tables: int, lines: int) -> str:
    each = lines // tables - 10
    parts = [_common(random, f"part{place}", max(2, each)) for place in range(tables)]
    outputs = [f"  part{place}.total AS total{place}" for place in range(tables)]
    joins = [f"LEFT JOIN part{place} ON part{place}.grp = part0.grp" for place in range(1, tables)]
    return "\n".join(
        [
            "WITH",
            ",\n".join(parts),
            "SELECT",
            "  part0.grp,",
            ",\n".join(outputs),
            "FROM part0",
            *joins,
            f"WHERE part0.total > {random.randrange(1000)}",
            "ORDER BY part0.grp",
            "LIMIT 100",
        ]
    )


def _common(random: Random, name: str, measures: int) -> str:
    left, right, on, keys, value, day = random.choice(JOINS)
    key = random.choice(keys)
    rows = [
        f"    sum(CASE WHEN {value} BETWEEN {low} AND {low + random.randrange(1, 90)} THEN {value} ELSE 0 END) AS m{n}"
        for n, low in enumerate(random.randrange(5000) for _ in range(measures))
    ]
    period = [f"    AND {day} >= DATE '199{random.randrange(2, 9)}-0{random.randrange(1, 10)}-01'"] if day else []
    return "\n".join(
        [
            f"{name} AS (",
            "  SELECT",
            f"    CAST({key} AS VARCHAR) AS grp,",
            f"    sum({value}) AS total,",
            ",\n".join(rows),
            f"  FROM {left}",
            f"  JOIN {right} ON {on}",
            f"  WHERE {value} > {random.randrange(100)}",
            *period,
            f"  GROUP BY CAST({key} AS VARCHAR)",
            ")",
        ]
    )
