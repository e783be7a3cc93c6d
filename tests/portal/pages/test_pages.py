"""Every page in both languages, full and empty; every form does what it says and nothing else."""

import json
import re
from collections.abc import Callable
from datetime import date
from importlib.resources import files

import httpx
import pytest

from portal.pages.language import COOKIE
from tests.portal.pages.addresses import FULL, LISTS
from tests.portal.pages.scene_desk import SceneDesk
from tests.portal.pages.scenes import DIGEST
from tests.portal.pages.stage import PREFIX, TOKEN

Visit = Callable[..., httpx.Response]
CSRF = {"csrf": TOKEN}
CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("full", [True, False], ids=["full", "empty"])
def test_every_page_renders(visit: Visit, desk: SceneDesk, full: bool, language: str) -> None:
    desk.full = full
    for actor, path in LISTS + (FULL if full else []):
        answer = visit(actor, path, params={"lang": language})
        assert answer.status_code == 200, path
        assert answer.headers["content-security-policy"].startswith("default-src 'self'")
        assert answer.headers["cache-control"] == "no-store"
        if not path.endswith("/progress"):
            title = re.search(r"<title>(.+) · ", answer.text)
            assert title, path
            assert f'<html lang="{"zh-CN" if language == "zh" else "en"}">' in answer.text
        assert " style=" not in answer.text, path
        assert not re.search(r"<script(?![^>]+src=)", answer.text), path
        assert not re.search(r"\son\w+=", answer.text), path


def test_every_form_that_changes_something_carries_the_token(visit: Visit) -> None:
    seen = 0
    for actor, path in LISTS + FULL:
        for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", visit(actor, path).text, re.DOTALL):
            assert f'name="csrf" value="{TOKEN}"' in form, path
            seen += 1
    assert seen > 50


def test_english_pages_hold_no_chinese_but_the_datas_own_words(visit: Visit) -> None:
    for actor, path in [
        ("gaowa", "approvals"),
        ("sarnai", "catalogue/prices"),
        ("liumin", "audit"),
        ("wuyun", "compute"),
    ]:
        text = re.sub(r"<[^>]+>", " ", visit(actor, path, params={"lang": "en"}).text)
        left = {word for word in text.split() if CHINESE.search(word)}
        allowed = ("中文", "高娃", "萨仁", "刘敏", "乌云", "比较各旗县", "按盟市", "内蒙古自治区")
        assert all(word.startswith(allowed) for word in left), (path, left)


def test_every_template_is_shown_by_some_page(visit: Visit) -> None:
    shown = set()
    pages = visit.__closure__  # the application under the visit
    app = next(cell.cell_contents for cell in pages if hasattr(cell.cell_contents, "state"))
    for environment in app.state.pages._environments.values():
        loaded = environment.get_template

        def remembered(name: str, *rest: object, loaded: object = loaded) -> object:
            shown.add(name)
            return loaded(name, *rest)  # type: ignore[operator]

        environment.get_template = remembered
    for actor, path in [*LISTS, *FULL, ("", "catalogue"), ("sarnai", "requests/99")]:
        visit(actor, path)
    visit("sarnai", "releases/r-2/ticket", {**CSRF, "file": "figure.png"})
    root = files("portal") / "templates"
    every = {str(path.relative_to(root)) for path in root.rglob("*.html")}  # type: ignore[attr-defined]
    assert every - shown - {"layout.html"} - {name for name in every if "parts" in name} == set()


def test_the_address_and_then_the_cookie_choose_the_language(visit: Visit) -> None:
    answer = visit("sarnai", "catalogue", params={"lang": "en"})
    assert "<h1>Catalogue</h1>" in answer.text
    assert f"{COOKIE}=en" in answer.headers["set-cookie"]
    assert "<h1>数据目录</h1>" in visit("sarnai", "catalogue").text
    assert "<h1>Catalogue</h1>" in visit("sarnai", "catalogue", cookies={"actor": "sarnai", COOKIE: "en"}).text
    assert "<h1>数据目录</h1>" in visit("sarnai", "catalogue", params={"lang": "xx"}).text


