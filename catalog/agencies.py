"""Agencies form a tree: 自治区—盟市—旗县—苏木乡镇, by the division codes of GB/T 2260 (two digits a level, then three).

The divisions of Inner Mongolia come with the package (`data/divisions_15.csv`: facts of the National Bureau of
Statistics, 2022-10).
"""

import csv
from functools import cache
from importlib.resources import files

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from catalog.errors import AGENCY_UNKNOWN
from store.database import Base
from store.errors import YurtError


class Agency(Base):
    """One agency of one division, e.g. 统计局 of 15 (内蒙古自治区)."""

    __tablename__ = "agency"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_en: Mapped[str]
    division: Mapped[str]
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("agency.id"))


@cache
def divisions() -> dict[str, tuple[str, str]]:
    """Division code → (name, code of the division above it, empty for the region itself)."""
    with (files("catalog") / "data" / "divisions_15.csv").open(encoding="utf-8") as file:
        return {row["code"]: (row["name"], row["parent"]) for row in csv.DictReader(file)}


def division_path(code: str) -> list[str]:
    """Names from the region down to `code`, e.g. ['内蒙古自治区', '呼和浩特市', '新城区']."""
    path: list[str] = []
    known = divisions()
    while code in known:
        name, code = known[code]
        path.append(name)
    return path[::-1]


def agency(session: Session, agency_id: str) -> Agency:
    """The agency, or AGENCY_UNKNOWN."""
    found = session.get(Agency, agency_id)
    if found is None:
        raise YurtError(AGENCY_UNKNOWN, agency=agency_id)
    return found


def within(session: Session, agency_id: str, top_id: str) -> bool:
    """Whether `agency_id` lies in the subtree under `top_id`, itself included."""
    current: str | None = agency_id
    while current is not None:
        if current == top_id:
            return True
        current = session.scalar(select(Agency.parent_id).where(Agency.id == current))
    return False
