"""Atoms: the smallest sets of rows that a project's statistics tell apart, and the one query that counts them.

What follows from the counts is `policies.verdict`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from sqlglot import exp

from policies import rewrite
from policies.decision import Asked, Audit, Footprint, Place
from policies.dialects import parsed, said
from policies.dominance import Rule
from policies.environment import RESERVED

MAX_ATOMS = 200_000
"""Rows of the engine's answer. Beyond it, groups that the new answer does not use are merged; then it is refused."""


def both(texts: Sequence[str], dialect: str) -> exp.Expr:
    """The conjunction, with NULL as false."""
    if not texts:
        return exp.Boolean(this=True)
    parts = [exp.Paren(this=parsed(text, dialect)) for text in texts]
    whole = exp.and_(*parts, copy=False) if len(parts) > 1 else parts[0]
    return exp.Coalesce(this=whole, expressions=[exp.Boolean(this=False)])


def from_tables(footprint: Footprint) -> exp.Select:
    """SELECT over the governed tables of a footprint."""
    made = exp.Select()
    for place, source in enumerate(footprint.sources):
        item = exp.Subquery(
            this=parsed(source, footprint.dialect), alias=exp.TableAlias(this=rewrite.quoted(f"b{place}"))
        )
        rewrite.meet(made, item)
    return made


def audit(
    earlier: Sequence[Footprint],
    new: Sequence[Footprint],
    places: Mapping[Footprint, Place],
    ties: Sequence[str],
    seen: Mapping[Footprint, Footprint] = MappingProxyType({}),
    rule: Rule | None = None,
) -> Audit:
    """The audit of one frame's statistics; `ties` are the equalities all of them share. `seen`: how a footprint is
    described here, where not in its own words. `rule`: on totals of the tables' rows."""
    everyone = [seen.get(each, each) for each in (*earlier, *new)]
    first = everyone[len(earlier)]
    tests: dict[tuple[str, ...], int] = {}
    for footprint in everyone:
        own = tuple(text for text in footprint.conditions if text not in ties)
        if own:
            tests.setdefault(own, len(tests))
    factors = {footprint.factor for footprint in everyone} - {""}
    keys = sorted({key for footprint in everyone for key in footprint.group_keys} | factors)
    used = {key for footprint in everyone[len(earlier) :] for key in footprint.group_keys} | factors
    coarse = [place for place, key in enumerate(keys) if key in used]
    minimum = max(footprint.min_group for footprint in everyone)
    asked = tuple(
        Asked(
            footprint,
            tests.get(tuple(text for text in described.conditions if text not in ties)),
            tuple(keys.index(key) for key in described.group_keys),
            place < len(earlier),
            places.get(footprint) if place >= len(earlier) and _named_alike(footprint, described) else None,
            keys.index(described.factor) if described.factor else None,
        )
        for place, (footprint, described) in enumerate(zip((*earlier, *new), everyone, strict=True))
    )
    chosen = None if any(each.test is None for each in asked) else tuple(tests)

    def counted(places_of_keys: Sequence[int]) -> str:
        return _query(first, ties, tuple(tests), chosen, [keys[place] for place in places_of_keys], minimum)

    whole = counted(range(len(keys)))
    rough = counted(coarse) if len(coarse) < len(keys) else whole
    ruled: tuple[str, ...] = ()
    if first.total:
        told = tuple(_dominated(each, each.conditions, (), each.group_keys) for each in everyone)
        ruled = (*told, _dominated(first, ties, tuple(tests), keys))
    unless = _without_value(first, ties) if first.valued else ""
    parts, rule = "", rule or Rule()
    if first.total and first.dialect == "duckdb":
        parts = _contributions(first, ties, tuple(tests), keys, rule)
    return Audit(whole, rough, len(tests), tuple(keys), tuple(coarse), asked, minimum, ruled, unless, parts, rule)


def _contributions(
    footprint: Footprint, ties: Sequence[str], tests: Sequence[tuple[str, ...]], keys: Sequence[str], rule: Rule
) -> str:
    """A row per atom: its values, and what its rows contribute to a total: their sum, the largest of them."""
    dialect = footprint.dialect
    rows = from_tables(footprint)
    for text in ties:
        rows = rows.where(exp.Paren(this=parsed(text, dialect)), copy=False)
    groups = [both(each, dialect) for each in tests] + [parsed(key, dialect) for key in keys]
    names = [f"t{place}" for place in range(len(tests))] + [f"k{place}" for place in range(len(keys))]
    size = exp.cast(exp.Abs(this=parsed(footprint.total, dialect)), exp.DType.DOUBLE)
    largest = exp.Max(this=size.copy(), expressions=[exp.Literal.number(rule.largest)])
    named = [exp.alias_(each.copy(), name) for each, name in zip(groups, names, strict=True)]
    rows = rows.select(*named, exp.alias_(exp.Sum(this=size), "total"), exp.alias_(largest, "largest"), copy=False)
    rows = rows.group_by(*groups, copy=False) if groups else rows
    return said(rows.limit(MAX_ATOMS + 1, copy=False), dialect, last=True)


