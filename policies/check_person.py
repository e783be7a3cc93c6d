"""One row per person: a subquery grouped by the privacy unit, and what a query outside may do with its statistics.

    SELECT n, count(*) FROM (SELECT id_no, count(*) AS n FROM visit GROUP BY id_no) GROUP BY n

Such a subquery gives no statistic of many people, so nothing of it is released: each of its columns is a value of one
person, as a column of a table with one row per person is. It is safe because

* its rows hand out their unit, so that whatever is made of them needs enough people (`policies.thresholds`);
* a statistic keeps the columns it is computed from, so that grouping by, filtering by or adding up what was computed
  from a column asks for the same use of that column; how many rows a person has is a *tally* of the unit, for which
  counting or joining by the unit is enough;
* each statistic has a form over base tables (a subquery tied to the person), so that people chosen or divided by it
  are audited together with all other statistics over those rows, by linear algebra and not only in pairs;
* what is added up outside is about the rows chosen inside: a FILTER or CASE inside is a branch of the sum outside;
* a sum of tallies is one of people, each as often as they have rows, and is audited as that; a sum of least or greatest
  values tells, beside the sum of all, about those with more than one row: nobody or enough people.
"""

from dataclasses import replace

from sqlglot import exp

from policies import rewrite
from policies.check_from import classes
from policies.demand import demand, may_tally, permits
from policies.environment import Block, Environment, Person
from policies.errors import CONSTRUCT_NOT_ALLOWED, FUNCTION_NOT_ALLOWED, NON_LINEAR, NOT_GROUPED, SUBQUERY_NOT_ALLOWED
from policies.functions import FLAGS
from policies.grain import Tally
from policies.labels import Dep, Level, Value
from policies.model import Mode, Use
from policies.refusal import Refusal, called
from policies.resolve import Unit

EXTREMES = (exp.Min, exp.Max, exp.AnyValue)
_COUNTS = (exp.Count, exp.CountIf)
_KNOWN = (*_COUNTS, exp.Sum, exp.Avg, *EXTREMES)


def keyed(env: Environment, block: Block, found: Value) -> bool:
    """Is a group key the privacy unit of every row of the subquery `block`, so that its groups are single people."""
    if not block.inside or env.harmless or env.dialect != "duckdb" or found.plain is None or block.lists:
        return False
    dataset = env.policy.datasets[found.plain.dataset]
    column = dataset.columns[found.plain.column]
    own = found.plain.instance in {unit.instance for unit in block.units}
    own = own and any(env.policy.datasets[unit.dataset].release.mode is Mode.THRESHOLD for unit in block.units)
    if not own or (dataset.unit or "").lower() != found.plain.column or column.mask is not None:
        return False
    whole = len(classes(block)) == 1 and found.plain.instance not in env.nullable
    return whole and may_tally(env.policy, found.plain)


def begin(
    env: Environment,
    block: Block,
    item: exp.Expr | None,
    joins: list[exp.Expr],
    where: exp.Expr | None,
    grouping: exp.Group | None,
    raw: list[Value],
) -> None:
    """Group the rows of `block` by person: from here on it is a SELECT over the grouped subquery. `raw`: its keys."""
    if block.sets:
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, grouping, what="ROLLUP over people", hint="List plain keys.")
    outer = env.meta["owned"] - env.meta["inner"] - {unit.instance for unit in block.units}
    if outer & {dep.instance for dep in block.influence}:
        raise Refusal.of(
            SUBQUERY_NOT_ALLOWED, grouping, why="it computes a statistic per outer row", hint="Join, or use IN."
        )
    grouped = exp.Select(expressions=[])
    grouped.set("from_", exp.From(this=item))
    grouped.set("joins", joins)
    if where is not None:
        grouped.set("where", exp.Where(this=where))
    alias = f"d{env.number()}"
    person = Person(alias, grouped, [], [])
    known = [unit for unit in block.units if unit.instance not in env.nullable]
    keys: list[exp.Expr] = []
    for place, unit in enumerate(known):
        grouped.append("expressions", exp.alias_(unit.node.copy(), f"u{place}", quoted=True))
        env.base[(alias, f"u{place}")] = env.to_base(unit.node)
        person.units.append(Unit(unit.instance, unit.dataset, rewrite.column(f"u{place}", alias)))
        keys.append(unit.node.copy())
    for place, key in enumerate(raw):
        grouped.append("expressions", exp.alias_(key.node.copy(), f"k{place}", quoted=True))
        env.base[(alias, f"k{place}")] = env.to_base(key.node)
        value = replace(key, node=rewrite.column(f"k{place}", alias))
        person.keys.append((key.node, value))
        keys.append(key.node.copy())
        block.influence |= key.all_deps
    grouped.set("group", exp.Group(expressions=list({key.sql(): key for key in keys}.values())))
    lost = {unit.instance for unit in block.units} - {unit.instance for unit in known}
    env.meta["inner"] |= lost
    if not any(column.table in lost for each in block.conditions for column in each.find_all(exp.Column)):
        based = all(env.base[(alias, f"k{place}")] is not None for place in range(len(raw)))
        if based and not any(_touches(env.base[(alias, f"k{place}")], lost) for place in range(len(raw))):
            block.padded = False  # who is kept does not depend on what an outer join found
            for unit in block.units:
                if unit.instance in lost:
                    env.meta["matched"][unit.instance] = (unit, tuple(block.matched), frozenset(lost))
    others = tuple(env.to_base(key.node) or key.node for key in raw if not names_person(env, key.node))
    env.meta["grain"] |= {unit.instance: others for unit in (*known, *block.units)}
    block.units, block.keys, block.person = person.units, [], person
    block.grouped, block.phase, block.personal = False, "people", True
    env.meta["collapsed"] |= {unit.instance for unit in (*known, *block.units)}
    block.several = _apart(_column(env, person, exp.Count(this=exp.Star())))


