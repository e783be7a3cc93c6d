"""Step 2: the researcher asks, cannot approve it themselves, and the owning agencies see the impact before deciding."""

from datetime import timedelta
from typing import Any

from portal.story.people import APPROVERS, RESEARCHER
from portal.story.world import PROJECT, World
from store.days import today

DIMENSION = ["group", "filter"]
MEASURE = ["aggregate", "filter"]
CENSUS: dict[str, Any] = {
    "age": ["aggregate", {"group": 10}, {"filter": 10}],
    "education": DIMENSION,
    "occupation": DIMENSION,
    "marital_status": DIMENSION,
    "native_country": DIMENSION,
    "sex": DIMENSION,
    "income": DIMENSION,
    "hours_per_week": MEASURE[:1],
    "capital_gain": MEASURE[:1],
    "county_code": DIMENSION,
}
REGISTER: dict[str, Any] = {
    "id_no": [{"mask": "pseudonym"}],
    "name": [{"mask": "partial"}],
    "phone": [{"mask": "partial"}],
    "county_code": ["read", "filter", "group"],
    "gender": ["read", "filter", "group"],
}


def play(world: World) -> None:
    """Two requests, approved by as many agencies as their columns need; each refusal by its code."""
    researcher = world.as_(RESEARCHER)
    researcher.api(
        "POST",
        "/projects",
        json={"id": PROJECT, "title": "教育与收入", "purpose": "估计教育对收入的影响 Effect of education on income"},
    )
    census = _submit(world, "census", CENSUS, {"mode": "threshold", "min_group": 10})
    world.check_refused(
        "the requester cannot approve",
        "SELF_APPROVAL",
        researcher,
        "POST",
        f"/requests/{census['id']}/decisions",
        json={"approved": True, "version": census["version"], "reason": "", "impact_digest": ""},
    )
    world.check_refused(
        "an approver of another agency cannot decide first",
        "NOT_AN_APPROVER",
        world.as_(APPROVERS["health"]),
        "POST",
        f"/requests/{census['id']}/decisions",
        json={"approved": True, "version": census["version"], "reason": "", "impact_digest": ""},
    )
    _approve(world, census, ["stats", "health"])
    register = _submit(world, "register", REGISTER, {"mode": "rows", "min_group": 5})
    world.check("identity numbers need two agencies' approval", register["approvals_needed"] == 2, register)
    _approve(world, register, ["police", "stats"])


def _submit(world: World, dataset: str, columns: dict[str, Any], release: dict[str, Any]) -> dict[str, Any]:
    begin = today()
    submitted: dict[str, Any] = world.as_(RESEARCHER).api(
        "POST",
        "/requests",
        json={
            "project": PROJECT,
            "dataset": dataset,
            "purpose": "教育与收入研究",
            "columns": columns,
            "joins": [],
            "release": release,
            "valid_from": begin.isoformat(),
            "valid_until": (begin + timedelta(days=90)).isoformat(),
        },
    )
    world.see(f"request {submitted['id']} for {len(columns)} columns of {dataset}, 90 days")
    return submitted


def _approve(world: World, submitted: dict[str, Any], willing: list[str]) -> None:
    """As many approvals as the request needs: the owning agency first, then another."""
    state: dict[str, Any] = {}
    request_id, agencies = submitted["id"], willing[: submitted["approvals_needed"]]
    for agency in agencies:
        approver = world.as_(APPROVERS[agency])
        wanted = approver.api("GET", f"/requests/{request_id}")
        impact = approver.api("GET", f"/requests/{request_id}/impact")
        withheld = sum(column["withheld"] for column in impact["groups"])
        world.check(
            f"{APPROVERS[agency].name} ({agency}) sees the impact: {impact['people']:,} people, "
            f"{sum(column['groups'] for column in impact['groups'])} groups, {withheld} of them withheld",
            bool(impact["policy"]) and bool(impact["digest"]),
        )
        state = approver.api(
            "POST",
            f"/requests/{request_id}/decisions",
            json={
                "approved": True,
                "version": wanted["version"],
                "reason": "目的明确",
                "impact_digest": impact["digest"],
            },
        )
    world.check(
        f"request {request_id} approved by {', '.join(agencies)}; a grant is live", bool(state["grant_id"]), state
    )