def test_nobody_is_asked_to_sign_in_and_comes_back_to_the_page(visit: Visit) -> None:
    answer = visit("", "catalogue?q=census")
    assert answer.status_code == 401
    assert f"{PREFIX}/login?next=%2Fservices%2Fportal%2Fcatalogue%3Fq%3Dcensus" in answer.text
    assert "census" not in re.sub(r"<[^>]+>", "", answer.text)


def test_an_error_says_what_happened_its_code_and_what_to_do(visit: Visit) -> None:
    answer = visit("sarnai", "requests/99")
    assert answer.status_code == 404
    for part in ("没有申请 99。", "REQUEST_UNKNOWN", "请在审批页中查找。"):
        assert part in answer.text


def test_what_people_typed_cannot_become_markup(visit: Visit) -> None:
    evil = '"><script>alert(1)</script>'
    answer = visit("sarnai", "catalogue", params={"q": evil})
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert" in answer.text


def test_a_filter_that_hides_everything_says_so(visit: Visit) -> None:
    answer = visit("sarnai", "catalogue", params={"q": "nothing-like-this"})
    assert "共 3 个数据集，没有符合筛选条件的。" in answer.text
    assert "清除筛选" in answer.text
    assert (
        "人口普查微观数据" in visit("sarnai", "catalogue", params={"q": "普查", "agency": "stats", "grade": "4"}).text
    )


def test_synthetic_identifiers_are_said_wherever_such_a_dataset_is_shown(visit: Visit) -> None:
    notice = "真实微观数据配合成标识"
    for actor, path in [
        ("sarnai", "catalogue/census"),
        ("gaowa", "requests/7"),
        ("sarnai", "projects/income_study"),
        ("sarnai", "requests/new?project=income_study&dataset=census"),
    ]:
        assert notice in visit(actor, path).text, path
    assert notice not in visit("sarnai", "catalogue/prices").text
    assert "合成标识" in visit("sarnai", "catalogue").text
    assert "合成标识" in visit("gaowa", "joint/m-1").text


def test_the_confirm_page_repeats_subject_count_and_end(visit: Visit) -> None:
    text = visit("gaowa", "requests/7/approve").text
    for part in ("人口普查微观数据", "income_study", "sarnai", "48,842", "2027年5月21日", "2 / 2", f'value="{DIGEST}"'):
        assert part in text
    revoke = visit("gaowa", "projects/income_study/grants/3/revoke").text
    for part in ("受教育程度与收入", "encounters", "2027年3月31日", "立即撤销"):
        assert part in revoke


def test_only_those_who_decide_see_buttons_and_impact(visit: Visit) -> None:
    assert "requests/7/approve" in visit("gaowa", "requests/7").text
    applicant = visit("sarnai", "requests/7").text
    assert "requests/7/approve" not in applicant
    assert "批准后可以做什么" not in applicant
    assert "此申请由您提交，须由他人审批。" in applicant


def test_deciding_goes_back_to_the_request(visit: Visit, desk: SceneDesk) -> None:
    form = {**CSRF, "verdict": "approve", "version": "2", "reason": "合适", "impact_digest": DIGEST}
    answer = visit("gaowa", "requests/7/decisions", form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PREFIX}/requests/7?done=approved")
    decision = {"approved": True, "version": 2, "reason": "合适", "impact_digest": DIGEST}
    assert desk.done == [("decide", "gaowa", 7, decision)]
    assert "您的批准已记录。" in visit("gaowa", "requests/7?done=approved").text
    assert 'role="status"' not in visit("gaowa", "requests/7?done=<b>anything</b>").text


def test_a_stale_impact_is_explained_and_the_reason_kept(visit: Visit, desk: SceneDesk) -> None:
    form = {**CSRF, "verdict": "approve", "version": "2", "reason": "已核对过", "impact_digest": "old"}
    answer = visit("gaowa", "requests/7/decisions", form)
    assert answer.status_code == 409
    for part in ("IMPACT_STALE", "请重新阅读影响，再作决定。", "已核对过"):
        assert part in answer.text
    assert desk.done == []


