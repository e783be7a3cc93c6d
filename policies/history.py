"""The differencing guard: a new answer and an earlier one must not differ by a few people.

From two statistics over sets A and B one computes the statistic of their difference. So, before a query runs, the
engine counts the units in the symmetric difference with every earlier answer (and among the query's own), within the
cells both released. 1 to min_group - 1 is a violation. Equal sets, disjoint ones and large differences pass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from policies import rewrite
from policies.decision import Footprint, Probe, Refused
from policies.dialects import parsed, said
from policies.errors import HISTORY_FULL, NOT_IN_ENGINE
from policies.model import Policy

MAX_PROBES = 200
"""Comparisons one query may cost; beyond it the query is refused, never answered unchecked."""


@dataclass(frozen=True, slots=True)
class History:
    """What was answered before, over all users of the project."""

    footprints: tuple[Footprint, ...] = ()

    def with_answer(self, new: Sequence[Footprint]) -> "History":
        """The history after one more answer."""
        return History(tuple(dict.fromkeys((*self.footprints, *new))))


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the history asks of an answer."""

    probes: tuple[Probe, ...]
    complementary: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """How the statistics of an answer come into sight.

    `groups`: as rows of the answer, where the release guard can withhold a group that differs. `whole`: those of them
    with all their groups in the engine's table, where it can withhold another group beside a small one; where the
    engine has dropped groups or summed over them before, a probe must look for small ones beside a known total.
    `compared`: in a comparison of HAVING only; the history remembers them, so that no second question narrows them.
    """

    groups: frozenset[Footprint] = frozenset()
    whole: frozenset[Footprint] = frozenset()
    compared: frozenset[Footprint] = frozenset()


def compare(
    new: Sequence[Footprint],
    history: History,
    policy: Policy,
    key_outputs: Mapping[str, int],
    shown: Shown,
) -> Comparison | Refused:
    """The probes that `new` needs. `key_outputs`: canonical group key -> position in the answer."""
    probes: dict[str, Probe] = {}
    complementary = False
    for place, one in enumerate(new):
        for other in (*history.footprints, *new[:place]):
            if not set(one.tables) & set(other.tables) and not _linked(one, other, policy):
                continue
            if one.dialect != other.dialect:
                return Refused.because(NOT_IN_ENGINE, what="A look at an earlier answer's rows", dialect=one.dialect)
            total_known = _total(other, one, shown, now=other in new)
            total_shown = other in new and _total(one, other, shown, now=True)
            if _same_rows(one, other) and (total_known or total_shown):
                complementary = True  # one is a total over the other's groups
                continue
            found = _probe(one, other, policy, key_outputs if one in shown.groups else {})
            if found is not None:
                probes[found.sql] = found
            if len(probes) > MAX_PROBES:
                return Refused.because(HISTORY_FULL)
    return Comparison(tuple(probes.values()), complementary)


def _total(total: Footprint, parts: Footprint, shown: Shown, now: bool) -> bool:
    """Is `total` over the groups of `parts`, among which the release guard can withhold enough."""
    quiet = now and total in shown.compared and parts in shown.groups
    return (parts in shown.whole or quiet) and set(total.keys) < set(parts.keys)


def _same_rows(one: Footprint, other: Footprint) -> bool:
    return (
        one.exact
        and other.exact
        and one.sources == other.sources
        and one.tables == other.tables
        and one.conditions == other.conditions
    )


def _linked(one: Footprint, other: Footprint, policy: Policy) -> bool:
    """Do the two speak of the same people under different tables."""
    return _shared_unit(one, other, policy) is not None


def _shared_unit(one: Footprint, other: Footprint, policy: Policy) -> tuple[int, int] | None:
    for place, mine in enumerate(one.tables):
        for there, theirs in enumerate(other.tables):
            left, right = policy.datasets.get(mine), policy.datasets.get(theirs)
            if left is None or right is None:
                continue
            units = ((left.unit or "").lower(), (right.unit or "").lower())
            if mine == theirs or (theirs, units[1]) in left.joins or (mine, units[0]) in right.joins:
                return place, there
    return None


