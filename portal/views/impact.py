"""What a request would allow, before anybody allows it: the policy as if granted, and what the engine answers under it.

The digest names everything the preview follows from (request and version, policy, data, grades), so that an approval
counts for exactly what was shown.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import rfc8785
import yaml
from sqlalchemy.orm import Session

from catalog.datasets import Dataset, dataset
from catalog.people import Role, holds_role
from policies import requests as rules
from policies.grants import live_grants, policy_document
from policies.load import load_policy
from policies.requests import AccessRequest
from portal.context import Platform
from portal.errors import NOT_VISIBLE
from portal.views.preview import preview
from store.errors import YurtError

USES = {
    "read": ("逐行读取", "read row by row"),
    "filter": ("用作筛选条件", "filter by"),
    "group": ("用作分组", "group by"),
    "join": ("用于关联", "join on"),
    "aggregate": ("求和、求均值等汇总", "sum, average and the like over"),
    "count": ("计数", "count"),
    "mask": ("脱敏后读取", "read after masking"),
    "quantile": ("求分位数", "take quantiles of"),
}
MODES = {
    "rows": ("可得到逐行结果", "single rows may leave"),
    "threshold": ("只给出汇总结果，少于 {n} 人的分组不予显示", "only groups of at least {n} people are answered"),
    "dp": ("只给出加噪的差分隐私结果", "only answers with differential privacy noise are given"),
}


def impact(platform: Platform, actor: str, request_id: int) -> dict[str, Any]:
    """{digest, policy, possible, groups, rows, people} for those who decide or could. Raises NOT_VISIBLE.

    `possible` holds {zh, en} sentences; `groups` {column, groups, withheld} for each column that may be grouped by.
    """
    with platform.database.reading() as session:
        wanted = rules.access_request(session, request_id)
        asked = dataset(session, wanted.dataset_id)
        owner_approver = holds_role(session, actor, Role.APPROVER, asked.agency_id)
        if not owner_approver and not rules.may_decide(session, wanted, actor):
            raise YurtError(NOT_VISIBLE, person=actor, what=f"the impact of request {request_id}")
        document, described = would_be_policy(session, wanted)
        digest = impact_digest(session, wanted)
        columns, rows = dict(wanted.columns), asked.current.rows
        release = document["datasets"][asked.id]["release"]
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    seen = preview(platform, actor, load_policy(text), described, asked, columns, subject=f"request/{request_id}")
    return {
        "digest": digest,
        "policy": text,
        "possible": sentences(asked, columns, release),
        "groups": seen.groups,
        "rows": rows,
        "people": seen.people,
    }


def impact_digest(session: Session, wanted: AccessRequest) -> str:
    """SHA-256 over everything the preview follows from."""
    document, described = would_be_policy(session, wanted)
    basis: dict[str, Any] = {
        "request": wanted.id,
        "version": wanted.version,
        "policy": document,
        "valid": [wanted.valid_from.isoformat(), wanted.valid_until.isoformat()],
        "data": {found.id: [found.current.number, found.current.sha256] for found in described},
        "grades": {found.id: {column.name: column.grade for column in found.columns} for found in described},
    }
    return hashlib.sha256(rfc8785.dumps(basis)).hexdigest()


def would_be_policy(session: Session, wanted: AccessRequest) -> tuple[dict[str, Any], list[Dataset]]:
    """The project's policy document as if the request were granted, and the datasets it speaks of."""
    project = rules.project(session, wanted.project_id)
    allowed: list[tuple[Dataset, Any]] = [
        (dataset(session, grant.dataset_id), grant) for grant in live_grants(session, wanted.project_id)
    ]
    allowed.append((dataset(session, wanted.dataset_id), wanted))
    return policy_document(project, allowed), list({found.id: found for found, _ in allowed}.values())


def sentences(asked: Dataset, columns: Mapping[str, Sequence[Any]], release: Mapping[str, Any]) -> list[dict[str, str]]:
    """What the project could do, one sentence per use, naming columns; then how answers leave."""
    using: dict[tuple[str, str], list[str]] = {}
    for column in asked.columns:
        for capability in columns.get(column.name, ()):
            use, detail = _capability(capability)
            using.setdefault((use, detail), []).append(column.name)
    said = []
    for (use, detail), names in using.items():
        zh, en = USES.get(use, (use, use))
        suffix_zh, suffix_en = (f"（{detail}）", f" ({detail})") if detail else ("", "")
        said.append({"zh": f"{zh}{suffix_zh}：{'、'.join(names)}", "en": f"{en}{suffix_en}: {', '.join(names)}"})
    zh, en = MODES[str(release["mode"])]
    said.append({"zh": zh.format(n=release["min_group"]), "en": en.format(n=release["min_group"])})
    return said


def _capability(capability: Any) -> tuple[str, str]:
    if isinstance(capability, Mapping):
        use, detail = next(iter(capability.items()))
        if isinstance(detail, Mapping):
            detail = next(iter(detail), "")
        elif isinstance(detail, Sequence) and not isinstance(detail, str):
            detail = "–".join(str(part) for part in detail)
        return str(use), str(detail)
    return str(capability), ""
