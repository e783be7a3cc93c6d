"""A joint job as a person writes it (JOB.yaml): who computes what together, and who alone receives it.

The format is documented in docs/joint-jobs.md. Unknown keys are errors; every error names its place in the file.
"""

from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mpc.errors import JOB_INVALID
from store.errors import YurtError

Name = Field(min_length=1, max_length=100)


class Part(BaseModel):
    """Base of every part of a job: frozen, and strict about keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PartyInput(Part):
    """One party and what it brings."""

    name: str = Name  # the agency, as people call it
    data: str = Name  # CSV or Parquet file; for a scorer its model in JSON. Agents use the file's name only
    key: str | None = None  # column that names the person; joins need it
    values: tuple[str, ...] = ()  # numeric columns it contributes (for a holder: the features)
    duplicates: Literal["refuse", "first"] = "refuse"  # what to do with a key that appears twice
    role: Literal["holder", "scorer"] | None = None  # encrypted_score: who has the data and key, who has the model


class GroupBy(Part):
    """Group rows by one party's column over a public list of values."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)  # YAML reads 150102 as a number

    party: str = Name
    column: str = Name
    domain: tuple[str, ...] = Field(min_length=1, max_length=64)


class Parameters(Part):
    """What an operator can be told. Anything else needs another operator."""

    group_by: GroupBy | None = None
    decimals: int = Field(default=6, ge=0, le=9)  # values are summed exactly as integers of 10**-decimals
    key_format: Literal["text", "cn_id_card"] = "text"  # cn_id_card also checks the GB 11643 check digit
    feature_bound: float = Field(default=1000.0, gt=0, le=1e9)  # encrypted_score: largest |feature|, public
    timeout_s: int = Field(default=300, ge=5, le=3600)
    psi: str = "ECDH_3PC"  # how rows are aligned; the registry knows which are allowed
    beaver: str | None = None  # only so that a job asking for insecure triples is refused with its reason
    low_comm: bool = False  # likewise


class JobFile(Part):
    """The whole job. `minimum` is k: a group of fewer rows reveals nothing."""

    version: Literal[1] = 1
    job: str = Name
    purpose: str = Field(min_length=1, max_length=1000)
    operator: Literal["psi_join_aggregate", "encrypted_score"]
    protocol: str = Name
    parties: tuple[PartyInput, ...] = Field(min_length=2, max_length=8)
    receiver: str = Name
    minimum: int = Field(default=10, ge=2, le=1_000_000)
    parameters: Parameters = Parameters()

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        names = [party.name for party in self.parties]
        if len(set(names)) != len(names):
            raise ValueError("two parties have the same name")
        if self.receiver not in names:
            raise ValueError("the receiver is not one of the parties")
        group = self.parameters.group_by
        if group and group.party not in names:
            raise ValueError("parameters.group_by.party is not one of the parties")
        if self.operator == "psi_join_aggregate" and any(party.key is None for party in self.parties):
            raise ValueError("every party of a join needs a key column")
        if self.operator == "encrypted_score":
            roles = sorted(party.role or "" for party in self.parties)
            if roles != ["holder", "scorer"]:
                raise ValueError("encrypted_score needs one party with role holder and one with role scorer")
            if not next(party for party in self.parties if party.role == "holder").values:
                raise ValueError("the holder must list its features in values")
        return self

    def party(self, name: str) -> PartyInput:
        """The party called `name`."""
        return next(party for party in self.parties if party.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """Party names in rank order: the order of the file."""
        return tuple(party.name for party in self.parties)


def parse_job(text: str) -> JobFile:
    """Read a job from YAML text. Raises JOB_INVALID with the place of the first mistake."""
    try:
        return JobFile.model_validate(yaml.safe_load(text))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "the file"
        raise YurtError(JOB_INVALID, place=place, problem=error.problem or "not YAML") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "the job"
        raise YurtError(JOB_INVALID, place=place, problem=first["msg"]) from error


def load_job(path: Path) -> JobFile:
    """Read a job from a file. Raises JOB_INVALID; OSError where the file cannot be read."""
    return parse_job(path.read_text(encoding="utf-8"))
