"""What one party's agent may join: its own `policy.yaml`, which no other party can change."""

from pathlib import Path

import yaml
from pydantic import Field

from mpc.errors import (
    COLUMN_REFUSED,
    MINIMUM_REFUSED,
    OPERATOR_REFUSED,
    PROTOCOL_NOT_ALLOWED,
    RECEIVER_REFUSED,
)
from mpc.identity import write_private
from mpc.job import JobFile, Part
from store.errors import YurtError


class PartyPolicy(Part):
    """Allow-lists; nothing is allowed by default."""

    operators: tuple[str, ...]
    protocols: tuple[str, ...]
    receivers: tuple[str, ...]
    columns: tuple[str, ...]  # columns of its own data, the key included, that joint jobs may use
    minimum: int = Field(default=10, ge=2)  # smallest group it agrees to reveal


def load_policy(folder: Path) -> PartyPolicy:
    """The policy of the party in `folder`. Raises OSError or pydantic's ValidationError: then nothing is joined."""
    return PartyPolicy.model_validate(yaml.safe_load((folder / "policy.yaml").read_text(encoding="utf-8")))


def save_policy(folder: Path, policy: PartyPolicy) -> None:
    """Write the policy of the party in `folder`."""
    text = yaml.safe_dump(policy.model_dump(mode="json"), allow_unicode=True, sort_keys=False)
    write_private(folder / "policy.yaml", text.encode())


def permit(job: JobFile, me: str, policy: PartyPolicy) -> None:
    """Raise the first rule of `me` that this job breaks."""
    if job.operator not in policy.operators:
        raise YurtError(OPERATOR_REFUSED, party=me, operator=job.operator)
    if job.protocol not in policy.protocols:
        raise YurtError(PROTOCOL_NOT_ALLOWED, party=me, protocol=job.protocol)
    if job.receiver not in policy.receivers:
        raise YurtError(RECEIVER_REFUSED, party=me, receiver=job.receiver)
    if job.operator == "psi_join_aggregate" and job.minimum < policy.minimum:
        raise YurtError(MINIMUM_REFUSED, party=me, needed=policy.minimum, given=job.minimum)
    for column in used_columns(job, me):
        if column not in policy.columns:
            raise YurtError(COLUMN_REFUSED, party=me, column=column)


def used_columns(job: JobFile, me: str) -> tuple[str, ...]:
    """The columns of `me` that the job reads."""
    party, group = job.party(me), job.parameters.group_by
    columns = ([party.key] if party.key else []) + list(party.values)
    if group and group.party == me:
        columns.append(group.column)
    return tuple(dict.fromkeys(columns))
