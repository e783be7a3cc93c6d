"""People, the roles they hold within a subtree of agencies, and their local passwords (Argon2id, RFC 9106)."""

from enum import StrEnum

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from catalog.agencies import within
from catalog.errors import PERSON_UNKNOWN, ROLE_REQUIRED
from store.database import Base
from store.errors import YurtError

_hasher = PasswordHasher()
_NOBODY = _hasher.hash("nobody has this password")  # verified for unknown names, so that both take as long


class Role(StrEnum):
    """What a person may do within an agency and those below it."""

    RESEARCHER = "researcher"
    STEWARD = "steward"
    APPROVER = "approver"
    OPERATOR = "operator"
    AUDITOR = "auditor"


class Person(Base):
    """Somebody who can sign in."""

    __tablename__ = "person"

    username: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    agency_id: Mapped[str] = mapped_column(ForeignKey("agency.id"))
    password_hash: Mapped[str]


class RoleHeld(Base):
    """`username` holds `role` for `agency_id` and every agency below it."""

    __tablename__ = "role_held"

    username: Mapped[str] = mapped_column(ForeignKey("person.username"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    agency_id: Mapped[str] = mapped_column(ForeignKey("agency.id"), primary_key=True)


def hash_password(password: str) -> str:
    """Argon2id hash with its parameters and salt."""
    return _hasher.hash(password)


def password_fits(session: Session, username: str, password: str) -> bool:
    """Whether this is the person's password; takes as long for names that do not exist."""
    person = session.get(Person, username)
    try:
        _hasher.verify(person.password_hash if person else _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return person is not None


def person(session: Session, username: str) -> Person:
    """The person, or PERSON_UNKNOWN."""
    found = session.get(Person, username)
    if found is None:
        raise YurtError(PERSON_UNKNOWN, person=username)
    return found


def roles_of(session: Session, username: str) -> list[tuple[Role, str]]:
    """(role, agency) pairs the person holds."""
    rows = session.execute(select(RoleHeld.role, RoleHeld.agency_id).where(RoleHeld.username == username))
    return [(Role(role), agency_id) for role, agency_id in rows]


def holds_role(session: Session, username: str, role: Role, agency_id: str) -> bool:
    """Whether the person holds `role` for `agency_id`, directly or from above."""
    return any(held == role and within(session, agency_id, top) for held, top in roles_of(session, username))


def check_role(session: Session, username: str, role: Role, agency_id: str) -> None:
    """Raise ROLE_REQUIRED unless the person holds `role` for `agency_id`."""
    if not holds_role(session, username, role, agency_id):
        raise YurtError(ROLE_REQUIRED, person=username, role=role, agency=agency_id)


def people_with_role(session: Session, role: Role, agency_id: str) -> list[str]:
    """Everybody who holds `role` for `agency_id`, by name."""
    rows = session.execute(select(RoleHeld.username, RoleHeld.agency_id).where(RoleHeld.role == role))
    return sorted({username for username, top in rows if within(session, agency_id, top)})
