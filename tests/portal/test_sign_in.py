"""Signing in: tokens of the hub for programs, the hub's OAuth for browsers."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

import portal.hub
from portal.service import HEADERS
from portal.session import SESSION_COOKIE, onward

API = "/services/portal/api/v1"
PORTAL = "/services/portal"


def sign_in(web: TestClient, hub: Any, name: str, code: str = "c0de") -> Any:
    """What a browser does: begin, come back from the hub with a code."""
    begun = web.get(f"{PORTAL}/login", params={"next": f"{PORTAL}/requests"})
    query = parse_qs(urlsplit(begun.headers["location"]).query)
    hub.codes[code] = f"token-{name}"
    return web.get(f"{PORTAL}/oauth_callback", params={"code": code, "state": query["state"][0]})


def code_of(answer: Any) -> tuple[int, str]:
    assert answer.json().keys() == {"code", "message", "hint"}
    return answer.status_code, answer.json()["code"]


def test_health_needs_nobody(web: TestClient) -> None:
    assert web.get(f"{API}/health").json() == {"ok": True}


def test_a_bearer_token_of_the_hub_says_who_it_is(as_: Any) -> None:
    assert as_("gaowa").get("/me").json() == {
        "username": "gaowa",
        "name": "Gaowa",
        "agency": {"id": "stats", "name": "stats", "name_en": "stats"},
        "roles": [{"role": "approver", "agency": "stats"}],
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nobody", (401, "TOKEN_INVALID")),
        ("stranger", (403, "NOT_REGISTERED")),
        ("sandbox", (403, "TOKEN_NOT_FOR_PORTAL")),
    ],
)
def test_other_tokens_are_refused(as_: Any, name: str, expected: tuple[int, str]) -> None:
    assert code_of(as_(name).get("/me")) == expected


def test_without_a_token_the_api_answers_401(web: TestClient) -> None:
    answer = web.get(f"{API}/me")
    assert code_of(answer) == (401, "NOT_SIGNED_IN")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_revoked_token_stops_working_when_the_short_memory_ends(
    as_: Any, hub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert as_("tuya").get("/me").status_code == 200
    model = hub.users.pop("token-tuya")
    assert as_("tuya").get("/me").status_code == 200  # at most TOKEN_CACHE_S
    monkeypatch.setattr(portal.hub, "TOKEN_CACHE_S", 0.0)
    assert code_of(as_("tuya").get("/me")) == (401, "TOKEN_INVALID")
    hub.users["token-tuya"] = model


def test_the_hub_is_not_asked_for_every_request(as_: Any, hub: Any) -> None:
    as_("batu").get("/me")
    before = hub.asked
    as_("batu").get("/me")
    assert hub.asked == before


def test_oauth_opens_a_session_and_goes_on_to_the_page(web: TestClient, hub: Any) -> None:
    answer = sign_in(web, hub, "sarnai")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PORTAL}/requests")
    cookie = next(part for part in answer.headers.get_list("set-cookie") if part.startswith(SESSION_COOKIE))
    assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Path=/services/portal/", "Max-Age="))
    assert web.get(f"{API}/me").json()["username"] == "sarnai"


def test_the_login_redirect_is_bound_and_uses_pkce(web: TestClient) -> None:
    location = urlsplit(web.get(f"{PORTAL}/login").headers["location"])
    query = parse_qs(location.query)
    assert location.path == "/hub/api/oauth2/authorize"
    assert query["client_id"] == ["service-portal"]
    assert query["redirect_uri"] == [f"{PORTAL}/oauth_callback"]
    assert query["code_challenge_method"] == ["S256"]


def test_a_sign_in_of_another_browser_is_refused(web: TestClient, hub: Any) -> None:
    begun = web.get(f"{PORTAL}/login")
    state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
    hub.codes["c"] = "token-sarnai"
    web.cookies.clear()
    answer = web.get(f"{PORTAL}/oauth_callback", params={"code": "c", "state": state})
    assert code_of(answer) == (400, "SIGN_IN_STALE")


def test_a_state_counts_once(web: TestClient, hub: Any) -> None:
    begun = web.get(f"{PORTAL}/login")
    state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
    hub.codes["c"] = "token-sarnai"
    assert web.get(f"{PORTAL}/oauth_callback", params={"code": "c", "state": state}).status_code == 303
    again = web.get(f"{PORTAL}/oauth_callback", params={"code": "c", "state": state})
    assert code_of(again) == (400, "SIGN_IN_STALE")


@pytest.mark.parametrize("wanted", ["https://evil.test/", "//evil.test", "/hub/x", "/services/portal/../../x", ""])
def test_sign_in_never_leads_elsewhere(wanted: str) -> None:
    assert onward(wanted, f"{PORTAL}/") == f"{PORTAL}/"


def test_a_cookie_alone_changes_nothing(web: TestClient, hub: Any) -> None:
    sign_in(web, hub, "sarnai")
    body = {"id": "p1", "title": "t", "purpose": "p"}
    assert code_of(web.post(f"{API}/projects", json=body)) == (403, "CSRF_INVALID")
    assert code_of(web.post(f"{API}/projects", json=body, headers={"X-CSRF-Token": "0" * 64})) == (403, "CSRF_INVALID")
    assert web.get(f"{API}/projects").json() == []


def test_the_sessions_own_csrf_token_lets_a_change_through(web: TestClient, hub: Any) -> None:
    sign_in(web, hub, "sarnai")
    token = web.app.state.sessions.csrf(web.cookies[SESSION_COOKIE])  # type: ignore[attr-defined]
    body = {"id": "p1", "title": "t", "purpose": "p"}
    assert web.post(f"{API}/projects", json=body, headers={"X-CSRF-Token": token}).status_code == 201


def test_signing_out_ends_the_session(web: TestClient, hub: Any) -> None:
    sign_in(web, hub, "sarnai")
    session = web.cookies[SESSION_COOKIE]
    token = web.app.state.sessions.csrf(session)  # type: ignore[attr-defined]
    assert code_of(web.post(f"{PORTAL}/logout")) == (403, "CSRF_INVALID")
    answer = web.post(f"{PORTAL}/logout", data={"csrf": token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/hub/logout")
    web.cookies.set(SESSION_COOKIE, session, path="/services/portal/")
    assert code_of(web.get(f"{API}/me")) == (401, "NOT_SIGNED_IN")


def test_a_page_sends_somebody_unknown_to_sign_in(web: TestClient) -> None:
    answer = web.get(f"{PORTAL}/", headers={"Accept": "text/html"})
    assert answer.status_code == 404  # this application is the API alone


@pytest.mark.parametrize("path", ["/me", "/health", "/nothing"])
def test_every_answer_carries_the_security_headers(web: TestClient, path: str) -> None:
    answer = web.get(API + path)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_errors_have_one_shape(as_: Any) -> None:
    assert code_of(as_("sarnai").get("/nothing")) == (404, "ROUTE_UNKNOWN")
    assert code_of(as_("sarnai").post("/me")) == (405, "METHOD_UNKNOWN")
    unknown_field = {"id": "p", "title": "t", "purpose": "p", "owner": "me"}
    assert code_of(as_("sarnai").post("/projects", json=unknown_field)) == (422, "BODY_INVALID")
    assert code_of(as_("sarnai").post("/projects", content=b"{")) == (422, "BODY_INVALID")


def test_more_than_a_form_needs_is_refused_unread(as_: Any) -> None:
    assert code_of(as_("sarnai").post("/projects", content=b"x" * (3 << 20))) == (413, "BODY_TOO_LARGE")


def test_an_unexpected_failure_says_nothing_of_itself(as_: Any, platform: Any) -> None:
    assert as_("sarnai").get("/projects").status_code == 200
    with platform.database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE project RENAME TO gone")
    answer = as_("sarnai").get("/projects")
    assert code_of(answer) == (500, "INTERNAL")
    assert "x-content-type-options" in answer.headers
