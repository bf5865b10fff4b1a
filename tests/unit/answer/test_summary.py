"""The summary: of a mixed month against a plain count, and of odd aggregates."""

import gzip
import json
import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from benchmarks.generate import Request, agents, request, standard_text
from pipeline.answer.summarizing import summarize, window_summary
from pipeline.answer.summary import LISTED, TOP
from pipeline.hour.aggregate import EMPTY, HourlyAggregate
from pipeline.hour.heavy_hitters import Table
from pipeline.hour.hyperloglog import RELATIVE_ERROR
from pipeline.hour.vector import Vector
from pipeline.hours import Window, hour_of
from pipeline.ingest.ingest import Ingest
from pipeline.ingest.parsed import Reading
from pipeline.ingest.reader import Reader
from pipeline.objects import ObjectRef
from pipeline.schema.agents import NOT_OF_EVERYONE
from pipeline.store.memory import MemoryStore
from tests.support.aggregates import hour_with
from tests.support.oracle import DIMENSIONS, MEASURES, Count, Hour, percentile
from tests.support.sources import BodySource

FIRST = datetime(2026, 10, 1, tzinfo=UTC)
DAYS, OBJECTS, LINES = 31, 120, 60


def month() -> tuple[MemoryStore, Count, list[Request]]:
    """A month of requests to 400 paths in many small objects, stored and counted plainly."""
    rng = random.Random(6)
    count = Count()
    bodies = {}
    requests = []
    for number in range(OBJECTS):
        begin = int((FIRST + timedelta(hours=rng.randrange(24 * DAYS))).timestamp())
        rows = [
            request(
                rng, f"/p{rng.randrange(400)}", rng.choice(agents()), begin + rng.randrange(3600)
            )
            for _ in range(LINES)
        ]
        requests += rows
        bodies[f"E1EXAMPLE.2026-10-01-00.{number:08x}.gz"] = gzip.compress(standard_text(rows))
        count.add(standard_text(rows), "E1EXAMPLE", [], datetime(2026, 11, 2, tzinfo=UTC))
    store = MemoryStore()
    ingest = Ingest(Reader(BodySource(bodies, datetime(2026, 11, 2, tzinfo=UTC)), Reading()), store)
    outcomes = ingest([ObjectRef("b", key, etag="e") for key in bodies])
    assert {each.state for each in outcomes} == {"committed"}
    return store, count, requests


def whole(count: Count) -> Hour:
    """All hours of a count as one."""
    total = Hour()
    for hour in count.hours.values():
        total.totals.update(hour.totals)
        total.bytes_received += hour.bytes_received
        total.cacheable += hour.cacheable
        total.cacheable_hits += hour.cacheable_hits
        total.times += hour.times
        total.visitors |= hour.visitors
        for name, values in hour.latency.items():
            total.latency[name] += values
        for name, table in hour.tables.items():
            for value, vector in table.items():
                total.tables[name][value].update(vector)
    return total


def entry(value: str, vector: Counter[str]) -> dict[str, Any]:
    """How a value is listed."""
    mean = round(vector["time_us"] / vector["requests"] / 1000, 3)
    shown = {name: vector[name] for name in MEASURES if name not in ("time_us", "timed")}
    return {"value": "unknown" if value == "-" else value, **shown, "mean_time_ms": mean}


def ranked(table: dict[str, Counter[str]], *measures: str) -> list[tuple[str, Counter[str]]]:
    """The values by the sum of some measures, then by value."""
    return sorted(
        table.items(), key=lambda each: (-sum(each[1][name] for name in measures), each[0])
    )