def test_a_refusal_without_a_reason_is_not_sent(visit: Visit, desk: SceneDesk) -> None:
    answer = visit("gaowa", "requests/7/decisions", {**CSRF, "verdict": "refuse", "version": "2"})
    assert answer.status_code == 422
    assert "驳回须写明理由。" in answer.text
    assert desk.done == []


@pytest.mark.parametrize(
    "path",
    [
        "requests/7/decisions",
        "projects",
        "projects/income_study/members",
        "projects/income_study/grants/3/revoke",
        "projects/income_study/replay",
        "catalogue/census/publish",
        "requests",
        "jobs",
        "jobs/j-1/approve",
        "jobs/j-1/cancel",
        "releases/r-1/reviews",
        "releases/r-2/ticket",
        "downloads",
        "joint",
        "joint/m-1/approve",
        "sandboxes/income_study/stop",
    ],
)
def test_a_form_of_another_session_changes_nothing(visit: Visit, desk: SceneDesk, path: str) -> None:
    answer = visit("gaowa", path, {"csrf": "another", "verdict": "approve", "version": "2"})
    assert (answer.status_code, desk.done) == (403, [])
    assert "CSRF_INVALID" in answer.text


def test_a_request_asks_for_exactly_what_was_ticked(visit: Visit, desk: SceneDesk) -> None:
    form = {
        **CSRF,
        "project": "income_study",
        "dataset": "census",
        "purpose": "就业培训",
        "cap:id_no": ["count", "mask"],
        "cap:age": ["group", "filter", "aggregate"],
        "grain:age": "10",
        "cap:birth_date": ["group"],
        "grain:birth_date": "year",
        "grain:hours_per_week": "5",
        "cap:not_a_column": ["read"],
        "mode": "threshold",
        "min_group": "12",
        "epsilon": "4",
        "joins": ["encounters.id_no"],
        "rows": "age >= 18",
        "valid_from": "2026-12-01",
        "valid_until": "2027-05-30",
    }
    answer = visit("sarnai", "requests", form)
    assert answer.headers["location"] == f"{PREFIX}/requests/7?done=requested"
    ((_, actor, asked),) = desk.done
    assert actor == "sarnai"
    assert asked["columns"] == {
        "id_no": ["count", {"mask": "pseudonym"}],
        "age": [{"group": 10}, {"filter": 10}, "aggregate"],
        "birth_date": [{"group": "year"}],
    }
    assert asked["release"] == {"mode": "threshold", "min_group": 12}
    assert (list(asked["joins"]), asked["rows"]) == (["encounters.id_no"], "age >= 18")
    assert (asked["valid_from"], asked["valid_until"]) == (date(2026, 12, 1), date(2027, 5, 30))


def test_a_wrong_request_keeps_what_was_typed(visit: Visit, desk: SceneDesk) -> None:
    form = {
        **CSRF,
        "project": "income_study",
        "dataset": "census",
        "purpose": "就业培训",
        "cap:age": ["group"],
        "grain:age": "10",
        "mode": "dp",
        "epsilon": "nan",
        "valid_from": "2026-12-01",
        "valid_until": "2027-05-30",
    }
    answer = visit("sarnai", "requests", form)
    assert answer.status_code == 422
    assert "字段 epsilon 无效。" in answer.text
    assert "就业培训" in answer.text
    assert re.search(r'name="cap:age" value="group" checked', answer.text)
    assert re.search(r'name="grain:age"[^>]* value="10"', answer.text)
    assert desk.done == []


def test_publishing_sends_the_grades_and_keeps_them_after_a_refusal(visit: Visit, desk: SceneDesk) -> None:
    answer = visit("wangli", "catalogue/register/publish", {**CSRF, "grade:id_no": "1", "grade:age": "3"})
    assert answer.status_code == 422
    assert "列 id_no 建议级别为 4，1 低于建议。" in answer.text
    assert re.search(r'name="grade:id_no".*?<option value="1" selected>', answer.text, re.DOTALL)
    visit("wangli", "catalogue/register/publish", {**CSRF, "grade:id_no": "1", "reason": "已脱敏"})
    assert desk.done == [("publish", "wangli", "register", {"id_no": 1}, "已脱敏")]


