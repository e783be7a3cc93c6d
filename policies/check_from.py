"""FROM and JOIN: which rows come in, under which labels."""

from dataclasses import replace
from decimal import Decimal

from sqlglot import exp

from policies import decision, dp_rows, rewrite
from policies.check_predicate import chosen_by, constant, parsed_date
from policies.environment import RESERVED, Block, Environment
from policies.errors import (
    COLUMN_UNKNOWN,
    CONSTRUCT_NOT_ALLOWED,
    JOIN_UNCONNECTED,
    TABLE_UNKNOWN,
)
from policies.labels import Level, Value, combined, common_kind
from policies.lists import Joined, Listing, Mixed
from policies.model import Mode
from policies.refusal import Refusal
from policies.resolve import SCHEMAS, Relation, Scope, Source, Unit
from policies.row_sets import MAX_CONSTANTS
from policies.schema import Table

MAX_SERIES = 10_000


def from_clause(env: Environment, block: Block, select: exp.Select) -> tuple[exp.Expr | None, list[exp.Expr]]:
    """The rewritten FROM item and joins; sources, links and conditions go into `block`."""
    first = select.args.get("from_")
    if first is None:
        if select.args.get("joins") or select.args.get("laterals"):
            raise Refusal.of(CONSTRUCT_NOT_ALLOWED, select, what="A join without FROM", hint="Start with FROM.")
        return None, []
    item = source(env, block, first.this)
    joins: list[exp.Expr] = [_join(env, block, node) for node in select.args.get("joins") or []]
    joins += [exp.Join(this=source(env, block, node), kind="CROSS") for node in select.args.get("laterals") or []]
    return item, joins


def connected(env: Environment, block: Block, node: exp.Expr) -> None:
    """Refuse protected tables that no allowed equality ties together: their product counts pairs, not people.

    A table that gives its rows away may stand beside them unconnected: it repeats people and adds none, and every
    comparison across tables is still checked on its own.
    """
    groups = [
        units
        for units in classes(block, units_only=False)
        if any(env.policy.datasets[unit.dataset].release.mode is not Mode.ROWS for unit in units)
    ]
    if len(groups) > 1:
        raise Refusal.of(JOIN_UNCONNECTED, node)


def classes(block: Block, units_only: bool = True) -> list[list[Unit]]:
    """Table occurrences in classes: those whose units (or any keys) are equated."""
    group = {unit.instance: unit.instance for unit in block.units}

    def root(name: str) -> str:
        while group[name] != name:
            name = group[name]
        return name

    for one, other, units in block.links:
        if one in group and other in group and (units or not units_only):
            group[root(one)] = root(other)
    found: dict[str, list[Unit]] = {}
    for unit in block.units:
        found.setdefault(root(unit.instance), []).append(unit)
    return list(found.values())


def _join(env: Environment, block: Block, node: exp.Join) -> exp.Expr:
    method = (node.args.get("method") or "").upper()
    for name, given in node.args.items():
        if given and name not in ("this", "side", "kind", "on", "using", "method"):
            raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what=f"{str(given).upper()} JOIN", hint="Write JOIN … ON.")
    if method and not (method == "NATURAL" or (method == "ASOF" and env.harmless)):
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what=f"{method} JOIN", hint="Write JOIN … ON.")
    side, kind = (node.args.get("side") or "").upper(), (node.args.get("kind") or "").upper()
    if side not in ("", "LEFT", "RIGHT", "FULL") or kind not in ("", "INNER", "OUTER", "CROSS"):
        raise Refusal.of(
            CONSTRUCT_NOT_ALLOWED, node, what=f"{side} {kind} JOIN", hint="Use JOIN, LEFT JOIN, EXISTS or IN."
        )
    before, units, links = len(block.scope.sources), len(block.units), len(block.links)
    lists = len(block.joined)
    if side and isinstance(node.this, exp.Lateral) and not env.harmless:
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what=f"{side} JOIN LATERAL", hint="Write CASE WHEN … END.")
    kept, tied = block.lists | {unit.instance for unit in block.units}, len(block.mixed)
    item = source(env, block, node.this)
    new = (block.lists | {unit.instance for unit in block.units}) - kept
    if method == "NATURAL" and not all(
        env.policy.datasets[each.dataset].release.mode is Mode.ROWS for each in block.units
    ):
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="NATURAL JOIN of people", hint="Write JOIN … ON.")
    made = exp.Join(this=item, side=side or None, kind=kind if kind == "CROSS" else None)
    alone = side == "LEFT" and len(block.units) == units and len(block.joined) > lists  # it adds to no row and no one
    if side:
        block.padded = block.padded or not alone
        left, right = ({unit.instance for unit in part} for part in (block.units[:units], block.units[units:]))
        env.nullable |= right if side == "LEFT" else left if side == "RIGHT" else left | right
    condition = node.args.get("on")
    if method == "ASOF":
        made.set("method", method)
    using = _natural(block, node, before) if method == "NATURAL" else node.args.get("using")
    if using:
        condition = _using(env, block, using, before, side)
    conditions, unsaid = len(block.conditions), len(block.unsaid)
    if condition is not None:
        made.set("on", chosen_by(env, block, condition))
        if side:  # it takes no row away
            block.matched += block.conditions[conditions:]
            del block.conditions[conditions:]
    elif not kind:
        made.set("kind", "CROSS")
    if alone:
        block.joined[-1].on = made.args.get("on") or exp.true()
        del block.unsaid[unsaid:]
    elif side in ("RIGHT", "FULL"):  # it gives rows to lists
        if block.joined and not env.harmless and any(_protected(env, unit) for unit in block.units):
            hint = "Put the people first, and use LEFT JOIN."
            raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what=f"{side} JOIN of people with a list", hint=hint)
        block.described = block.described and all(each.exact for each in block.joined)
        block.joined.clear()
    if side:  # whether they are there depends on all that is asked
        missing = new if side == "LEFT" else kept if side == "RIGHT" else kept | new
        env.outer |= missing & block.lists
        for rows, at, _ in block.mixed[tied:]:
            block.mixed += [Mixed(rows | {name}, at) for name in sorted(missing)]
        dp_rows.outer_join(env, block.units[:units], block.units[units:], block.links[links:], node)
    return made


