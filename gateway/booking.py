"""Who may still be told apart: each answer is booked in its project's history before it is computed.

Two answers that are computed at once must be compared with each other, or a pair that differs by one person could slip
through. So a query is decided and its footprint booked in one critical section, against everything booked before, and
only then computed, next to others. Of any two answers the one booked later was compared with the earlier one, as if
that told every cell. Before an answer leaves, what was withheld from it is noted; so a question asked again has the
same cells withheld, and one that is being answered is waited for. What was booked and not answered is taken out again;
after a crash it stays, which refuses too much and never too little.

Where a policy says so, answers to all projects over a dataset count (`Reach`). They are booked under their own project
all the same: a statistic that another project was told is booked once more, with the same cells withheld.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gateway.answered import Answered, Reach, answered, forget, remember, settled, stamp_of
from policies.decision import Allowed, Decision, Footprint
from policies.history import History
from store.database import Database

_Name = tuple[str, Footprint]
_KEPT = 256
"""Histories kept ready, one per project and its shared datasets."""


@dataclass(slots=True)
class _Pending:
    """An entry no answer has left for yet, and how many queries count on it."""

    entry: int
    claims: int
    open: bool  # which cells will leave is not known before the answer is


@dataclass(frozen=True, slots=True)
class Booking:
    """One decided query's place in the history. Settle it exactly once."""

    names: tuple[_Name, ...]


class HistoryBook:
    """The histories of all projects. One section for all of them: what happens inside takes milliseconds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._section = threading.Condition()
        self._histories: dict[Reach, tuple[tuple[object, ...], Answered]] = {}
        self._seen: dict[Reach, int | None] = {}  # the records' state when a history was last found to be whole
        self._pending: dict[_Name, _Pending] = {}

    def history(self, reach: Reach) -> History:
        """Everything answered or about to be answered that counts."""
        return self._answered(reach)[1].history

    def _answered(self, reach: Reach) -> tuple[tuple[object, ...], Answered]:
        """That, and the stamp it was read under."""
        changes = self._database.changes()
        seen, known = self._seen.get(reach), self._histories.get(reach)
        if known is not None and seen is not None and seen == changes:
            return known
        with self._database.reading() as session:
            stamp = stamp_of(session, reach)
            found = known[1] if known is not None and known[0] == stamp else answered(session, reach)
        if len(self._histories) >= _KEPT:
            self._histories.clear()
        self._histories[reach], self._seen[reach] = (stamp, found), changes
        return stamp, found

    def decided(
        self, reach: Reach, username: str, decide: Callable[[History], Decision]
    ) -> tuple[Decision, History, Booking]:
        """The decision against the history as it is now, booked if it is yes; and that history."""
        with self._section:
            while True:
                stamp, known = self._answered(reach)
                decision = decide(known.history)
                if not isinstance(decision, Allowed):
                    return decision, known.history, Booking(())
                if any(self._open(reach, footprint) for footprint in decision.footprint):
                    self._section.wait()  # whoever computes the answer settles it, come what may
                    continue
                booking = self._booked(reach, username, stamp, known, decision)
                if booking is not None:
                    return decision, known.history, booking

    def _open(self, reach: Reach, footprint: Footprint) -> bool:
        """Is somebody else being told of it right now, and which of its cells is not known yet."""
        return any(
            pending.open and each == footprint and reach.covers(project, each)
            for (project, each), pending in self._pending.items()
        )

    def settle(self, booking: Booking, *, answered: bool, told: Sequence[Footprint] = ()) -> None:
        """What was booked is answered, for good, or is not and never was. `told`: the same, with what was withheld."""
        if not booking.names:
            return
        with self._section:
            self._section.notify_all()
            gone: list[int] = []
            withheld = {footprint: footprint.withheld for footprint in told}
            less: dict[int, Sequence[str]] = {}
            for name in booking.names:
                pending = self._pending.get(name)
                if pending is None:
                    continue  # answered to somebody else
                pending.claims -= 1
                if answered and pending.open:
                    less[pending.entry] = withheld.get(name[1]) or ()
                if answered or not pending.claims:
                    del self._pending[name]
                    if not answered:
                        gone.append(pending.entry)
            if gone or less:
                with self._database.session() as session:
                    forget(session, gone)
                    settled(session, less)

    def _booked(
        self, reach: Reach, username: str, stamp: tuple[object, ...], known: Answered, decision: Allowed
    ) -> Booking | None:
        """None where another process booked something in between: then the decision has to be made anew."""
        if not decision.footprint:
            return Booking(())
        again = {each.footprint: tuple(sorted(each.digests)) for each in decision.release.withheld}
        new = [
            replace(each, withheld=again.get(each, each.withheld))
            for each in dict.fromkeys(decision.footprint)
            if each not in known.own or each.withheld is None
        ]
        if new:
            with self._database.session() as session:
                if stamp_of(session, reach) != stamp:
                    return None
                entries = remember(session, reach.project, username, new)
                self._histories[reach] = (stamp_of(session, reach), known.with_answer(new))
            for footprint, entry in zip(new, entries, strict=True):
                self._pending[(reach.project, footprint)] = _Pending(entry, 0, footprint.withheld is None)
        named = dict.fromkeys((reach.project, footprint) for footprint in decision.footprint)
        names = tuple(name for name in named if name in self._pending)
        for name in names:
            self._pending[name].claims += 1
        return Booking(names)
