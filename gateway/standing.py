"""What a sandbox may do right now: read anew for every question, so that a change takes effect with the next one."""

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from catalog.datasets import Dataset, DatasetVersion
from catalog.datasets import dataset as dataset_of
from catalog.people import person
from gateway.answered import Reach
from gateway.engines import FILES, EnginePool, Place
from gateway.errors import ENGINES_MIXED
from gateway.identity import Sandbox
from gateway.offline import unique
from policies.dialects import POSTGRES
from policies.grants import Grant, check_live_grant, live_grants, policy_of
from policies.model import Policy
from policies.requests import check_member, project
from policies.schema import Schema
from store.database import Database
from store.days import today
from store.errors import YurtError

_KEPT = 256


@dataclass(frozen=True, slots=True)
class Terms:
    """A project's policy, its tables and their files; everything the same for all people of the project."""

    policy: Policy
    schema: Schema
    datasets: tuple[Dataset, ...]
    files: Mapping[str, Path]
    version: str  # digest of all that made it: policy, columns, data
    place: Place = FILES  # the engine that holds them
    grants: Mapping[str, int] = field(default_factory=dict)  # table -> number of the grant behind it


@dataclass(frozen=True, slots=True)
class Standing:
    """Terms, and the attributes of the person that row filters may name."""

    terms: Terms
    user: Mapping[str, object]

    @property
    def reach(self) -> Reach:
        """Whose earlier answers count."""
        return Reach(self.terms.policy.project, self.terms.policy.shared)


class Standings:
    """The records say what is live; they are not read again while nobody wrote to them, and terms made from the same
    records before are not made again."""

    def __init__(self, database: Database, data: Path, engines: EnginePool) -> None:
        self._database, self._data, self._engines = database, data, engines
        self._unique: dict[tuple[Path, str], bool] = {}
        self._terms: OrderedDict[str, Terms] = OrderedDict()
        self._read: OrderedDict[Sandbox, tuple[tuple[int | None, date], Standing]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, sandbox: Sandbox) -> Standing:
        """Raises NOT_A_MEMBER, PROJECT_UNKNOWN, NO_LIVE_GRANT, ENGINES_MIXED."""
        state = (self._database.changes(), today())  # grants begin and end with days
        with self._lock:
            known = self._read.get(sandbox)
        if known is not None and known[0] == state and state[0] is not None:
            return known[1]
        standing = self._standing(sandbox)
        with self._lock:
            self._read[sandbox] = (state, standing)
            self._read.move_to_end(sandbox)
            while len(self._read) > _KEPT:
                self._read.popitem(last=False)
        return standing

    def files(self, names: Iterable[str]) -> dict[str, Path]:
        """The newest versions of datasets, whoever may use them: only for the guard. Raises DATASET_UNKNOWN,
        ENGINES_MIXED where one is not kept in files."""
        with self._database.reading() as session:
            found = {name: self._data / dataset_of(session, name).current.file for name in sorted(names)}
        if self._engines.place(found) != FILES:
            raise YurtError(ENGINES_MIXED)
        return found

    def _standing(self, sandbox: Sandbox) -> Standing:
        with self._database.reading() as session:
            check_member(session, sandbox.project, sandbox.username)
            grants = live_grants(session, sandbox.project)
            version = _version(session, sandbox.project, grants)
            user = {"username": sandbox.username, "agency": person(session, sandbox.username).agency_id}
            with self._lock:
                terms = self._terms.get(version)
                if terms is not None:
                    self._terms.move_to_end(version)
                    return Standing(terms, user)
            terms = self._made(session, sandbox.project, version)
        with self._lock:
            self._terms[version] = terms
            while len(self._terms) > _KEPT:
                self._terms.popitem(last=False)
        return Standing(terms, user)

    def _made(self, session: Session, project_id: str, version: str) -> Terms:
        policy, datasets = policy_of(session, project(session, project_id))
        types = {dataset.id: {column.name: column.data_type for column in dataset.columns} for dataset in datasets}
        files = {dataset.id: self._data / dataset.current.file for dataset in datasets}
        place = self._engines.place(files)
        keys = self._keys(policy, files, place)
        grants = {grant.dataset_id.lower(): grant.id for grant in live_grants(session, project_id)}
        schema = Schema.from_mapping(types, keys=keys)
        return Terms(policy, schema, tuple(datasets), files, version, place, grants)

    def _keys(self, policy: Policy, files: Mapping[str, Path], place: Place) -> dict[str, str]:
        """Where a rule on dominance needs to know whether each row is another unit's, the data is asked, once; on
        PostgreSQL, where it may change, its constraints."""
        found: dict[str, str] = {}
        for name, dataset in policy.datasets.items():
            ruled = dataset.release.dominance is not None or dataset.release.p_percent is not None
            if not ruled or dataset.unit is None or name not in files:
                continue
            if place.dialect == POSTGRES:
                if self._engines.keyed(place, name, dataset.unit):
                    found[name] = dataset.unit.lower()
                continue
            asked = (files[name], dataset.unit)
            if asked not in self._unique:
                self._unique[asked] = unique(self._engines.engine({name: files[name]}), name, dataset.unit)
            if self._unique[asked]:
                found[name] = dataset.unit.lower()
        return found


def newest_files(database: Database, data: Path) -> list[Path]:
    """The file of the newest version of every dataset."""
    with database.reading() as session:
        return [data / file for file in session.scalars(_newest(DatasetVersion.file))]


def _newest(*columns: Any, names: Collection[str] | None = None) -> Select[Any]:
    """Columns of the newest version of each dataset, or of those named."""
    newest = select(DatasetVersion.dataset_id, func.max(DatasetVersion.number).label("number"))
    if names is not None:
        newest = newest.where(DatasetVersion.dataset_id.in_(names))
    found = newest.group_by(DatasetVersion.dataset_id).subquery()
    return select(*columns).join(
        found, (DatasetVersion.dataset_id == found.c.dataset_id) & (DatasetVersion.number == found.c.number)
    )


def _version(session: Session, project_id: str, grants: Sequence[Grant]) -> str:
    """Digest of the records terms are made of: the live grants, the purpose, the columns' types and the data's digests.

    A published dataset's description never changes, so its versions stand for it.
    """
    if not grants:
        check_live_grant(session, project_id)
    names = {grant.dataset_id for grant in grants}
    described = (DatasetVersion.dataset_id, DatasetVersion.file, DatasetVersion.sha256)
    versions = session.execute(_newest(*described, names=names).order_by(DatasetVersion.dataset_id))
    records = [
        project_id,
        project(session, project_id).purpose,
        [[grant.id, grant.dataset_id, grant.columns, grant.joins, grant.rows, grant.release] for grant in grants],
        [list(version) for version in versions],
    ]
    return hashlib.sha256(json.dumps(records, ensure_ascii=False, default=str).encode()).hexdigest()
