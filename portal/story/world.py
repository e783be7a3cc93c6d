"""What every step of the story holds in hand."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portal.story.checklist import Checklist
from portal.story.client import PersonClient, Refusal
from portal.story.people import Actor

PROJECT = "income-study"


@dataclass(slots=True)
class World:
    """The running platform, who can sign in, and what earlier steps left for later ones."""

    url: str
    home: Path
    passwords: dict[str, str]
    checklist: Checklist
    left: dict[str, Any] = field(default_factory=dict)
    _clients: dict[str, PersonClient] = field(default_factory=dict)

    def as_(self, actor: Actor) -> PersonClient:
        """The actor at their browser, signed in once."""
        if actor.username not in self._clients:
            self._clients[actor.username] = PersonClient(self.url, actor.username, self.passwords[actor.username])
        return self._clients[actor.username]

    def see(self, line: str) -> None:
        """Note something seen."""
        self.checklist.see(line)

    def check(self, claim: str, holds: bool, seen: object = None) -> None:
        """State a claim that must hold."""
        self.checklist.check(claim, holds, seen)

    def check_refused(self, claim: str, code: str, client: PersonClient, method: str, path: str, **body: Any) -> None:
        """State that the platform refuses a call with exactly this code."""
        try:
            client.api(method, path, **body)
        except Refusal as refusal:
            self.check(f"{claim}: {code}", refusal.code == code, refusal)
        else:
            self.check(f"{claim}: {code}", False, "it was allowed")

    def close(self) -> None:
        """Sign everybody out."""
        for client in self._clients.values():
            client.http.close()
