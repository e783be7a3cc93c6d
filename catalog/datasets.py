"""Datasets: what an agency describes, grades and publishes. The rows themselves lie in files the catalogue only names.

A dataset is a draft until its steward accepts a type, role and grade for every column; published, its description is
fixed and only versions are added.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow
import pyarrow.parquet as parquet
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from catalog.errors import (
    COLUMN_UNKNOWN,
    COLUMNS_DIFFER,
    DATASET_EXISTS,
    DATASET_NOT_DRAFT,
    DATASET_NOT_PUBLISHED,
    DATASET_UNKNOWN,
    FILE_UNREADABLE,
    GRADE_TOO_LOW,
    NAME_INVALID,
)
from store.database import Base
from store.errors import YurtError

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Dataset(Base):
    """One table of one agency. `unit` is the column that tells whose data a row is (the privacy unit)."""

    __tablename__ = "dataset"

    id: Mapped[str] = mapped_column(primary_key=True)
    agency_id: Mapped[str] = mapped_column(ForeignKey("agency.id"))
    title: Mapped[str]
    title_en: Mapped[str]
    description: Mapped[str]
    unit: Mapped[str]
    source: Mapped[str]
    state: Mapped[str] = mapped_column(default="draft")
    created_by: Mapped[str] = mapped_column(ForeignKey("person.username"))
    columns: Mapped[list["Column"]] = relationship(order_by="Column.position")
    versions: Mapped[list["DatasetVersion"]] = relationship(order_by="DatasetVersion.number")

    @property
    def grade(self) -> int:
        """The highest grade of its columns (就高从严, GB/T 43697-2024)."""
        return max((column.grade for column in self.columns), default=1)

    @property
    def current(self) -> "DatasetVersion":
        """The newest version."""
        return self.versions[-1]


class DatasetVersion(Base):
    """One immutable file of a dataset; `file` is relative to the platform's data folder."""

    __tablename__ = "dataset_version"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("dataset.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    file: Mapped[str]
    sha256: Mapped[str]
    rows: Mapped[int]
    created_at: Mapped[datetime]


class Column(Base):
    """One column: what it was proposed to be, and what the steward accepted."""

    __tablename__ = "dataset_column"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("dataset.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    data_type: Mapped[str]
    title: Mapped[str]
    entity: Mapped[str]
    role: Mapped[str]
    grade: Mapped[int]
    operator: Mapped[str]
    evidence: Mapped[str]
    proposed_grade: Mapped[int]


@dataclass(frozen=True, slots=True)
class ColumnProposal:
    """What a look at a sample suggests for one column."""

    name: str
    entity: str
    role: str
    grade: int
    operator: str
    evidence: str


def sql_type(arrow: pyarrow.DataType) -> str:
    """The SQL name of a column's type, as the gateway's engines call it."""
    table = (
        (pyarrow.types.is_boolean, "BOOLEAN"),
        (pyarrow.types.is_integer, "BIGINT"),
        (pyarrow.types.is_floating, "DOUBLE"),
        (pyarrow.types.is_date, "DATE"),
        (pyarrow.types.is_timestamp, "TIMESTAMP"),
    )
    if pyarrow.types.is_decimal(arrow):
        return f"DECIMAL({arrow.precision},{arrow.scale})"
    return next((name for test, name in table if test(arrow)), "VARCHAR")


def register_dataset(
    session: Session, *, dataset: Dataset, file: Path, data_folder: Path, proposals: Sequence[ColumnProposal]
) -> Dataset:
    """Add a draft with its first version, moving `file` (Parquet) into the data folder.

    Raises NAME_INVALID, DATASET_EXISTS, FILE_UNREADABLE, COLUMN_UNKNOWN (the unit).
    """
    if not NAME.fullmatch(dataset.id):
        raise YurtError(NAME_INVALID, name=dataset.id)
    if session.get(Dataset, dataset.id) is not None:
        raise YurtError(DATASET_EXISTS, dataset=dataset.id)
    try:
        described = parquet.read_metadata(file)
    except (pyarrow.ArrowInvalid, OSError):
        raise YurtError(FILE_UNREADABLE) from None
    schema = described.schema.to_arrow_schema()
    if dataset.unit not in schema.names:
        raise YurtError(COLUMN_UNKNOWN, dataset=dataset.id, column=dataset.unit)
    by_name = {proposal.name: proposal for proposal in proposals}
    dataset.columns = [
        Column(
            name=field.name,
            position=position,
            data_type=sql_type(field.type),
            title=field.name,
            entity=by_name[field.name].entity,
            role=by_name[field.name].role,
            grade=by_name[field.name].grade,
            proposed_grade=by_name[field.name].grade,
            operator=by_name[field.name].operator,
            evidence=by_name[field.name].evidence,
        )
        for position, field in enumerate(schema)
    ]
    dataset.versions = [_store_version(dataset.id, 1, file, data_folder, described.num_rows)]
    session.add(dataset)
    session.flush()
    return dataset


def check_version(session: Session, dataset_id: str, file: Path) -> Dataset:
    """The published dataset whose columns `file` has; raises DATASET_UNKNOWN, DATASET_NOT_PUBLISHED, FILE_UNREADABLE,
    COLUMNS_DIFFER."""
    found = dataset(session, dataset_id)
    if found.state != "published":
        raise YurtError(DATASET_NOT_PUBLISHED, dataset=dataset_id)
    try:
        schema = parquet.read_schema(file)
    except (pyarrow.ArrowInvalid, OSError):
        raise YurtError(FILE_UNREADABLE) from None
    wanted = [(column.name, column.data_type) for column in found.columns]
    given = [(field.name, sql_type(field.type)) for field in schema]
    if given != wanted:
        columns = sorted({name for name, _ in {*given} ^ {*wanted}}) or ["another order"]
        raise YurtError(COLUMNS_DIFFER, dataset=dataset_id, columns=", ".join(columns[:5]))
    return found


def add_version(session: Session, dataset_id: str, *, file: Path, data_folder: Path) -> Dataset:
    """Add the next version of a published dataset, moving `file` into the data folder; raises as check_version."""
    session.get(Dataset, dataset_id, with_for_update=True)  # numbers are given out one at a time
    found = check_version(session, dataset_id, file)
    rows = parquet.read_metadata(file).num_rows
    found.versions.append(_store_version(dataset_id, found.current.number + 1, file, data_folder, rows))
    session.flush()
    return found


def _store_version(dataset_id: str, number: int, file: Path, data_folder: Path, rows: int) -> DatasetVersion:
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    name = f"{dataset_id}/v{number}.parquet"
    target = data_folder / name
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.replace(target)
    target.chmod(0o400)  # a version never changes
    return DatasetVersion(number=number, file=name, sha256=digest, rows=rows, created_at=datetime.now(UTC))


def dataset(session: Session, dataset_id: str) -> Dataset:
    """The dataset, or DATASET_UNKNOWN."""
    found = session.get(Dataset, dataset_id)
    if found is None:
        raise YurtError(DATASET_UNKNOWN, dataset=dataset_id)
    return found


def publish(session: Session, dataset_id: str, grades: Mapping[str, int], reason: str = "") -> Dataset:
    """The steward accepts the proposals, with `grades` changed; lowering one needs a reason.

    Raises DATASET_UNKNOWN, DATASET_NOT_DRAFT, COLUMN_UNKNOWN, GRADE_TOO_LOW.
    """
    found = dataset(session, dataset_id)
    if found.state != "draft":
        raise YurtError(DATASET_NOT_DRAFT, dataset=dataset_id)
    columns = {column.name: column for column in found.columns}
    for name, grade in grades.items():
        if name not in columns:
            raise YurtError(COLUMN_UNKNOWN, dataset=dataset_id, column=name)
        if grade < columns[name].proposed_grade and not reason:
            raise YurtError(GRADE_TOO_LOW, column=name, proposed=columns[name].proposed_grade, given=grade)
        columns[name].grade = grade
    found.state = "published"
    return found