def test_registering_uploads_the_file_once(visit: Visit, desk: SceneDesk) -> None:
    fields = {**CSRF, "id": "register", "title": "常住人口登记", "unit": "id_no"}
    upload = {"file": ("register.parquet", b"PAR1")}
    answer = visit("wangli", "catalogue/register", fields, files=upload)
    assert answer.headers["location"] == f"{PREFIX}/catalogue/register?done=registered"
    ((_, actor, content, given),) = desk.done
    assert (actor, content, given["title"]) == ("wangli", b"PAR1", "常住人口登记")
    assert list(desk.incoming.iterdir()) == []
    answer = visit("wangli", "catalogue/register", {**fields, "unit": ""}, files=upload)
    assert answer.status_code == 422
    assert 'value="常住人口登记"' in answer.text
    assert visit("wangli", "catalogue/register", {**fields, "csrf": "x"}, files=upload).status_code == 403
    assert len(desk.done) == 1
    assert list(desk.incoming.iterdir()) == []


def test_a_job_is_approved_by_its_digest_and_cancelled_after_a_question(visit: Visit, desk: SceneDesk) -> None:
    assert f'name="digest" value="{DIGEST}"' in visit("gaowa", "jobs/j-1/approve").text
    visit("gaowa", "jobs/j-1/approve", {**CSRF, "digest": DIGEST})
    visit("sarnai", "jobs/j-2/cancel", {**CSRF})
    assert desk.done == [("approve_job", "gaowa", "j-1", DIGEST), ("cancel_job", "sarnai", "j-2")]


def test_a_person_stops_their_own_sandbox_from_the_start_page(visit: Visit, desk: SceneDesk) -> None:
    answer = visit("sarnai", "sandboxes/income_study/stop", {**CSRF})
    assert answer.status_code in (200, 303)
    assert desk.done == [("stop_sandbox", "sarnai", "income_study")]


def test_a_job_is_submitted_with_its_resources(visit: Visit, desk: SceneDesk) -> None:
    form = {
        **CSRF,
        "project": "income_study",
        "title": "分布",
        "script": "open('/out/a.csv', 'w')",
        "datasets": ["encounters"],
        "parameters": '{"minimum": 10}',
        "cpus": "1.5",
        "memory_mib": "512",
        "minutes": "5",
    }
    visit("sarnai", "jobs", form)
    ((_, _, job),) = desk.done
    assert job["resources"] == {"cpus": 1.5, "memory_bytes": 512 * 2**20, "wall_s": 300}
    assert (list(job["datasets"]), job["parameters"]) == (["encounters"], {"minimum": 10})


def test_only_a_moving_job_is_asked_for_again(visit: Visit) -> None:
    running = visit("sarnai", "jobs/j-2/progress")
    assert 'hx-trigger="every 2s"' in running.text
    assert "hx-refresh" not in running.headers
    done = visit("sarnai", "jobs/j-3/progress")
    assert "hx-trigger" not in done.text
    assert done.headers["hx-refresh"] == "true"


def test_a_ticket_is_shown_once_and_spent_by_the_download(visit: Visit, desk: SceneDesk) -> None:
    ticket = visit("sarnai", "releases/r-2/ticket", {**CSRF, "file": "figure.png"})
    secret = re.search(r'name="ticket" value="([^"]+)"', ticket.text)
    assert secret
    answer = visit("sarnai", "downloads", {**CSRF, "ticket": secret[1]})
    assert answer.content == b"county,n\n150102,31\n"
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%E5%90%84")
    assert answer.headers["cache-control"] == "no-store"
    assert desk.done[-1] == ("download", "sarnai", secret[1])


