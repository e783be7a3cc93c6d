"""The door: SQL, policy and history in; one decision out. Pure."""

import logging
import traceback
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from sqlglot import exp

from policies import history as past
from policies.check import Checked, check
from policies.decision import Allowed, Decision, OutputColumn, Refused, ReleasePlan, Source
from policies.dialects import DIALECTS, said
from policies.dp_finish import private_plan
from policies.errors import CHECK_FAILED, NOT_IN_ENGINE, SQL_INVALID, SQL_TOO_DEEP
from policies.history import History
from policies.last import masked_last
from policies.model import Mode, Policy
from policies.refusal import Refusal, bracketed
from policies.schema import Schema
from policies.suggest import candidates

_log = logging.getLogger(__name__)
NOBODY: Mapping[str, object] = MappingProxyType({})


def decide(
    sql: str,
    policy: Policy,
    schema: Schema,
    *,
    dialect: str = "duckdb",
    user: Mapping[str, object] = NOBODY,
    history: History | None = None,
    suggest: bool = True,
    now: datetime | None = None,
) -> Decision:
    """May `sql` be answered under `policy`, and how. Never raises for anything in `sql`.

    `user` holds the attributes row filters may name; `history` what was answered before. A refusal carries the nearest
    query that passes, checked by this very function, unless `suggest` is off. `now` is the moment the query means by
    CURRENT_DATE (default: this one); it is written into what is executed and remembered, so that whom an answer was
    about does not change with the clock.
    """
    now = now or datetime.now().astimezone()
    decision = _decide(sql, policy, schema, dialect, user, history or History(), now)
    stumbled = isinstance(decision, Refused) and decision.code == CHECK_FAILED.name
    if isinstance(decision, Refused) and suggest and dialect in DIALECTS and not stumbled:
        for candidate in candidates(sql, decision, policy, schema, dialect):
            if isinstance(_decide(candidate, policy, schema, dialect, user, history or History(), now), Allowed):
                return replace(decision, suggestion=candidate)
    return decision


def _decide(
    sql: str,
    policy: Policy,
    schema: Schema,
    dialect: str,
    user: Mapping[str, object],
    history: History,
    now: datetime,
) -> Decision:
    if dialect not in DIALECTS:
        return Refused.because(SQL_INVALID, dialect=dialect)
    try:
        return _allowed(check(sql, policy, schema, dialect, user, now), policy, dialect, history)
    except Refusal as refusal:
        return replace(refusal.refused, span=bracketed(sql, refusal.refused.span))
    except (RecursionError, MemoryError):
        return Refused.because(SQL_TOO_DEEP, limit=0)
    except Exception as error:  # noqa: BLE001 -- what nobody thought of is refused, like all that has no rule
        _log.error("the check failed: %s at %s", type(error).__name__, _place(error))
        return Refused.because(CHECK_FAILED)


def _place(error: BaseException) -> str:
    """Where it was raised; its text may quote the query."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def _ordered(sources: frozenset[Source]) -> tuple[Source, ...]:
    return tuple(sorted(sources, key=lambda source: (source.dataset, source.column, source.how)))


def _allowed(checked: Checked, policy: Policy, dialect: str, history: History) -> Decision:
    env, relation = checked.environment, checked.relation
    if dialect != "duckdb" and policy.shared & set(env.datasets.values()):  # other projects' terms do not hold there
        return Refused.because(NOT_IN_ENGINE, what="A history of all projects", dialect=dialect)
    quiet = frozenset(env.meta["compared"] - env.meta["told"])
    comparison = past.compare(env.footprints, history, policy, env.meta["shown"], quiet)
    if isinstance(comparison, Refused):
        return comparison
    rules = [policy.datasets[name].release for name in sorted(set(env.datasets.values()))] or [policy.release]
    strictest = max(rules, key=lambda rule: (rule.mode is not Mode.ROWS, rule.min_group))
    max_rows = min(rule.max_rows for rule in rules)
    private = private_plan(env, checked.tree, max_rows)
    names = tuple(name.rpartition(":")[0] if ":" in name else name for name in relation.columns)
    plan = ReleasePlan(
        mode=Mode.DP if private else strictest.mode,
        min_group=strictest.min_group,
        max_rows=max_rows,
        timeout_s=min(rule.timeout_s for rule in rules),
        visible=len(names),
        guards=tuple(dict.fromkeys(env.guards)),
        pairs=comparison.pairs,
        audits=comparison.audits,
        crowds=comparison.crowds,
        withheld=comparison.withheld,
        nested=bool(env.meta["nested"]),
        uncounted=bool(env.meta["uncounted"]),
        private=private,
    )
    tree = checked.tree if private else _capped(checked.tree, max_rows)
    last = masked_last(env, tree) if plan.mode is Mode.ROWS and len(names) == len(tree.expressions) else None
    return Allowed(
        sql=";\n".join(each.sql for each in private.releases) if private else said(tree, dialect, last=True),
        columns=names,
        release=plan,
        lineage=tuple(
            OutputColumn(name, _ordered(value.sources), _ordered(relation.chosen_by))
            for name, value in zip(names, relation.columns.values(), strict=True)
        ),
        footprint=tuple(
            replace(each, withheld=None if each in comparison.audited else (), weighed=each in quiet)
            for each in dict.fromkeys(env.footprints)
        ),
        pseudonyms=tuple(sorted(env.labels)),
        tables=tuple(sorted(set(env.datasets.values()))),
        masked_last=last,
    )


def _capped(tree: exp.Expr, max_rows: int) -> exp.Expr:
    """One row more than may leave, so that the release guard can tell that there were too many."""
    if tree.args.get("limit") is None:
        tree.set("limit", exp.Limit(expression=exp.Literal.number(max_rows + 1)))
    return tree
