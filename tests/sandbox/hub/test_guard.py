"""What passes a door, decided on headers alone."""

import pytest

from sandbox.hub import guard

_HOST = {"Host": "yurt.example"}


@pytest.mark.parametrize(
    ("method", "headers", "crossing"),
    [
        ("GET", {}, False),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, False),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, True),
        ("GET", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, True),
        ("POST", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, True),
        ("POST", {"Sec-Fetch-Site": "same-origin", "Origin": "http://yurt.example"}, False),
        ("POST", {"Origin": "https://evil.example"}, True),
        ("POST", {"Origin": "null"}, True),
        ("POST", {"Origin": "http://yurt.example.evil"}, True),
        ("POST", {"Origin": "http://YURT.example"}, False),
        ("GET", {"Upgrade": "websocket", "Origin": "https://evil.example"}, True),
        ("GET", {"Upgrade": "WebSocket", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, True),
        ("GET", {"Upgrade": "websocket", "Origin": "http://yurt.example"}, False),
        ("DELETE", {"Sec-Fetch-Site": "none"}, False),
    ],
)
def test_only_a_page_of_this_origin_may_do_more_than_open_it(
    method: str, headers: dict[str, str], crossing: bool
) -> None:
    assert guard.is_cross_site(method, {**_HOST, **headers}) is crossing


def test_only_what_scripts_cannot_read_is_free_of_the_xsrf_check() -> None:
    own = {"Sec-Fetch-Site": "same-origin"}
    assert guard.is_unreadable_resource("GET", {**own, "Sec-Fetch-Dest": "font"})
    assert not guard.is_unreadable_resource("GET", {**own, "Sec-Fetch-Dest": "empty"})
    assert not guard.is_unreadable_resource("GET", own)
    assert not guard.is_unreadable_resource("POST", {**own, "Sec-Fetch-Dest": "font"})
    assert not guard.is_unreadable_resource("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "font"})


def test_a_persons_session_stays_outside() -> None:
    sent = [("Host", "h"), ("COOKIE", "a=b"), ("Authorization", "token x"), ("X-XSRFToken", "t"), ("Accept", "*/*")]
    assert guard.request_headers(sent) == [("Host", "h"), ("Accept", "*/*")]
    assert guard.without_token("a=1&token=secret&b=&_xsrf=x") == "a=1&b="
    assert guard.without_token("a=1%20&b") == "a=1%20&b"


def test_a_sandbox_cannot_set_cookies_or_weaken_the_policy() -> None:
    told = [
        ("set-cookie", "jupyterhub-session-id=x; Path=/"), ("Service-Worker-Allowed", "/"), ("Clear-Site-Data", "*"),
        ("Content-Security-Policy", "default-src *"), ("X-Content-Type-Options", ""), ("Content-Type", "text/html"),
    ]  # fmt: skip
    kept = guard.answer_headers(told)
    assert kept == [("Content-Type", "text/html"), *guard.ANSWER_HEADERS.items()]
