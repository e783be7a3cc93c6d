"""The story on one running platform, and then people at a real browser who look at what it left.

With YURT_SCREENSHOTS=1 the pictures of the documents are taken on the way.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from portal.story.people import APPROVERS, PASSWORDS, RESEARCHER, Actor
from portal.story.steps.look import PAGES
from portal.story.world import PROJECT
from tests.e2e.conftest import ROOT, Platform

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(900),  # the first of them waits for the story
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
WAIT_MS = 120_000
PORTAL = "/services/portal"
CODES = (  # every refusal of the story, by its code
    "SELF_APPROVAL", "NOT_AN_APPROVER", "ROLE_REQUIRED", "COLUMN_NOT_USABLE", "DIFFERENCING", "JOB_DIGEST_MISMATCH",
    "IDENTITY", "SELF_REVIEW", "NOT_RELEASED", "TICKET_SPENT", "FILE_BLOCKED", "BELOW_MINIMUM",
)  # fmt: skip
QUERY = "SELECT education, count(*) AS people FROM census WHERE age >= 40 GROUP BY education"
AXE = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
  .filter(found => ["serious", "critical"].includes(found.impact))
  .map(found => [found.id, found.nodes.map(node => node.target.join(" "))])"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

AsPerson = Callable[[Actor], Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()


@pytest.fixture(scope="module")
def url(told: Platform) -> str:
    """Where people open the platform, as it said."""
    found = re.search(rf"^Portal\s+(http://\S+){PORTAL}/", told.text(), re.MULTILINE)
    assert found is not None, told.text()
    return found[1]


@pytest.fixture(scope="module")
def passwords(told: Platform) -> dict[str, str]:
    kept: dict[str, str] = json.loads((told.home / "secrets" / PASSWORDS).read_text())
    return kept


def fresh(browser: Browser, url: str) -> Page:
    """A browser nobody has signed in with."""
    context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 800}, locale="zh-CN")
    context.set_default_timeout(WAIT_MS)
    context.set_default_navigation_timeout(WAIT_MS)
    return context.new_page()


def sign_in(page: Page, username: str, password: str) -> None:
    page.goto(f"{PORTAL}/")
    page.get_by_label("账号").fill(username)
    page.get_by_label("密码").fill(password)
    page.get_by_role("button", name="登录").click()


@pytest.fixture(scope="module")
def as_(browser: Browser, url: str, passwords: dict[str, str]) -> Iterator[AsPerson]:
    """The page of somebody who signed in at the hub's form and came to the portal, once each."""
    pages: dict[str, Page] = {}

    def page_of(actor: Actor) -> Page:
        if actor.username not in pages:
            page = fresh(browser, url)
            sign_in(page, actor.username, passwords[actor.username])
            page.wait_for_url(f"**{PORTAL}/")
            pages[actor.username] = page
        page = pages[actor.username]
        page.set_viewport_size({"width": 1280, "height": 800})
        return page

    yield page_of
    for page in pages.values():
        page.context.close()


def picture(page: Page, name: str) -> None:
    """A picture for the documents, where they are asked for."""
    if os.environ.get("YURT_SCREENSHOTS") == "1":
        page.screenshot(path=ROOT / "docs" / "images" / name)


