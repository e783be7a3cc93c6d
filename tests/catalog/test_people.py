"""Roles reach down the tree and not sideways; passwords fit or do not."""

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from catalog.agencies import Agency, division_path, divisions, within
from catalog.people import (
    Person,
    Role,
    RoleHeld,
    check_role,
    hash_password,
    holds_role,
    password_fits,
    people_with_role,
)
from store.database import Base, Database
from store.errors import YurtError


@pytest.fixture
def session() -> Iterator[Session]:
    database = Database("sqlite://")
    Base.metadata.create_all(database.engine)
    with database.session() as session:
        for agency, parent in (("region", None), ("city", "region"), ("county", "city"), ("other", "region")):
            session.add(Agency(id=agency, name=agency, name_en=agency, division="15", parent_id=parent))
            session.flush()
        session.add(Person(username="a", name="甲", agency_id="city", password_hash=hash_password("right horse")))
        session.flush()
        session.add(RoleHeld(username="a", role=Role.APPROVER, agency_id="city"))
        session.flush()
        yield session


@pytest.mark.parametrize(
    ("agency", "holds"), [("region", False), ("city", True), ("county", True), ("other", False), ("nowhere", False)]
)
def test_a_role_reaches_the_agency_and_those_below_it(session: Session, agency: str, holds: bool) -> None:
    assert holds_role(session, "a", Role.APPROVER, agency) is holds


def test_another_role_is_refused_by_its_code(session: Session) -> None:
    with pytest.raises(YurtError, match="ROLE_REQUIRED"):
        check_role(session, "a", Role.STEWARD, "city")
    assert people_with_role(session, Role.APPROVER, "county") == ["a"]


def test_only_the_right_password_of_a_known_person_fits(session: Session) -> None:
    assert password_fits(session, "a", "right horse")
    assert not password_fits(session, "a", "wrong horse")
    assert not password_fits(session, "nobody", "nobody has this password")


def test_the_division_tree_is_the_regions(session: Session) -> None:
    assert len(divisions()) == 1346
    assert division_path("150102")[:2] == ["内蒙古自治区", "呼和浩特市"]
    assert within(session, "county", "region")
    assert not within(session, "region", "county")