def _probe(one: Footprint, other: Footprint, policy: Policy, key_outputs: Mapping[str, int]) -> Probe | None:
    if _same_rows(one, other) and one.keys == other.keys:
        return None
    joins = len(one.tables) > 1
    common = sorted(set(one.conditions) & set(other.conditions))
    ties = [text for text in common if _ties(text, one.dialect)]
    if one.tables == other.tables and one.sources == other.sources and (not joins or len(ties) >= len(one.tables) - 1):
        return _by_rows(one, other, common, key_outputs)
    return _by_units(one, other, policy)


def _ties(text: str, dialect: str) -> bool:
    node = parsed(text, dialect)
    return isinstance(node, exp.EQ) and isinstance(node.this, exp.Column) and isinstance(node.expression, exp.Column)


def _both(texts: Sequence[str], dialect: str) -> exp.Expr:
    """The conjunction, with NULL as false."""
    if not texts:
        return exp.Boolean(this=True)
    parts = [exp.Paren(this=parsed(text, dialect)) for text in texts]
    whole = exp.and_(*parts, copy=False) if len(parts) > 1 else parts[0]
    return exp.Coalesce(this=whole, expressions=[exp.Boolean(this=False)])


def _from(footprint: Footprint) -> exp.Select:
    """SELECT over the governed tables of a footprint."""
    made = exp.Select()
    for place, source in enumerate(footprint.sources):
        item = exp.Subquery(
            this=parsed(source, footprint.dialect), alias=exp.TableAlias(this=rewrite.quoted(f"b{place}"))
        )
        made = made.from_(item, copy=False) if place == 0 else made.join(item, join_type="cross", copy=False)
    return made


def _by_rows(one: Footprint, other: Footprint, common: list[str], key_outputs: Mapping[str, int]) -> Probe:
    """Row sets over the same tables: compare the rows themselves, cell by cell."""
    dialect = one.dialect
    shared = sorted(set(one.keys) & set(other.keys))
    mine = _both(sorted(set(one.conditions) - set(common)), dialect)
    theirs = _both(sorted(set(other.conditions) - set(common)), dialect)
    rows = _from(one)
    for text in common:
        rows = rows.where(exp.Paren(this=parsed(text, dialect)), copy=False)
    names = {text: f"k{place}" for place, text in enumerate(sorted({*one.keys, *other.keys}))}
    columns = [exp.alias_(parsed(one.units[0], dialect), "u"), exp.alias_(mine, "mine"), exp.alias_(theirs, "theirs")]
    columns += [exp.alias_(parsed(text, dialect), name) for text, name in names.items()]
    rows = rows.select(*columns, copy=False)
    minimum = one.min_group
    released = exp.Select().from_(rows.subquery("rows_"), copy=False)
    released = released.select(
        exp.column("u"),
        exp.alias_(_released("mine", [names[key] for key in one.keys], minimum, dialect), "mine"),
        exp.alias_(_released("theirs", [names[key] for key in other.keys], minimum, dialect), "theirs"),
        *(exp.column(names[key]) for key in shared),
        copy=False,
    )
    cells = exp.Select().from_(released.subquery("cells_"), copy=False)
    apart = exp.NullSafeNEQ(this=exp.column("mine"), expression=exp.column("theirs"))
    checks = exp.and_(
        exp.GTE(this=_people(exp.column("mine")), expression=exp.Literal.number(1)),
        exp.GTE(this=_people(exp.column("theirs")), expression=exp.Literal.number(1)),
        exp.Between(this=_people(apart), low=exp.Literal.number(1), high=exp.Literal.number(minimum - 1)),
    )
    keyed = [key for key in shared if key in key_outputs]
    shown: list[exp.Expr] = [exp.column(names[key]) for key in keyed]
    cells = cells.select(*(shown or [exp.alias_(exp.Literal.number(1), "violation")]), copy=False)
    if shared:
        cells = cells.group_by(*(exp.column(names[key]) for key in shared), copy=False)
    cells = cells.having(checks, copy=False)
    covered = bool(keyed)
    return Probe(said(cells, dialect), tuple(key_outputs[key] for key in keyed) if covered else ())


