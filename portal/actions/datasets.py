"""Registering, grading and publishing datasets: a steward's work, for the own agency and those below it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow
import pyarrow.parquet as parquet

from audit import EventName
from catalog import datasets as rules
from catalog.datasets import ColumnProposal, Dataset
from catalog.errors import DATASET_DRIFTED, FILE_UNREADABLE
from catalog.people import Role, check_role, person
from portal.context import Platform
from portal.views import datasets as views
from store.errors import YurtError

if TYPE_CHECKING:
    from masking.classify import ColumnSuggestion

SAMPLE_ROWS = 100_000  # of which the suggestions draw their own sample
SAMPLE_PARTS = 10
"""Row groups looked at, spread over the file: a column may begin to carry identifiers halfway down."""


def register(
    platform: Platform,
    actor: str,
    *,
    file: Path,
    id: str,
    title: str,
    title_en: str,
    description: str,
    unit: str,
    source: str,
) -> dict[str, Any]:
    """Add a draft from an uploaded Parquet file; types, roles and grades are proposed from a sample of its rows.

    `file` is moved on success and removed on failure. Raises ROLE_REQUIRED, FILE_UNREADABLE, NAME_INVALID,
    DATASET_EXISTS, COLUMN_UNKNOWN.
    """
    try:
        with platform.database.reading() as session:
            agency_id = person(session, actor).agency_id
            check_role(session, actor, Role.STEWARD, agency_id)
        proposals = propose(file)
        described = Dataset(
            id=id,
            agency_id=agency_id,
            title=title,
            title_en=title_en,
            description=description,
            unit=unit,
            source=source,
            state="draft",
            created_by=actor,
        )
        target = platform.data / id / "v1.parquet"
        fresh = not target.exists()
        try:
            with platform.database.session() as session:
                check_role(session, actor, Role.STEWARD, agency_id)
                added = rules.register_dataset(
                    session, dataset=described, file=file, data_folder=platform.data, proposals=proposals
                )
                version = added.current
                platform.audit.append(
                    EventName.DATASET_REGISTERED,
                    actor=actor,
                    subject=id,
                    agency=agency_id,
                    sha256=version.sha256,
                    rows=version.rows,
                    grade=added.grade,
                )
        except BaseException:
            if fresh:  # the file was moved by this attempt, so nothing else points at it
                target.unlink(missing_ok=True)
            raise
    finally:
        file.unlink(missing_ok=True)
    return views.dataset(platform, actor, id)


def publish(
    platform: Platform, actor: str, dataset_id: str, *, grades: Mapping[str, int], reason: str = ""
) -> dict[str, Any]:
    """Accept the proposals with `grades` changed, and show the dataset in the catalogue.

    Raises DATASET_UNKNOWN, ROLE_REQUIRED, DATASET_NOT_DRAFT, COLUMN_UNKNOWN, GRADE_TOO_LOW.
    """
    with platform.database.session() as session:
        check_role(session, actor, Role.STEWARD, rules.dataset(session, dataset_id).agency_id)
        published = rules.publish(session, dataset_id, grades, reason)
        session.flush()
        platform.audit.append(
            EventName.DATASET_PUBLISHED,
            actor=actor,
            subject=dataset_id,
            grade=published.grade,
            grades={column.name: column.grade for column in published.columns},
            lowered=sorted(c.name for c in published.columns if c.grade < c.proposed_grade),
        )
    return views.dataset(platform, actor, dataset_id)


def add_version(platform: Platform, actor: str, dataset_id: str, *, file: Path) -> dict[str, Any]:
    """Import a new version of a published dataset, after comparing samples of it and of the last one (drift).

    A file that no longer holds what was accepted is refused and the refusal recorded; smaller changes are listed under
    `drift`. `file` is moved on success and removed on failure. Raises ROLE_REQUIRED, DATASET_UNKNOWN,
    DATASET_NOT_PUBLISHED, FILE_UNREADABLE, COLUMNS_DIFFER, DATASET_DRIFTED.
    """
    from masking.drift import drift

    try:
        with platform.database.reading() as session:
            check_role(session, actor, Role.STEWARD, rules.dataset(session, dataset_id).agency_id)
            last = rules.check_version(session, dataset_id, file)
            accepted = {column.name: column.grade for column in last.columns}
            before = platform.data / last.current.file
            number = last.current.number + 1
        findings = drift(_suggested(before), _suggested(file), accepted)
        said = [f"{found.column} {found.code}" for found in findings]
        if any(found.grave for found in findings):
            platform.audit.append(
                EventName.DATASET_VERSION_REFUSED, actor=actor, subject=dataset_id, version=number, drift=said
            )
            grave = [f"{found.column}: {found.why}" for found in findings if found.grave]
            raise YurtError(DATASET_DRIFTED, dataset=dataset_id, findings="; ".join(grave[:5]))
        moved: Path | None = None
        try:
            with platform.database.session() as session:
                check_role(session, actor, Role.STEWARD, rules.dataset(session, dataset_id).agency_id)
                version = rules.add_version(session, dataset_id, file=file, data_folder=platform.data).current
                moved = platform.data / version.file
                platform.audit.append(
                    EventName.DATASET_VERSION_ADDED,
                    actor=actor,
                    subject=dataset_id,
                    version=version.number,
                    sha256=version.sha256,
                    rows=version.rows,
                    drift=said,
                )
        except BaseException:
            if moved is not None:  # by this attempt, under a number given to nobody else: nothing points at it
                moved.unlink(missing_ok=True)
            raise
    finally:
        file.unlink(missing_ok=True)
    listed = [{"column": found.column, "code": found.code.value, "why": found.why} for found in findings]
    return {**views.dataset(platform, actor, dataset_id), "drift": listed}


def propose(file: Path) -> list[ColumnProposal]:
    """What a sample of the file suggests for each column. Raises FILE_UNREADABLE."""
    return [
        ColumnProposal(
            name=suggestion.column,
            entity=suggestion.type or "",
            role=str(suggestion.role),
            grade=suggestion.grade,
            operator=suggestion.operator or "",
            evidence=suggestion.evidence,
        )
        for suggestion in _suggested(file)
    ]


def _suggested(file: Path) -> "list[ColumnSuggestion]":
    from masking.classify import suggest_table  # loads the recognisers, which only this needs

    try:
        with parquet.ParquetFile(file) as opened:
            last = opened.num_row_groups - 1
            groups = sorted({last * turn // (SAMPLE_PARTS - 1) for turn in range(SAMPLE_PARTS)}) if last >= 0 else []
            parts = [
                batch
                for group in groups
                if (batch := next(opened.iter_batches(SAMPLE_ROWS // len(groups), row_groups=[group]), None))
            ]
            sample = pyarrow.Table.from_batches(parts, opened.schema_arrow)
    except (pyarrow.ArrowException, OSError):
        raise YurtError(FILE_UNREADABLE) from None
    return suggest_table(sample)
