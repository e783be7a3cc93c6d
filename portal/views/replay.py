"""A project's questions against a changed policy: what an approver looks at before changing one."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import sqlglot
from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlglot.errors import SqlglotError

from audit import EventName
from audit.log import read_records
from catalog.datasets import Dataset, dataset
from catalog.people import Role, holds_role, person
from gateway.answer import Answer, whole
from gateway.duckdb import DuckDBEngine
from gateway.engine import Tables
from gateway.probing import ProbeMemory
from gateway.questions import Questions
from policies import replay as rules
from policies.decision import Allowed, Footprint, Refused
from policies.grants import live_grants, policy_text
from policies.history import History
from policies.load import load_policy
from policies.model import Policy
from policies.requests import project as project_of
from policies.schema import Schema
from portal.context import Platform
from portal.errors import NOT_VISIBLE
from store.errors import YurtError

MOST = 2_000
"""Questions of one replay, the newest."""
LOOKING_S = 30.0
"""How long the data is looked at for what earlier answers stand against; what is left then is taken as answered."""


def replay(platform: Platform, actor: str, project_id: str, text: str) -> dict[str, Any]:
    """{summary, questions, not_shown, earlier_answers} for an approver of the project's data; recorded.

    `not_shown`: questions that name data of agencies for which the person does not decide. `earlier_answers`: whether
    each question was weighed beside those before it: `all`, `some` (there was no time for more) or `none` (the data is
    not kept in files, or nothing is granted now). Raises POLICY_INVALID, PROJECT_UNKNOWN, NOT_VISIBLE.
    """
    policy = load_policy(text)
    with platform.database.reading() as session:
        found_project = project_of(session, project_id)
        owned = _decided_by(session, actor)
        _check_decides(session, actor, project_id, owned, set(policy.datasets))
        foreign = {name.lower() for name in session.scalars(select(Dataset.id))} - owned
        holding = policy
        if granted := bool(live_grants(session, project_id)):
            holding = load_policy(policy_text(session, found_project)[0])
        schema = _schema(session, holding, policy)
        asked = list(questions(platform, session, project_id))
        elsewhere = {name.lower() for each in platform.settings.engines.values() for name in each.datasets}
        mine = (set(policy.datasets) | set(holding.datasets)) & owned
        files = {name: platform.data / dataset(session, name).current.file for name in sorted(mine)}
    shown = [each for each in asked if not _names(each.sql) & foreign]
    weighed = "none"
    if not granted or not files or elsewhere & mine:
        found = list(rules.replayed(shown, policy, schema))
    else:
        with _Guard(files) as guard:
            found = list(rules.replayed_in_order(shown, policy, schema, guard, holding))
        weighed = "some" if guard.late else "all"
    counts = rules.summary(each.change for each in found)
    platform.audit.append(
        EventName.POLICY_REPLAYED, actor=actor, subject=project_id, policy=policy.version, **counts
    )  # fmt: skip
    return {
        "summary": counts,
        "questions": [rules.line(each) for each in found],
        "not_shown": len(asked) - len(shown),
        "earlier_answers": weighed,
    }


class _Guard(ExitStack):
    """Looks at the data for what earlier answers stand against, as long as there is time. Nothing of it is shown."""

    def __init__(self, files: dict[str, Path]) -> None:
        super().__init__()
        self._engine = self.enter_context(DuckDBEngine(Tables(files=files)))
        self._memory = ProbeMemory()
        self._until, self.late = time.monotonic() + LOOKING_S, False

    def __call__(self, decision: Allowed) -> Sequence[Footprint] | Refused:
        if not decision.footprint or decision.release.private is not None:
            return ()
        left = self._until - time.monotonic()
        if left > 0:
            found = whole(decision, self._engine, History(), longest_s=left, memory=self._memory)
            if isinstance(found, Refused):
                return found
            if isinstance(found, Answer):
                return found.footprint
        self.late = True  # what cannot be looked at here counts as told
        return [changed(each, withheld=()) for each in decision.footprint]


def policy(platform: Platform, actor: str, project_id: str) -> str:
    """The policy file that holds for the project today, for an approver of its data to change and replay.

    Raises PROJECT_UNKNOWN, NOT_VISIBLE, NO_LIVE_GRANT.
    """
    with platform.database.reading() as session:
        found = project_of(session, project_id)
        _check_decides(session, actor, project_id, _decided_by(session, actor), set())
        return policy_text(session, found)[0]


def questions(platform: Platform, session: Session, project_id: str) -> Iterator[rules.Asked]:
    """The project's questions whose words were kept, as they were first asked, with the last decision about each text
    of each person."""
    texts = Questions(platform.settings.home / "questions")
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for record in read_records(platform.audit.path):
        if record["event"] == EventName.QUERY_DECIDED and record["subject"] == project_id:
            last[(record["actor"], record["details"]["query"])] = record
    for (username, name), record in list(last.items())[-MOST:]:
        sql = texts.text(project_id, name)
        if sql is None:
            continue
        user = {"username": username, "agency": person(session, username).agency_id}
        where = {"number": record["index"], "time": record["time"], "person": username}
        yield rules.Asked(sql, str(record["details"]["code"]), user, where)


def _check_decides(session: Session, actor: str, project_id: str, owned: set[str], more: set[str]) -> None:
    """Raise NOT_VISIBLE unless one of the person's datasets is granted to the project or is among `more`."""
    named = {grant.dataset_id.lower() for grant in live_grants(session, project_id)}
    if not owned & (named | more):
        raise YurtError(NOT_VISIBLE, person=actor, what=f"the questions of project {project_id}")


def _decided_by(session: Session, actor: str) -> set[str]:
    """The datasets about which the person decides."""
    found = session.execute(select(Dataset.id, Dataset.agency_id))
    return {name.lower() for name, agency in found if holds_role(session, actor, Role.APPROVER, agency)}


def _schema(session: Session, *policies: Policy) -> Schema:
    names = {each.name.lower(): each.name for policy in policies for each in policy.datasets.values()}
    described = [dataset(session, name) for name in names.values()]
    return Schema.from_mapping({each.id: {c.name: c.data_type for c in each.columns} for each in described})


def _names(sql: str) -> set[str]:
    """The words of a text that could name a table; quoted ones too."""
    try:
        return {token.text.lower() for token in sqlglot.tokenize(sql, dialect="duckdb")}
    except SqlglotError:
        return {sql.lower()}
