"""Which operators may run over which protocols, under which assumptions, and what each run discloses.

A protocol that is not listed here is refused. Why the refused ones are refused: libspu's SEMI2K takes its Beaver
triples from the first party (TrustedFirstParty), which could then open every secret; psi's low_comm_mode has less than
40 bits of statistical security at 2**20 rows (secretflow/psi issue 372); REF2K is a plaintext reference.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mpc.errors import PARAMETERS_REFUSED, PARTY_COUNT, PROTOCOL_REFUSED
from mpc.job import JobFile
from store.errors import YurtError

CKKS = "CKKS-8192-60-40-60"
THREAT = {
    "ABY3": "semi-honest parties, static corruption, at most 1 of 3 corrupt (no two collude); inputs are not verified",
    CKKS: "semi-honest parties; IND-CPA encryption, so a decrypted result must stay with the key holder",
}


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator and the only protocol it may run over."""

    name: str
    protocol: str
    parties: int


OPERATORS: Mapping[str, Operator] = {
    "psi_join_aggregate": Operator("psi_join_aggregate", "ABY3", 3),
    "encrypted_score": Operator("encrypted_score", CKKS, 2),
}

_REFUSED = {
    "SEMI2K": "its multiplication triples come from one party (TrustedFirstParty), which could open every secret",
    "TFP": "triples from a trusted first party let that party open every secret",
    "REF2K": "it is a plaintext reference and protects nothing",
    "SECURENN": "no reviewed deployment of it exists here",
    "CHEETAH": "two-party joins would disclose the intersection to the only other party without a third to share with",
}
# Names of libpsi (PsiProtocol) with what each discloses besides the intersection itself. KKRT_NPC is not here: it did
# not end on three parties of 50 000 rows within 200 s, and it tells one party which keys each single other one holds.
ALIGNMENT = {
    "ECDH_3PC": "one party also learns how many keys two others have in common, but not which",
}


def check(job: JobFile) -> Operator:
    """The operator of an allowed job. Raises PROTOCOL_REFUSED, PARTY_COUNT or PARAMETERS_REFUSED."""
    operator = OPERATORS[job.operator]
    parameters = job.parameters
    if job.protocol != operator.protocol:
        base = job.protocol.upper().replace("-", "_").split("_")[0].split("+")[0]
        why = _REFUSED.get(base, f"{operator.name} runs over {operator.protocol} only")
        raise YurtError(PROTOCOL_REFUSED, protocol=job.protocol, why=why, instead=operator.protocol)
    if parameters.beaver is not None:
        raise YurtError(PROTOCOL_REFUSED, protocol=f"beaver {parameters.beaver}", why=_REFUSED["TFP"], instead="ABY3")
    if parameters.low_comm:
        why = "less than 40 bits of statistical security"
        raise YurtError(PROTOCOL_REFUSED, protocol="low_comm", why=why, instead="the default mode")
    if len(job.parties) != operator.parties:
        raise YurtError(
            PARTY_COUNT, operator=job.operator, protocol=job.protocol, needed=operator.parties, given=len(job.parties)
        )
    if parameters.psi not in ALIGNMENT:
        raise YurtError(PARAMETERS_REFUSED, parameter="psi", why=f"it must be one of {', '.join(ALIGNMENT)}")
    if job.operator == "psi_join_aggregate" and any(party.role for party in job.parties):
        raise YurtError(PARAMETERS_REFUSED, parameter="role", why="a join has no holder or scorer")
    if job.operator == "encrypted_score" and job.party(job.receiver).role != "holder":
        why = "only the key holder may see a decrypted score (Li and Micciancio, eprint 2020/1533)"
        raise YurtError(PARAMETERS_REFUSED, parameter="receiver", why=why)
    return operator


def leakage(job: JobFile) -> tuple[str, ...]:
    """What this job tells whom, besides the result at the receiver. Part of what approvers sign."""
    if job.operator == "encrypted_score":
        return (
            "the scorer learns how many rows there are and the names of the features, and no value",
            "the holder learns one score per row; from as many rows as there are features it can work out a linear"
            " model, so the model is not secret from a holder who wants it",
            "the holder learns an upper bound of the error, which depends on the sum of the absolute weights",
        )
    return (
        "every party learns which of its own keys all three hold, and so the size of the intersection;"
        " a job whose row membership must stay hidden must not use this operator",
        ALIGNMENT[job.parameters.psi],
        "every party learns how many rows the others brought",
        "values, groups, counts by group and sums are secret-shared; only the receiver opens them, and only the groups"
        f" of at least {job.minimum} rows; where one group alone would be withheld, the next smallest is withheld too",
        "engine temporary folders hold the party's own values and salted digests of its keys while the job runs",
    )