def _people(where: exp.Expr) -> exp.Expr:
    counted = exp.Count(this=exp.Distinct(expressions=[exp.column("u")]))
    return exp.Filter(this=counted, expression=exp.Where(this=where))


def _released(name: str, keys: list[str], minimum: int, dialect: str) -> exp.Expr:
    """Is the row in a cell that was large enough to be released."""
    case = exp.Case(ifs=[exp.If(this=exp.column(name), true=exp.column("u"))])
    counted = _distinct_over(case, keys, dialect)
    enough = exp.GTE(this=counted, expression=exp.Literal.number(minimum))
    return exp.And(this=exp.column(name), expression=enough)


def _distinct_over(value: exp.Expr, keys: list[str], dialect: str) -> exp.Expr:
    """`count(DISTINCT value) OVER (PARTITION BY keys)`, which PostgreSQL and Spark lack: there the ranks of a row from
    below and from above add up to one more than the distinct values, NULL being one of them where it occurs."""

    def over(call: exp.Expr, **order: exp.Expr) -> exp.Expr:
        return exp.Window(this=call, partition_by=[exp.column(key) for key in keys], over="OVER", **order)

    def rank(down: bool) -> exp.Expr:
        ordered = exp.Ordered(this=value.copy(), desc=down, nulls_first=not down)
        return over(exp.DenseRank(), order=exp.Order(expressions=[ordered]))

    if dialect == "duckdb":
        return over(exp.Count(this=exp.Distinct(expressions=[value])))
    every, given = over(exp.Count(this=exp.Star())), over(exp.Count(this=value.copy()))
    null = exp.Case(
        ifs=[exp.If(this=exp.GT(this=every, expression=given), true=exp.Literal.number(1))],
        default=exp.Literal.number(0),
    )
    ranks = exp.Add(this=rank(False), expression=rank(True))
    return exp.Sub(this=exp.Sub(this=ranks, expression=exp.Literal.number(1)), expression=null)


def _by_units(one: Footprint, other: Footprint, policy: Policy) -> Probe | None:
    """Different tables about the same people: compare the sets of people."""
    places = _shared_unit(one, other, policy)
    if places is None:
        return None
    sides = []
    for footprint, place in zip((one, other), places, strict=True):
        rows = _from(footprint)
        for text in footprint.conditions:
            rows = rows.where(exp.Paren(this=parsed(text, footprint.dialect)), copy=False)
        person = rewrite.column(rewrite.UNIT, f"b{place}")
        sides.append(rows.select(exp.alias_(person, "u"), copy=False).distinct(copy=False))
    left, right = (exp.alias_(exp.Boolean(this=True), name) for name in ("mine", "theirs"))
    joined = (
        exp.Select()
        .select(
            exp.alias_(exp.Coalesce(this=exp.column("u", "a"), expressions=[exp.column("u", "b")]), "u"),
            exp.alias_(exp.Not(this=exp.Is(this=exp.column("u", "a"), expression=exp.null())), left.alias),
            exp.alias_(exp.Not(this=exp.Is(this=exp.column("u", "b"), expression=exp.null())), right.alias),
        )
        .from_(sides[0].subquery("a"))
        .join(
            sides[1].subquery("b"),
            on=exp.EQ(this=exp.column("u", "a"), expression=exp.column("u", "b")),
            join_type="full outer",
        )
    )
    apart = exp.NEQ(this=exp.column("mine"), expression=exp.column("theirs"))
    minimum = exp.Literal.number(max(one.min_group, other.min_group))
    checks = exp.and_(
        exp.GTE(this=_people(exp.column("mine")), expression=minimum.copy()),
        exp.GTE(this=_people(exp.column("theirs")), expression=minimum.copy()),
        exp.Between(
            this=_people(apart),
            low=exp.Literal.number(1),
            high=exp.Literal.number(max(one.min_group, other.min_group) - 1),
        ),
    )
    final = (
        exp.Select()
        .select(exp.alias_(exp.Literal.number(1), "violation"))
        .from_(joined.subquery("people_"))
        .having(checks)
    )
    return Probe(said(final, one.dialect))
