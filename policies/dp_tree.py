"""What a tree over protected rows may name: its own tables, and never a noisy one."""

from sqlglot import exp

from policies.environment import RESERVED
from policies.errors import DP_UNSUPPORTED
from policies.refusal import Refusal


def closed(tree: exp.Expr, node: exp.Expr) -> exp.Expr:
    """`tree`, the engine's query of a release. Refuses one that reads a noisy table or columns from outside."""
    names = {each.alias_or_name for each in tree.find_all(exp.Subquery, exp.Table, exp.Values, exp.Lateral)}
    for each in tree.find_all(exp.Table):
        if each.name.startswith(RESERVED):
            raise nested(node)
    for column in tree.find_all(exp.Column):
        if column.table not in names:
            raise nested(node)
    return tree


def nested(node: exp.Expr) -> Refusal:
    """The refusal of a statistic about a statistic."""
    return Refusal.of(
        DP_UNSUPPORTED, node, what="A statistic computed from protected rows and another statistic",
        hint="Ask for the inner statistic first, and write its value into the query.",
    )  # fmt: skip
