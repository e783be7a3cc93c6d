"""The agencies and people of the story, registered as an administrator would on an installation's first day."""

import json
import secrets
from dataclasses import dataclass

from sqlalchemy.orm import Session

from audit import AuditLog, EventName
from catalog.agencies import Agency
from catalog.people import Person, Role, RoleHeld, hash_password
from store.database import Database
from store.secrets import Secrets


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody in the story."""

    username: str
    name: str
    agency: str
    roles: tuple[Role, ...]


AGENCIES = (
    ("nmg", "内蒙古自治区人民政府", "Government of Inner Mongolia", None),
    ("stats", "自治区统计局", "Bureau of Statistics", "nmg"),
    ("health", "自治区卫生健康委员会", "Health Commission", "nmg"),
    ("police", "自治区公安厅", "Department of Public Security", "nmg"),
    ("audit", "自治区审计厅", "Audit Office", "nmg"),
    ("university", "内蒙古大学", "Inner Mongolia University", "nmg"),
)

RESEARCHER = Actor("sarnai", "萨仁", "university", (Role.RESEARCHER,))
STEWARDS = {
    "stats": Actor("wangli", "王丽", "stats", (Role.STEWARD,)),
    "health": Actor("batu", "巴图", "health", (Role.STEWARD,)),
    "police": Actor("zhaoqiang", "赵强", "police", (Role.STEWARD,)),
}
APPROVERS = {
    "stats": Actor("gaowa", "高娃", "stats", (Role.APPROVER,)),
    "health": Actor("chenjing", "陈静", "health", (Role.APPROVER,)),
    "police": Actor("suhe", "苏和", "police", (Role.APPROVER,)),
}
AUDITOR = Actor("liumin", "刘敏", "audit", (Role.AUDITOR,))
OPERATOR = Actor("wuyun", "乌云", "nmg", (Role.OPERATOR,))
EVERYBODY = (RESEARCHER, *STEWARDS.values(), *APPROVERS.values(), AUDITOR, OPERATOR)

PASSWORDS = "demo-passwords"


def register(database: Database, secrets_: Secrets, audit: AuditLog) -> dict[str, str]:
    """Make the agencies, people and roles if they are not there yet; returns everybody's password.

    Passwords are drawn anew for each home and kept in its secrets.
    """
    path = secrets_.path(PASSWORDS)
    if path.exists():
        kept: dict[str, str] = json.loads(path.read_text())
        return kept
    passwords = {actor.username: secrets.token_urlsafe(9) for actor in EVERYBODY}
    with database.session() as session:
        _add_agencies(session)
        for actor in EVERYBODY:
            audit.append(EventName.PERSON_REGISTERED, actor="administrator", subject=actor.username)
            password_hash = hash_password(passwords[actor.username])
            session.add(
                Person(username=actor.username, name=actor.name, agency_id=actor.agency, password_hash=password_hash)
            )
            session.flush()
            top = "nmg" if actor in (AUDITOR, OPERATOR) else actor.agency
            for role in actor.roles:
                session.add(RoleHeld(username=actor.username, role=role, agency_id=top))
    secrets_.write(PASSWORDS, json.dumps(passwords))
    return passwords


def _add_agencies(session: Session) -> None:
    for agency_id, name, name_en, parent in AGENCIES:
        session.add(Agency(id=agency_id, name=name, name_en=name_en, division="15", parent_id=parent))
        session.flush()
