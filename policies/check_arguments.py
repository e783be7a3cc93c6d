"""What every rule asks of a node's arguments, and what coarsens a label."""

from dataclasses import replace

from sqlglot import exp

from policies.errors import CONSTRUCT_NOT_ALLOWED, TYPE_MISMATCH
from policies.functions import FLAGS
from policies.grain import Bucket, DateUnit
from policies.labels import Value
from policies.refusal import Refusal


def only(node: exp.Expr, *names: str) -> None:
    """Refuse a node that carries anything but these arguments and known flags."""
    for name, given in node.args.items():
        if given and name not in names and name not in FLAGS:
            raise Refusal.of(
                CONSTRUCT_NOT_ALLOWED, node, what=f"{node.key.upper()} with {name}", hint="Leave that part out."
            )


def numeric(found: Value, node: exp.Expr) -> None:
    """Refuse what is no number."""
    if found.kind not in ("int", "num", "any"):
        raise Refusal.of(TYPE_MISMATCH, node, left=found.kind, right="number")


def coarse(result: Value, column: Value, grain: Bucket | DateUnit) -> Value:
    """`result` tells `column` only at `grain`."""
    return replace(result, deps=column.coarsened(grain).deps)
