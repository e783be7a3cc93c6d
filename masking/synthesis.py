"""Development data: a table with the schema and formats of another one and none of its people.

What identifies people is made up (`masking.stand_ins`). Every other column is drawn from its marginal distribution,
released once with differential privacy (`masking.noise`), and given the column it depends on most, along a tree of
pairs that is released with it (`masking.dependence`). Values too few records share fall under the threshold and never
appear; numbers are counted in buckets and days by month, fixed beforehand. Drawing from released counts costs nothing
more. Relations of three columns and within a bin are lost: this is for writing code, not for findings.

The guarantee is (epsilon, delta) for one record more or less, over all marginals and the tree together. What looks at
the data beside it: the suggestions that choose the treatment of each column, and the last step, in which rows that
would equal a real one are drawn again.
"""

import re
import secrets
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlglot import exp

from masking.classify import suggest_table
from masking.dependence import MOST_COLUMNS, Bins, Coarse, Tree, bins_affordable, coarse, tree_of
from masking.errors import MASK_BAD_BUDGET
from masking.files import open_tables
from masking.noise import noisy_keys
from masking.stand_ins import StandIns
from store.errors import YurtError

MISSING = "\0missing"
EXACT_BELOW = 200
"""Whole numbers below it are counted one by one (ages, hours, marks), others by their two leading digits."""
DAY = re.compile(r"(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-[0-9]{2}(?:[ T]|$)", re.ASCII)
ALONE = 0.5
"""Share of the budget that the columns on their own get; the other is for how they go together."""
ROUNDS = 20
Draw = np.random.Generator


@dataclass(frozen=True, slots=True)
class Synthetic:
    """The table; how each column came about (`stand-in`, `marginal`, `nothing left`); what was spent; how many
    drawn rows were real ones and thrown away."""

    table: pa.Table
    columns: Mapping[str, str]
    epsilon: float
    delta: float
    redrawn: int

    def summary(self) -> dict[str, object]:
        """Everything but the table."""
        return {
            "rows": self.table.num_rows,
            "columns": dict(self.columns),
            "epsilon": self.epsilon,
            "delta": self.delta,
            "redrawn": self.redrawn,
        }


def bucket(text: str) -> tuple[float, float] | None:
    """The bucket of a number, by a rule that knows no data: low edge and width; None for what is no number."""
    try:
        value = float(text)
    except ValueError:
        return None
    if not np.isfinite(value):
        return None
    if abs(value) < 1e-300:  # its bucket would be finer than a float can say
        return 0.0, 0.0
    if value == int(value) and abs(value) < EXACT_BELOW:
        return value, 0.0
    width = 10.0 ** (floor(log10(abs(value))) - 1)
    return floor(value / width) * width, width


@dataclass(frozen=True, slots=True)
class _Marginal:
    """Released counts of one column: keys with what to draw for each."""

    keys: Sequence[str]
    weights: Sequence[int]
    kind: Literal["word", "number", "whole", "day", "moment"]

    def draw(self, rows: int, random: Draw) -> list[str | None]:
        if not self.keys:
            return [None] * rows
        return [
            self._value(self.keys[place], random) for place in self._places(np.arange(len(self.keys)), rows, random)
        ]

    def draw_within(self, bins: Bins, form: Coarse, random: Draw) -> list[str | None]:
        """A value for each bin, by the weights of the keys in it."""
        of_key = np.array([form.bin_of[key] for key in self.keys])
        chosen = np.zeros(len(bins), np.int64)
        for each in np.unique(bins):
            rows = np.flatnonzero(bins == each)
            chosen[rows] = self._places(np.flatnonzero(of_key == each), len(rows), random)
        return [self._value(self.keys[int(place)], random) for place in chosen]

    def _places(self, among: NDArray[np.int64], rows: int, random: Draw) -> NDArray[np.int64]:
        weights = np.array([self.weights[place] for place in among], np.float64)
        return random.choice(among, size=rows, p=weights / weights.sum())

    def coarse(self, most: int) -> Coarse:
        """The column in at most `most` bins; numbers and days in their order."""
        if self.kind == "word":
            return coarse(self.keys, self.weights, ordered=False, most=most)
        order = sorted(range(len(self.keys)), key=lambda place: _rank(self.keys[place]))
        return coarse(
            [self.keys[at] for at in order], [self.weights[at] for at in order], ordered=True, most=most
        )  # fmt: skip

    def _value(self, key: str, random: Draw) -> str | None:
        if key == MISSING:
            return None
        if self.kind == "word":
            return key
        if self.kind in {"day", "moment"}:
            year, month = map(int, key.split("-"))
            day = f"{key}-{random.integers(monthrange(year, month)[1]) + 1:02d}"
            second = int(random.integers(86_400)) if self.kind == "moment" else 0
            return f"{day} {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}" if second else day
        low, width = map(float, key.split(" "))
        value = low + random.random() * width
        return f"{floor(value)}" if self.kind == "whole" else f"{value:.2f}"


