"""The login of the page: without a session nothing of the store is shown."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest

from pipeline.api.app import Api
from pipeline.api.credentials import Credentials
from pipeline.page.door import Door
from pipeline.page.login import Login
from pipeline.page.place import DATA
from pipeline.page.session import COOKIE
from tests.support.fortnight import NOW, fortnight, serving
from tests.support.html import Page

HOST = "abc.execute-api.eu-west-2.amazonaws.com"
OWN = {
    "Host": HOST,
    "Origin": f"https://{HOST}",
    "Content-Type": "application/x-www-form-urlencoded",
}


@dataclass
class Browser:
    """A page behind a login, and the cookie that a browser keeps for it."""

    credentials: Credentials = Credentials("the-secret")
    refusals: int = 0
    cookie: str = ""
    now: datetime = NOW
    answer: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        service = serving(fortnight())
        login = Login(lambda: self.credentials, lambda: self.now, self._refuse)
        self.door = Door(service, Api(service), login)

    def _refuse(self) -> None:
        self.refusals += 1

    def ask(
        self,
        target: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] = OWN,
        **more: Any,
    ) -> int:
        """The status of the answer to a request behind the stage v1, whose cookie is kept."""
        path, _, query = target.partition("?")
        is_data = path.startswith("/data/")
        event = {
            "httpMethod": method,
            "resource": DATA if is_data else path,
            "pathParameters": {"proxy": path.removeprefix("/data/")} if is_data else None,
            "path": path,
            "headers": {**headers, "Cookie": f"{COOKIE}={self.cookie}"},
            "multiValueQueryStringParameters": parse_qs(query) or None,
            "requestContext": {"path": f"/v1{path}"},
            "body": body,
            "isBase64Encoded": False,
            **more,
        }
        self.answer = self.door(event, None)
        if set_cookie := self.answer["headers"].get("Set-Cookie"):
            self.cookie = set_cookie.partition(";")[0].partition("=")[2]
        return int(self.answer["statusCode"])

    def enter(self, secret: str, query: str = "", **more: Any) -> int:
        """The status of the answer to a secret in the form."""
        return self.ask(f"/login{query}", "POST", urlencode({"secret": secret}), **more)

    @property
    def location(self) -> str:
        """The address that the last answer leads to."""
        return str(self.answer["headers"]["Location"])


def test_one_logs_in_sees_the_page_and_logs_out() -> None:
    """Each answer leads to the next address inside of the stage, with the state of the page."""
    browser = Browser()
    assert browser.ask("/?window=7d") == 303
    assert browser.location == "/v1/login?window=7d"
    assert browser.ask("/login?window=7d") == 200
    (form,) = Page.of(browser.answer["body"]).all("form")
    assert (form.get("method"), form.get("action")) == ("post", "login?window=7d")
    assert browser.enter("the-secret", "?window=7d") == 303
    assert browser.location == "/v1/?window=7d"
    assert browser.cookie not in browser.location
    assert browser.ask("/?window=7d") == 200
    assert "Log out" in browser.answer["body"]
    assert browser.ask("/login") == 303
    assert browser.location == "/v1/"
    assert browser.ask("/logout", "POST") == 303
    assert (browser.location, browser.cookie) == ("/v1/login", "")
    assert browser.ask("/") == 303


@pytest.mark.parametrize("target", ["/", "/?window=7d", "/?site=nope", "/?tz=Mars", "/login"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_without_a_session_nothing_of_the_store_is_shown(target: str, method: str) -> None:
    """Not whether a site is known either; answers are kept nowhere."""
    browser = Browser()
    status = browser.ask(target, method)
    assert status == (200 if target == "/login" else 303)
    assert "E2EXAMPLE1DEMO" not in browser.answer["body"]
    assert browser.answer["headers"]["Cache-Control"] == "private, no-store"
    assert "Refresh" not in browser.answer["headers"]


@pytest.mark.parametrize(
    "secret", ["", " ", "the-secre", "the-secret2", "THE-SECRET", "the-secret\x00", "é", "x" * 900]
)
def test_a_wrong_secret_is_refused_and_told_of(secret: str) -> None:
    """On the form, which does not repeat it."""
    browser = Browser()
    assert browser.enter(secret) == 403
    assert (browser.refusals, browser.cookie) == (1, "")
    page = Page.of(browser.answer["body"])
    assert "That is not the secret" in page.text()
    assert list(page.dangers()) == []
    assert [each.get("value") for each in page.all("input")] == ["edgetally", None]


def test_ten_thousand_guesses_open_nothing() -> None:
    """Each is refused, and the secret is still taken after them."""
    browser = Browser()
    assert {browser.enter(f"guess-{number}") for number in range(10_000)} == {403}
    assert browser.refusals == 10_000
    assert browser.enter("the-secret") == 303


def test_the_links_of_the_page_want_no_secret_again() -> None:
    """With a session, what they lead to is byte for byte the API's, refusals included."""
    browser = Browser()
    browser.enter("the-secret")
    browser.ask("/?window=7d")
    links = Page.of(browser.answer["body"]).attributes("href")
    assert not [link for link in links if link.startswith("metrics/")]
    data = [link for link in links if link.startswith("data/metrics/")]
    assert len(data) > 40
    service = serving(fortnight())
    for link in (*data[:3], *data[-5:], "data/metrics/top/nothing", "data/nothing", "data/"):
        path, _, query = link.partition("?")
        event = {
            "httpMethod": "GET",
            "path": f"/{path.removeprefix('data/')}",
            "headers": {},
            "multiValueQueryStringParameters": parse_qs(query) or None,
        }
        browser.ask(f"/{link}")
        browser.ask(f"/{link}")  # again: now both are answers that were kept
        assert browser.answer == Api(service)(event, None), link