@pytest.mark.slow
def test_a_mixed_month_equals_the_plain_count() -> None:
    """Everything that is exact, exactly; what is estimated, within what it states."""
    store, count, requests = month()
    found = msgspec.to_builtins(window_summary(store, Window()))
    total = whole(count)
    sums = total.totals
    assert found["total_records"] == sums["requests"] == OBJECTS * LINES
    assert found["log_files_read"] == OBJECTS
    assert (found["bytes_sent"], found["bytes_received"]) == (sums["bytes"], total.bytes_received)
    results = total.tables["result_type"]
    assert found["cache_hit_rate"] == round(100 * results["Hit"]["requests"] / sums["requests"], 2)
    assert found["cache_hit_rate_cacheable"] == round(
        100 * total.cacheable_hits / total.cacheable, 2
    )
    hit_bytes = results["Hit"]["bytes"] + results["RefreshHit"]["bytes"]
    assert found["byte_hit_rate"] == round(100 * hit_bytes / sums["bytes"], 2)
    for key, name in LISTED.items():
        expected = [
            entry(*each)
            for each in ranked(total.tables[name], "requests")
            if name not in NOT_OF_EVERYONE or each[0] != "-"
        ]
        is_logged = name in NOT_OF_EVERYONE or total.tables[name].keys() != {"-"}
        assert found[key] == (expected[:TOP] if is_logged else None), key
    paths = total.tables["path"]
    assert found["top_paths"] == [
        {"path": value, "count": vector["requests"]}
        for value, vector in ranked(paths, "requests")[:TOP]
    ]
    assert found["top_missed_paths"] == [
        entry(*each) for each in ranked(paths, "misses")[:TOP] if each[1]["misses"]
    ]
    assert found["top_error_paths"] == [
        entry(*each) for each in ranked(paths, "errors_4xx", "errors_5xx")[:TOP]
    ]
    assert found["approximate"] == {}
    assert found["latency_ms"].keys() == total.latency.keys()
    for name, times in total.latency.items():
        latency = found["latency_ms"][name]
        assert latency["requests"] == len(times)
        assert latency["max"] == max(times) / 1000
        assert latency["mean"] == round(sum(times) / len(times) / 1000, 3)
        for percent in (50, 75, 90, 95, 99):
            exact = percentile(times, percent) / 1000
            assert abs(latency[f"p{percent}"] - exact) <= 0.01 * exact + 0.001
    for key, true in (("unique_visitors", total.visitors), ("unique_paths", paths)):
        assert abs(found[key]["estimate"] - len(true)) <= 3 * RELATIVE_ERROR * len(true)
    assert len(requests) == OBJECTS * LINES


def test_every_dimension_of_the_count_is_in_the_summary_or_has_its_own_form() -> None:
    """Nothing that is counted is kept from those who ask."""
    own = {"status", "method", "result_type", "edge_location"}
    assert set(LISTED.values()) | own == set(DIMENSIONS)


def one(**tables: Table) -> HourlyAggregate:
    requests = max(sum(t.counts[0].tolist()) + t.other.requests for t in tables.values())
    return hour_with(Vector(requests), tables=tables)


def test_a_list_shown_to_its_end_closes_with_what_fell_out() -> None:
    """So that it adds up to the totals; a shorter list does not say it."""
    table = Table.of({"a": Vector(5), "b": Vector(3)}, Vector(2), 1, {"a": 4, "b": 2})
    found = msgspec.to_builtins(summarize(one(host=table)))
    assert [(each["value"], each["requests"]) for each in found["hosts"]] == [
        ("a", 5),
        ("b", 3),
        ("(other)", 2),
    ]
    assert found["approximate"]["host"] == 1
    short = msgspec.to_builtins(summarize(one(host=table), top=1))
    assert [each["value"] for each in short["hosts"]] == ["a"]


def test_who_is_no_crawler_is_no_unknown_crawler() -> None:
    """People are not listed among the crawlers."""
    table = Table.of({"-": Vector(100), "GPTBot": Vector(3)})
    found = msgspec.to_builtins(summarize(one(crawler=table)))
    assert [each["value"] for each in found["crawlers"]] == ["GPTBot"]


def test_nothing_is_summarised_too() -> None:
    """Rates of nothing are 0, and what nobody measured is null or left out."""
    found = msgspec.to_builtins(summarize(EMPTY))
    assert (found["total_records"], found["cache_hit_rate_cacheable"], found["byte_hit_rate"]) == (
        0,
        0.0,
        0.0,
    )
    assert (found["unique_visitors"], found["unique_paths"], found["latency_ms"]) == (
        None,
        None,
        {},
    )
    assert all(found[key] == [] for key in LISTED)
    json.dumps(found)


def test_a_window_has_only_its_hours() -> None:
    """The same month, a day of it, against the hours of that day."""
    store, count, _ = month()
    day = hour_of(FIRST + timedelta(days=9))
    found = window_summary(store, Window(day, day + 24))
    hours: defaultdict[str, int] = defaultdict(int)
    for (_, hour), counted in count.hours.items():
        if day <= hour < day + 24:
            hours["requests"] += counted.totals["requests"]
    assert found.total_records == hours["requests"] > 0


@pytest.mark.parametrize("percent", [1, 33])
def test_requests_without_an_address_make_visitors_null_only_together(percent: int) -> None:
    """One log with addresses is enough for an estimate."""
    rng = random.Random(percent)
    begin = int(FIRST.timestamp())
    rows = [request(rng, "/", "curl/8.5.0", begin) for _ in range(100)]
    hidden = [each | {"c-ip": "-"} for each in rows]
    for bodies, known in (({"a": hidden}, False), ({"a": hidden, "b": rows[:percent]}, True)):
        store = MemoryStore()
        source = BodySource({k: standard_text(v) for k, v in bodies.items()}, FIRST)
        Ingest(Reader(source, Reading()), store)([ObjectRef("", key) for key in bodies])
        assert (window_summary(store, Window()).unique_visitors is not None) == known
