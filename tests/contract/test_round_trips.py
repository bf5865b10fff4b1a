"""How often an answer waits for DynamoDB, one request after the other."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pipeline.store.dynamodb import DynamoStore
from tests.support import dynamodb_local
from tests.support.api import ask, count, make_api
from tests.support.clock import FakeClock

DISTANCE_SECONDS = 0.6
"""How long each request takes at least, as if the table were far away: requests that do not wait
for each other begin within that time, on a busy machine too."""


class Requests:
    """The requests of a client, each from its beginning to its end."""

    def __init__(self) -> None:
        self.begun: dict[int, tuple[str, float]] = {}
        self.ended: list[tuple[str, float, float]] = []

    @contextmanager
    def of(self, client: Any) -> Iterator[None]:
        """Record the requests made inside of a `with`."""
        events = client.meta.events
        begin: Callable[..., None] = self._begin
        end: Callable[..., None] = self._end
        events.register("before-call.dynamodb", begin)
        events.register("after-call.dynamodb", end)
        try:
            yield
        finally:
            events.unregister("before-call.dynamodb", begin)
            events.unregister("after-call.dynamodb", end)

    def _begin(self, model: Any, context: dict[str, Any], **_: Any) -> None:
        self.begun[id(context)] = (model.name, time.monotonic())
        time.sleep(DISTANCE_SECONDS)

    def _end(self, context: dict[str, Any], **_: Any) -> None:
        name, at = self.begun.pop(id(context))
        self.ended.append((name, at, time.monotonic()))

    @property
    def round_trips(self) -> list[set[str]]:
        """The names of the requests, those that ran at the same time together."""
        trips: list[set[str]] = []
        first_end = 0.0
        for name, begin, end in sorted(self.ended, key=lambda request: request[1]):
            if trips and begin < first_end:
                trips[-1].add(name)
                first_end = min(first_end, end)
            else:
                trips.append({name})
                first_end = end
        return trips


@pytest.fixture
def store(dynamodb: Any, clock: FakeClock) -> DynamoStore:
    """A table with three sites, each over two shards, a month old."""
    table = dynamodb_local.new_table(dynamodb)
    store = DynamoStore(dynamodb, table, {"shards": 2}, clock=clock)
    for site in ("E1", "E2", "E3"):
        for hours_ago in (0, 20, 60, 400):
            count(store, clock, f"{site}-{hours_ago}", hours_ago, site)
    return store


@pytest.mark.parametrize(
    ("target", "queries"),
    [
        ("/metrics/summary?window=24h&site=E1", 2),
        ("/metrics/summary?window=7d&site=E1", 6),
        ("/metrics/timeseries?window=7d&by=day&site=E1", 6),
        ("/metrics/top/path?window=24h&site=E1&site=E2", 4),
        ("/metrics/summary?from=1795392000&to=1795424400&site=E1", 4),  # to 09:00; and since
        ("/metrics/snapshot", 6),
    ],
)
def test_a_computed_answer_takes_five_round_trips(
    target: str, queries: int, store: DynamoStore, dynamodb: Any, clock: FakeClock
) -> None:
    """Cache; lease beside the sites and generations; rows; generations once more; the answer.

    Requests that run at the same time are one round trip: no request of it waits for another. A
    cached answer takes one request.
    """
    api, requests = make_api(store, clock), Requests()
    with requests.of(dynamodb):
        assert ask(api, target).status == 200
    names = [name for name, _, _ in requests.ended]
    assert names.count("Query") == queries + 2  # the sites and generations, twice
    assert len(requests.round_trips) <= 5, requests.round_trips
    cached = Requests()
    with cached.of(dynamodb):
        assert ask(api, target).status == 200
    assert [name for name, _, _ in cached.ended] == ["GetItem"]