def _touches(node: exp.Expr | None, instances: set[str]) -> bool:
    return node is not None and any(column.table in instances for column in node.find_all(exp.Column))


def names_person(env: Environment, node: exp.Expr) -> bool:
    """Is it the person whose a row is, or nobody: the column that names them, whatever chose it."""
    base = (env.to_base(node) or node).unnest()
    if isinstance(base, exp.Case):
        given = [each.args["true"] for each in base.args["ifs"]] + [base.args.get("default") or exp.Null()]
        return all(isinstance(each, exp.Null) or names_person(env, each) for each in given)
    if not isinstance(base, exp.Column) or base.table not in env.datasets:
        return False
    unit = env.policy.datasets[env.datasets[base.table]].unit or ""
    return base.name.lower() in (unit.lower(), rewrite.UNIT)


def key_of(block: Block, found: Value) -> Value:
    """What stands for a group key outside the grouped subquery."""
    person = block.person
    for node, value in person.keys if person is not None else ():
        if node == found.node or node.unnest() == found.node.unnest():
            return value
    return found


def counted(call: exp.LogicalOr | exp.LogicalAnd) -> exp.Expr:
    """`bool_or(x)` of a person's rows: is there a row where x is true; NULL where x is NULL in all of them."""
    test = call.this if isinstance(call, exp.LogicalOr) else exp.Not(this=exp.Paren(this=call.this))
    rows = exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=test.copy()))
    kind = exp.GT if isinstance(call, exp.LogicalOr) else exp.EQ
    known = exp.GT(this=exp.Count(this=call.this.copy()), expression=exp.Literal.number(0))
    return exp.Case(ifs=[exp.If(this=known, true=kind(this=rows, expression=exp.Literal.number(0)))])


def extreme(env: Environment, block: Block, call: exp.Expr) -> tuple[exp.Expr, str, list[Value]]:
    """min, max and any_value of one person's rows: one of their values; `any` is the least, so that it is the same
    each time."""
    if [name for name, given in call.args.items() if given and name != "this" and name not in FLAGS]:
        raise Refusal.of(FUNCTION_NOT_ALLOWED, call, name=f"{called(call)} of several values")
    part: Value = env.value(env, block, call.this)
    demand(env.policy, part.preds, Use.FILTER, call)
    kind = exp.Max if isinstance(call, exp.Max) else exp.Min
    return kind(this=part.node), part.kind, [part]