def _without_value(footprint: Footprint, ties: Sequence[str]) -> str:
    """A row where rows of the frame have no value to be added up."""
    rows = from_tables(footprint)
    for text in ties:
        rows = rows.where(exp.Paren(this=parsed(text, footprint.dialect)), copy=False)
    empty = exp.Paren(this=parsed(footprint.valued, footprint.dialect))
    found = rows.select(exp.alias_(exp.Literal.number(1), "one"), copy=False).where(empty, copy=False)
    return said(found.limit(1, copy=False), footprint.dialect, last=True)


def _named_alike(footprint: Footprint, described: Footprint) -> bool:
    """Have its cells the same names in both: else none can be withheld by its name."""
    return len(footprint.group_keys) == len(described.group_keys)


def _dominated(
    footprint: Footprint, conditions: Sequence[str], tests: Sequence[tuple[str, ...]], keys: Sequence[str]
) -> str:
    """The truth of `tests` and the keys of the groups whose total is withheld; the column `one` where there is but one
    group."""
    rows = from_tables(footprint)
    for text in conditions:
        rows = rows.where(exp.Paren(this=parsed(text, footprint.dialect)), copy=False)
    groups = [both(each, footprint.dialect) for each in tests]
    groups += [parsed(key, footprint.dialect) for key in keys]
    named = [exp.alias_(each.copy(), f"g{place}") for place, each in enumerate(groups)]
    rows = rows.select(*(named or [exp.alias_(exp.Literal.number(1), "one")]), copy=False)
    rows = rows.group_by(*groups, copy=False) if groups else rows
    rows = rows.having(parsed(footprint.dominated, footprint.dialect), copy=False)
    return said(rows.limit(MAX_ATOMS + 1, copy=False), footprint.dialect, last=True)


def _query(
    footprint: Footprint,
    ties: Sequence[str],
    tests: Sequence[tuple[str, ...]],
    chosen: Sequence[tuple[str, ...]] | None,
    keys: Sequence[str],
    minimum: int,
) -> str:
    """A row per atom: truth values, keys, number of people; where they are fewer than `minimum` a row for each."""
    dialect = footprint.dialect
    rows = from_tables(footprint)
    for text in ties:
        rows = rows.where(exp.Paren(this=parsed(text, dialect)), copy=False)
    if chosen is not None and chosen:
        any_of = [exp.Paren(this=both(each, dialect)) for each in chosen]
        rows = rows.where(exp.or_(*any_of, copy=False) if len(any_of) > 1 else any_of[0], copy=False)
    named = [exp.alias_(both(each, dialect), f"t{place}") for place, each in enumerate(tests)]
    named += [exp.alias_(parsed(key, dialect), f"k{place}") for place, key in enumerate(keys)]
    rows = rows.select(*named, exp.alias_(parsed(footprint.units[0], dialect), "u"), copy=False)
    names = [each.alias for each in named]
    if dialect == "duckdb":
        return said(counted(_once(rows), names, minimum), dialect, last=True)
    return said(_counted_alike(rows, names, minimum), dialect, last=True)


def counted(rows: exp.Select, names: Sequence[str], minimum: int) -> exp.Select:
    """The atoms of `rows`, which are alike in the columns `names`: their people `n`, from the column `u`, and where
    they are few a row for each of them in `who`."""
    return _sketched(rows, names, minimum) if minimum <= _BUCKETS // 2 else _counted_alike(rows, names, minimum)


def _counted_alike(rows: exp.Select, names: Sequence[str], minimum: int) -> exp.Select:
    listed = _listed(rows.subquery("rows_", copy=False), names, minimum)
    return listed.limit(MAX_ATOMS + 1, copy=False)


def _once(rows: exp.Select) -> exp.Select:
    """The same with each subquery of a person (a statistic, EXISTS or IN) computed once for all the conditions that
    speak of it: an engine that computes each anew runs out of memory or time. It is computed beside the table whose
    person it is of."""
    inner_queries = rows.find_all(exp.Subquery, exp.Exists, exp.In)
    asked = [(each, each.sql("duckdb"), _tables(each)) for each in inner_queries if _value(each)]
    often = Counter(text for _, text, _ in asked)
    names = {text: f"{RESERVED}s{place}" for place, text in enumerate(often)}
    for item in (each.this for each in (rows.args["from_"], *(rows.args.get("joins") or []))):
        alias = item.alias
        here = [(each, text) for each, text, tables in asked if tables <= {alias} and often[text] > 1]
        if not here:
            continue
        asked = [one for one in asked if all(one[0] is not each for each, _ in here)]
        inner = exp.Select(expressions=[exp.Column(this=exp.Star(), table=rewrite.quoted(alias))])
        for text, each in {text: each for each, text in here}.items():
            inner.append("expressions", exp.alias_(each.copy(), names[text]))
        for each, text in here:
            each.replace(exp.column(names[text], alias))
        item.replace(exp.Subquery(this=inner.from_(item.copy(), copy=False), alias=item.args["alias"].copy()))
    return rows


