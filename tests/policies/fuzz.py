"""A fuzzer over checker, rewriter, history and the real engine: `python -m tests.policies.fuzz --minutes 30`.

It asks sessions of the grammar of a small table of people and looks at what was answered with two other eyes.

* **Canaries.** No text of a column that nobody may see, and nobody of a county that the row filter hides, is in an
  answer.
* **Whom a number is about.** The decided SQL is run again, grouped by person too: a released count or sum is the sum of
  what each person brings into it (now and then checked by taking one away for real). Everybody has the same income, and
  all of it is done for two incomes, so that what a number holds of incomes and what it counts are told apart. A
  released number must be about nobody or about `min_group` people, and so must the difference of any two numbers of a
  session; and no person, or few alike, may be singled out by adding and subtracting any of them (row space of weights;
  the last only for tables with one row per person). Where people have several rows, a difference is about everybody of
  whom it has a row: that somebody is as often in one set of rows as in another is chance, which nobody who asks can
  know, and what the rows hold need not be the same.
* **Errors.** A query that computes with everybody computes without anybody.

What it finds is printed with its session; the exit status is 1 if there was anything.
"""

import argparse
import itertools
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from numbers import Number
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import numpy as np
import sqlglot
from sqlglot import exp

from gateway.answer import Answer, Failed, answer
from gateway.duckdb import DuckDBEngine
from gateway.engine import Limits, Tables
from gateway.offline import schema_of
from policies.decide import decide
from policies.decision import Allowed, Refused
from policies.history import History
from policies.load import load_policy
from policies.model import Policy
from policies.schema import Schema
from store.errors import YurtError
from tests.policies import grammar
from tests.policies.corpus import POLICY, SCHEMA

MINIMUM = 5
PEOPLE = 44
INCOMES = (1000, 3000)
NOBODY = "nobody at all"
LIMITS = Limits(timeout_s=60)
HIDDEN_COUNTY = "涉密县"


