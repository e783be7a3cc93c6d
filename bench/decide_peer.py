"""pyqrlew's side of `bench.decide`, in an environment of its own: queries as JSON in, milliseconds as JSON out."""

import json
import sys
import time
from contextlib import suppress

from pyqrlew import Dataset  # type: ignore[import-not-found]  # lives in an environment of its own
from sqlalchemy import create_engine, text

TABLE = (
    "CREATE TABLE person (pid INTEGER PRIMARY KEY, age INTEGER, sex VARCHAR(10), education VARCHAR(10), hours INTEGER)"
)


def main() -> None:
    """Rewrite each query with differential privacy and print its least time."""
    given = json.load(sys.stdin)
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        connection.execute(text(TABLE))
    dataset = Dataset.from_database("bench", engine)
    dataset = dataset.with_range(None, "person", "hours", 0, 100).with_range(None, "person", "age", 0, 120)
    dataset = dataset.with_possible_values(None, "person", "sex", ["Male", "Female"])
    dataset = dataset.with_possible_values(None, "person", "education", ["A", "B", "C", "D"])
    found = {}
    for name, sql in given["queries"].items():
        with suppress(BaseException):  # it gives up on some of them with a panic of its own kind
            found[name] = min(_rewritten(dataset, sql) for _ in range(given["rounds"] + 1))
    print(json.dumps(found))


def _rewritten(dataset: Dataset, sql: str) -> float:
    began = time.process_time()
    relation = dataset.relation(sql).rewrite_with_differential_privacy(
        dataset, [("person", [], "pid")], {"epsilon": 1.0, "delta": 1e-6}
    )
    relation.relation().to_query()
    return (time.process_time() - began) * 1000


main()
