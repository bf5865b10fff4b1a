"""The API itself, and behind `edgetally serve`'s HTTP server."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from pipeline.api.app import Api
from pipeline.api.routes import ROUTES
from pipeline.cli.server import make_server
from pipeline.errors import StoreError
from pipeline.store.memory import MemoryStore
from pipeline.store.port import Meta
from tests.support.api import ask, count, make_api
from tests.support.clock import FakeClock

PATHS = [path.replace("{dimension}", "path") for path in ROUTES]


@pytest.fixture
def memory(clock: FakeClock) -> MemoryStore:
    return MemoryStore(clock=clock)


@pytest.fixture
def api(memory: MemoryStore, clock: FakeClock) -> Api:
    return make_api(memory, clock)


def test_a_snapshot_is_served_from_the_cache_until_it_is_old(
    api: Api, memory: MemoryStore, clock: FakeClock
) -> None:
    """For 300 seconds the same answer; then, or when forced, a new one."""
    count(memory, clock, "first")
    first = ask(api, "/metrics/snapshot").json
    assert (first["total_records"], first["cache_hit_rate"]) == (4, 75.0)
    assert first["_cached_at"] == int(clock().timestamp())
    count(memory, clock, "second")
    clock.pass_time(seconds=299)
    assert ask(api, "/metrics/snapshot").json == first
    assert ask(api, "/metrics/snapshot/refresh").json["total_records"] == 8
    assert ask(api, "/metrics/snapshot").json["total_records"] == 8
    count(memory, clock, "third")
    clock.pass_time(seconds=300)
    assert ask(api, "/metrics/snapshot").json["total_records"] == 12


def test_a_refresh_has_a_floor(api: Api, memory: MemoryStore, clock: FakeClock) -> None:
    """Within five seconds of the last one nothing is computed anew."""
    assert ask(api, "/metrics/snapshot/refresh").json["total_records"] == 0
    count(memory, clock, "first")
    clock.pass_time(seconds=4)
    assert ask(api, "/metrics/snapshot/refresh").json["total_records"] == 0
    clock.pass_time(seconds=1)
    assert ask(api, "/metrics/snapshot/refresh").json["total_records"] == 4


def test_a_snapshot_holds_the_lookback_and_no_more(
    api: Api, memory: MemoryStore, clock: FakeClock
) -> None:
    """The current hour and the 23 before it."""
    for hours_ago in (0, 23, 24):
        count(memory, clock, str(hours_ago), hours_ago)
    assert ask(api, "/metrics/snapshot").json["total_records"] == 8


def test_the_cache_status_follows_the_cache(api: Api, clock: FakeClock) -> None:
    """None, fresh, and there but old."""
    nothing = {"exists": False, "age_seconds": None, "ttl_seconds": 300, "fresh": False}
    assert ask(api, "/metrics/cache-status").json == nothing
    ask(api, "/metrics/snapshot")
    clock.pass_time(seconds=7)
    known = {"exists": True, "age_seconds": 7, "ttl_seconds": 300, "fresh": True}
    assert ask(api, "/metrics/cache-status").json == known
    clock.pass_time(seconds=300)
    old = {"exists": True, "age_seconds": 307, "ttl_seconds": 300, "fresh": False}
    assert ask(api, "/metrics/cache-status").json == old


class BrokenStore(MemoryStore):
    """A store whose backend is down."""

    def meta(self) -> Meta:
        raise StoreError("table t: throttled, with details that are nobody's business")


@pytest.mark.parametrize("path", ["/metrics/snapshot", "/metrics/summary", "/metrics/sites"])
def test_a_store_that_is_down_is_a_503(
    path: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """With Retry-After, without inner details, which the log has; health says fail."""
    api = make_api(BrokenStore(clock=clock), clock)
    answer = ask(api, path)
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert "throttled" not in answer.text
    assert "a request could not be answered: table t: throttled" in caplog.text
    health = ask(api, "/metrics/health").json
    assert health["health_status"][0]["status"] == "fail"


GET = {"httpMethod": "GET", "path": "/metrics/health"}


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ({}, 400),
        ({"httpMethod": "GET"}, 400),
        ({"httpMethod": None, "path": None}, 400),
        ({"httpMethod": "GET", "path": "/metrics/unknown"}, 404),
        ({"httpMethod": "GET", "path": "/"}, 404),
        ({"httpMethod": "GET", "path": "/metrics/top/{dimension}"}, 400),
        ({"httpMethod": "GET", "path": "/metrics/top/"}, 404),
        ({"httpMethod": "GET", "path": "/metrics/top/a/b"}, 404),
        ({"httpMethod": "POST", "path": "/metrics/snapshot"}, 405),
        ({**GET, "headers": 3, "requestContext": []}, 200),
        ({**GET, "headers": {"Origin": 3, 4: "x"}}, 200),
        ({**GET, "queryStringParameters": "x"}, 400),
        ({**GET, "multiValueQueryStringParameters": [1]}, 400),
        ({**GET, "multiValueQueryStringParameters": {"a": 1}}, 400),
        ({**GET, "resource": "/metrics/top/{dimension}", "pathParameters": {}}, 400),
        ({**GET, "resource": ["/metrics/summary"]}, 200),
        ({**GET, "resource": "/metrics/settings"}, 200),
    ],
)
def test_no_event_breaks_the_api(api: Api, event: dict[str, Any], status: int) -> None:
    """Whatever comes, the answer is a response, and a problem document unless it is an answer."""
    answer = api(event, None)
    assert answer["statusCode"] == status
    assert status == 200 or set(json.loads(answer["body"])) >= {"type", "title", "detail"}


@pytest.mark.parametrize("event", [None, [], "x", 3])
def test_what_is_no_event_at_all_is_answered_too(api: Api, event: Any) -> None:
    """As a bad request, not as a bug."""
    assert api(event, None)["statusCode"] == 400


def test_an_answer_for_which_there_is_no_time_is_a_503(
    api: Api, memory: MemoryStore, clock: FakeClock
) -> None:
    """Before the function is stopped, and with what to ask for instead."""
    for hours_ago in range(100):
        count(memory, clock, f"o{hours_ago}", hours_ago)
    event = {"httpMethod": "GET", "path": "/metrics/timeseries"}
    event |= {"queryStringParameters": {"window": "7d"}}  # type: ignore[dict-item]
    hurried, patient = (
        SimpleNamespace(get_remaining_time_in_millis=lambda left=left: left)
        for left in (1500, 29_000)
    )
    answer = api(event, hurried)
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "60")
    assert "shorter window" in json.loads(answer["body"])["detail"]
    assert api(event, patient)["statusCode"] == 200


def test_a_bug_is_a_500_that_says_nothing(
    memory: MemoryStore,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log alone has the error, with its trace."""

    def broken(self: MemoryStore) -> Meta:
        raise RuntimeError("inner workings")

    monkeypatch.setattr(MemoryStore, "meta", broken)
    answer = ask(make_api(memory, clock), "/metrics/summary")
    assert (answer.status, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "inner workings" not in answer.text
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert "RuntimeError: inner workings" in caplog.text


@pytest.mark.parametrize("path", [*PATHS, "/metrics/nothing"])
def test_answers_carry_safe_headers(api: Api, path: str) -> None:
    """No sniffing, nothing loaded, no other site's pages; what is no answer is not kept."""
    answer = ask(api, path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "access-control-allow-origin" not in answer.headers
    if answer.status != 200:
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", PATHS)
def test_a_head_has_the_headers_of_a_get(path: str, api: Api) -> None:
    """And no body; also where the answer has not changed, or is refused."""
    for headers in ({}, {"If-None-Match": "*"}):
        full, head = (ask(api, path, headers, method) for method in ("GET", "HEAD"))
        assert (head.status, head.headers, head.text) == (full.status, full.headers, "")
    refused = ask(api, f"{path}?x=1", method="HEAD")
    assert (refused.status, refused.text) == (400, "")


@pytest.mark.parametrize("path", PATHS)
def test_every_route_is_get_only(api: Api, path: str) -> None:
    """Anything else is a 405 that says so."""
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"):
        answer = ask(api, path, method=method)
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_pages_of_allowed_origins_may_read(memory: MemoryStore, clock: FakeClock) -> None:
    """They and no others, whatever the method; answers differ by origin, and say so."""
    api = make_api(memory, clock, origins=("https://stats.example",))
    allowed, foreign = {"origin": "https://stats.example"}, {"origin": "https://evil.example"}
    answer = ask(api, "/metrics/summary", allowed)
    assert answer.headers["access-control-allow-origin"] == "https://stats.example"
    assert "Origin" in answer.headers["vary"]
    assert ask(api, "/metrics/nothing", allowed).headers["access-control-allow-origin"]
    preflight = ask(api, "/metrics/summary", allowed, "OPTIONS")
    assert (preflight.status, preflight.text) == (204, "")
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    for method in ("GET", "OPTIONS"):
        answer = ask(api, "/metrics/summary", foreign, method)
        assert "access-control-allow-origin" not in answer.headers
        assert "Origin" in answer.headers["vary"]
    assert ask(api, "/metrics/summary", foreign, "OPTIONS").status == 405


@contextmanager
def serving(api: Api, token: str | None = None) -> Iterator[str]:
    server = make_server(api, 0, token)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.stop()
        thread.join()


def fetch(url: str, method: str = "GET", **headers: str) -> tuple[int, Any, bytes]:
    try:
        with urlopen(Request(url, headers=headers, method=method), timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except HTTPError as error:
        return error.code, error.headers, error.read()


def test_serve_answers_every_route_over_http(api: Api) -> None:
    """As the deployed API does, query strings and conditions included."""
    with serving(api) as base:
        for path in PATHS:
            status, headers, body = fetch(base + path)
            assert (status, bool(body)) == (200, True)
            if etag := headers["ETag"]:
                status, _, body = fetch(base + path, **{"If-None-Match": etag})
                assert (status, body) == (304, b"")
            status, headers, body = fetch(base + path, "HEAD")
            assert (status, body) == (200, b"")
            assert int(headers["Content-Length"]) > 0
        assert fetch(f"{base}/nothing")[0] == 404
        assert fetch(f"{base}/metrics/summary?window=7d&site=a&site=b")[0] == 404
        for method in ("POST", "OPTIONS", "BREW"):
            status, headers, _ = fetch(f"{base}/metrics/snapshot", method)
            assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_serve_with_a_token_wants_it(api: Api) -> None:
    """As Bearer or as Basic password; a browser is told to ask for it."""
    with serving(api, "t0ken") as base:
        status, headers, body = fetch(f"{base}/metrics/health")
        assert (status, json.loads(body)["status"]) == (401, 401)
        assert headers["WWW-Authenticate"].startswith('Basic realm="edgetally"')
        assert fetch(f"{base}/metrics/health", Authorization="Bearer wrong")[0] == 401
        assert fetch(f"{base}/metrics/health", Authorization="Bearer t0ken")[0] == 200
        assert fetch(f"{base}/metrics/health", Authorization="Basic eDp0MGtlbg==")[0] == 200
