"""Step 4: `%%sql` in the jailed kernel: answers equal DuckDB on the raw data; what must not be seen is not."""

import json
from typing import Any

import duckdb

from portal.story.errors import StoryFailed
from portal.story.kernel import CellOutput, Kernel
from portal.story.people import RESEARCHER
from portal.story.world import PROJECT, World

ASK = """
import json, yurt
def ask(sql):
    try:
        answer = yurt.query(sql)
        frame = answer.to_pandas()
        told = {{"columns": list(frame.columns), "rows": frame.values.tolist()}}
    except yurt.Refused as refusal:
        told = {{"code": refusal.code, "hint": refusal.hint, "suggestion": refusal.suggestion}}
    print(json.dumps(told, default=str))
ask({sql!r})
"""
AGGREGATE = (
    "SELECT education, count(*) AS people, avg(hours_per_week) AS hours "
    "FROM census WHERE age >= 40 GROUP BY education ORDER BY education"
)
SMALL = "SELECT native_country, count(*) AS people FROM census GROUP BY native_country ORDER BY people"
MASKED = "SELECT id_no, name, phone, county_code FROM register LIMIT 20"
WHOLE = "SELECT count(*) AS people FROM census WHERE sex = 'Female' AND age < 40"
DIFFERENCE = f"{WHOLE} AND native_country <> 'Holand-Netherlands'"


def play(world: World) -> None:
    """Ask, be answered, be refused, follow the hint."""
    census = world.home / "data" / "census" / "v1.parquet"
    register = world.home / "data" / "register" / "v1.parquet"
    with Kernel(world.as_(RESEARCHER), PROJECT) as kernel:
        magic = kernel.run(f"%%sql\n{AGGREGATE}")
        world.check("%%sql renders a table", magic.error is None and bool(magic.results), magic)
        answer = _answered(kernel, AGGREGATE)
        raw = _raw(AGGREGATE, census)
        world.check(f"an aggregate equals DuckDB on the raw data ({len(raw)} groups)", answer["rows"] == raw, answer)

        small = _answered(kernel, SMALL)
        all_groups = _raw(SMALL, census)
        fewest = min(row[1] for row in small["rows"])
        gone = len(all_groups) - len(small["rows"])
        world.check(
            f"small groups are withheld: {gone} of {len(all_groups)}, the smallest answered has {fewest:g} people",
            gone >= 1 and fewest >= 10 and "Holand" not in json.dumps(small["rows"]),
            small,
        )

        star = _ask(kernel, "SELECT * FROM census")
        world.check("SELECT * is refused with a hint: COLUMN_NOT_USABLE", star.get("code") == "COLUMN_NOT_USABLE", star)
        hinted = _answered(kernel, star["suggestion"] or "")
        world.check("the query the hint proposes works", bool(hinted["rows"]), hinted)

        first = _answered(kernel, WHOLE)
        world.check("a large group is counted", first["rows"] == _raw(WHOLE, census), first)
        second = _ask(kernel, DIFFERENCE)
        world.check("the same but one person is refused: DIFFERENCING", second.get("code") == "DIFFERENCING", second)

        masked = _answered(kernel, MASKED)
        columns = [set(column) for column in zip(*masked["rows"], strict=True)]
        raw_register = duckdb.read_parquet(str(register)).arrow().read_all().to_pydict()
        originals = [set(raw_register[name]) for name in masked["columns"]]
        leaked = [
            name for name, seen, real in zip(masked["columns"][:3], columns, originals, strict=False) if seen & real
        ]
        world.check(
            f"masked columns show masks, e.g. {masked['rows'][0][1]} {masked['rows'][0][2]}", not leaked, leaked
        )


def _ask(kernel: Kernel, sql: str) -> dict[str, Any]:
    output: CellOutput = kernel.run(ASK.format(sql=sql))
    if output.error or not output.text:
        return {"cell_error": output.error, "text": output.text}
    answer: dict[str, Any] = json.loads(output.text)
    return answer


def _answered(kernel: Kernel, sql: str) -> dict[str, Any]:
    answer = _ask(kernel, sql)
    if "rows" not in answer:
        raise StoryFailed(f"no answer to {sql}; seen: {answer}")
    return answer


def _raw(sql: str, file: Any) -> list[list[Any]]:
    """The same question to DuckDB on the raw file, as the operator of the machine could ask it."""
    connection = duckdb.connect()
    connection.read_parquet(str(file)).create_view("census" if "census" in sql else "register")
    return [list(row) for row in connection.execute(sql).fetchall()]
