"""The pages on a real platform: one request's whole life by forms alone, with a browser's session and its token."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from audit.log import read_records
from portal.context import Platform
from portal.service import create_app
from portal.session import SESSION_COOKIE

PREFIX = "/services/portal"
Sign = Callable[[str], "Browser"]


class Browser:
    """Somebody signed in; every form is filled from the page it stands on."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def see(self, path: str, status: int = 200) -> str:
        answer = self.client.get(f"{PREFIX}/{path}", headers={"Accept": "text/html"})
        assert answer.status_code == status, (path, answer.status_code, answer.text[:600])
        return answer.text

    def send(self, page: str, action: str, fields: dict[str, object], **more: object) -> httpx.Response:
        """Post to `action` with the hidden fields that `page` puts into that form."""
        address = f'action="{PREFIX}/{action}"'
        form = next(found for found in re.findall(r"<form.*?</form>", self.see(page), re.DOTALL) if address in found)
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))
        data = {**hidden, **fields}
        answer: httpx.Response = self.client.post(f"{PREFIX}/{action}", data=data, **more)  # type: ignore[arg-type]
        return answer


@pytest.fixture
def sign_in(platform: Platform) -> Sign:
    app = create_app(platform)

    def signed(name: str) -> Browser:
        session = app.state.sessions.open(f"token-{name}")
        return Browser(
            TestClient(app, base_url="http://portal.test", cookies={SESSION_COOKIE: session}, follow_redirects=False)
        )

    return signed


def test_a_dataset_is_published_requested_granted_and_revoked_by_forms(
    sign_in: Sign, platform: Platform, census_file: Path
) -> None:
    steward, researcher, approver = sign_in("wangli"), sign_in("sarnai"), sign_in("gaowa")
    described = {"id": "census", "title": "普查", "title_en": "Census", "unit": "person_no", "source": "test"}
    with census_file.open("rb") as content:
        answer = steward.send("catalogue/register", "catalogue/register", described, files={"file": ("c", content)})
    assert answer.headers["location"] == f"{PREFIX}/catalogue/census?done=registered"
    sign_in("sarnai").see("catalogue/census", 404)
    grades = {"grade:person_no": "3", "grade:town": "2", "grade:hours": "2", "reason": "test data"}
    assert steward.send("catalogue/census", "catalogue/census/publish", grades).status_code == 303
    assert "普查" in researcher.see("catalogue")

    named = {"id": "p1", "title": "工时", "purpose": "各地工时"}
    assert researcher.send("projects/new", "projects", named).status_code == 303
    asked = {
        "purpose": "各地平均工时",
        "cap:town": ["group", "filter"],
        "cap:hours": ["aggregate"],
        "mode": "threshold",
        "min_group": "10",
        "valid_from": "2026-01-01",
        "valid_until": "2026-12-31",
    }
    page = "requests/new?project=p1&dataset=census"
    assert "PERIOD_INVALID" in researcher.send(page, "requests", {**asked, "valid_until": "2025-12-31"}).text
    form = re.search(
        r'name="valid_from" value="([^"]+)".*?name="valid_until" value="([^"]+)"', researcher.see(page), re.S
    )
    assert form
    answer = researcher.send(page, "requests", {**asked, "valid_from": form[1], "valid_until": form[2]})
    assert answer.status_code == 303, answer.text
    request = answer.headers["location"].removeprefix(f"{PREFIX}/").partition("?")[0]

    assert request in approver.see("approvals")
    seen = approver.see(request)
    assert "批准后可以做什么" in seen
    assert re.search(
        r"<code>town</code></th>\s*<td[^>]*>3</td>\s*<td[^>]*>1</td>", seen
    )  # the hamlet of three stays hidden
    answer = approver.send(f"{request}/approve", f"{request}/decisions", {"reason": "合适"})
    assert answer.headers["location"] == f"{PREFIX}/{request}?done=approved"
    assert "有效" in researcher.see("projects/p1")
    assert "/hub/spawn/sarnai/p1" in researcher.see("projects/p1")

    revoke = re.search(r'href="/services/portal/(projects/p1/grants/\d+/revoke)"', approver.see("projects/p1"))
    assert revoke
    answer = approver.send(revoke[1], revoke[1], {})
    assert answer.headers["location"] == f"{PREFIX}/projects/p1?done=revoked"
    assert "已撤销" in researcher.see("projects/p1")
    happened = [record["event"] for record in read_records(platform.audit.path)]
    wanted = ["dataset.published", "project.created", "request.submitted", "request.decided", "grant.revoked"]
    assert [event for event in happened if event in wanted] == wanted


def test_every_list_opens_on_a_platforms_first_day(sign_in: Sign) -> None:
    paths = ("", "catalogue", "projects", "approvals", "jobs", "releases", "joint", "compute", "audit", "joint/new")
    for name in ("sarnai", "wangli", "gaowa", "liumin", "wuyun"):
        for path in paths:
            assert "<h1>" in sign_in(name).see(path), (name, path)


def test_a_form_without_the_sessions_token_changes_nothing(sign_in: Sign) -> None:
    named = {"csrf": "0" * 64, "id": "p1", "title": "t", "purpose": "p"}
    answer = sign_in("sarnai").client.post(f"{PREFIX}/projects", data=named, headers={"Accept": "text/html"})
    assert answer.status_code == 403
    assert "此表单不属于当前会话。" in answer.text
    assert "p1" not in sign_in("sarnai").see("projects")


def test_what_somebody_may_not_see_is_refused_in_the_own_language(sign_in: Sign) -> None:
    assert "没有项目 nothing。" in sign_in("sarnai").see("projects/nothing", 404)
    assert "There is no project nothing." in sign_in("sarnai").see("projects/nothing?lang=en", 404)
    assert "ROUTE_UNKNOWN" in sign_in("sarnai").see("no/such/page", 404)
