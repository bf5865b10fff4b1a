"""What answers cost beside reading and decoding their rows: `python -m benchmarks.answers`.

Ninety days of one site, with ordinary traffic or with every table of every row full, in a SQLite
file and on DynamoDB Local. The answers go all the way: a request's event in, a response out. Each
is timed in turn with what it is compared with, so that a slow minute hits both.
"""

import argparse
import gzip
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.full_hours import full_hour
from benchmarks.generate import requests, standard_text
from pipeline.answer.calendar import Hours
from pipeline.answer.service import serve_from
from pipeline.answer.summarizing import SummaryQuestion
from pipeline.api.app import Api
from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.hours import HOURS_PER_DAY, hour_of, spans
from pipeline.ingest.parse import parse
from pipeline.ingest.parsed import Reading
from pipeline.store.counted import RowKey
from pipeline.store.dynamodb import DynamoStore
from pipeline.store.ledger import StoredRow
from pipeline.store.port import Store
from pipeline.store.sqlite import SqliteStore
from tests.support import dynamodb_local

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
DAYS = 91
SITE = "E2EXAMPLE"
NOW_SECONDS = int(NOW.timestamp())
ORDINARY_REQUESTS = 30_000
_SEEDS = 24


@dataclass(frozen=True)
class Figure:
    """A ratio of medians, and the most that it should be."""

    name: str
    most: float
    seconds: float
    beside: float

    @property
    def ratio(self) -> float:
        """How many times as long it takes as what it is compared with."""
        return self.seconds / self.beside


def ordinary_hour(seed: int) -> HourlyAggregate:
    """An hour of the generator's traffic."""
    text = standard_text(requests(seed, ORDINARY_REQUESTS, start=NOW_SECONDS))
    parsed = parse([gzip.compress(text, 1)], NOW, Reading())
    return merge(parsed.hours.values())


def fill(store: Store, rows: Sequence[HourlyAggregate]) -> None:
    """Ninety days of such rows: every day, and the hours at both ends."""
    last = hour_of(NOW)
    first = last - DAYS * HOURS_PER_DAY
    keys = [RowKey(SITE, "hour", hour) for hour in range(last - 47, last + 1)]
    keys += [RowKey(SITE, "hour", hour) for hour in range(first, first + 48)]
    keys += [
        RowKey(SITE, "day", day) for day in range(first // HOURS_PER_DAY, last // HOURS_PER_DAY + 1)
    ]
    store.restore((), [StoredRow(key, rows[n % len(rows)]) for n, key in enumerate(keys)])


def api(store: Store, ttl_seconds: int) -> Api:
    """The API over a store; with no time to live, every answer is computed."""

    def fail(error: Exception) -> None:
        raise error

    service = serve_from(store, lambda: NOW, fail, ttl_seconds=ttl_seconds)
    # Windows go by the moment of the rows, ages by the store's own clock.
    answers = replace(service.traffic.answers, clock=lambda: datetime.now(UTC))
    return Api(replace(service, traffic=replace(service.traffic, answers=answers)))


def asking(
    served: Callable[[Any, Any], dict[str, Any]], path: str, **query: str
) -> Callable[[], Any]:
    """A request, all the way."""
    event = {
        "httpMethod": "GET",
        "path": path,
        "headers": {"accept": "application/json"},
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()},
    }

    def ask() -> Any:
        answer = served(event, None)
        assert answer["statusCode"] == 200, answer  # noqa: S101 - a figure of an error is none
        return answer

    return ask


def reading(store: Store, days: int) -> Callable[[], Any]:
    """Reading and decoding whole the rows of a window that ends now."""
    end = hour_of(NOW) + 1
    window = Hours(end - days * HOURS_PER_DAY, end).window
    return lambda: list(store.read([SITE], spans(window)))


def figures(name: str, store: Store, rows: Sequence[HourlyAggregate], rounds: int) -> list[Figure]:
    """The figures of a store with such rows."""
    fill(store, rows)
    cached, computed = api(store, 3600), api(store, 0)
    asking(cached, "/metrics/summary", window="24h")()
    end = hour_of(NOW) + 1
    key = SummaryQuestion(end - HOURS_PER_DAY, end).key
    series = {"window": "90d", "by": "day", "metrics": "requests"}
    pairs = [
        (
            "a cached summary over reading its row",
            1.5,
            asking(cached, "/metrics/summary", window="24h"),
            lambda: store.cached(key),
            40,
        ),
        (
            "a summary of 24 h over reading and decoding its rows",
            3.0,
            asking(computed, "/metrics/summary", window="24h"),
            reading(store, 1),
            1,
        ),
        (
            "a summary of 90 d over reading and decoding its rows",
            3.0,
            asking(computed, "/metrics/summary", window="90d"),
            reading(store, 90),
            1,
        ),
        (
            "requests by day over 90 d over reading and decoding the rows",
            0.5,
            asking(computed, "/metrics/timeseries", **series),
            reading(store, 90),
            1,
        ),
    ]
    return [
        Figure(f"{name}: {label}", most, *in_turn(first, second, rounds * times))
        for label, most, first, second, times in pairs
    ]


def in_turn(
    first: Callable[[], Any], second: Callable[[], Any], rounds: int
) -> tuple[float, float]:
    """The median seconds of each, one after the other in every round."""
    found: tuple[list[float], list[float]] = ([], [])
    for each in (first, second):
        each()
    for _ in range(rounds):
        for measured, each in zip(found, (first, second), strict=True):
            began = time.perf_counter()
            each()
            measured.append(time.perf_counter() - began)
    return statistics.median(found[0]), statistics.median(found[1])


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="the answers' part of docs/performance.md")
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    found: list[Figure] = []
    kinds = {
        "ordinary": [ordinary_hour(seed) for seed in range(_SEEDS)],
        "full": [full_hour(seed) for seed in range(_SEEDS)],
    }
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        for kind, rows in kinds.items():
            store = SqliteStore(Path(folder) / f"{kind}.db")
            found += figures(f"SQLite, {kind}", store, rows, rounds)
        if reason := dynamodb_local.missing():
            print(f"DynamoDB Local is not measured: {reason}", file=sys.stderr)
        else:
            client = dynamodb_local.client(running.enter_context(dynamodb_local.running()))
            for kind, rows in kinds.items():
                table = DynamoStore(client, dynamodb_local.new_table(client))
                found += figures(f"DynamoDB Local, {kind}", table, rows, rounds)
    print("| figure, same run | at most | measured | ms beside ms |")
    print("|---|---|---|---|")
    for each in found:
        print(
            f"| {each.name} | {each.most} | {each.ratio:.2f} "
            f"| {each.seconds * 1000:.1f} beside {each.beside * 1000:.1f} |"
        )


if __name__ == "__main__":
    main()
