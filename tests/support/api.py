"""An API over a store, on a clock of the test's own; and how to ask it."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from pipeline.answer.service import Service, serve_from
from pipeline.api.app import Api
from pipeline.errors import EdgetallyError
from pipeline.hour.heavy_hitters import Table
from pipeline.hour.vector import Vector
from pipeline.hours import hour_of
from pipeline.objects import ObjectRef
from pipeline.store.port import Store
from tests.support.aggregates import hour_with
from tests.support.clock import FakeClock
from tests.support.deltas import Object, commit

failures: list[EdgetallyError] = []
"""What the caches of all APIs failed with."""


def make_service(store: Store, clock: FakeClock, ttl_seconds: int = 300) -> Service:
    """What is served from a store."""
    return serve_from(store, clock, failures.append, ttl_seconds=ttl_seconds, retention_days=30)


def make_api(
    store: Store, clock: FakeClock, *, ttl_seconds: int = 300, origins: Sequence[str] = ()
) -> Api:
    """The API over a store."""
    return Api(make_service(store, clock, ttl_seconds), origins)


class Reply(NamedTuple):
    """What the API answered; `headers` by their names in lower case."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.text)


def ask(
    api: Api, target: str, headers: Mapping[str, str] | None = None, method: str = "GET"
) -> Reply:
    """The answer to a request for a path and its query."""
    path, _, query = target.partition("?")
    many = parse_qs(query, keep_blank_values=True)
    event = {
        "httpMethod": method,
        "path": path,
        "headers": dict(headers or {}),
        "multiValueQueryStringParameters": many or None,
    }
    answer = api(event, None)
    lower = {name.lower(): value for name, value in answer["headers"].items()}
    return Reply(answer["statusCode"], lower, answer["body"])


def count(
    store: Store,
    clock: Callable[[], datetime],
    name: str,
    hours_ago: int = 0,
    site: str = "site",
    requests: int = 4,
) -> None:
    """Commit an object with some requests, of which three quarters are hits, in one hour."""
    at = clock() - timedelta(hours=hours_ago)
    hits = requests * 3 // 4
    vector = Vector(requests, requests * 100, hits, requests - hits)
    one = hour_with(
        vector,
        first_us=int(at.timestamp() * 1e6),
        last_us=int(at.timestamp() * 1e6),
        objects={-1: 1},
        tables={
            "result_type": Table.of({"Hit": Vector(hits), "Miss": Vector(requests - hits)}),
            "path": Table.of({f"/{name}": vector}),
        },
    )
    hours = {hour_of(at): one}
    commit(store, Object(ObjectRef("b", name), hours, site))