def _rank(key: str) -> tuple[int, float, str]:
    """Where a key of a number or day stands among the others; what is missing comes first."""
    if key == MISSING:
        return 0, 0.0, ""
    first = key.split(" ")[0]
    return (1, 0.0, key) if "-" in first[1:] and "e" not in first else (1, float(first), "")


def _counts(connection: Any, column: str) -> dict[str, int]:
    text = exp.cast(exp.column(exp.to_identifier(column, quoted=True)), "text")
    value = exp.alias_(exp.func("COALESCE", text, exp.Literal.string("")), "v")
    query = exp.select(value, exp.alias_(exp.Count(this=exp.Star()), "n")).from_("t").group_by(value.this.copy())
    return {key or MISSING: count for key, count in connection.execute(query.sql("duckdb")).fetchall()}


def _kind(present: Sequence[str], sql_type: str) -> Literal["word", "number", "whole", "day", "moment"]:
    """How values are counted. A column is one of numbers or of days by its type or, as text, if all its values are."""
    if not present or sql_type.startswith(("TIME ", "BOOL", "UUID")) or sql_type == "TIME":
        return "word"
    if all(DAY.match(key) for key in present):
        return "day" if all(len(key) == 10 for key in present) else "moment"
    codes = any(key[:1] == "0" and key[1:2].isdigit() for key in present)
    if codes or any(bucket(key) is None for key in present):
        return "word"
    return "whole" if all("." not in key and "e" not in key.lower() for key in present) else "number"


def _key(value: str, kind: str) -> str:
    """What a value is counted under."""
    if value == MISSING or kind == "word":
        return value
    if kind in {"day", "moment"}:
        return value[:7]
    low, width = bucket(value) or (0.0, 0.0)
    return f"{low!r} {width!r}"


def _tree(connection: Any, marginals: Mapping[str, _Marginal], epsilon: float) -> tuple[Tree, dict[str, Coarse]]:
    """How the released columns depend on one another, and the bins the tree speaks of."""
    rows = max((sum(marginal.weights) for marginal in marginals.values()), default=0)
    most = bins_affordable(rows, epsilon, len(marginals))
    forms = {name: marginal.coarse(most) for name, marginal in marginals.items()}
    forms = {name: form for name, form in forms.items() if len(form.weights) > 1}
    forms = dict(list(forms.items())[:MOST_COLUMNS])
    texts = [
        exp.alias_(exp.cast(exp.column(exp.to_identifier(name, quoted=True)), "text"), f"c{place}")
        for place, name in enumerate(forms)
    ]
    found: dict[str, list[Bins]] = {name: [] for name in forms}
    if forms:
        query = exp.select(*texts).from_("t").sql("duckdb")
        for batch in connection.sql(query).to_arrow_reader(1 << 16):
            for name, column in zip(forms, batch.columns, strict=True):
                coded = column.fill_null("").dictionary_encode()
                kind, bin_of = marginals[name].kind, forms[name].bin_of
                of_value = [bin_of.get(_key(each or MISSING, kind), -1) for each in coded.dictionary.to_pylist()]
                found[name].append(np.array(of_value, np.int16)[coded.indices.to_numpy()])
    codes = {name: np.concatenate(parts) if parts else np.zeros(0, np.int16) for name, parts in found.items()}
    return tree_of(forms, codes, epsilon), forms


