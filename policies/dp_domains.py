"""Public domains of group keys: where every key has one, groups without rows appear too and nothing is thresholded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import prod
from typing import Any

from sqlglot import exp

from policies import rewrite
from policies.dp_rows import private
from policies.environment import Environment
from policies.errors import DP_UNSUPPORTED
from policies.labels import Value
from policies.refusal import Refusal

MAX_CELLS = 10_000
_TYPES: dict[str, exp.DType] = {
    "text": exp.DType.TEXT, "int": exp.DType.BIGINT, "num": exp.DType.DOUBLE, "bool": exp.DType.BOOLEAN,
    "date": exp.DType.DATE,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Domain:
    """The public values of one key, of one kind (`schema.kind_of`)."""

    members: tuple[Any, ...]
    kind: str

    def values(self, alias: str) -> exp.Expr:
        """As a table with the column v."""
        rows = [exp.Tuple(expressions=[rewrite.cast(_constant(member), _TYPES[self.kind])]) for member in self.members]
        return exp.Values(
            expressions=rows, alias=exp.TableAlias(this=rewrite.quoted(alias), columns=[rewrite.quoted("v")])
        )


def domains(env: Environment, keys: Sequence[Value]) -> list[Domain] | None:
    """The domain of every key; None where one has none. Refuses more groups than can be shown."""
    found = [_domain(env, key) for key in keys]
    known = [each for each in found if each is not None]
    if len(known) < len(found):
        return None
    if everything(known) > MAX_CELLS:
        raise Refusal.of(
            DP_UNSUPPORTED, keys[0].node, what=f"More than {MAX_CELLS} groups at once", hint="Group by fewer columns."
        )
    return known


def everything(known: Sequence[Domain]) -> int:
    """How many groups there are."""
    return prod(len(domain.members) for domain in known)


def within(node: exp.Expr, domain: Domain) -> exp.Expr:
    """Is the key in its domain."""
    listed = [rewrite.cast(_constant(each), _TYPES[domain.kind]) for each in domain.members if each is not None]
    missing = exp.Is(this=exp.Paren(this=node.copy()), expression=exp.Null())
    if not listed:
        return missing
    inside = exp.In(this=exp.Paren(this=node.copy()), expressions=listed)
    return exp.Paren(this=exp.Or(this=inside, expression=missing)) if None in domain.members else inside


def _domain(env: Environment, key: Value) -> Domain | None:
    """A plain, unmasked column of a protected table whose policy lists its values."""
    base = env.to_base(key.node) if isinstance(key.node, exp.Column) else None
    if not isinstance(base, exp.Column) or base.table not in env.datasets:
        return None
    dataset = env.policy.datasets[env.datasets[base.table]]
    described = dataset.columns.get(base.name.lower())
    terms = dataset.release.privacy
    if terms is None or not private(env, dataset.name.lower()) or described is None or described.mask is not None:
        return None
    members, kind = terms.domain_of(base.name), key.kind
    if members is None or kind not in _TYPES:
        return None
    if any(not _fits(member, kind) for member in members):
        raise Refusal.of(
            DP_UNSUPPORTED, key.node, rule=f"{dataset.name}.release.domains",
            what=f"Grouping by {base.name}, whose domain lists values of another type,",
            hint="Ask an approver to correct the domain in the policy.",
        )  # fmt: skip
    return Domain(members, kind)


def _fits(member: Any, kind: str) -> bool:
    if member is None:
        return True
    if kind == "text":
        return isinstance(member, str)
    if kind == "bool":
        return isinstance(member, bool)
    if kind == "date":
        return isinstance(member, date)
    whole = isinstance(member, int) and not isinstance(member, bool)
    return whole or (kind == "num" and isinstance(member, float))


def _constant(member: Any) -> exp.Expr:
    if member is None:
        return exp.Null()
    if isinstance(member, date):
        return exp.Literal.string(member.isoformat())
    if isinstance(member, float):
        return rewrite.literal(repr(member))
    return rewrite.literal(member)
