"""Series in zones that are half or a quarter of an hour off UTC: local bounds, exact sums."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipeline.answer.metrics import METRICS
from pipeline.api.app import Api
from pipeline.ingest.parse import parse
from pipeline.ingest.parsed import Reading
from pipeline.objects import ObjectRef
from pipeline.store.memory import MemoryStore
from tests.support.api import ask, make_api
from tests.support.clock import FakeClock
from tests.support.deltas import Object, commit

ZONES = ["Asia/Kolkata", "Asia/Kathmandu", "Pacific/Chatham", "America/St_Johns"]
FIRST = datetime(2026, 11, 19, 0, 2, tzinfo=UTC)
FIELDS = "date time cs-uri-stem sc-status sc-bytes x-edge-result-type time-taken"
EVERY = timedelta(minutes=7)
COUNT = 860
"""A request every seven minutes, for a little over four days."""

FINE = {"requests", "bytes", "errors_5xx"}


def requests() -> list[tuple[datetime, int, int]]:
    """The time, status and bytes of each request."""
    return [(FIRST + place * EVERY, (200, 503)[place % 5 == 0], place) for place in range(COUNT)]


@pytest.fixture
def api(clock: FakeClock) -> Api:
    rows = (
        f"{at:%Y-%m-%d\t%H:%M:%S}\t/\t{status}\t{size}\tHit\t0.010\n"
        for at, status, size in requests()
    )
    body = f"#Fields: {FIELDS}\n{''.join(rows)}".encode()
    store = MemoryStore(clock=clock)
    commit(store, Object(ObjectRef("b", "k"), parse([body], clock(), Reading()).hours))
    return make_api(store, clock)


def expected(zone: str, form: str) -> dict[str, tuple[int, int, int]]:
    """The requests, bytes and 5xx by local hour or day."""
    found: dict[str, Counter[str]] = {}
    for at, status, size in requests():
        sums = found.setdefault(f"{at.astimezone(ZoneInfo(zone)):{form}}", Counter())
        sums.update(requests=1, bytes=size, errors_5xx=int(status >= 500))
    return {
        key: (each["requests"], each["bytes"], each["errors_5xx"]) for key, each in found.items()
    }


def buckets(api: Api, query: str) -> list[dict[str, Any]]:
    answer = ask(api, f"/metrics/timeseries?{query}")
    assert answer.status == 200, answer.text
    found: list[dict[str, Any]] = answer.json["data"]
    return found


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("by", "form", "length"), [("day", "%Y-%m-%d", 10), ("hour", "%Y-%m-%dT%H", 13)]
)
def test_buckets_have_the_bounds_of_the_zones_clock(
    api: Api, zone: str, by: str, form: str, length: int
) -> None:
    """And exactly the requests, bytes and 5xx between them."""
    wanted = "requests,bytes,errors_5xx"
    found = buckets(api, f"window=7d&tz={zone}&by={by}&metrics={wanted}")
    assert all(each["start"][14:19] == "00:00" for each in found[1:])
    sums = {
        each["start"][:length]: tuple(each[name] for name in wanted.split(","))
        for each in found
        if each["requests"]
    }
    assert sums == expected(zone, form)


@pytest.mark.parametrize("zone", ZONES)
def test_named_days_are_the_zones_own(api: Api, zone: str) -> None:
    """From midnight to midnight, in one bucket; compared with the same part of the day before."""
    offset = datetime(2026, 11, 23, tzinfo=ZoneInfo(zone)).isoformat()[-6:]
    (day,) = buckets(api, f"window=yesterday&tz={zone}&by=day&metrics=requests,bytes")
    local = f"{FakeClock()().astimezone(ZoneInfo(zone)) - timedelta(1):%Y-%m-%d}"
    assert day["start"] == f"{local}T00:00:00{offset}"
    assert (day["requests"], day["bytes"]) == expected(zone, "%Y-%m-%d")[local][:2]
    target = f"/metrics/timeseries?window=today&tz={zone}&by=hour&metrics=requests&compare=previous"
    before = ask(api, target).json["compare"]
    assert before["from"] == f"{local}T00:00:00{offset}"
    assert ask(api, target).json["meta"]["query"]["from"][11:19] == "00:00:00"


def test_what_the_sums_do_not_have_is_null(api: Api) -> None:
    """In buckets of a zone that is off the hour, and in no others."""
    every = ",".join(METRICS)
    for bucket in buckets(api, f"window=7d&tz=Asia/Kolkata&by=day&metrics={every}"):
        assert {name for name in METRICS if bucket[name] is not None} == FINE
    (first, *_) = buckets(api, f"window=yesterday&tz=Asia/Tokyo&by=day&metrics={every}")
    assert first["hit_ratio"] == 1.0


@pytest.mark.parametrize("by", ["week", "month"])
def test_weeks_and_months_add_up_to_the_window(api: Api, by: str) -> None:
    """Nothing is in two of them, or in none."""
    found = buckets(api, f"window=30d&tz=Asia/Kolkata&by={by}&metrics=requests,bytes")
    assert sum(each["requests"] for each in found) == COUNT
    assert sum(each["bytes"] for each in found) == COUNT * (COUNT - 1) // 2


def test_answers_of_full_hours_say_which(api: Api) -> None:
    """A summary, a ranking and an overview of a local day are of the hours in which it lies."""
    query = "window=yesterday&tz=Asia/Kolkata"
    for route in ("summary", "top/path", "overview"):
        asked = ask(api, f"/metrics/{route}?{query}").json["meta"]["query"]
        assert asked["from"] == "2026-11-21T23:30:00+05:30"
        assert asked["to"] == "2026-11-23T00:30:00+05:30"
    exact = "from=2026-11-22T10:00:00Z&to=2026-11-22T12:00:00Z&tz=Asia/Kolkata"
    asked = ask(api, f"/metrics/summary?{exact}").json["meta"]["query"]
    assert asked["from"] == "2026-11-22T15:30:00+05:30"


def test_an_overview_has_buckets_of_full_hours(api: Api) -> None:
    """With every figure, and bounds that say so."""
    query = "window=7d&tz=Asia/Kolkata&by=day"
    series = ask(api, f"/metrics/overview?{query}").json["data"]["series"]
    assert {each["start"][11:19] for each in series[1:]} == {"00:30:00"}
    assert sum(each["requests"] for each in series) == COUNT
    assert any(each["hit_ratio"] for each in series)
