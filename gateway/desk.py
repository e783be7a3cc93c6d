"""One question of one sandbox, from who asks to what leaves: DESIGN's way of a query over the platform's records."""

import hashlib
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit import AuditLog, EventName
from catalog.datasets import Dataset
from catalog.people import person
from gateway.answer import Answer, Failed, answer
from gateway.answered import history_of, remember
from gateway.engines import EnginePool
from gateway.identity import Sandbox
from policies.decide import decide
from policies.decision import Allowed, Decision, Refused
from policies.grants import policy_of
from policies.model import Policy
from policies.requests import check_member, project
from policies.schema import Schema
from store.database import Database


@dataclass(frozen=True, slots=True)
class Standing:
    """What a sandbox may do right now."""

    policy: Policy
    schema: Schema
    datasets: tuple[Dataset, ...]
    user: Mapping[str, object]


class Desk:
    """Answers questions. Queries of one project take turns: two that ran at once could each be compared with a history
    that lacks the other."""

    def __init__(self, database: Database, audit: AuditLog, engines: EnginePool, data: Path) -> None:
        self._database, self._audit, self._engines, self._data = database, audit, engines, data
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._book = threading.Lock()

    def ask(self, sandbox: Sandbox, sql: str) -> Answer | Refused | Failed:
        """Answer one question. Raises NOT_A_MEMBER, NO_LIVE_GRANT and the like, before anything is looked at."""
        with self._turn(sandbox.project):
            standing = self._standing(sandbox)
            with self._database.reading() as session:
                history = history_of(session, sandbox.project)
            files = {dataset.id: self._data / dataset.current.file for dataset in standing.datasets}
            given = answer(
                sql,
                standing.policy,
                standing.schema,
                self._engines.engine(files),
                history,
                standing.user,
                record=lambda text, decision: self._record_decision(sandbox, standing, text, decision),
            )
            if isinstance(given, Answer):
                self._record_release(sandbox, sql, given)
                with self._database.session() as session:
                    remember(session, sandbox.project, sandbox.username, history, given.history)
            return given

    def explain(self, sandbox: Sandbox, sql: str) -> Decision:
        """The decision about a question, without running it; recorded like any other."""
        standing = self._standing(sandbox)
        with self._database.reading() as session:
            history = history_of(session, sandbox.project)
        decision = decide(sql, standing.policy, standing.schema, user=standing.user, history=history)
        self._record_decision(sandbox, standing, sql, decision, explained=True)
        return decision

    def tables(self, sandbox: Sandbox) -> list[dict[str, Any]]:
        """The tables the sandbox may use and what may be done with each column."""
        standing = self._standing(sandbox)
        return [
            {
                "name": dataset.id,
                "title": dataset.title,
                "description": dataset.description,
                "columns": [
                    {
                        "name": column.name,
                        "type": column.data_type,
                        "allowed": standing.policy.datasets[dataset.id].columns[column.name.lower()].described(),
                    }
                    for column in dataset.columns
                ],
            }
            for dataset in standing.datasets
        ]

    def _standing(self, sandbox: Sandbox) -> Standing:
        with self._database.reading() as session:
            check_member(session, sandbox.project, sandbox.username)
            policy, datasets = policy_of(session, project(session, sandbox.project))
            types = {dataset.id: {column.name: column.data_type for column in dataset.columns} for dataset in datasets}
            for dataset in datasets:
                _ = dataset.versions  # read while the session is open
            user = {"username": sandbox.username, "agency": person(session, sandbox.username).agency_id}
        return Standing(policy, Schema.from_mapping(types), tuple(datasets), user)

    @contextmanager
    def _turn(self, project_id: str) -> Iterator[None]:
        with self._book:  # or two first questions at once could each be given a lock of their own
            turn = self._turns[project_id]
        with turn:
            yield

    def _record_decision(
        self, sandbox: Sandbox, standing: Standing, sql: str, decision: Decision, *, explained: bool = False
    ) -> None:
        """Digests, names and codes; the text itself may hold values somebody typed."""
        allowed = isinstance(decision, Allowed)
        self._audit.append(
            EventName.QUERY_DECIDED,
            actor=sandbox.username,
            subject=sandbox.project,
            outcome="allow" if allowed else "refuse",
            code="" if isinstance(decision, Allowed) else decision.code,
            query=_digest(sql),
            policy=standing.policy.version,
            lineage=_lineage(decision) if isinstance(decision, Allowed) else [],
            explained=explained,
        )

    def _record_release(self, sandbox: Sandbox, sql: str, given: Answer) -> None:
        self._audit.append(
            EventName.QUERY_RELEASED,
            actor=sandbox.username,
            subject=sandbox.project,
            query=_digest(sql),
            rows=given.table.num_rows,
            suppressed=given.suppressed,
        )


def _digest(sql: str) -> str:
    return hashlib.sha256(sql.encode()).hexdigest()


def _lineage(decision: Allowed) -> list[str]:
    """`dataset.column:how` of everything behind the answer."""
    return sorted(
        {f"{source.dataset}.{source.column}:{source.how}" for output in decision.lineage for source in output.sources}
    )