def tables(random: Random, income: int) -> dict[str, list[tuple[object, ...]]]:
    """Few people, of whom some are alone in what they are; the same for both incomes."""
    sizes = {"临江县": 16, "东海县": 12, "西山县": 9, "孤岛县": 3, HIDDEN_COUNTY: 4}
    citizens: list[tuple[object, ...]] = []
    visits: list[tuple[object, ...]] = []
    for number, county in enumerate(county for county, size in sizes.items() for _ in range(size)):
        born = date(random.choice((1948, 1955, 1962, 1962, 1975, 1975, 1985)), 1 + number % 12, 3)
        diagnosis = random.choice(("HIV", "diabetes", "diabetes", "flu", "flu", "flu", "none", "none", "none"))
        person = f"ID{number:06}"
        citizens.append(
            (person, f"NAME-{number}-", random.choice("FM"), born, county, f"PHONE-{number}-", income, diagnosis)
        )
        for _ in range(random.choice((0, 1, 1, 2, 4))):
            day = random.choice((*grammar.DAYS, date(2023, 5, 1) + timedelta(days=random.randrange(300))))
            visits.append(
                (len(visits), person, random.choice(grammar.HOSPITALS), random.choice(("内科", "内科", "外科")), day,
                 random.choice(("E11", "I10", "B20")), income // 100, random.random() < 0.7)
            )  # fmt: skip
    return {"citizen": citizens, "visit": visits}


def database(folder: Path, seed: int, income: int) -> Path:
    """The tables in a file."""
    path = folder / f"people-{seed}-{income}.duckdb"
    with duckdb.connect(str(path)) as connection:
        for statement in SCHEMA.split(";"):
            if statement.strip():
                connection.execute(statement)
        for name, rows in tables(Random(seed), income).items():  # noqa: S311
            connection.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' for _ in rows[0])})", rows)
    return path


def policy() -> Policy:
    """The corpus's policy with a smaller minimum, and a row filter that can take one person away."""
    text = POLICY.replace("min_group: 10", f"min_group: {MINIMUM}")
    without = "id_no <> {user.without}"
    text = text.replace(f"rows: county <> '{HIDDEN_COUNTY}'", f"rows: county <> '{HIDDEN_COUNTY}' AND {without}", 1)
    text = text.replace("rows: visit_date >= DATE '2023-01-01'", f"rows: visit_date >= DATE '2023-01-01' AND {without}")
    return load_policy(text)


@dataclass(frozen=True)
class Cell:
    """A number that left, and what each person brings into it."""

    kind: str
    name: str
    group: tuple[tuple[str, object], ...]  # its keys with their values
    several: bool  # it is about several rows of each person
    counted: Any  # by person and visit
    incomes: Any  # the same: how often an income is in it


@dataclass(frozen=True)
class Finding:
    """What should not have happened."""

    what: str
    session: tuple[str, ...]
    more: str


class Fuzzer:
    """Two engines over the same people with different incomes."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311
        self.policy = policy()
        self.engines = [DuckDBEngine(Tables(database=database(folder, seed, income))) for income in INCOMES]
        self.schema: Schema = schema_of(self.engines[0], self.policy)
        self.people = [f"ID{number:06}" for number in range(PEOPLE)]
        self.place = {person: place for place, person in enumerate(self.people)}
        (visits,) = self.engines[0].execute("SELECT 1 + count(*) AS n FROM visit", LIMITS).column("n").to_pylist()
        self.shape = (len(self.people), 1 + int(visits))  # the first column: rows of no visit
        self.seen: Counter[str] = Counter()

    def close(self) -> None:
        """End the engines."""
        for engine in self.engines:
            engine.close()

    def session(self) -> Iterator[Finding]:
        """Ask one session."""
        questions = grammar.session(self.random, hostile=0.25)
        asked = tuple(each.sql for each in questions)
        history, cells = History(), []
        for question in questions:
            decision = decide(question.sql, self.policy, self.schema, user={"without": NOBODY}, suggest=False)
            got = answer(question.sql, self.policy, self.schema, self.engines[0], history, {"without": NOBODY})
            self.seen[type(got).__name__ + ("" if isinstance(got, Answer) else f" {got.code}")] += 1
            if isinstance(got, Failed) and got.code in ("ENGINE_FAILED", "ENGINE_MEMORY"):
                yield Finding("an engine failure", asked, question.sql)
            if isinstance(got, Refused) and got.code == "CHECK_FAILED":
                yield Finding("a query the check stumbled over", asked, question.sql)
            if not isinstance(got, Answer) or not isinstance(decision, Allowed):
                continue
            history = got.history
            yield from self.canaries(got, asked)
            try:
                cells += self.cells(question, decision, got)
            except YurtError as error:
                yield Finding("an error that depends on one person", asked, f"{error.code} {question.sql}")
        yield from judged(cells, asked)

    def canaries(self, got: Answer, asked: tuple[str, ...]) -> Iterator[Finding]:
        """Texts nobody may see."""
        text = json.dumps(got.table.to_pylist(), ensure_ascii=False, default=str)
        for secret in ("NAME-", "PHONE-", "ID0", HIDDEN_COUNTY):
            if secret in text:
                yield Finding(f"{secret} in an answer", asked, text[:300])

    def cells(self, question: grammar.Query, decision: Allowed, got: Answer) -> list[Cell]:
        """The numbers that left, each with what everybody brings into it. Raises ENGINE_… errors."""
        width = len(question.keys)
        released = {
            (row[:width], place): value
            for row in map(tuple, zip(*(column.to_pylist() for column in got.table.columns), strict=True))
            for place, value in enumerate(row[width:])
            if isinstance(value, Number)  # the least of a group key is the key
        }
        additive = any(each.kind for each in question.aggregates)
        if not released or question.tail or not additive:
            return []
        several, shown = bool(question.visits), len(got.table.column_names)
        brought = [self.brought(engine, decision, width, shown, several) for engine in self.engines]
        if self.random.random() < 0.1:
            self.taken_away(decision, width, brought[0])
        nothing = np.zeros(self.shape)
        found = []
        for key in released:
            kind = question.aggregates[key[1]].kind
            one, other = (each.get(key, nothing) for each in brought)
            slope = (other - one) / (INCOMES[1] - INCOMES[0])
            counted = one - slope * INCOMES[0]
            name = f"{question.aggregates[key[1]].text} {key[0]}"
            group = tuple(zip(question.keys, key[0], strict=True))
            found.append(
                Cell(kind, name, group, several, *(np.where(np.abs(each) < 1e-6, 0, each) for each in (counted, slope)))
            )
        return found

    def brought(
        self, engine: DuckDBEngine, decision: Allowed, width: int, visible: int, several: bool
    ) -> dict[Any, Any]:
        """What each person, or each of `several` rows of theirs, brings into each number: (group, place) -> array over
        people and visits."""
        tree = sqlglot.parse_one(decision.sql, dialect="duckdb")
        hidden = (each for part in tree.selects[visible:] for each in part.find_all(exp.Count))
        person = next(each.this.expressions[0] for each in hidden if isinstance(each.this, exp.Distinct))
        visit = _visit(tree) if several else exp.null()
        own = [exp.alias_(person.copy(), "who"), exp.alias_(visit.copy(), "visit")]
        tree.set("expressions", [*tree.selects[:width], *own, *tree.selects[width:visible]])
        group = tree.args.get("group")
        by = [*(group.expressions if group else []), person.copy(), *([visit] if isinstance(visit, exp.Column) else [])]
        tree.set("group", exp.Group(expressions=by))
        found: dict[Any, Any] = {}
        for row in zip(*(c.to_pylist() for c in engine.execute(tree.sql("duckdb"), LIMITS).columns), strict=True):
            for place, value in enumerate(row[width + 2 :]):
                if isinstance(value, Number) and row[width] in self.place:
                    into = found.setdefault((row[:width], place), np.zeros(self.shape))
                    into[self.place[row[width]], 0 if row[width + 1] is None else row[width + 1] + 1] = float(value)
        return found

    def taken_away(self, decision: Allowed, width: int, brought: dict[Any, Any]) -> None:
        """The same for one person by asking without him. Raises ENGINE_… errors."""
        person = self.random.choice(self.people)
        whole = self.raw(self.engines[0], decision.sql, width)
        less = self.raw(self.engines[0], decision.sql.replace(NOBODY, person), width)
        self.seen["people taken away"] += 1
        for key, weights in brought.items():
            gone = float(whole.get(key) or 0) - float(less.get(key) or 0)
            if abs(gone - weights[self.place[person]].sum()) > 1e-6:
                self.seen["people taken away who changed what others bring"] += 1
                return

    def raw(self, engine: DuckDBEngine, sql: str, width: int) -> dict[Any, Any]:
        """The decided query's own numbers, none withheld, by group and place."""
        table = engine.execute(sql, LIMITS)
        return {
            (row[:width], place): value
            for row in map(tuple, zip(*(column.to_pylist() for column in table.columns), strict=True))
            for place, value in enumerate(row[width:])
            if value is not None
        }


def _visit(tree: exp.Expr) -> exp.Expr:
    """The number of the visit that a row is of, handed up from the table's subquery; NULL where there is none."""
    joined = [tree.args["from_"], *(tree.args.get("joins") or [])]
    for item in (each.this for each in joined):
        rows = item.this if isinstance(item, exp.Subquery) else None
        if not isinstance(rows, exp.Select) or rows.args.get("group") or not rows.args.get("from_"):
            continue
        table = rows.args["from_"].this
        if isinstance(table, exp.Table):
            number = exp.column("visit_id", "r") if table.name == "visit" else exp.null()
        else:
            number = _visit(rows)
        if isinstance(number, exp.Column):
            rows.append("expressions", exp.alias_(number, "visit"))
            return exp.column("visit", item.alias, quoted=True)
    return exp.null()


def few(weights: Any) -> bool:
    """About somebody, but not about enough people."""
    return 0 < int(np.count_nonzero((np.abs(weights) > 1e-6).any(axis=1))) < MINIMUM


def disjoint(one: Cell, other: Cell) -> bool:
    """Are the two about different rows of several per person: then people may be equally often in both by chance."""
    both = dict(one.group)
    apart = any(key in both and both[key] != value for key, value in other.group)
    return apart and (one.several or other.several)


def judged(cells: Sequence[Cell], asked: tuple[str, ...]) -> Iterator[Finding]:
    """Numbers, and differences of numbers, about too few people."""
    for part in ("counted", "incomes"):
        linear = [cell for cell in cells if cell.kind]
        for cell in linear:
            if few(getattr(cell, part)):
                yield Finding(f"a number about few people ({part})", asked, cell.name)
        for one, other in itertools.combinations(linear, 2):
            apart = getattr(one, part) - getattr(other, part)
            if one.several != other.several:  # rows of two kinds are told apart by their people
                apart = apart.sum(axis=1, keepdims=True)
            if one.kind == other.kind and not disjoint(one, other) and few(apart):
                yield Finding(f"a difference about few people ({part})", asked, f"{one.name} - {other.name}")
        alike = [cell for cell in linear if cell.kind == "weight" and not cell.several]
        rows = [getattr(cell, part).sum(axis=1) for cell in alike if getattr(cell, part).any()]
        if rows and (singled := isolated(np.array(rows))):
            yield Finding(f"{singled} people singled out together ({part})", asked, "")


def isolated(rows: Any) -> int:
    """The size of the smallest set of people, alike in all rows, whose indicator is a combination of the rows."""
    kinds, sizes = np.unique(np.round(rows, 6).T, axis=0, return_counts=True)
    _, strength, basis = np.linalg.svd(kinds.T, full_matrices=False)
    leverage = (basis[strength > 1e-7 * max(1.0, strength[0])] ** 2).sum(axis=0)
    held = [
        int(size)
        for size, share, kind in zip(sizes, leverage, kinds, strict=True)
        if share > 1 - 1e-7 and size < MINIMUM and kind.any()
    ]
    return min(held, default=0)


def main() -> int:
    """Run for a while; a line per finding and one in the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--sessions", type=int, default=10**9, help="stop after so many")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    started, sessions, findings = time.monotonic(), 0, 0
    seen: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        seed = given.seed
        while sessions < given.sessions and time.monotonic() - started < given.minutes * 60:
            fuzzer = Fuzzer(Path(folder), seed)
            try:
                for _ in range(100):
                    for finding in itertools.islice(fuzzer.session(), 1):
                        findings += 1
                        print(json.dumps({"seed": seed, **finding.__dict__}, ensure_ascii=False), flush=True)
                    sessions += 1
                    if sessions >= given.sessions or time.monotonic() - started >= given.minutes * 60:
                        break
            finally:
                fuzzer.close()
            seen.update(fuzzer.seen)
            seed += 1
    print(
        f"{sessions} sessions, {sum(seen.values())} queries, seeds {given.seed} to {seed - 1},"
        f" {time.monotonic() - started:.0f} s, {findings} findings; {dict(seen.most_common())}"
    )
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
