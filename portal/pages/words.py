"""The portal's vocabulary: how states, roles, grades and uses are called, and which tone they have.

The same thing has the same name on every page; docs/glossary.md lists the names in both languages.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from masking.entities import ENTITIES

Gettext = Callable[[str], str]


def N_(message: str) -> str:
    """Mark a message for translation where it is written; it is translated where it is shown."""
    return message


@dataclass(frozen=True, slots=True)
class Word:
    """A name and its tone: ok (allowed, live), wait (needs somebody), stop (refused, ended), run (at work), plain."""

    text: str
    tone: str = "plain"


CHANGES: Mapping[str, Word] = {
    "newly refused": Word(N_("Would be refused"), "stop"),
    "newly allowed": Word(N_("Would be answered"), "ok"),
    "refused for another reason": Word(N_("Refused for another reason"), "wait"),
    "unchanged": Word(N_("As it was"), "plain"),
}
"""What a changed policy does to a question (`policies.replay.Change`)."""
STATES: Mapping[str, Mapping[str, Word]] = {
    "dataset": {"draft": Word(N_("Draft"), "wait"), "published": Word(N_("Published"), "ok")},
    "request": {
        "submitted": Word(N_("Waiting for a decision"), "wait"),
        "approved": Word(N_("Approved"), "ok"),
        "denied": Word(N_("Refused"), "stop"),
        "withdrawn": Word(N_("Withdrawn")),
    },
    "grant": {
        "live": Word(N_("Live"), "ok"),
        "future": Word(N_("Not yet begun"), "wait"),
        "expired": Word(N_("Expired")),
        "revoked": Word(N_("Revoked"), "stop"),
    },
    "job": {
        "submitted": Word(N_("Waiting for approval"), "wait"),
        "approved": Word(N_("Approved"), "ok"),
        "queued": Word(N_("In the queue"), "run"),
        "running": Word(N_("Running"), "run"),
        "cancelling": Word(N_("Stopping"), "run"),
        "finished": Word(N_("Finished"), "ok"),
        "failed": Word(N_("Failed"), "stop"),
        "refused": Word(N_("Refused"), "stop"),
        "cancelled": Word(N_("Cancelled")),
    },
    "release": {
        "created": Word(N_("Being checked"), "run"),
        "inspected": Word(N_("Checked"), "wait"),
        "blocked": Word(N_("Blocked by the checks"), "stop"),
        "in_review": Word(N_("Waiting for review"), "wait"),
        "approved": Word(N_("Approved"), "ok"),
        "released": Word(N_("Released"), "ok"),
        "rejected": Word(N_("Refused"), "stop"),
        "withdrawn": Word(N_("Withdrawn")),
    },
    "joint": {
        "submitted": Word(N_("Waiting for approval"), "wait"),
        "approved": Word(N_("Approved"), "ok"),
        "running": Word(N_("Running"), "run"),
        "done": Word(N_("Finished"), "ok"),
        "refused": Word(N_("Refused"), "stop"),
        "aborted": Word(N_("Aborted"), "stop"),
    },
    "sandbox": {
        "ready": Word(N_("Running"), "ok"),
        "spawn": Word(N_("Starting"), "run"),
        "stop": Word(N_("Stopping"), "run"),
        "stopped": Word(N_("Stopped")),
    },
    "verdict": {
        "pass": Word(N_("No objection"), "ok"),
        "review": Word(N_("A person must look"), "wait"),
        "block": Word(N_("Blocked"), "stop"),
    },
}

ROLES = {
    "researcher": N_("Researcher"),
    "steward": N_("Data steward"),
    "approver": N_("Approver"),
    "operator": N_("Authorised operator"),
    "auditor": N_("Auditor"),
}

COLUMN_ROLES = {
    "direct": N_("Direct identifier"),
    "quasi": N_("Quasi-identifier"),
    "sensitive": N_("Sensitive value"),
    "other": N_("Other"),
}

GRADES = {
    1: N_("Public"),
    2: N_("Internal"),
    3: N_("Personal"),
    4: N_("Sensitive personal"),
}

USES = {
    "read": N_("Read row by row"),
    "mask": N_("Read masked"),
    "filter": N_("Filter"),
    "group": N_("Group"),
    "join": N_("Join"),
    "aggregate": N_("Sum and average"),
    "count": N_("Count"),
    "quantile": N_("Quantiles"),
}

MODES = {
    "threshold": N_("Aggregates of large enough groups"),
    "dp": N_("Aggregates with noise (differential privacy)"),
    "rows": N_("Masked rows"),
}

GRAINS = {
    "year": N_("by year"),
    "quarter": N_("by quarter"),
    "month": N_("by month"),
    "week": N_("by week"),
    "day": N_("by day"),
}

OPERATORS = {
    "keep": N_("Keep as it is"),
    "nullify": N_("Empty"),
    "constant": N_("One constant"),
    "redact": N_("Redact"),
    "partial": N_("Show a part"),
    "generalise": N_("Generalise"),
    "bucket": N_("Bucket"),
    "round": N_("Round"),
    "top_code": N_("Cap at a limit"),
    "pseudonym": N_("Pseudonym"),
    "date_shift": N_("Shift dates"),
    "redact_text": N_("Redact in text"),
    "noise": N_("Noise"),
    "shuffle": N_("Shuffle"),
    "microaggregate": N_("Average of alike records"),
}

EVENTS = {
    "platform.started": N_("Platform started"),
    "platform.stopped": N_("Platform stopped"),
    "person.registered": N_("Person registered"),
    "dataset.registered": N_("Dataset registered"),
    "dataset.published": N_("Dataset published"),
    "dataset.version_added": N_("Dataset version added"),
    "dataset.version_refused": N_("Dataset version refused"),
    "file.revealed": N_("Masked file led back"),
    "project.created": N_("Project created"),
    "project.member_added": N_("Member added"),
    "request.submitted": N_("Request submitted"),
    "request.decided": N_("Request decided"),
    "grant.revoked": N_("Grant revoked"),
    "sandbox.opened": N_("Sandbox opened"),
    "sandbox.refused": N_("Sandbox refused"),
    "sandbox.stopped": N_("Idle sandbox stopped"),
    "query.decided": N_("Query decided"),
    "policy.replayed": N_("Policy replayed"),
    "query.released": N_("Query answered"),
    "query.streamed": N_("Query delivered in parts"),
    "job.submitted": N_("Job submitted"),
    "job.approved": N_("Job approved"),
    "job.started": N_("Job started"),
    "job.finished": N_("Job finished"),
    "job.refused": N_("Job refused"),
    "job.cancelled": N_("Job cancelled"),
    "release.created": N_("Release request created"),
    "release.inspected": N_("Output checked"),
    "release.submitted": N_("Output sent to review"),
    "release.reviewed": N_("Output reviewed"),
    "release.blocked": N_("Output blocked"),
    "release.approved": N_("Release approved"),
    "release.rejected": N_("Release refused"),
    "release.released": N_("Output released"),
    "release.withdrawn": N_("Release withdrawn"),
    "ticket.issued": N_("Download ticket issued"),
    "ticket.redeemed": N_("Output downloaded"),
    "joint.submitted": N_("Joint computation proposed"),
    "joint.approved": N_("Joint computation approved"),
    "joint.started": N_("Joint computation started"),
    "joint.finished": N_("Joint computation finished"),
}

EXITS = {
    "finished": N_("Finished"),
    "failed": N_("The script ended with an error or left out a named output"),
    "out_of_time": N_("Stopped: out of time"),
    "out_of_memory": N_("Stopped: out of memory"),
    "cancelled": N_("Cancelled"),
    "refused": N_("Never started: something was not what was approved"),
    "broken": N_("The platform failed, not the job"),
}

JOINT_OPERATORS = {
    "psi_join_aggregate": N_("Match people, then add up"),
    "encrypted_score": N_("Score encrypted rows with a private model"),
}

# Keys of a joint computation's result and report.
FIGURES = {
    "status": N_("Status"),
    "rows": N_("Rows matched"),
    "count": N_("Count"),
    "sum": N_("Sum"),
    "mean": N_("Mean"),
    "columns": N_("Columns"),
    "groups": N_("Groups"),
    "group": N_("Group"),
    "party": N_("Party"),
    "column": N_("Column"),
    "name": N_("Name"),
    "parties": N_("Parties"),
    "protocol": N_("Protocol"),
    "engine": N_("Engine"),
    "threat_model": N_("Threat model"),
    "receiver": N_("Receiver"),
    "bytes": N_("Bytes exchanged"),
    "seconds": N_("Seconds"),
    "sent": N_("Bytes sent"),
    "received": N_("Bytes received"),
    "outcome": N_("Outcome"),
    "minimum": N_("Smallest group"),
    "operator": N_("Operator"),
    "digest": N_("Digest"),
    "job": N_("Name"),
    "scores_sha256": N_("Digest of the scores"),
    "max_error": N_("Largest error"),
}

# Where the airlock found something; numbered places with {n}.
PLACES = (
    N_("row {n}"),
    N_("column {n}"),
    N_("line {n}"),
    N_("cell {n}"),
    N_("byte {n}"),
    N_("chunk {n}"),
    N_("file"),
    N_("file name"),
    N_("file metadata"),
    N_("first bytes"),
    N_("last bytes"),
    N_("header"),
    N_("text"),
    N_("document"),
    N_("object"),
    N_("picture"),
    N_("notebook"),
    N_("metadata"),
    N_("rows"),
    N_("columns"),
    N_("lines"),
)

# What a joint computation discloses besides its result, as `mpc.registry.leakage` says it.
DISCLOSURES = {
    "score-scorer": "the scorer learns how many rows there are and the names of the features, and no value",
    "score-model": "the holder learns one score per row; from as many rows as there are features it can work out a "
    "linear model, so the model is not secret from a holder who wants it",
    "score-error": "the holder learns an upper bound of the error, which depends on the sum of the absolute weights",
    "join-keys": "every party learns which of its own keys all three hold, and so the size of the intersection; "
    "a job whose row membership must stay hidden must not use this operator",
    "join-ecdh": "one party also learns how many keys two others have in common, but not which",
    "join-kkrt": "the first party also learns which of its keys are held by each single other party",
    "join-rows": "every party learns how many rows the others brought",
    "join-opened": "values, groups, counts by group and sums are secret-shared; only the receiver opens them, and only "
    "the groups of at least {minimum} rows; where one group alone would be withheld, the next smallest is withheld too",
    "join-folders": "engine temporary folders hold the party's own values and salted digests of its keys while the job "
    "runs",
}

# What a page says once after an action; the address carries only the key.
NOTICES = {
    "published": N_("The dataset is published and can be requested."),
    "registered": N_("The dataset is registered as a draft. Check the proposals, then publish it."),
    "project": N_("The project is created. Next, request data for it."),
    "member": N_("The member is added."),
    "requested": N_("The request is submitted. The owning agency's approver decides it."),
    "approved": N_("Your approval is recorded."),
    "refused": N_("Your refusal is recorded. The applicant sees the reason."),
    "revoked": N_("The grant is revoked and the project's sandboxes are being stopped."),
    "revoked-partly": N_("The grant is revoked. Some sandboxes could not be stopped; an operator must stop them."),
    "job": N_("The job is submitted. Somebody other than you approves it."),
    "job-approved": N_("The job is approved and goes into the queue."),
    "job-cancelled": N_("The job is cancelled."),
    "sandbox-stopped": N_("The sandbox is stopped; its files stay."),
    "reviewed": N_("Your review is recorded."),
    "joint": N_("The joint computation is proposed. Every party's approver decides."),
    "joint-approved": N_("Your approval is recorded. The last one starts the computation."),
}


def state(kind: str, value: str) -> Word:
    """Name and tone of a state; an unknown one is shown as it is."""
    return STATES.get(kind, {}).get(value, Word(value))


def entity(name: str, language: str) -> str:
    """What a column holds, e.g. 居民身份证号; English pages show the type's own name."""
    if not name:
        return "—"
    known = next((found for key, found in ENTITIES.items() if str(key) == name), None)
    return known.title if known and language == "zh" else name


def use(capability: str | Mapping[str, object], _: Gettext) -> str:
    """One capability of a grant in words, e.g. 'Group (by year)'."""
    if isinstance(capability, str):
        return _(USES.get(capability, capability))
    ((kind, value),) = capability.items()
    name = _(USES.get(kind, kind))
    if kind == "mask":
        operator = str(next(iter(value)) if isinstance(value, Mapping) else value)
        return f"{name} ({_(OPERATORS.get(operator, operator))})"
    if kind == "quantile" and isinstance(value, list | tuple):
        return f"{name} ({value[0]}–{value[1]})"
    grain = _(GRAINS[str(value)]) if str(value) in GRAINS else _("in steps of {width}").format(width=value)
    return f"{name} ({grain})"
