"""PIVOT and UNPIVOT in other words: a crosstab is an aggregate per constant, its opposite a UNION of columns.

Nothing is decided here. Without constants the columns of a PIVOT would depend on the data; such a one stays as it is,
and the check refuses it.
"""

from collections.abc import Sequence

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

_BEFORE = (
    Token(TokenType.SELECT, "SELECT"), Token(TokenType.STAR, "*"), Token(TokenType.FROM, "FROM"),
    Token(TokenType.L_PAREN, "("),
)  # fmt: skip
_AFTER = Token(TokenType.R_PAREN, ")")
_TAIL = (TokenType.ORDER_BY, TokenType.LIMIT, TokenType.OFFSET, TokenType.SEMICOLON)
_PIVOTS = (TokenType.PIVOT, TokenType.UNPIVOT)
_OTHERS = (TokenType.SELECT, TokenType.FROM, TokenType.VALUES)


def as_select(tokens: Sequence[Token]) -> list[Token]:
    """`WITH … PIVOT … ORDER BY k` as `WITH … SELECT * FROM (PIVOT …) ORDER BY k`: the parser knows no statement but a
    SELECT behind WITH, and no end of a PIVOT."""
    depth, start = 0, None
    for place, token in enumerate(tokens):
        depth += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
        if depth:
            continue
        begins = token.token_type in _PIVOTS and (place == 0 or tokens[place - 1].token_type == TokenType.R_PAREN)
        if start is None and begins and tokens[0].token_type in (*_PIVOTS, TokenType.WITH):
            start = place
        elif start is None and token.token_type in _OTHERS:
            break
        elif start is not None and token.token_type in _TAIL:
            return [*tokens[:start], *_BEFORE, *tokens[start:place], _AFTER, *tokens[place:]]
    return list(tokens) if start is None else [*tokens[:start], *_BEFORE, *tokens[start:], _AFTER]


def crosstabs(tree: exp.Expr) -> exp.Expr:
    """The tree, changed in place, with each PIVOT and UNPIVOT that can be written as a SELECT."""
    whole = exp.Paren(this=tree)
    for pivot in reversed(list(whole.find_all(exp.Pivot))):
        statement = pivot.arg_key == "this"
        made = (_unpivot if pivot.args.get("unpivot") else _pivot)(pivot) if statement else None
        if made is not None:
            pivot.replace(made)
        elif not statement:
            _clause(pivot)
    found: exp.Expr = whole.this.pop()
    return found


def unwritten(pivot: exp.Pivot) -> tuple[str, str]:
    """What a PIVOT or UNPIVOT that stayed as it is is called, and how it could be written instead."""
    if pivot.args.get("unpivot"):
        return "Such an UNPIVOT", "Write UNPIVOT t ON a, b INTO NAME n VALUE v, with plain columns."
    if all(isinstance(each, exp.In) for each in pivot.expressions):
        return "Such a PIVOT", "Write count(*) FILTER (WHERE …) for each column, and GROUP BY."
    return "A PIVOT whose columns depend on data", "Name them: PIVOT t ON c IN ('a', 'b') USING count(*) GROUP BY k."


def _given(pivot: exp.Pivot) -> set[str]:
    return {name for name, given in pivot.args.items() if given}


def _pivot(pivot: exp.Pivot) -> exp.Select | None:
    """`PIVOT t ON c IN (…) USING sum(x) GROUP BY k`."""
    if _given(pivot) - {"this", "expressions", "using", "group"}:
        return None
    return _crosstab(pivot.this, pivot.expressions, pivot.args.get("using") or [], pivot.args.get("group"))


def _unpivot(pivot: exp.Pivot) -> exp.Expr | None:
    """`UNPIVOT t ON a, b INTO NAME n VALUE v`: for each of the columns, its name beside its value."""
    into = pivot.args.get("into")
    if _given(pivot) - {"this", "expressions", "unpivot", "into"} or into is None or len(into.expressions) != 1:
        return None
    return _columns(pivot.this, pivot.expressions, into.this.name, into.expressions[0].name)


