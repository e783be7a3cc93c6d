"""What the engine gets instead of a base table: a filtered, masked, pruned subquery. Built as trees, never as text."""

import json
from collections.abc import Mapping

from sqlglot import exp

from masking.operators import OPERATORS, Operator, Result
from masking.operators.finishing import feed
from policies.decision import Source
from policies.dialects import MASKED_TEXT, POSTGRES, ROW_NUMBER, SPARK, collated, sayable
from policies.environment import RESERVED, ROW, Environment, Masked
from policies.errors import USER_ATTRIBUTE_MISSING
from policies.labels import Dep, Level, Value
from policies.load import attribute_of
from policies.model import ColumnPolicy, DatasetPolicy, Mode
from policies.refusal import Refusal
from policies.schema import Table

UNIT = f"{RESERVED}unit"
_MASKED_KINDS = {Result.TEXT: "text", Result.DATE: "date", Result.NUMBER: "num"}


def quoted(name: str) -> exp.Identifier:
    """An identifier, always quoted: no spelling of a name can become something else."""
    return exp.to_identifier(name, quoted=True)


def column(name: str, table: str) -> exp.Column:
    """`"table"."name"`."""
    return exp.Column(this=quoted(name), table=quoted(table))


def cast(node: exp.Expr, kind: exp.DType) -> exp.Expr:
    """`node`, which belongs to nothing else, as a type. sqlglot's own `cast` copies it."""
    if isinstance(node, exp.Cast) and node.to == exp.DataType(this=kind):
        return node
    return exp.Cast(this=node, to=exp.DataType(this=kind))


def meet(select: exp.Select, item: exp.Expr) -> None:
    """Put one more table into `select`, whose every row meets every row. sqlglot's own `join` parses its kind."""
    if select.args.get("from_") is None:
        select.set("from_", exp.From(this=item))
    else:
        select.append("joins", exp.Join(this=item, kind="CROSS"))


def literal(value: object) -> exp.Expr:
    """A user attribute as a typed constant."""
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, int):
        return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))
    return exp.Literal.string(str(value))


def row_filter(dataset: DatasetPolicy, user: Mapping[str, object]) -> exp.Expr | None:
    """The dataset's row filter with the user's attributes bound as constants."""
    if dataset.rows is None:
        return None

    def bound(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Placeholder):
            name = attribute_of(node)
            if user.get(name) is None:
                raise Refusal.of(USER_ATTRIBUTE_MISSING, dataset=dataset.name, attribute=name)
            return literal(user[name])
        if isinstance(node, exp.Column):
            return column(dataset.columns[node.name.lower()].name, ROW)
        return node

    return dataset.rows.copy().transform(bound)


def governed(env: Environment, dataset: DatasetPolicy, table: Table, instance: str) -> dict[str, Value]:
    """Build the subquery behind `instance` and label its columns; the tree is kept in `env.governed`."""
    name = dataset.name.lower()
    outputs: list[exp.Expr] = []
    columns: dict[str, Value] = {}
    for key, described in dataset.columns.items():
        kind = table.kind(key)
        if kind is None or not described.usable or not (env.starred or key in env.mentioned):
            continue
        real = table.written(key) or key
        made, how = column(real, ROW), "value"
        if described.mask is not None:
            masked = _masked(env, described, made, (instance, real))
            if key not in env.mentioned and not sayable(masked, env.dialect):
                continue  # a star leaves it out; who names it is told
            kind, how = (
                _MASKED_KINDS.get(OPERATORS[described.mask.operator].gives(dict(described.mask.arguments)), kind),
                "masked",
            )
        else:
            masked = made
        dep = Dep(instance, name, key)
        columns[key] = Value(
            column(real, instance), Level.ROW, kind, frozenset({dep}), plain=dep, degree=1,
            sources=frozenset({Source(dataset.name, real, how)}),
        )  # fmt: skip
        env.base[(instance, real)] = column(real, instance)
        if env.dialect == POSTGRES and kind == "text":
            masked = collated(masked)
        outputs.append(exp.Alias(this=masked, alias=quoted(real)))
    if not env.harmless:
        outputs.append(exp.Alias(this=_unit(dataset, table, env.dialect), alias=quoted(UNIT)))
        env.base[(instance, UNIT)] = column(UNIT, instance)
    elif not outputs:  # rows are counted, and nothing else of them is used
        outputs.append(exp.Alias(this=exp.true(), alias=quoted(UNIT)))
    tree = exp.Select(expressions=outputs).from_(
        exp.Table(this=quoted(table.name), alias=exp.TableAlias(this=quoted(ROW))), copy=False
    )
    condition = row_filter(dataset, env.user)
    if condition is not None:
        tree = tree.where(condition, copy=False)
    if dataset.release.mode is Mode.DP:  # what belongs to nobody cannot be bounded by whose it is
        unit = _unit(dataset, table, env.dialect)
        tree = tree.where(exp.Not(this=exp.Is(this=unit, expression=exp.Null())), copy=False)
    env.governed[instance] = tree
    env.datasets[instance] = name
    return columns


