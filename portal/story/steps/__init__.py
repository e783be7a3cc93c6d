"""The nine steps, in order: (title, what plays it)."""

from collections.abc import Callable

from portal.story.steps import airlock, audit, job, joint, look, publish, query, request, sandbox
from portal.story.world import World

STEPS: tuple[tuple[str, Callable[[World], None]], ...] = (
    ("发布 Publish: three agencies describe, grade and publish their data", publish.play),
    ("申请 Request and approve: a purpose, a period, and somebody else's decision", request.play),
    ("沙箱 Sandbox: the researcher's notebook in the jail", sandbox.play),
    ("查询 Query: governed answers, withheld groups, refusals that teach", query.play),
    ("作业 Sealed job: approved by digest, run on raw data without a network", job.play),
    ("出域 Airlock: automatic checks, two reviewers, one download", airlock.play),
    ("联合 Joint computation: three agencies, nobody's rows", joint.play),
    ("门户 Look: every page, signed in through the hub", look.play),
    ("审计 Audit: the log verifies, a flipped byte is found, the ledger balances", audit.play),
)