@pytest.mark.parametrize("more", [{}, {"resource": None}])
def test_without_a_session_its_links_lead_to_the_login(more: Any) -> None:
    """With nothing of the store, and though the secret is in the header."""
    browser = Browser()
    headers = OWN | {"Authorization": "Bearer the-secret"}
    for cookie in ("", "1.0", "x"):
        browser.cookie = cookie
        assert browser.ask("/data/metrics/summary?window=7d", headers=headers, **more) == 303
        assert (browser.location, browser.answer["body"]) == ("/v1/login", "")
    browser.enter("the-secret")
    browser.now = NOW + timedelta(hours=12)
    assert browser.ask("/data/metrics/summary", **more) == 303


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_its_links_are_read_alone(method: str) -> None:
    """A session allows nothing else."""
    browser = Browser()
    browser.enter("the-secret")
    assert browser.ask("/data/metrics/summary", method, "") == 405


def test_the_secret_before_logs_in_until_its_time() -> None:
    """Its sessions are those of the new secret."""
    until = NOW + timedelta(hours=1)
    browser = Browser(Credentials("new", "old", until))
    assert browser.enter("old") == 303
    browser.now = until
    assert browser.ask("/") == 200
    assert browser.enter("old") == 403


def test_a_changed_secret_ends_the_session() -> None:
    """Though its time is not over."""
    browser = Browser()
    browser.enter("the-secret")
    browser.credentials = Credentials("changed")
    assert browser.ask("/") == 303
    assert browser.enter("changed") == 303


def test_a_secret_of_nothing_opens_nothing() -> None:
    """A secret that was emptied is no password."""
    browser = Browser(Credentials(""))
    assert browser.enter("") == 403
    assert browser.ask("/") == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": f"https://{HOST}.evil.example"},
        {"Origin": f"https://evil.example/{HOST}"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Host": "", "Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": ""},
    ],
)
@pytest.mark.parametrize("target", ["/login", "/logout"])
def test_a_form_of_another_site_is_refused(target: str, headers: Mapping[str, str]) -> None:
    """Though it knows the secret: it would choose who is logged in."""
    browser = Browser()
    body = urlencode({"secret": "the-secret"})
    assert browser.ask(target, "POST", body, {**OWN, **headers}) == 403
    assert "Set-Cookie" not in browser.answer["headers"]


