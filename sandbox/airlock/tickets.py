"""Download tickets: single use, for one recipient, for exactly the approved bytes, for a short time.

The secret is shown once and only its SHA-256 is stored (it has 256 random bits, so a slow hash would add nothing).
"""

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.events import EventName
from sandbox.airlock.errors import (
    RELEASE_NOT_ALLOWED,
    RELEASE_UNKNOWN,
    TICKET_EXPIRED,
    TICKET_RECIPIENT,
    TICKET_SPENT,
    TICKET_UNKNOWN,
)
from sandbox.airlock.models import ReleaseRow, TicketRow
from sandbox.airlock.workflow import State
from store.errors import YurtError

Audit = Callable[[EventName, str, dict[str, Any]], None]
LIFETIME = timedelta(hours=1)


def issue(session: Session, audit: Audit, release: str, now: datetime, lifetime: timedelta = LIFETIME) -> str:
    """A ticket for a released request, made out to the recipient of its manifest. Returns the secret, once."""
    row = session.get(ReleaseRow, release, populate_existing=True)
    if row is None:
        raise YurtError(RELEASE_UNKNOWN)
    if row.state != State.RELEASED:
        raise YurtError(RELEASE_NOT_ALLOWED, role="ticket", command="be issued for", state=row.state)
    secret = secrets.token_urlsafe(32)
    recipient = str(row.manifest["recipient"])
    audit(
        EventName.TICKET_ISSUED, release, {"manifest": row.digest, "recipient": recipient, "ticket": _hash(secret)[:16]}
    )
    session.add(
        TicketRow(
            secret_hash=_hash(secret),
            release_id=release,
            manifest=row.digest,
            recipient=recipient,
            issued_at=now,
            expires_at=now + lifetime,
            spent_at=None,
        )
    )
    session.flush()
    return secret


def redeem(
    session: Session, audit: Audit, secret: str, recipient: str, now: datetime
) -> tuple[str, list[dict[str, Any]]]:
    """Spend a ticket: (release id, file entries to hand out). Of any number of redeemers exactly one succeeds.

    Raises TICKET_UNKNOWN, TICKET_RECIPIENT, TICKET_EXPIRED or TICKET_SPENT; a refused attempt spends nothing.
    """
    ticket = session.scalar(select(TicketRow).where(TicketRow.secret_hash == _hash(secret)))
    if ticket is None:
        raise YurtError(TICKET_UNKNOWN)
    if not secrets.compare_digest(ticket.recipient.encode(), recipient.encode()):
        raise YurtError(TICKET_RECIPIENT)
    if ticket.spent_at is not None:
        raise YurtError(TICKET_SPENT)
    if now >= ticket.expires_at:
        raise YurtError(TICKET_EXPIRED)
    row = session.get(ReleaseRow, ticket.release_id, populate_existing=True)
    if row is None or row.state != State.RELEASED or row.digest != ticket.manifest:
        raise YurtError(TICKET_UNKNOWN)
    audit(
        EventName.TICKET_REDEEMED, ticket.release_id, {"manifest": ticket.manifest, "ticket": ticket.secret_hash[:16]}
    )
    spent = session.execute(
        update(TicketRow)
        .where(TicketRow.secret_hash == ticket.secret_hash, TicketRow.spent_at.is_(None))
        .values(spent_at=now)
        .execution_options(synchronize_session=False)
    )
    if spent.rowcount != 1:  # type: ignore[attr-defined]
        raise YurtError(TICKET_SPENT)
    return ticket.release_id, list(row.manifest["files"])


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
