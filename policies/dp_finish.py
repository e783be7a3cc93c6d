"""The whole plan: releases, and SQL over their noisy tables that must not touch a protected row any more."""

from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp

from policies.dialects import said
from policies.dp_calibrate import calibrated
from policies.dp_plan import Budget, Charge, Draft, NoisyOutput, PrivatePlan, Release
from policies.dp_tree import nested
from policies.environment import Environment
from policies.errors import DP_MODES_MIXED, DP_UNSUPPORTED
from policies.model import Mode
from policies.refusal import Refusal

MAX_RELEASES = 8


def private_plan(env: Environment, tree: exp.Expr, max_rows: int) -> PrivatePlan | None:
    """The plan of a query whose rewritten tree is `tree`; None where nothing in it is released with noise. A plan uses
    the tree up."""
    _no_protected_rows(env, tree)
    read = {each.name for each in tree.find_all(exp.Table)}
    drafts = [draft for draft in env.drafts if draft.table in read]  # not those of common tables nobody reads
    if not drafts:
        return None
    if len(drafts) > MAX_RELEASES:
        raise Refusal.of(DP_UNSUPPORTED, tree, what=f"More than {MAX_RELEASES} groupings", hint="Ask in parts.")
    names = sorted({name for name in env.datasets.values() if env.policy.datasets[name].release.mode is Mode.DP})
    terms = [env.policy.datasets[name].release.privacy for name in names]
    if env.footprints or env.guards:
        other = min(set(env.datasets.values()) - set(names))
        raise Refusal.of(
            DP_MODES_MIXED, tree, dataset=env.policy.datasets[names[0]].name, other=env.policy.datasets[other].name
        )
    releases = tuple(calibrated(draft, env.dialect, len(drafts)) for draft in drafts)
    if tree.args.get("limit") is None:
        tree.set("limit", exp.Limit(expression=exp.Literal.number(max_rows + 1)))
    outputs = tuple(_noisy_outputs(tree, releases))
    return PrivatePlan(
        releases=releases,
        finish=said(tree, env.dialect, last=True),
        dialect=env.dialect,
        datasets=tuple(env.policy.datasets[name].name for name in names),
        budgets=tuple(Budget.of(each) for each in terms if each is not None),
        cost=sum((release.cost for release in releases), Charge()),
        outputs=outputs,
        notes=tuple(dict.fromkeys(note for pair in zip(drafts, releases, strict=True) for note in _notes(*pair))),
    )


def _notes(draft: Draft, release: Release) -> Iterator[str]:
    """What a reader of the numbers must know about them."""
    rows = "one row" if draft.rows == 1 else f"{draft.rows} rows"
    where = f" in at most {draft.groups} groups," if draft.keys else ""
    yield f"Every {draft.unit} counts{where} with at most {rows}{' in each' if draft.keys else ''}."
    if release.threshold is not None:
        yield f"Groups of fewer than about {release.threshold} {draft.unit} do not appear."


def _no_protected_rows(env: Environment, tree: exp.Expr) -> None:
    """Every table left in the tree gives rows away, or guards its groups itself."""
    for each in tree.find_all(exp.Subquery):
        name = env.datasets.get(each.alias)
        if name is not None and env.policy.datasets[name].release.mode is Mode.DP:
            raise nested(tree)


def _noisy_outputs(tree: exp.Expr, releases: Sequence[Release]) -> Iterator[NoisyOutput]:
    """Outputs that are one estimate as it is, through subqueries and common tables."""
    if not isinstance(tree, exp.Select):
        return
    inner = {each.alias: each.this for each in tree.find_all(exp.CTE, exp.Subquery) if each.alias}
    called = {each.alias: each.name for each in tree.find_all(exp.Table) if each.alias and each.name in inner}
    selects: dict[str, exp.Expr] = {**inner, **{alias: inner[name] for alias, name in called.items()}}
    for place, output in enumerate(tree.expressions):
        found = _origin(output, selects, releases, 0)
        if found is not None:
            yield NoisyOutput(place, *found)


def _origin(
    node: exp.Expr, selects: Mapping[str, exp.Expr], releases: Sequence[Release], depth: int
) -> tuple[int, int] | None:
    while isinstance(node, (exp.Alias, exp.Paren)):
        node = node.this
    if not isinstance(node, exp.Column) or depth > len(selects):
        return None
    for number, release in enumerate(releases):
        if node.table == release.table:
            columns = [estimate.column for estimate in release.estimates]
            return (number, columns.index(node.name)) if node.name in columns else None
    select = selects.get(node.table)
    if not isinstance(select, exp.Select):
        return None
    for output in select.expressions:
        if output.alias_or_name == node.name:
            return _origin(output, selects, releases, depth + 1)
    return None