def _clause(pivot: exp.Pivot) -> None:
    """`t PIVOT (sum(x) FOR c IN (…) GROUP BY k)` and `t UNPIVOT (v FOR n IN (a, b))` as a subquery."""
    source = pivot.parent
    if source is None or len(source.args.get("pivots") or []) != 1:
        return
    fields = pivot.args.get("fields") or []
    plain = source.copy()
    plain.set("pivots", None)
    made: exp.Expr | None = None
    if pivot.args.get("unpivot"):
        listed = len(fields) == 1 and isinstance(fields[0], exp.In) and len(pivot.expressions) == 1
        if listed and not _given(pivot) - {"expressions", "fields", "unpivot", "alias"}:
            made = _columns(plain, fields[0].expressions, fields[0].this.name, pivot.expressions[0].name)
    elif not _given(pivot) - {"expressions", "fields", "group", "alias", "columns", "pivot_column_naming"}:
        made = _crosstab(plain, fields, pivot.expressions, pivot.args.get("group"))
    if made is not None:
        alias = pivot.args.get("alias")
        source.replace(exp.Subquery(this=made, alias=alias.copy() if alias is not None else None))


def _columns(source: exp.Expr, columns: list[exp.Expr], name: str, value: str) -> exp.Expr | None:
    """One SELECT per column, put together; NULL values are left out, as DuckDB leaves them out."""
    if not name or not value or not columns or not all(isinstance(each, exp.Column) for each in columns):
        return None
    parts: list[exp.Expr] = []
    for each in columns:
        rest = exp.Star(except_=[exp.to_identifier(column.name) for column in columns])
        shown = [rest, exp.alias_(exp.Literal.string(each.name), name), exp.alias_(exp.column(each.name), value)]
        made = exp.Select(expressions=shown).from_(source.copy(), copy=False)
        parts.append(made.where(exp.Not(this=exp.Is(this=exp.column(each.name), expression=exp.null())), copy=False))
    whole = parts[0]
    for each in parts[1:]:
        whole = exp.union(whole, each, distinct=False, copy=False)
    return whole


def _crosstab(
    source: exp.Expr, fields: list[exp.Expr], calls: list[exp.Expr], group: exp.Expr | None
) -> exp.Select | None:
    """One aggregate per constant, each over its rows; grouped by `group`, or by whatever else the source has."""
    if len(fields) != 1 or not isinstance(fields[0], exp.In) or not calls or not fields[0].expressions:
        return None
    subject = fields[0].this
    columns: list[exp.Expr] = []
    for each in fields[0].expressions:
        value = each.this if isinstance(each, exp.PivotAlias) else each
        if not isinstance(value, (exp.Literal, exp.Boolean)):
            return None
        called = value.name if isinstance(value, exp.Literal) else str(value.this).lower()
        named = each.args["alias"].name if isinstance(each, exp.PivotAlias) else called
        for call in calls:
            inner = call.this if isinstance(call, exp.Alias) else call
            if not isinstance(inner, exp.AggFunc) or (len(calls) > 1 and not isinstance(call, exp.Alias)):
                return None
            chosen = exp.Where(this=exp.EQ(this=subject.copy(), expression=value.copy()))
            name = f"{named}_{call.alias}" if isinstance(call, exp.Alias) else named
            columns.append(
                exp.alias_(exp.Filter(this=inner.copy(), expression=chosen), exp.to_identifier(name, quoted=True))
            )
    if group is not None:
        keys: list[exp.Expr] = [each.copy() for each in group.expressions]
    else:
        used = [subject, *(column for call in calls for column in call.find_all(exp.Column))]
        keys = [exp.Star(except_=[exp.to_identifier(name) for name in dict.fromkeys(each.name for each in used)])]
    made = exp.Select(expressions=[*keys, *columns]).from_(source.copy(), copy=False)
    made.set("group", exp.Group(all=True))
    return made