def _protected(env: Environment, unit: Unit) -> bool:
    return env.policy.datasets[unit.dataset].release.mode is not Mode.ROWS


def _natural(block: Block, node: exp.Join, before: int) -> list[exp.Expr]:
    """The columns that both sides have; refused where one is not granted, since then other rows would match."""
    new = block.scope.sources[before]
    before_it = block.scope.sources[:before]
    left = [name for each in before_it for name in (*each.columns, *sorted(each.unusable | each.unnamed))]
    right = {*new.columns, *new.unusable, *new.unnamed}
    shared = [name for name in dict.fromkeys(left) if name in right]
    hidden = frozenset().union(*(each.unusable | each.unnamed for each in block.scope.sources[: before + 1]))
    if not shared or hidden & set(shared):
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="NATURAL JOIN here", hint="Write JOIN … ON.")
    return [exp.to_identifier(new.shown[name]) for name in shared]


def _using(env: Environment, block: Block, using: list[exp.Expr], before: int, side: str) -> exp.Expr:
    parts: list[exp.Expr] = []
    new = block.scope.sources[before]
    for name in using:
        key = name.name.lower()
        left = next((each for each in block.scope.sources[:before] if key in each.columns), None)
        if left is None or key not in new.columns:
            raise Refusal.of(COLUMN_UNKNOWN, name)
        parts.append(
            exp.EQ(
                this=exp.Column(this=name.copy(), table=exp.to_identifier(left.name)),
                expression=exp.Column(this=name.copy(), table=exp.to_identifier(new.name)),
            )
        )
        sides = left.columns[key], new.columns[key]
        if side == "FULL":
            known = block.scope.merged.get(key, sides[0])
            either = exp.Coalesce(this=known.node, expressions=[sides[1].node])
            block.scope.merged[key] = combined(either, env.common((known.kind, sides[1].kind)), (known, sides[1]))
        else:
            block.scope.merged[key] = sides[1] if side == "RIGHT" else block.scope.merged.get(key, sides[0])
    return exp.and_(*parts, copy=False) if len(parts) > 1 else parts[0]


def source(env: Environment, block: Block, node: exp.Expr) -> exp.Expr:
    """One FROM item: adds it to the scope and gives its rewritten form."""
    if isinstance(node, exp.Table):
        return _table(env, block, node)
    if isinstance(node, exp.Subquery) and node.this.args.get("joins") and not isinstance(node.this, exp.Query):
        return _bracketed(env, block, node)
    if isinstance(node, exp.Subquery):
        _no_more(node, "this", "alias")
        alias = node.args.get("alias")
        relation = env.query(env, node.this, Scope(parent=block.scope.parent, ctes=block.scope.ctes), inside=True)
        return _derived(env, block, relation, alias, exp.Subquery(this=relation.query))
    if isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
        _no_more(node, "this", "alias")
        relation = env.query(env, node.this.this, block.scope, inside=True)
        return _derived(env, block, relation, node.args.get("alias"), exp.Subquery(this=relation.query), lateral=True)
    if isinstance(node, exp.Values):
        return _values(env, block, node)
    raise Refusal.of(
        CONSTRUCT_NOT_ALLOWED, node, what=f"{node.key.upper()} in FROM", hint="Name a table or a subquery."
    )