def statistic(
    env: Environment, block: Block, call: exp.Expr, made: exp.Expr, kind: str, parts: list[Value], chosen: Value | None
) -> Value:
    """The label of one person's statistic: a value of a single row, whose columns may be used as they may be."""
    person = _person(block)
    if type(call) not in _KNOWN:
        raise Refusal.of(FUNCTION_NOT_ALLOWED, call, name=f"{called(call)} per person")
    if any(part.mixed or part.weights for part in parts):
        raise Refusal.of(NON_LINEAR, call, name=called(call))
    where = chosen.node if chosen is not None else None
    counts = isinstance(call, _COUNTS)
    deps = frozenset().union(*(part.deps for part in parts)) if parts and not counts else frozenset()
    preds = frozenset().union(*(part.preds for part in parts)) if parts else frozenset()
    preds |= chosen.all_deps if chosen is not None else frozenset()
    if isinstance(call, exp.CountIf):
        preds |= parts[0].all_deps
    tally = _tally(env, person) if counts or not deps or isinstance(call, exp.Avg) else frozenset()
    conditions = _conditions(env, call, parts, where)
    node = _filtered(made, where)
    column = _column(env, person, node)
    plain = None
    repeated = isinstance(call, exp.Sum) and len(person.units) > 1  # what stands in several rows is added several times
    if not counts and parts[0].plain is not None and not repeated:
        env.meta["unscaled"].add(_text(env, column))
        if isinstance(call, EXTREMES) and chosen is None and not permits(env.policy, parts[0].plain, Use.JOIN):
            plain = parts[0].plain
    return Value(
        column,
        Level.ROW,
        kind,
        deps | tally,
        preds,
        plain=plain,
        degree=max([1, *(part.degree for part in parts)]) if not counts else 1,
        sources=frozenset().union(*(part.sources for part in parts), chosen.sources if chosen else ()),
        branches=tuple(_flag(env, person, each) for each in conditions),
        mixed=_several(env, person, call, column, counts or not deps, where),
        whole=not conditions,
        weights=(_share(env, person, parts[0], where),) if isinstance(call, (exp.Avg, *EXTREMES)) else (),
        rows=frozenset().union(*(part.rows for part in parts), chosen.rows if chosen else ()),
        reach=max([part.reach for part in parts], default=Value(node).reach),
    )


def _share(env: Environment, person: Person, part: Value, where: exp.Expr | None) -> exp.Expr:
    """What a person's mean multiplies each of their rows with: one by the number of values. So does what is the same in
    all of them, by whatever name it is taken out."""
    count = _column(env, person, _filtered(exp.Count(this=part.node), where))
    return exp.Div(this=exp.cast(exp.Literal.number(1), exp.DType.DOUBLE), expression=count, typed=False, safe=True)


def _person(block: Block) -> Person:
    if block.person is None:
        raise Refusal.of(NOT_GROUPED, None)
    return block.person


def _text(env: Environment, column: exp.Column) -> str:
    base = env.to_base(column)
    return base.sql() if base is not None else ""


def _tally(env: Environment, person: Person) -> frozenset[Dep]:
    found: set[Dep] = set()
    for unit in person.units:
        name = env.policy.datasets[unit.dataset].unit
        if name is not None:
            found.add(Dep(unit.instance, unit.dataset, name.lower(), Tally.TALLY))
    return frozenset(found)


def _filtered(call: exp.Expr, where: exp.Expr | None) -> exp.Expr:
    if where is None:
        return call.copy()
    return exp.Filter(this=call.copy(), expression=exp.Where(this=where.copy()))


def _conditions(env: Environment, call: exp.Expr, parts: list[Value], where: exp.Expr | None) -> list[exp.Expr]:
    """The rows that a statistic is about, where it is not about all of them: a union of these conditions."""
    found: list[exp.Expr] = []
    whole = True
    for part in parts:
        if part.level is not Level.ROW:
            continue
        found += [branch.copy() for branch in part.branches]
        whole = whole and part.whole
        if isinstance(call, exp.CountIf):
            found, whole = [part.node.copy()], False
        elif not found:
            required = part.plain is not None and part.plain.column in env.schema.tables[part.plain.dataset].required
            if part.plain is None or not required or part.plain.instance in env.nullable:
                found.append(exp.Not(this=exp.Is(this=exp.Paren(this=part.node.copy()), expression=exp.Null())))
                whole = False
    if found and whole:
        found.append(exp.true())
    if where is None:
        return found
    return [
        exp.And(this=exp.Paren(this=where.copy()), expression=exp.Paren(this=each)) for each in found or [exp.true()]
    ]


def _flag(env: Environment, person: Person, condition: exp.Expr) -> exp.Expr:
    """Has the person such rows; over base tables: the rows themselves."""
    count = exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=condition.copy()))
    test = exp.GT(this=count, expression=exp.Literal.number(0))
    name = _named(person, test)
    env.base[(person.alias, name)] = env.to_base(condition)
    return rewrite.column(name, person.alias)