def serious(page: Page) -> list[object]:
    """What axe finds on a page that keeps somebody from using it."""
    page.evaluate((ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text() + "; null")
    found: list[object] = page.evaluate(AXE)
    return found


def test_the_story_is_told(told: Platform) -> None:
    said = told.text()
    assert re.findall(r"^✓ (\d)\.", said, re.MULTILINE) == list("123456789")
    assert [code for code in CODES if code not in said] == []
    peak = re.search(r"peak memory ([\d.]+) GiB", said)
    assert peak is not None
    assert float(peak[1]) < 5
    assert [path for path in (told.home / "secrets").iterdir() if path.stat().st_mode & 0o077] == []


def test_a_wrong_password_is_refused_in_one_sentence(browser: Browser, url: str) -> None:
    page = fresh(browser, url)
    sign_in(page, RESEARCHER.username, "not the password")
    expect(page.get_by_role("alert")).to_contain_text("账号与密码不符")
    expect(page.get_by_role("alert")).to_contain_text("Login name and password do not match")
    expect(page.get_by_label("账号")).to_have_value(RESEARCHER.username)
    expect(page.get_by_label("密码")).to_have_value("")
    assert serious(page) == []
    page.context.close()


def test_a_stopped_sandbox_opens_again_and_its_notebook_is_answered(as_: AsPerson, told: Platform) -> None:
    page = as_(RESEARCHER)
    stop_sandbox(page)
    page.goto(f"{PORTAL}/projects/{PROJECT}?lang=zh")
    page.get_by_role("link", name="打开沙箱").click()
    expect(page.get_by_role("heading", name="正在打开沙箱")).to_be_visible()
    page.wait_for_url(f"**/user/{RESEARCHER.username}/{PROJECT}/lab**")
    page.locator('.jp-LauncherCard[data-category="Notebook"]', has_text="Python 3").first.click()
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=WAIT_MS)
    cell = page.locator(".jp-Notebook .jp-CodeCell .cm-content").first
    cell.fill(f"%%sql\n{QUERY}")
    expect(cell).to_contain_text("GROUP BY education")
    cell.press("Shift+Enter")
    answer = page.locator(".jp-Notebook .jp-OutputArea-output table").first
    expect(answer).to_be_visible(timeout=WAIT_MS)
    assert answer.locator("th").all_inner_texts() == ["education", "people"]
    seen = {tuple(row.locator("td").all_inner_texts()) for row in answer.locator("tbody tr").all()}
    assert seen == raw_answer(told.home / "data" / "census" / "v1.parquet")
    page.mouse.move(1000, 700)  # away from the table, whose rows answer to it
    picture(page, "notebook.png")


def stop_sandbox(page: Page) -> None:
    """As the hub's own pages would, with the person's cookies; returns once it has stopped."""
    page.goto("/hub/home")
    path = f"/hub/api/users/{RESEARCHER.username}/servers/{PROJECT}"
    status = page.evaluate(
        """async (path) => (await fetch(path, {
          method: "DELETE", headers: {"X-XSRFToken": document.cookie.match(/_xsrf=([^;]+)/)[1]},
        })).status""",
        path,
    )
    assert status in (202, 204)
    page.goto(f"/user/{RESEARCHER.username}/{PROJECT}/lab")
    if status == 202:  # its page reads itself again until it has stopped
        page.wait_for_url("**/hub/user/**")
    expect(page.get_by_role("heading", name="沙箱未在运行")).to_be_visible(timeout=WAIT_MS)


def raw_answer(census: Path) -> set[tuple[str, ...]]:
    """The same question asked of the raw data, as text."""
    rows = duckdb.sql(QUERY.replace("FROM census", f"FROM '{census}'")).fetchall()
    return {tuple(str(value) for value in row) for row in rows}


def test_an_approver_sees_who_decided_a_request(as_: AsPerson) -> None:
    page = as_(APPROVERS["stats"])
    page.goto(f"{PORTAL}/requests/1?lang=zh")
    history = page.get_by_role("region", name="经过").get_by_role("listitem")
    assert history.count() >= 2
    expect(history.first).to_contain_text(RESEARCHER.username)
    expect(history.filter(has_text=APPROVERS["stats"].username)).to_contain_text("批准")
    picture(page, "portal.png")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_axe_finds_nothing_serious(as_: AsPerson, language: str) -> None:
    found = {}
    for actor, path in ((RESEARCHER, "/"), (RESEARCHER, "/catalogue"), (APPROVERS["stats"], "/requests/1")):
        page = as_(actor)
        page.goto(f"{PORTAL}{path}?lang={language}")
        assert page.locator("html").get_attribute("lang") == ("zh-CN" if language == "zh" else "en")
        found[path] = serious(page)
    assert {path: violations for path, violations in found.items() if violations} == {}


def test_no_page_scrolls_sideways_on_a_phone(as_: AsPerson) -> None:
    wide = {}
    for path, actor, _ in PAGES:
        page = as_(actor)
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(f"{PORTAL}{path}?lang=zh")
        wide[path] = page.evaluate(OVERFLOW)
    assert {path: pixels for path, pixels in wide.items() if pixels > 0} == {}