def _bracketed(env: Environment, block: Block, node: exp.Subquery) -> exp.Expr:
    """`(a JOIN b ON …)` as one side of a join."""
    inner = node.this.copy()
    joins = inner.args["joins"]
    inner.set("joins", None)
    named = any(each.args.get("using") or each.args.get("method") for each in joins)
    if not env.harmless or node.args.get("alias") or (named and block.scope.sources):
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="Joins in parentheses", hint="Write them one after another.")
    item = source(env, block, inner)
    item.set("joins", [_join(env, block, each) for each in joins])
    return exp.Subquery(this=item)


def _no_more(node: exp.Expr, *names: str) -> None:
    for name, given in node.args.items():
        if given and name not in names:
            raise Refusal.of(
                CONSTRUCT_NOT_ALLOWED, node, what=f"{node.key.upper()} with {name}", hint="Leave that part out."
            )


def _table(env: Environment, block: Block, node: exp.Table) -> exp.Expr:
    if isinstance(node.this, exp.GenerateSeries):
        return _series(env, block, node)
    if not isinstance(node.this, exp.Identifier):
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="A table function", hint="Name a table of the project.")
    _no_more(node, "this", "db", "alias")
    name, schema = node.name.lower(), node.args.get("db")
    cte = block.scope.cte(name) if schema is None else None
    if cte is not None and cte.units and cte.definition is not None:  # rows: each use has occurrences of its own
        body, scope = cte.definition
        again = env.query(env, body, scope, inside=True)
        again.renames = cte.renames
        return _derived(env, block, again, node.args.get("alias") or node.this, exp.Subquery(this=again.query))
    if cte is not None:
        return _derived(env, block, cte, node.args.get("alias") or node.this, exp.Table(this=rewrite.quoted(cte.name)))
    known = schema is None or schema.name.lower() in SCHEMAS
    dataset, table = env.policy.datasets.get(name), env.schema.tables.get(name)
    if not known or dataset is None or table is None:
        raise Refusal.of(TABLE_UNKNOWN, node)
    instance = f"t{env.number()}"
    columns = rewrite.governed(env, dataset, table, instance)
    if dataset.rows is not None:
        filtered = (dataset.columns[each.name.lower()].name for each in dataset.rows.find_all(exp.Column))
        block.chosen_by |= {decision.Source(dataset.name, column, "filter") for column in filtered}
    alias = node.args.get("alias")
    if alias is not None and alias.columns:
        columns = _renamed(columns, table, [each.name for each in alias.columns], node)
    called = alias.name.lower() if alias is not None else name
    units = () if env.harmless else (Unit(instance, name, rewrite.column(rewrite.UNIT, instance)),)
    silent = env.starred and env.dialect != "duckdb"  # columns without a form in this dialect are left out
    unusable = frozenset(
        key for key, each in dataset.columns.items() if not each.usable or (silent and key not in columns)
    )
    unnamed = frozenset(column.lower() for column in table.columns) - dataset.columns.keys()
    written = _written(columns, alias)
    _add(block, node, Source(called, columns, written, units, unusable, dataset.name, unnamed=unnamed))
    return rewrite.occurrence(env, instance)


def _renamed(columns: dict[str, Value], table: Table, names: list[str], node: exp.Expr) -> dict[str, Value]:
    """`t AS x(a, b)`: the table's first columns under other names; refused where one of them is not granted."""
    given = dict(zip((name.lower() for name in table.columns), names, strict=False))
    if len(names) > len(table.columns) or any(name not in columns for name in given):
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="Renaming these columns", hint="Rename them with AS.")
    made = {given.get(name, name).lower(): value for name, value in columns.items()}
    if len(made) < len(columns):
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="Two columns of one name", hint="Rename one with AS.")
    return made


def _written(columns: dict[str, Value], alias: exp.Expr | None) -> dict[str, str]:
    """Names as the query or the table writes them, by lower-case name."""
    named = {each.name.lower(): each.name for each in alias.columns} if isinstance(alias, exp.TableAlias) else {}
    return {key: named.get(key, value.node.name) for key, value in columns.items()}


