"""Who somebody is, and the tree of agencies."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.agencies import Agency, agency, division_path
from catalog.people import Role, person, roles_of
from portal.context import Platform


def agency_summary(session: Session, agency_id: str) -> dict[str, Any]:
    """{id, name, name_en} of an agency."""
    found = agency(session, agency_id)
    return {"id": found.id, "name": found.name, "name_en": found.name_en}


def me(platform: Platform, actor: str) -> dict[str, Any]:
    """{username, name, agency, roles: [{role, agency}]}."""
    with platform.database.reading() as session:
        found = person(session, actor)
        return {
            "username": found.username,
            "name": found.name,
            "agency": agency_summary(session, found.agency_id),
            "roles": [{"role": str(role), "agency": top} for role, top in sorted(roles_of(session, actor))],
        }


def agencies(platform: Platform, actor: str) -> list[dict[str, Any]]:
    """Every agency with its division's names from the region down."""
    with platform.database.reading() as session:
        return [
            {
                "id": found.id,
                "name": found.name,
                "name_en": found.name_en,
                "division": found.division,
                "path": division_path(found.division),
                "parent": found.parent_id,
            }
            for found in session.scalars(select(Agency).order_by(Agency.id))
        ]


def holds_anywhere(session: Session, username: str, role: Role) -> bool:
    """Whether the person holds `role` for any agency at all."""
    return any(held == role for held, _ in roles_of(session, username))
