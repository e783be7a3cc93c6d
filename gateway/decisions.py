"""Decisions remembered: the same question under the same policy, over the same data, gets the decision it got before.

Checking and rewriting a query costs milliseconds of processor time; researchers and notebooks ask the same thing again
and again. A decision depends on the text, the dialect, the policy, the tables, the attributes of the person and, where
statistics are compared with earlier ones, the history; each of them is part of the key, so nothing has to be told that
something changed: a changed policy simply has no decisions yet.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Mapping

from policies.decide import NOBODY, decide
from policies.decision import Allowed, Decision
from policies.history import History
from policies.model import Policy
from policies.schema import Schema

_Key = tuple[str, str, str, tuple[tuple[str, object], ...]]


_MOVING = re.compile(r"current_|\bnow\s*\(|\btoday\s*\(|localtime", re.IGNORECASE)


class DecisionCache:
    """At most `most` decisions, the one unused longest forgotten first. Safe to share between threads."""

    def __init__(self, most: int = 1024) -> None:
        self._most = most
        self._known: OrderedDict[_Key, tuple[History | None, Decision]] = OrderedDict()
        self._lock = threading.Lock()

    def decide(
        self,
        sql: str,
        policy: Policy,
        schema: Schema,
        *,
        version: str,
        dialect: str = "duckdb",
        user: Mapping[str, object] = NOBODY,
        history: History,
    ) -> Decision:
        """As `policies.decide`. `version` stands for the policy, the tables and their data: a digest over them all."""
        if _MOVING.search(sql):  # it is decided for the moment it is asked in
            return decide(sql, policy, schema, dialect=dialect, user=user, history=history)
        key = (version, dialect, sql, tuple(sorted(user.items())))
        with self._lock:
            found = self._known.get(key)
            if found is not None and (found[0] is None or found[0].same_as(history)):
                self._known.move_to_end(key)
                return found[1]
        decision = decide(sql, policy, schema, dialect=dialect, user=user, history=history)
        alone = isinstance(decision, Allowed) and not decision.footprint
        with self._lock:
            self._known[key] = (None if alone else history, decision)
            self._known.move_to_end(key)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return decision

    def __len__(self) -> int:
        return len(self._known)
