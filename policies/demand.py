"""Demands: what a clause asks of the columns a value depends on."""

from collections.abc import Iterable

from sqlglot import exp

from policies.errors import COLUMN_NOT_USABLE, ROWS_NOT_ALLOWED, USE_NOT_ALLOWED
from policies.grain import Tally
from policies.labels import Dep, Level, Value
from policies.model import ColumnPolicy, Mode, Policy, Use
from policies.refusal import Refusal


def column_of(policy: Policy, dep: Dep) -> ColumnPolicy:
    """The policy of a dependency's column."""
    return policy.datasets[dep.dataset].columns[dep.column]


def readable(policy: Policy, dep: Dep) -> bool:
    """May its rows be shown: then whatever is computed from it tells nothing new."""
    return policy.datasets[dep.dataset].release.mode is Mode.ROWS and column_of(policy, dep).readable


def all_readable(policy: Policy, deps: Iterable[Dep]) -> bool:
    """May the rows of all of them be shown."""
    return all(readable(policy, dep) for dep in deps)


def may_tally(policy: Policy, dep: Dep) -> bool:
    """May rows of one unit be told to belong together: by whoever may join or count by it."""
    return any(permits(policy, Dep(dep.instance, dep.dataset, dep.column), use) for use in (Use.COUNT, Use.JOIN))


def permits(policy: Policy, dep: Dep, use: Use) -> bool:
    """Does the policy allow `use`, directly or because it allows something that tells more."""
    if dep.grain is Tally.TALLY:
        return use in (Use.FILTER, Use.GROUP, Use.AGGREGATE, Use.COUNT) and may_tally(policy, dep)
    column = column_of(policy, dep)
    if column.allows(use, dep.grain):
        return True
    if readable(policy, dep) and (use in (Use.GROUP, Use.COUNT) or (use is not Use.JOIN and column.mask is None)):
        return True  # who may have the rows can compute it himself; a masked column is not searched by its mask
    if use is Use.AGGREGATE:  # a sum over what may be a group key follows from the groups
        return column.allows(Use.GROUP, dep.grain)
    if use is Use.COUNT:
        return column.allows(Use.GROUP, dep.grain)
    return False


def chosen_freely(policy: Policy, dep: Dep) -> bool:
    """Can one know the value of single rows, or choose rows by it."""
    column = column_of(policy, dep)
    if dep.grain is Tally.TALLY:
        return True
    return readable(policy, dep) or any(column.allows(use, dep.grain) for use in (Use.GROUP, Use.FILTER))


def weights(policy: Policy, one: Value, other: Value) -> tuple[exp.Expr, ...] | None:
    """The known factors of a product of two values of rows: with few different ones, such a sum and a plain one tell
    the rows of each apart. None where a known column and a hidden one are mixed in a factor."""
    sides = [[chosen_freely(policy, dep) for dep in side.deps] for side in (one, other)]
    every = [known for side in sides for known in side]
    if all(every) or not any(every):
        return ()
    if any(any(side) and not all(side) for side in sides):
        return None
    return tuple(side.node for side, known in zip((one, other), sides, strict=True) if known and all(known))


def demand(policy: Policy, deps: Iterable[Dep], use: Use, node: exp.Expr) -> None:
    """Refuse unless every one of `deps` may be used so."""
    for dep in sorted(deps, key=str):
        if not permits(policy, dep, use):
            raise _not_allowed(policy, dep, use, node)


def demand_present(policy: Policy, deps: Iterable[Dep], node: exp.Expr) -> None:
    """Refuse unless one may know of each of `deps` whether it is NULL (count(x), x IS NULL)."""
    for dep in sorted(deps, key=str):
        column = column_of(policy, dep)
        if not column.readable and not any(held.use is not Use.JOIN for held in column.capabilities):
            raise _not_allowed(policy, dep, Use.COUNT, node)


def demand_rows(policy: Policy, value: Value, node: exp.Expr) -> None:
    """Refuse unless the value may be shown row by row."""
    if value.level is not Level.ROW:
        return
    for dep in sorted(value.all_deps, key=str):
        dataset = policy.datasets[dep.dataset]
        if dataset.release.mode is not Mode.ROWS and column_of(policy, dep).usable:
            raise rows_refused(policy, dep.dataset, node)
        if not readable(policy, dep):
            raise _not_allowed(policy, dep, Use.READ, node)


def rows_refused(policy: Policy, dataset: str, node: exp.Expr | None) -> Refusal:
    """A dataset was asked for rows that gives groups only."""
    described = policy.datasets[dataset]
    return Refusal.of(
        ROWS_NOT_ALLOWED,
        node,
        rule=f"{described.name}.release.mode: {described.release.mode}",
        dataset=described.name,
        min_group=described.release.min_group,
        unit=described.unit or "rows",
    )


def _not_allowed(policy: Policy, dep: Dep, use: Use, node: exp.Expr) -> Refusal:
    dataset = policy.datasets[dep.dataset]
    column = column_of(policy, dep)
    name = f"{dataset.name}.{column.name}"
    if not column.usable:
        return Refusal.of(COLUMN_NOT_USABLE, node, rule=f"{name}: []", column=name)
    held = [each for each in column.capabilities if each.use is use and each.grain is not None]
    asked = f" at {dep.grain}" if dep.grain is not None else (" by its exact value" if held else "")
    return Refusal.of(
        USE_NOT_ALLOWED,
        node,
        rule=f"{name}: {column.described()}",
        column=name,
        use=use,
        grain=asked,
        allowed=column.described(),
    )