def _several(
    env: Environment, person: Person, call: exp.Expr, column: exp.Column, tally: bool, where: exp.Expr | None
) -> tuple[exp.Expr, ...]:
    """What a sum of the statistic tells apart beside the number of people, or beside the sum of their rows."""
    if tally or isinstance(call, (exp.Sum, exp.Avg)):
        return ()  # the sum over people is the sum over their rows, each with a factor
    return _apart(_column(env, person, _filtered(exp.Count(this=exp.Star()), where)))[:1]


def _apart(rows: exp.Column) -> tuple[exp.Expr, exp.Expr]:
    """People with more than one row, and with other than two."""
    more = exp.GT(this=rows.copy(), expression=exp.Literal.number(1))
    return more, exp.Not(this=exp.In(this=rows.copy(), expressions=[exp.Literal.number(0), exp.Literal.number(2)]))


def _named(person: Person, node: exp.Expr) -> str:
    text = node.sql()
    if text not in person.columns:
        person.columns[text] = f"a{len(person.columns)}"
        person.grouped.append("expressions", exp.alias_(node.copy(), person.columns[text], quoted=True))
    return person.columns[text]


def _column(env: Environment, person: Person, node: exp.Expr) -> exp.Column:
    """The grouped subquery's column with a statistic; over base tables: a subquery with the statistic of whoever a row
    belongs to."""
    known = node.sql() in person.columns
    name = _named(person, node)
    if not known:
        env.base[(person.alias, name)] = _own(env, person, node)
    return rewrite.column(name, person.alias)


def _own(env: Environment, person: Person, node: exp.Expr) -> exp.Expr | None:
    alias = f"d{env.number()}"
    grouped = person.grouped.copy()
    columns = [each for each in grouped.expressions if not each.alias.startswith("a")]
    grouped.set("expressions", [*columns, exp.alias_(node.copy(), "a", quoted=True)])
    item = exp.Subquery(this=env.apart(grouped), alias=exp.TableAlias(this=rewrite.quoted(alias)))
    made = exp.Select(expressions=[rewrite.column("a", alias)]).from_(item, copy=False)
    for each in _telling(env, person, columns):
        outer = env.base[(person.alias, each.alias)]
        if outer is None:
            return None
        equal = exp.EQ if each.alias.startswith("u") else exp.NullSafeEQ
        made = made.where(equal(this=rewrite.column(each.alias, alias), expression=outer.copy()), copy=False)
    return exp.Subquery(this=made)


def _telling(env: Environment, person: Person, columns: list[exp.Expr]) -> list[exp.Expr]:
    """Of the keys of a grouped subquery, those that the others do not follow from: one unit, and the keys that are
    neither a unit nor from a table with one row per unit. Each further table in the comparison costs the engine."""
    instances = {unit.instance for unit in person.units}
    rest: list[exp.Expr] = []
    tables: set[str] = set()
    for each in columns:
        base = env.base[(person.alias, each.alias)]
        mine = {column.table for column in base.find_all(exp.Column)} if base is not None else set()
        if base is not None and mine <= instances and all(_follows(env, instance, base) for instance in mine):
            continue
        rest.append(each)
        tables |= mine
    place = next((place for place, unit in enumerate(person.units) if unit.instance in tables), 0)
    return [columns[place], *rest]


def _follows(env: Environment, instance: str, base: exp.Expr) -> bool:
    """Does whoever is in the table tell the value: it is the unit, or the table has one row per unit."""
    dataset = env.policy.datasets[env.datasets[instance]]
    unit = (dataset.unit or "").lower()
    if env.schema.tables[env.datasets[instance]].key == unit:
        return True
    return isinstance(base, exp.Column) and base.name.lower() in (unit, rewrite.UNIT)


def finished(block: Block, made: exp.Select, nodes: list[exp.Expr], node: exp.Expr) -> None:
    """Put the grouped subquery into FROM. Refuses outputs and conditions that are not made of keys and statistics."""
    person = _person(block)
    for each in nodes:
        if any(column.table != person.alias for column in each.find_all(exp.Column)):
            raise Refusal.of(NOT_GROUPED, node)
    made.set("joins", [])
    made.set("where", None)
    made.set("group", None)
    item = exp.Subquery(this=person.grouped, alias=exp.TableAlias(this=rewrite.quoted(person.alias)))
    made.set("from_", exp.From(this=item))