def _add(block: Block, node: exp.Expr, made: Source) -> None:
    if any(each.name == made.name for each in block.scope.sources if made.name):
        raise Refusal.of(CONSTRUCT_NOT_ALLOWED, node, what="Naming two tables alike", hint="Give each its own alias.")
    block.scope.sources.append(made)
    block.units += made.units


def _derived(
    env: Environment,
    block: Block,
    relation: Relation,
    alias: exp.Expr | None,
    tree: exp.Expr,
    lateral: bool = False,
) -> exp.Expr:
    instance = f"d{env.number()}"
    renamed = [each.name for each in alias.columns] if isinstance(alias, exp.TableAlias) else []
    renamed = renamed or list(relation.renames)
    columns: dict[str, Value] = {}
    shown: dict[str, str] = {}
    here = {unit.instance for unit in block.units}
    for place, (name, value) in enumerate(relation.columns.items()):
        called = renamed[place] if place < len(renamed) else name
        if called.lower() in columns:
            raise Refusal.of(CONSTRUCT_NOT_ALLOWED, alias, what="Two columns of one name", hint="Rename one with AS.")
        env.base[(instance, name)] = env.to_base(value.node) if value.level is Level.ROW else None
        own = not relation.units and not (lateral and value.level is Level.ROW and value.instances & here)
        listed = (instance, name) if own else value.listed
        if listed is not None:
            env.listed[(instance, name)] = listed
        elif value.rows:
            env.veiled.add((instance, name))
        columns[called.lower()] = replace(
            value,
            node=rewrite.column(name, instance),
            aggregates=frozenset(),
            listed=listed,
            rows=frozenset({instance}) if own else value.rows,
            branches=_flags(env, value.branches, instance),
            mixed=_flags(env, value.mixed, instance),
            weights=_flags(env, value.weights, instance),
        )
        shown[called.lower()] = called
    if not relation.units:
        own_rows = None if lateral else relation.rows
        env.lists[instance] = Listing(own_rows, frozenset() if relation.single else relation.unique, not lateral)
        block.lists.add(instance)
        if lateral:
            looked_at = frozenset(dep.instance for dep in relation.influence) | relation.outside
            block.mixed.append(Mixed(looked_at | {instance}, tree))
    else:
        block.lists |= relation.lists
        block.ties += relation.ties
        block.mixed += relation.mixed
    units: list[Unit] = []
    for unit in relation.units:
        hidden = f"{RESERVED}{unit.instance}"
        env.base[(instance, hidden)] = env.to_base(unit.node)
        units.append(Unit(unit.instance, unit.dataset, rewrite.column(hidden, instance)))
    block.influence |= relation.influence
    block.links += relation.links
    block.conditions += relation.conditions
    block.constants |= relation.constants
    block.chosen_by |= relation.chosen_by
    if relation.units or lateral:
        block.described = block.described and relation.exact
    else:
        block.joined.append(Joined(instance, tree, relation.exact))
    block.personal = block.personal or relation.personal
    block.several += _flags(env, relation.several, instance)
    called = alias.name.lower() if alias is not None else ""
    _add(block, tree, Source(called, columns, shown, tuple(units), single=relation.single))
    tree.set("alias", exp.TableAlias(this=rewrite.quoted(instance)))
    return exp.Lateral(this=tree, alias=tree.args.pop("alias")) if lateral else tree


def _flags(env: Environment, flags: tuple[exp.Expr, ...], instance: str) -> tuple[exp.Expr, ...]:
    """The hidden columns of a derived table that carry the conditions behind a value's choices."""
    found: list[exp.Expr] = []
    for flag in flags:
        env.base[(instance, flag.alias)] = env.to_base(flag.this)
        found.append(rewrite.column(flag.alias, instance))
    return tuple(found)


def _values(env: Environment, block: Block, node: exp.Values) -> exp.Expr:
    _no_more(node, "expressions", "alias")
    instance, rows = f"d{env.number()}", []
    kinds: list[list[str]] = []
    reach = Decimal(1)
    for row in node.expressions:
        cells = [
            env.value(env, Block(Scope()), each) for each in (row.expressions if isinstance(row, exp.Tuple) else [row])
        ]
        if any(cell.level is not Level.CONSTANT for cell in cells) or (kinds and len(cells) != len(kinds)):
            raise Refusal.of(
                CONSTRUCT_NOT_ALLOWED, node, what="VALUES with anything but constants", hint="List constants."
            )
        kinds = (
            [[*(kinds[place] if kinds else []), cell.kind] for place, cell in enumerate(cells)]
            if not kinds
            else [[*kinds[place], cell.kind] for place, cell in enumerate(cells)]
        )
        reach = max(reach, *(cell.reach for cell in cells))
        rows.append(exp.Tuple(expressions=[cell.node for cell in cells]))
    alias = node.args.get("alias")
    given = [each.name for each in alias.columns] if alias is not None else []
    names = [given[place] if place < len(given) else f"col{place}" for place in range(len(kinds))]
    _constants(
        env,
        block,
        node,
        instance,
        alias.name if alias is not None else "",
        {n: common_kind(k) for n, k in zip(names, kinds, strict=True)},
        [dict(zip(names, row.expressions, strict=True)) for row in rows],
        reach,
    )
    return exp.Values(
        expressions=rows,
        alias=exp.TableAlias(this=rewrite.quoted(instance), columns=[rewrite.quoted(name) for name in names]),
    )


