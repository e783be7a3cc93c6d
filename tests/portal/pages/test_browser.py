"""A real browser looks at every page: nothing serious for axe, no sideways scroll, no error, and no need of scripts."""

import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.portal.pages.addresses import FULL, LISTS
from tests.portal.pages.conftest import NODE_MODULES
from tests.portal.pages.scene_desk import SceneDesk
from tests.portal.pages.scenes import DIGEST, PEOPLE
from tests.portal.pages.stage import PREFIX

Stand = dict[bool, tuple[str, SceneDesk]]
CHROMIUM = shutil.which("chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
AXE = """async () => (await axe.run(document, {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
  resultTypes: ["violations"],
})).violations.filter(found => ["serious", "critical"].includes(found.impact))
  .map(found => [found.id, found.nodes.map(node => node.target.join(" ") + " " + (node.any[0]?.message ?? ""))])"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
PAGES = [*LISTS, *(each for each in FULL if not each[1].endswith("/progress"))]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()


def _context(browser: Browser, origin: str, actor: str, **options: Any) -> BrowserContext:
    context = browser.new_context(base_url=origin, **options)
    context.add_cookies([{"name": "actor", "value": actor, "url": origin}])
    return context


def _watched(context: BrowserContext, origin: str) -> tuple[Page, list[str]]:
    """A page and what went wrong on it: console errors, and every request that would leave the origin."""
    page, wrong = context.new_page(), []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda sent: None if sent.url.startswith(origin) else wrong.append(sent.url))
    return page, wrong


@pytest.mark.parametrize(
    ("width", "scheme", "language", "full", "turn"),
    [(1280, "light", "zh", True, 0), (390, "dark", "en", True, 1), (1280, "dark", "zh", False, 1)],
    ids=["wide-light-zh", "narrow-dark-en", "empty-dark-zh"],
)
def test_no_page_is_hard_to_use(
    browser: Browser, stand: Stand, width: int, scheme: Any, language: str, full: bool, turn: int
) -> None:
    """Axe takes most of the time: wide and narrow take turns with it, so that it sees each page once."""
    origin, _ = stand[full]
    axe = (NODE_MODULES / "axe-core" / "axe.min.js").read_text()
    found: dict[str, Any] = {}
    for actor in PEOPLE:
        context = _context(browser, origin, actor, viewport={"width": width, "height": 900}, color_scheme=scheme)
        page, wrong = _watched(context, origin)
        paths = [path for who, path in (PAGES if full else LISTS) if who == actor]
        for number, path in enumerate(paths):
            separator = "&" if "?" in path else "?"
            page.goto(f"{PREFIX}/{path}{separator}lang={language}")
            overflow, violations = page.evaluate(OVERFLOW), []
            if number % 2 == turn:
                page.evaluate(axe)
                violations = page.evaluate(AXE)
            if violations or overflow or wrong:
                found[f"{actor}:{path}"] = (violations, overflow, list(wrong))
            wrong.clear()
        context.close()
    assert found == {}


def test_a_request_is_approved_without_scripts(browser: Browser, stand: Stand) -> None:
    origin, desk = stand[True]
    context = _context(browser, origin, "gaowa", java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{PREFIX}/approvals")
    page.get_by_role("link", name="人口普查微观数据").click()
    page.get_by_role("link", name="批准…").click()
    page.get_by_label("理由").fill("用途明确")
    page.get_by_role("button", name="批准").click()
    assert "您的批准已记录。" in page.get_by_role("status").inner_text()
    decision = {"approved": True, "version": 2, "reason": "用途明确", "impact_digest": DIGEST}
    assert desk.done.pop() == ("decide", "gaowa", 7, decision)
    context.close()


def test_data_is_requested_by_keyboard_and_language_switched(browser: Browser, stand: Stand) -> None:
    origin, desk = stand[True]
    context = _context(browser, origin, "sarnai")
    page = context.new_page()
    page.goto(f"{PREFIX}/requests/new?project=income_study&dataset=census")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "跳到正文"
    page.get_by_role("link", name="English").press("Enter")
    page.get_by_role("heading", name="Request data").wait_for()
    page.get_by_label("age: Group").press("Space")
    page.get_by_label("Bucket width of age").fill("10")
    page.get_by_label("Purpose").fill("training")
    page.get_by_role("button", name="Submit the request").press("Enter")
    page.get_by_role("status").wait_for()
    assert "done" not in page.url  # the notice is shown once
    _, actor, asked = desk.done.pop()
    assert (actor, asked["columns"]) == ("sarnai", {"age": [{"group": 10}]})
    context.close()


def test_a_double_click_sends_once(browser: Browser, stand: Stand) -> None:
    origin, desk = stand[True]
    context = _context(browser, origin, "gaowa")
    page = context.new_page()
    page.goto(f"{PREFIX}/requests/7/approve")
    before = len(desk.done)
    page.get_by_role("button", name="批准").dblclick()
    page.get_by_role("status").wait_for()
    assert len(desk.done) == before + 1
    desk.done.clear()
    context.close()


def test_a_moving_job_tells_its_news_by_itself(browser: Browser, stand: Stand) -> None:
    origin, _ = stand[True]
    context = _context(browser, origin, "sarnai")
    page = context.new_page()
    page.goto(f"{PREFIX}/jobs/j-2")
    with page.expect_response(re.compile("jobs/j-2/progress"), timeout=10_000) as answer:
        pass
    assert answer.value.status == 200
    page.get_by_text("您可以离开此页，作业会继续。").wait_for()
    assert page.evaluate("localStorage.length") == 0  # no page of one person is kept for the next
    context.close()


def test_a_digest_is_copied_whole(browser: Browser, stand: Stand) -> None:
    origin, _ = stand[True]
    context = _context(browser, origin, "sarnai")
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=origin)
    page = context.new_page()
    page.goto(f"{PREFIX}/jobs/j-3")
    page.get_by_role("button", name="复制全文").first.click()
    page.get_by_role("button", name="已复制").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == DIGEST
    context.close()