def _unit(dataset: DatasetPolicy, table: Table, dialect: str) -> exp.Expr:
    if dataset.unit is None:  # each row is its own unit
        if dialect == SPARK:
            return exp.Anonymous(this=ROW_NUMBER, expressions=[])
        return exp.Window(this=exp.RowNumber(), over="OVER")
    return column(table.written(dataset.unit.lower()) or dataset.unit, ROW)


def _masked(env: Environment, described: ColumnPolicy, plain: exp.Column, at: tuple[str, str]) -> exp.Expr:
    if described.mask is None:
        return plain
    operator, arguments = OPERATORS[described.mask.operator], dict(described.mask.arguments)
    if "scope" in operator.arguments.model_fields:  # keys differ between projects, so pseudonyms cannot be linked
        arguments["scope"] = scope_label(env.policy.project, str(arguments.get("scope", "default")))
        env.labels.add(arguments["scope"])
    read = feed(operator, plain, arguments) if env.dialect == "duckdb" else None
    if read is not None:
        env.masked[at] = Masked(operator.name, arguments, read)
    return mask_of(operator, arguments, plain, env.dialect)


def mask_of(operator: Operator, arguments: Mapping[str, object], plain: exp.Column, dialect: str) -> exp.Expr:
    """The mask over a column. One of a text that `dialect` has no words for is named instead, to be looked up."""
    made: exp.Expr = operator.sql(plain, arguments)
    if dialect == "duckdb" or operator.keyed or sayable(made, dialect):
        return made
    if operator.gives(arguments) is not Result.TEXT or operator.parse(arguments).beside():
        return made
    told = (operator.name, json.dumps(arguments, sort_keys=True))
    return exp.Anonymous(
        this=MASKED_TEXT, expressions=[exp.cast(plain, exp.DType.TEXT), *(exp.Literal.string(each) for each in told)]
    )


def scope_label(project: str, scope: str) -> str:
    """The key label of a project's pseudonyms."""
    return f"{project}.{scope}"


def occurrence(env: Environment, instance: str) -> exp.Expr:
    """The governed subquery as a FROM item."""
    return exp.Subquery(this=env.governed[instance].copy(), alias=exp.TableAlias(this=quoted(instance)))


def pruned(tree: exp.Expr) -> exp.Expr:
    """`tree` with only those columns of its governed subqueries that it uses: so it reads the same whatever else the
    query that it is taken from names."""
    used = {(each.table, each.name) for each in tree.find_all(exp.Column)}
    for each in tree.find_all(exp.Subquery):
        table = (
            each.this.args["from_"].this if isinstance(each.this, exp.Select) and each.this.args.get("from_") else None
        )
        if isinstance(table, exp.Table) and table.alias == ROW:
            kept = [output for output in each.this.expressions if (each.alias, output.alias) in used]
            each.this.set("expressions", kept or each.this.expressions[:1])
    return tree