def _marginal(counts: Mapping[str, int], sql_type: str, epsilon: float, delta: float) -> _Marginal:
    """The released marginal of a column: words one by one, numbers by bucket, days by month."""
    kind = _kind([key for key in counts if key != MISSING], sql_type)
    grouped: dict[str, int] = {}
    for value, count in counts.items():
        key = _key(value, kind)
        grouped[key] = grouped.get(key, 0) + count
    released = {key: count for key, count in noisy_keys(grouped, epsilon, delta).items() if count > 0}
    return _Marginal(list(released), list(released.values()), kind)


def _fresh(connection: Any, table: pa.Table, names: Sequence[str]) -> pa.Table:
    """The rows of `table` that are no row of `t`, compared as text."""
    connection.register("drawn", table)
    same = [
        exp.NullSafeEQ(
            this=exp.cast(exp.column(exp.to_identifier(name, quoted=True), "drawn"), "text"),
            expression=exp.cast(exp.column(exp.to_identifier(name, quoted=True), "t"), "text"),
        )
        for name in names
    ]
    real = exp.Exists(this=exp.select(exp.Literal.number(1)).from_("t").where(exp.and_(*same)))
    kept = connection.sql(exp.select("drawn.*").from_("drawn").where(exp.not_(real)).sql("duckdb")).to_arrow_table()
    connection.unregister("drawn")
    return kept


def synthesise(
    source: Path | str | pa.Table, rows: int, epsilon: float = 1.0, delta: float = 1e-6, seed: int | None = None
) -> Synthetic:
    """`rows` made-up rows with the schema of the first table of `source`; fewer where too many drawn ones were real.

    `seed` fixes what is drawn from the released counts, never the noise. Raises MASK_BAD_FILE, MASK_BAD_BUDGET.
    """
    if not (0.001 <= epsilon <= 100 and 1e-15 <= delta <= 0.01):
        raise YurtError(MASK_BAD_BUDGET)
    suggestions = suggest_table(source)
    suggestions = [s for s in suggestions if s.table == suggestions[0].table]
    random = np.random.default_rng(secrets.randbits(64) if seed is None else seed)
    stand_ins = StandIns(suggestions, random)
    with open_tables(source) as tables:
        relation = next(iter(tables.relations.values()))
        relation.create_view("t", replace=True)
        connection = tables.connection
        names, types = list(relation.columns), [str(one) for one in relation.types]
        released = {s.column: t for s, t in zip(suggestions, types, strict=True) if not stand_ins.covers(s)}
        share = max(1, len(released))
        alone = epsilon * (ALONE if share > 1 else 1)
        marginals = {
            column: _marginal(_counts(connection, column), sql_type, alone / share, delta / share)
            for column, sql_type in released.items()
        }
        tree, forms = _tree(connection, marginals, epsilon - alone) if share > 1 else (Tree((), {}, {}), {})
        typed = [
            exp.alias_(
                exp.TryCast(this=exp.column(exp.to_identifier(name, quoted=True)), to=exp.DataType.build(t, "duckdb")),
                exp.to_identifier(name, quoted=True),
            )
            for name, t in zip(names, types, strict=True)
        ]
        parts: list[pa.Table] = []
        missing, redrawn = rows, 0
        for _ in range(ROUNDS):
            if missing <= 0:
                break
            made = stand_ins.draw(missing)
            bins = tree.draw(missing, random)
            made |= {n: marginals[n].draw_within(bins[n], forms[n], random) for n in bins}
            columns = {n: made[n] if n in made else marginals[n].draw(missing, random) for n in names}
            text = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
            connection.register("text", text)
            cast = connection.sql(exp.select(*typed).from_("text").sql("duckdb")).to_arrow_table()
            connection.unregister("text")
            kept = _fresh(connection, cast, names)
            redrawn += missing - kept.num_rows
            missing -= kept.num_rows
            parts.append(kept)
        table = pa.concat_tables(parts) if parts else relation.limit(0).to_arrow_table()
    how = {n: "marginal" if marginals[n].keys else "nothing left" for n in marginals}
    shown = {name: how.get(name, "stand-in") for name in names}
    return Synthetic(table, shown, epsilon if marginals else 0.0, delta if marginals else 0.0, redrawn)
