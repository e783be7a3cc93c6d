"""One question of one sandbox, from who asks to what leaves: DESIGN's way of a query over the platform's records."""

import time
from typing import Any

from audit import AuditLog, EventName
from gateway.answer import Answer, Failed, Guard, Streaming, may_stream, stream, whole
from gateway.booking import HistoryBook
from gateway.decisions import DecisionCache
from gateway.dp_account import RecordedAccountant
from gateway.dp_sticky import Sticky, StickyMemory
from gateway.engine import Engine, Rows, Stop
from gateway.engines import EnginePool
from gateway.errors import AUDIT_UNAVAILABLE
from gateway.identity import Sandbox
from gateway.probing import ProbeMemory
from gateway.questions import Questions, digest
from gateway.standing import Standing, Standings, Terms
from policies.decision import Allowed, Decision, Footprint, Refused
from policies.errors import NOT_IN_ENGINE
from policies.explain import explained
from policies.ground import named
from policies.history import History
from store.database import Database
from store.errors import YurtError


class Desk:
    """Answers questions, several at once. Which may run when is `gateway.admission`'s to say."""

    def __init__(
        self,
        database: Database,
        audit: AuditLog,
        engines: EnginePool,
        standings: Standings,
        longest_s: float = float("inf"),
        questions: Questions | None = None,
    ) -> None:
        """`longest_s`: how long any query may run, whatever its policy says. `questions`: where their words are kept,
        if they are."""
        self._questions = questions
        self._audit, self._engines, self._standings, self._longest_s = audit, engines, standings, longest_s
        self._decisions, self._probes, self._noisy = DecisionCache(), ProbeMemory(), StickyMemory()
        self._book, self._database = HistoryBook(database), database

    def ask(self, sandbox: Sandbox, sql: str, stop: Stop | None = None) -> Answer | Streaming | Refused | Failed:
        """Answer one question. Raises NOT_A_MEMBER, NO_LIVE_GRANT and the like, before anything is looked at."""
        standing = self._standings.of(sandbox)
        began = time.perf_counter()
        decision, history, booking = self._book.decided(
            standing.reach, sandbox.username, lambda history: self._decided(sql, standing, history)
        )
        deciding_s = time.perf_counter() - began
        answered = False
        told: tuple[Footprint, ...] = ()
        try:
            given = self._computed(sandbox, sql, standing, decision, history, deciding_s, stop or Stop())
            answered = isinstance(given, (Answer, Streaming))
            told = given.footprint if isinstance(given, Answer) else ()
            return given
        finally:
            self._book.settle(booking, answered=answered, told=told)

    def refusal(self, sandbox: Sandbox, sql: str) -> Refused | None:
        """The refusal that the policy alone gives, recorded, without an engine: for those who would have to wait."""
        standing = self._standings.of(sandbox)
        decision = self._decided(sql, standing, self._book.history(standing.reach))
        if isinstance(decision, Allowed):
            return None
        self._record_decision(sandbox, standing, sql, decision)
        return decision

    def explain(self, sandbox: Sandbox, sql: str) -> dict[str, Any]:
        """The whole decision about a question, without running or booking it; recorded like any other."""
        standing = self._standings.of(sandbox)
        decision = self._decided(sql, standing, self._book.history(standing.reach))
        self._record_decision(sandbox, standing, sql, decision, explained=True)
        return explained(decision, standing.terms.policy, standing.terms.grants, sql)

    def tables(self, sandbox: Sandbox) -> list[dict[str, Any]]:
        """The tables the sandbox may use, the dialect to ask them in, and what may be done with each column."""
        terms = self._standings.of(sandbox).terms
        return [
            {
                "name": dataset.id,
                "title": dataset.title,
                "description": dataset.description,
                "dialect": terms.place.dialect,
                "columns": [
                    {
                        "name": column.name,
                        "type": column.data_type,
                        "allowed": terms.policy.datasets[dataset.id].columns[column.name.lower()].described(),
                    }
                    for column in dataset.columns
                ],
            }
            for dataset in terms.datasets
        ]

    def _decided(self, sql: str, standing: Standing, history: History) -> Decision:
        terms = standing.terms
        return self._decisions.decide(
            sql, terms.policy, terms.schema, version=terms.version, dialect=terms.place.dialect, user=standing.user,
            history=history,
        )  # fmt: skip

    def _computed(
        self, sandbox: Sandbox, sql: str, standing: Standing, decision: Decision, history: History, deciding_s: float,
        stop: Stop,
    ) -> Answer | Streaming | Refused | Failed:  # fmt: skip
        try:
            self._record_decision(sandbox, standing, sql, decision)
        except Exception:  # noqa: BLE001 -- whatever keeps the record from being written also keeps the query from running
            return Failed.because(AUDIT_UNAVAILABLE)
        if isinstance(decision, Refused):
            return decision
        terms = standing.terms
        try:
            engine: Engine = self._engines.at(terms.place, terms.files, terms.policy, standing.user)
        except YurtError as error:
            return Failed.because(error)
        guard = self._guard(decision, terms)
        if isinstance(guard, Refused):
            return guard
        given: Answer | Streaming | Refused | Failed
        if may_stream(decision.release):
            given = stream(decision, engine, deciding_s, stop, self._longest_s)
        else:
            accountant = RecordedAccountant(self._database, sandbox.project, sandbox.username)
            version = standing.terms.version
            given = whole(
                decision, engine, history, deciding_s, stop, self._longest_s, accountant,
                None if terms.place.dialect == "postgres" else self._probes,  # where data may change under one version
                version, Sticky(self._noisy, sandbox.project, version), guard,
            )  # fmt: skip
        try:
            if isinstance(given, Answer):
                self._record_release(sandbox, sql, rows=given.table.num_rows, suppressed=given.suppressed)
            elif isinstance(given, Streaming):
                self._record_release(sandbox, sql, rows=None, suppressed=0)
                return Streaming(self._watched(sandbox, sql, given.rows), given.footprint, given.lineage, given.elapsed)
        except Exception:  # noqa: BLE001 -- the same for what leaves
            if isinstance(given, Streaming):
                given.rows.close()
            return Failed.because(AUDIT_UNAVAILABLE)
        return given

    def _guard(self, decision: Allowed, terms: Terms) -> Guard | Refused | None:
        """What looks at earlier answers over tables that the project cannot use (any more), where it needs to: an
        engine that holds them too, and that no question of anybody's is run by. A refusal does not name them."""
        plan = decision.release
        compared = (each for pair in plan.pairs for each in (pair.one, pair.other))
        audited = (asked.footprint for audit in plan.audits for asked in audit.asked)
        counted = (member.footprint for crowd in plan.crowds for member in crowd.members)
        needed = {name for each in (*compared, *audited, *counted) for name in named(each)} - terms.files.keys()
        if not needed or terms.place.name:
            return None
        try:
            files = {**terms.files, **self._standings.files(needed)}
        except YurtError:
            return Refused.because(
                NOT_IN_ENGINE, what="A look at an earlier answer's rows", dialect=terms.place.dialect
            )
        return Guard(self._engines.engine(files), f"{terms.version} {sorted(map(str, files.values()))}")

    def _watched(self, sandbox: Sandbox, sql: str, rows: Rows) -> Rows:
        """The same rows, with a record of how many had left when they were closed."""
        left, outcome = 0, "ENGINE_CANCELLED"

        def counted() -> Any:
            nonlocal left, outcome
            try:
                for batch in rows:
                    left += batch.num_rows
                    yield batch
                outcome = "complete"
            except YurtError as error:
                outcome = error.code
                raise

        def close() -> None:
            rows.close()
            self._audit.append(
                EventName.QUERY_STREAMED,
                actor=sandbox.username,
                subject=sandbox.project,
                query=digest(sql),
                rows=left,
                outcome=outcome,
            )

        return Rows(rows.schema, counted(), close)

    def _record_decision(
        self, sandbox: Sandbox, standing: Standing, sql: str, decision: Decision, *, explained: bool = False
    ) -> None:
        """Digests, names and codes; the text itself may hold values somebody typed."""
        allowed = isinstance(decision, Allowed)
        if self._questions is not None and not explained:
            self._questions.keep(sandbox.project, sql)
        self._audit.append(
            EventName.QUERY_DECIDED,
            actor=sandbox.username,
            subject=sandbox.project,
            outcome="allow" if allowed else "refuse",
            code="" if isinstance(decision, Allowed) else decision.code,
            query=digest(sql),
            policy=standing.terms.policy.version,
            lineage=_lineage(decision) if isinstance(decision, Allowed) else [],
            explained=explained,
        )

    def _record_release(self, sandbox: Sandbox, sql: str, *, rows: int | None, suppressed: int | None) -> None:
        """Before anything leaves; `rows` is None where they are counted as they leave."""
        self._audit.append(
            EventName.QUERY_RELEASED,
            actor=sandbox.username,
            subject=sandbox.project,
            query=digest(sql),
            rows=rows,
            suppressed=suppressed,
        )


def _lineage(decision: Allowed) -> list[str]:
    """`dataset.column:how` of everything behind the answer."""
    return sorted(
        {
            f"{source.dataset}.{source.column}:{source.how}"
            for output in decision.lineage
            for source in (*output.sources, *output.influences)
        }
    )