def _tables(inner: exp.Expr) -> set[str]:
    """The tables of the outer query that a subquery speaks of."""
    own = {each.name for each in inner.find_all(exp.TableAlias)}
    return {column.table for column in inner.find_all(exp.Column)} - own


def _value(node: exp.Expr) -> bool:
    """Is it a value that a subquery gives to a condition or a key, and in no other such value."""
    if isinstance(node, exp.Subquery):
        given = not node.alias and not isinstance(node.parent, (exp.From, exp.Join, exp.In, exp.Exists))
    else:
        given = isinstance(node, exp.Exists) or bool(node.args.get("query"))
    return given and all(isinstance(each, exp.In) and not each.args.get("query") for each in _outer(node))


def _outer(node: exp.Expr) -> Iterator[exp.Expr]:
    outer = node.find_ancestor(exp.Subquery, exp.Exists, exp.In)
    while outer is not None:
        yield outer
        outer = outer.find_ancestor(exp.Subquery, exp.Exists, exp.In)


def _listed(rows: exp.Expr, names: Sequence[str], minimum: int) -> exp.Select:
    """Each atom of `rows` with its number of people `n`; where they are few, once for each of them in `who`."""

    def several(*more: str) -> list[exp.Expr]:
        return [exp.column(name) for name in (*names, *more)]

    once = exp.Select().from_(rows, copy=False).select(*several("u"), copy=False)
    once = once.group_by(*several("u"), copy=False)
    people = exp.Window(this=exp.Count(this=exp.column("u")), partition_by=several(), over="OVER")
    counted = exp.Select().from_(once.subquery("people_", copy=False), copy=False)
    counted = counted.select(*several("u"), exp.alias_(people, "n"), copy=False)
    few = exp.LT(this=exp.column("n"), expression=exp.Literal.number(minimum))
    who = exp.Case(ifs=[exp.If(this=few, true=exp.column("u"))])
    last = exp.Select().from_(counted.subquery("atoms_", copy=False), copy=False)
    return last.select(*several("n"), exp.alias_(who, "who"), copy=False).distinct(copy=False)


_BUCKETS = 62
"""Bits of a BIGINT that can be set without touching its sign."""


def _sketched(rows: exp.Select, names: Sequence[str], minimum: int) -> exp.Select:
    """The same, several times faster where most atoms are large: people are hashed into buckets, and an atom with
    people in `minimum` buckets has as many people (linear counting; Whang et al. 1990). Only the others are counted.
    The `n` of a large atom is its number of rows."""
    bucket = exp.Mod(this=exp.func("hash", exp.column("u")), expression=exp.Literal.number(_BUCKETS))
    bit = exp.BitwiseLeftShift(
        this=exp.cast(exp.Literal.number(1), exp.DType.BIGINT), expression=exp.cast(exp.Paren(this=bucket), "INT")
    )
    present = exp.Filter(  # nobody is in no bucket
        this=exp.BitwiseOrAgg(this=bit),
        expression=exp.Where(this=exp.Not(this=exp.Is(this=exp.column("u"), expression=exp.Null()))),
    )
    least = exp.Coalesce(this=exp.func("bit_count", present), expressions=[exp.Literal.number(0)])

    def cells(table: str | None = None) -> list[exp.Expr]:
        return [exp.column(name, table) for name in names]

    atoms = exp.Select().from_(_named("rows_"), copy=False)
    rows_here = exp.alias_(exp.Count(this=exp.Star()), "m")
    atoms = atoms.select(*cells(), exp.alias_(least, "least"), rows_here, copy=False).limit(MAX_ATOMS + 1, copy=False)
    atoms = atoms.group_by(*cells(), copy=False) if names else atoms
    enough = exp.GTE(this=exp.column("least"), expression=exp.Literal.number(minimum))
    large = exp.Select().from_(_named("atoms_"), copy=False).where(enough, copy=False)
    large = large.select(*cells(), exp.alias_(exp.column("m"), "n"), exp.alias_(exp.Null(), "who"), copy=False)
    same = [exp.NullSafeEQ(this=exp.column(name, "r"), expression=exp.column(name, "a")) for name in names]
    rest = exp.Select().from_(_named("rows_", "r"), copy=False).select(*cells("r"), exp.column("u", "r"), copy=False)
    small = exp.Not(this=enough.copy())
    rest = rest.join(_named("atoms_", "a"), on=exp.and_(*same, small, copy=False), copy=False)
    few = _listed(rest.subquery("rest_", copy=False), names, minimum)
    both_ = exp.union(large, few, distinct=False, copy=False)
    made = (
        exp.Select(expressions=[exp.Star()])
        .from_(both_.subquery("all_", copy=False), copy=False)
        .limit(MAX_ATOMS + 1, copy=False)
    )
    return made.with_("rows_", as_=rows, copy=False).with_("atoms_", as_=atoms, copy=False)


def _named(table: str, alias: str | None = None) -> exp.Table:
    return exp.Table(
        this=exp.to_identifier(table), alias=exp.TableAlias(this=exp.to_identifier(alias)) if alias else None
    )