def test_a_review_is_about_these_bytes(visit: Visit, desk: SceneDesk) -> None:
    visit("chenjing", "releases/r-1/reviews", {**CSRF, "verdict": "approve", "digest": f"sha256:{DIGEST}"})
    assert desk.done == [("review", "chenjing", "r-1", {"approved": True, "reason": "", "digest": f"sha256:{DIGEST}"})]


def test_a_joint_computation_is_proposed_and_approved(visit: Visit, desk: SceneDesk) -> None:
    form = {
        **CSRF,
        "name": "就业与住院",
        "operator": "psi_join_aggregate",
        "purpose": "统计",
        "agency:1": "stats",
        "dataset:1": "census",
        "key:1": "id_no",
        "columns:1": "education, income",
        "agency:2": "health",
        "dataset:2": "encounters",
        "key:2": "id_no",
        "receiver": "health",
        "min_group": "10",
        "parameters": json.dumps({"duplicates": "distinct"}),
    }
    visit("wuyun", "joint", form)
    visit("gaowa", "joint/m-1/approve", {**CSRF, "digest": DIGEST})
    (_, _, body), approved = desk.done
    assert body["parties"] == [
        {"agency": "stats", "dataset": "census", "key": "id_no", "columns": ["education", "income"]},
        {"agency": "health", "dataset": "encounters", "key": "id_no", "columns": []},
    ]
    assert (body["receiver"], body["min_group"], body["parameters"]) == ("health", 10, {"duplicates": "distinct"})
    assert approved == ("approve_joint", "gaowa", "m-1", DIGEST)


def test_revoking_says_which_grant_and_stops(visit: Visit, desk: SceneDesk) -> None:
    answer = visit("gaowa", "projects/income_study/grants/3/revoke", CSRF)
    assert answer.headers["location"] == f"{PREFIX}/projects/income_study?done=revoked"
    assert desk.done == [("revoke", "gaowa", 3)]
    assert "立即撤销" not in visit("gaowa", "projects/income_study/grants/1/revoke").text


def test_a_changed_policy_is_tried_on_the_projects_questions(visit: Visit, desk: SceneDesk) -> None:
    assert "education: [group, filter]" in visit("gaowa", "projects/income_study/replay").text
    text = visit("gaowa", "projects/income_study/replay", {**CSRF, "policy": "project: income_study"}).text
    assert desk.done == [("replay", "gaowa", "income_study", "project: income_study")]
    for part in (
        "将被拒绝",
        "将得到回答",
        "census.county_code 不允许任何用途",
        "另有 3 个",
        "SELECT avg(age) FROM census",
    ):
        assert part in text
    assert "project: income_study</textarea>" in text


def test_a_changed_policy_with_nothing_in_it_is_sent_back(visit: Visit, desk: SceneDesk) -> None:
    answer = visit("gaowa", "projects/income_study/replay", {**CSRF, "policy": " "})
    assert (answer.status_code, desk.done) == (422, [])


def test_only_those_who_decide_may_try_a_changed_policy(visit: Visit) -> None:
    assert visit("sarnai", "projects/income_study/replay").status_code == 403
    assert "projects/income_study/replay" not in visit("sarnai", "projects/income_study").text
    assert "projects/income_study/replay" in visit("gaowa", "projects/income_study").text


def test_only_listed_assets_are_served_and_their_address_changes_with_their_content(visit: Visit) -> None:
    page = visit("", "").text
    addresses = re.findall(r'(?:href|src)="/services/portal/(static/[^"]+)"', page)
    assert len(addresses) == 6
    for address in addresses:
        answer = visit("", address)
        assert answer.status_code == 200, address
        assert re.search(r"\?v=[0-9a-f]{12}$", address), address
    for address in (
        "static/../settings.py",
        "static/vendor/bootstrap.min.css.map",
        "static/",
        "static/vendor/axe.min.js",
    ):
        assert visit("", address, headers={"accept": "text/html"}).status_code == 404, address


def test_pages_stay_within_their_budget_of_bytes() -> None:
    own = files("portal") / "static"
    assert len((own / "portal.css").read_bytes()) < 32_000
    assert len((own / "portal.js").read_bytes()) < 4_000
