"""The catalogue as people see it: published datasets for everybody, drafts for their stewards."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.datasets import Dataset
from catalog.datasets import dataset as dataset_of
from catalog.errors import DATASET_UNKNOWN
from catalog.people import Role, holds_role
from portal.context import Platform
from portal.views.people import agency_summary
from store.errors import YurtError


def datasets(platform: Platform, actor: str) -> list[dict[str, Any]]:
    """Summaries of every dataset the person may see, by name."""
    with platform.database.reading() as session:
        rows = session.scalars(select(Dataset).order_by(Dataset.id)).all()
        return [summary(session, found) for found in rows if _may_see(session, found, actor)]


def dataset(platform: Platform, actor: str, dataset_id: str) -> dict[str, Any]:
    """One dataset with columns and versions. Raises DATASET_UNKNOWN, also for other agencies' drafts."""
    with platform.database.reading() as session:
        found = dataset_of(session, dataset_id)
        if not _may_see(session, found, actor):
            raise YurtError(DATASET_UNKNOWN, dataset=dataset_id)
        return {
            **summary(session, found),
            "columns": [
                {
                    "name": column.name,
                    "title": column.title,
                    "data_type": column.data_type,
                    "entity": column.entity,
                    "role": column.role,
                    "grade": column.grade,
                    "proposed_grade": column.proposed_grade,
                    "operator": column.operator,
                    "evidence": column.evidence,
                }
                for column in found.columns
            ],
            "versions": [
                {
                    "number": version.number,
                    "sha256": version.sha256,
                    "rows": version.rows,
                    "created_at": version.created_at.isoformat(),
                }
                for version in found.versions
            ],
        }


def summary(session: Session, found: Dataset) -> dict[str, Any]:
    """What a list shows of a dataset."""
    return {
        "id": found.id,
        "title": found.title,
        "title_en": found.title_en,
        "agency": agency_summary(session, found.agency_id),
        "description": found.description,
        "grade": found.grade,
        "rows": found.current.rows,
        "version": found.current.number,
        "state": found.state,
        "unit": found.unit,
        "source": found.source,
    }


def _may_see(session: Session, found: Dataset, actor: str) -> bool:
    return found.state == "published" or holds_role(session, actor, Role.STEWARD, found.agency_id)