def test_behind_a_proxy_the_browser_says_where_a_form_is_from() -> None:
    """The host that a proxy asks for is another than the browser's."""
    browser = Browser()
    headers = {**OWN, "Origin": "https://stats.example", "Sec-Fetch-Site": "same-origin"}
    assert browser.enter("the-secret", headers=headers) == 303


@pytest.mark.parametrize(
    ("body", "more", "status"),
    [
        ("secret=" + "x" * 1025, {}, 413),
        ("x" * 100_000, {}, 413),
        (base64.b64encode(b"secret=" + b"x" * 1025).decode(), {"isBase64Encoded": True}, 413),
        ("secret=the-secret", {"isBase64Encoded": True}, 400),
        (base64.b64encode(b"secret=\xff").decode(), {"isBase64Encoded": True}, 400),
        ("a=1&b=2&c=3&d=4&e=5&secret=the-secret", {}, 400),
        ({"secret": "the-secret"}, {}, 413),
        (None, {}, 403),
        ("", {}, 403),
        ("secret", {}, 403),
        ("password=the-secret", {}, 403),
        ("secret=the-secret", {"headers": OWN | {"Content-Type": "text/plain"}}, 415),
        (base64.b64encode(b"secret=the-secret").decode(), {"isBase64Encoded": True}, 303),
    ],
)
def test_a_body_that_is_no_form_opens_nothing(body: Any, more: Any, status: int) -> None:
    """One that the gateway encoded is read all the same."""
    browser = Browser()
    assert browser.ask("/login", "POST", body, **more) == status
    assert bool(browser.cookie) == (status == 303)


@pytest.mark.parametrize(
    "query",
    ["next=https://evil.example", "window=//evil.example", "site=%0d%0aSet-Cookie:x", "tz=Mars"],
)
def test_a_login_leads_to_the_page_alone(query: str) -> None:
    """Its query is made anew of what the page knows."""
    browser = Browser()
    assert browser.enter("the-secret", f"?{query}") == 303
    assert browser.location.startswith("/v1/")
    assert "evil" not in browser.location
    assert "\r" not in browser.location
    assert "\n" not in browser.location


@pytest.mark.parametrize(
    ("path", "home"),
    [("/v1", "/v1/"), ("/stats/v1", "/stats/v1/"), ("//evil.example", "/evil.example/")],
)
def test_the_page_without_its_slash_leads_to_it(path: str, home: str) -> None:
    """Its links would be those of another folder; no address leads to another host."""
    browser = Browser()
    browser.enter("the-secret")
    assert browser.ask("/?window=7d", requestContext={"path": path}) == 303
    assert browser.location == f"{home}?window=7d"


def test_behind_a_domain_of_ones_own_the_stage_is_not_in_the_path() -> None:
    """The gateway says which resource it took."""
    browser = Browser()
    path = "/stats/login"
    assert browser.enter("the-secret", requestContext={"path": path}, path=path) == 303
    assert browser.location == "/stats/"


@pytest.mark.parametrize(
    ("target", "method", "allow"),
    [("/", "POST", "GET, HEAD"), ("/login", "PUT", "GET, HEAD, POST"), ("/logout", "GET", "POST")],
)
def test_other_methods_are_not_allowed(target: str, method: str, allow: str) -> None:
    """A link cannot log out."""
    browser = Browser()
    assert browser.ask(target, method) == 405
    assert browser.answer["headers"]["Allow"] == allow


def test_the_login_answers_without_the_store() -> None:
    """A guess costs no read of the table."""
    browser = Browser()
    login = Login(lambda: browser.credentials, lambda: NOW, lambda: None)
    browser.door = Door(None, None, login)  # type: ignore[arg-type] # asked, they would fail
    assert browser.ask("/login") == 200
    assert browser.enter("wrong") == 403
    assert browser.enter("the-secret") == 303
    assert browser.ask("/logout", "POST") == 303


def test_without_a_login_its_addresses_are_the_apis() -> None:
    """A page on this machine has none."""
    service = serving(fortnight())
    door = Door(service, Api(service))
    for path in ("/login", "/logout", "/data/metrics/summary"):
        assert door({"httpMethod": "GET", "path": path}, None)["statusCode"] == 404