def _series(env: Environment, block: Block, node: exp.Table) -> exp.Expr:
    series = node.this
    _no_more(node, "this", "alias")
    bounds = [series.args.get(name) for name in ("start", "end", "step")]
    kind = "int"
    if series.args.get("step") is not None and _days(series) is not None:
        kind, bounds = "time", []
    for bound in bounds:
        number = bound.this if isinstance(bound, exp.Neg) else bound
        if number is not None and not (
            isinstance(number, exp.Literal) and number.is_int and int(number.this) <= MAX_SERIES
        ):
            raise Refusal.of(
                CONSTRUCT_NOT_ALLOWED, node, what="A series that is computed or long", hint="Use small constants."
            )
    alias = node.args.get("alias")
    given = [each.name for each in alias.columns] if alias is not None else []
    name = given[0] if given else ("range" if series.args.get("is_end_exclusive") else "generate_series")
    instance = f"d{env.number()}"
    _constants(
        env, block, node, instance, alias.name if alias is not None else name, {name: kind}, _numbers(series, name)
    )
    return exp.Table(
        this=series.copy(), alias=exp.TableAlias(this=rewrite.quoted(instance), columns=[rewrite.quoted(name)])
    )


def _numbers(series: exp.Expr, name: str) -> list[dict[str, exp.Expr]] | None:
    """The rows of a short series of whole numbers."""
    bounds = [
        constant(Value(series.args[part])) if series.args.get(part) else None for part in ("start", "end", "step")
    ]
    start, end, step = bounds[0], bounds[1], bounds[2] if series.args.get("step") is not None else Decimal(1)
    if start is None or end is None or not step:
        return None
    last = end + (0 if series.args.get("is_end_exclusive") else step / abs(step))
    numbers = range(int(start), int(last), int(step))
    if len(numbers) > MAX_CONSTANTS:
        return None
    return [{name: rewrite.literal(number)} for number in numbers]


_UNIT_DAYS = {"DAY": 1, "WEEK": 7, "MONTH": 28, "QUARTER": 90, "YEAR": 365}


def _days(series: exp.Expr) -> int | None:
    """About how many entries a series of dates has; None where it is none, or a long one."""
    start, end = (parsed_date(series.args[name]) for name in ("start", "end"))
    step = series.args["step"]
    if start is None or end is None or not isinstance(step, exp.Interval) or not isinstance(step.this, exp.Literal):
        return None
    width = _UNIT_DAYS.get(step.args["unit"].name.upper().rstrip("S")) if isinstance(step.unit, exp.Var) else None
    if width is None or not step.this.name.isdecimal() or int(step.this.name) < 1:
        return None
    count = abs((end - start).days) // (width * int(step.this.name))
    return count if count <= MAX_SERIES else None


def _constants(
    env: Environment, block: Block, node: exp.Expr, instance: str, called: str, kinds: dict[str, str],
    rows: list[dict[str, exp.Expr]] | None, reach: Decimal = Decimal(1),
) -> None:  # fmt: skip
    columns: dict[str, Value] = {}
    if rows is not None:
        env.constants[instance] = rows
        block.constants.add(instance)
    for name, kind in kinds.items():
        env.base[(instance, name)] = rewrite.column(name, instance) if rows is not None else None
        env.listed[(instance, name)] = (instance, name)
        columns[name.lower()] = Value(
            rewrite.column(name, instance), Level.RELEASED, kind, listed=(instance, name), rows=frozenset({instance}),
            reach=reach,
        )  # fmt: skip
    series = isinstance(node, exp.Table)  # whose numbers differ
    env.lists[instance] = Listing(tuple(rows) if rows is not None else None, frozenset(kinds) if series else None)
    block.lists.add(instance)
    block.described = block.described and rows is not None
    _add(block, node, Source(called.lower(), columns, {name.lower(): name for name in kinds}))
