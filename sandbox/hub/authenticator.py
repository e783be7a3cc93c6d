"""Signing in with the platform's own accounts."""

import asyncio
from collections.abc import Callable
from typing import Any

from jupyterhub.auth import Authenticator
from traitlets import Any as AnyTrait

# (login name, password) -> whether they belong together. Called in a thread; may take as long as a good hash does.
Verify = Callable[[str, str], bool]


class AccountAuthenticator(Authenticator):  # type: ignore[misc]
    """Asks `verify`; without one nobody can sign in."""

    verify = AnyTrait(None, allow_none=True, help="See Verify.").tag(config=True)

    async def authenticate(self, _handler: object, data: dict[str, str]) -> dict[str, Any] | None:
        """The hub's user, or None where name and password do not belong together."""
        name, password = data.get("username", ""), data.get("password", "")
        if self.verify is None or not name or not password:
            return None
        if not await asyncio.to_thread(self.verify, name, password):
            return None
        return {"name": name, "admin": False}
