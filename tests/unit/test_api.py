"""The API itself, and behind `edgetally serve`'s HTTP server."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from pipeline.adapters.memory import MemoryStore
from pipeline.api import ROUTES, Api
from pipeline.cli.server import make_server
from pipeline.core.aggregate import HourlyAggregate
from pipeline.core.counters import Vector
from pipeline.core.errors import StoreError
from pipeline.core.objects import Counted, ObjectRef
from pipeline.core.top import Table
from pipeline.core.window import hour_of
from pipeline.query import Snapshots
from tests.support.clock import FakeClock


class Failures(list[StoreError]):
    """What the cache failed with."""


@pytest.fixture
def memory(clock: FakeClock) -> MemoryStore:
    return MemoryStore(clock=clock)


@pytest.fixture
def api(memory: MemoryStore, clock: FakeClock) -> Api:
    return Api(Snapshots(memory, 24, 300, clock, Failures().append))


def ask(api: Api, path: str, method: str = "GET") -> tuple[int, Any]:
    answer = api({"httpMethod": method, "path": path}, None)
    return answer["statusCode"], json.loads(answer["body"])


def count(store: MemoryStore, clock: FakeClock, name: str, hours_ago: int = 0) -> None:
    one = HourlyAggregate(
        totals=Vector(4, 400),
        objects={-1: 1},
        tables={"result_type": Table.of({"Hit": Vector(3), "Miss": Vector(1)})},
    )
    store.commit(
        [Counted(ObjectRef("b", name), "site", 4, {}, {hour_of(clock()) - hours_ago: one})]
    )


def test_a_snapshot_is_served_from_the_cache_until_it_is_old(
    api: Api, memory: MemoryStore, clock: FakeClock
) -> None:
    """For 300 seconds the same answer; then, or when forced, a new one."""
    count(memory, clock, "first")
    status, first = ask(api, "/metrics/snapshot")
    assert (status, first["total_records"], first["cache_hit_rate"]) == (200, 4, 75.0)
    assert first["_cached_at"] == int(clock().timestamp())
    count(memory, clock, "second")
    clock.pass_time(seconds=299)
    assert ask(api, "/metrics/snapshot")[1] == first
    assert ask(api, "/metrics/snapshot/refresh")[1]["total_records"] == 8
    assert ask(api, "/metrics/snapshot")[1]["total_records"] == 8
    count(memory, clock, "third")
    clock.pass_time(seconds=300)
    assert ask(api, "/metrics/snapshot")[1]["total_records"] == 12


def test_a_snapshot_holds_the_lookback_and_no_more(
    api: Api, memory: MemoryStore, clock: FakeClock
) -> None:
    """The current hour and the 23 before it."""
    for hours_ago in (0, 23, 24):
        count(memory, clock, str(hours_ago), hours_ago)
    assert ask(api, "/metrics/snapshot")[1]["total_records"] == 8


def test_the_cache_status_follows_the_cache(api: Api, clock: FakeClock) -> None:
    """None, fresh, and there but old."""
    nothing = {"exists": False, "age_seconds": None, "ttl_seconds": 300, "fresh": False}
    assert ask(api, "/metrics/cache-status")[1] == nothing
    ask(api, "/metrics/snapshot")
    clock.pass_time(seconds=7)
    known = {"exists": True, "age_seconds": 7, "ttl_seconds": 300, "fresh": True}
    assert ask(api, "/metrics/cache-status")[1] == known
    clock.pass_time(seconds=300)
    old = {"exists": True, "age_seconds": 307, "ttl_seconds": 300, "fresh": False}
    assert ask(api, "/metrics/cache-status")[1] == old


def test_health_lists_named_checks(api: Api, memory: MemoryStore, clock: FakeClock) -> None:
    """Each with a status, a figure and a sentence; and when the snapshot was taken."""
    health = ask(api, "/metrics/health")[1]
    assert [(each["name"], each["status"]) for each in health["health_status"]] == [
        ("store", "warn"),
        ("cache_age", "ok"),
    ]
    assert (health["snapshot_time"], health["_cached_at"]) == (None, None)
    count(memory, clock, "first")
    ask(api, "/metrics/snapshot")
    health = ask(api, "/metrics/health")[1]
    assert [each["status"] for each in health["health_status"]] == ["ok", "ok"]
    assert health["snapshot_time"] == clock().isoformat()
    assert health["_cached_at"] == int(clock().timestamp())


class BrokenStore(MemoryStore):
    """A store whose backend is down."""

    def sites(self) -> list[str]:
        raise StoreError("table t: throttled, with details that are nobody's business")


def test_a_store_that_is_down_is_a_503(clock: FakeClock) -> None:
    """With Retry-After, without inner details; health says fail."""
    api = Api(Snapshots(BrokenStore(clock=clock), 24, 300, clock, Failures().append))
    answer = api({"httpMethod": "GET", "path": "/metrics/snapshot"}, None)
    assert answer["statusCode"] == 503
    assert answer["multiValueHeaders"]["Retry-After"] == ["5"]
    assert "throttled" not in answer["body"]
    health = ask(api, "/metrics/health")[1]
    assert health["health_status"][0]["status"] == "fail"


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ({}, 400),
        ({"httpMethod": "GET"}, 400),
        ({"httpMethod": None, "path": None}, 400),
        ({"httpMethod": "GET", "path": "/metrics/unknown"}, 404),
        ({"httpMethod": "GET", "path": "/"}, 404),
        ({"httpMethod": "POST", "path": "/metrics/snapshot"}, 405),
        (
            {"httpMethod": "GET", "path": "/metrics/health", "headers": 3, "requestContext": []},
            None,
        ),
        ({"httpMethod": "GET", "path": "/metrics/health", "queryStringParameters": "x"}, None),
    ],
)
def test_no_event_breaks_the_api(api: Api, event: dict[str, Any], status: int | None) -> None:
    """Whatever comes, the answer is a response, and a problem document unless it is an answer."""
    answer = api(event, None)
    assert status in (None, answer["statusCode"])
    assert set(json.loads(answer["body"])) >= {"title", "detail"} or answer["statusCode"] == 200


def test_answers_carry_safe_headers(api: Api) -> None:
    """No sniffing, nothing loaded, nothing cached on the way."""
    answer = api({"httpMethod": "GET", "path": "/metrics/health"}, None)
    headers = {name.lower(): values for name, values in answer["multiValueHeaders"].items()}
    assert headers["x-content-type-options"] == ["nosniff"]
    assert headers["cache-control"] == ["no-store"]
    assert headers["content-security-policy"][0].startswith("default-src 'none'")


@contextmanager
def serving(api: Api, token: str | None = None) -> Iterator[str]:
    with make_server(api, 0, token) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def fetch(url: str, method: str = "GET", authorization: str = "") -> tuple[int, Any, bytes]:
    try:
        request = Request(url, headers={"Authorization": authorization}, method=method)
        with urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except HTTPError as error:
        return error.code, error.headers, error.read()


def test_serve_answers_every_route_over_http(api: Api) -> None:
    """As the deployed API does, query strings included."""
    with serving(api) as base:
        for route in ROUTES:
            status, headers, body = fetch(f"{base}{route}?x=1&x=2")
            assert (status, headers["Content-Type"]) == (200, "application/json")
            assert json.loads(body)
        assert fetch(f"{base}/nothing")[0] == 404
        status, headers, _ = fetch(f"{base}/metrics/snapshot", "POST")
        assert (status, headers["Allow"]) == (405, "GET")


def test_serve_with_a_token_wants_it(api: Api) -> None:
    """As Bearer or as Basic password; a browser is told to ask for it."""
    with serving(api, "t0ken") as base:
        status, headers, _ = fetch(f"{base}/metrics/health")
        assert (status, headers["WWW-Authenticate"]) == (401, 'Basic realm="edgetally"')
        assert fetch(f"{base}/metrics/health", authorization="Bearer wrong")[0] == 401
        assert fetch(f"{base}/metrics/health", authorization="Bearer t0ken")[0] == 200
        assert fetch(f"{base}/metrics/health", authorization="Basic eDp0MGtlbg==")[0] == 200
