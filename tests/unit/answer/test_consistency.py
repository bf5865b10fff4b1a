"""The routes say the same as each other and as a plain count, whatever was stored and asked."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import count as counting
from itertools import pairwise
from typing import Any, NamedTuple
from unittest.mock import patch
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from pipeline.answer.metrics import RANKED
from pipeline.api.app import Api
from pipeline.api.render import as_csv
from pipeline.hour.heavy_hitters import Table
from pipeline.hour.vector import Vector
from pipeline.hours import Span, Window, hour_of
from pipeline.objects import ObjectRef
from pipeline.store.memory import MemoryStore
from tests.support.aggregates import hour_with
from tests.support.api import ask, make_api
from tests.support.clock import FakeClock
from tests.support.deltas import Object, commit
from tests.support.examples import examples

NOW = FakeClock().now
LATEST = hour_of(NOW)
SPAN = 24 * 60
"""Hours before now in which there is traffic."""

ZONES = ("UTC", "Europe/London", "America/New_York", "Pacific/Auckland", "America/Havana")
SITES = ("E1", "E2", "E3")
SUMS = ("requests", "bytes", "hits", "misses", "errors_4xx", "errors_5xx")
HOSTILE = ("=1+1", "+1", "-1", "@a", "\ta", "\ra", 'a"b,c', "<script>", "a\\b\nc", "/ü☃")


class Traffic(NamedTuple):
    """Requests of an hour for a path."""

    site: str
    hour: int
    path: str
    counted: Vector


@st.composite
def vectors(draw: st.DrawFn) -> Vector:
    """The measures of some requests that could have been."""
    requests = draw(st.integers(1, 30))
    hits = draw(st.integers(0, requests))
    misses = draw(st.integers(0, requests - hits))
    errors_4xx = draw(st.integers(0, requests))
    errors_5xx = draw(st.integers(0, requests - errors_4xx))
    sent, timed = draw(st.integers(0, 10**9)), draw(st.integers(0, requests))
    time_us = draw(st.integers(0, 10**8)) if timed else 0
    return Vector(requests, sent, hits, misses, errors_4xx, errors_5xx, time_us, timed)


one_traffic = st.builds(
    Traffic,
    st.sampled_from(SITES),
    st.integers(LATEST - SPAN, LATEST),
    st.sampled_from(("/", "/a", "/b", "/c", "/d", "/e", "-", *HOSTILE)),
    vectors(),
)
traffics = st.lists(one_traffic, max_size=40)
much_traffic = st.lists(one_traffic, min_size=8, max_size=40)


class Asked(NamedTuple):
    """A window, a zone and sites, as a query's text."""

    start: int
    hours: int
    tz: str
    sites: tuple[str, ...]
    by: str

    @property
    def query(self) -> str:
        """The parameters."""
        said = f"from={self.start * 3600}&to={(self.start + self.hours) * 3600}&tz={self.tz}"
        return said + "".join(f"&site={site}" for site in self.sites)

    def covers(self, traffic: Traffic, back: int = 0) -> bool:
        """Whether traffic is in the window, or in the one that began so many hours before."""
        start = self.start - back
        inside = start <= traffic.hour < start + (back or self.hours)
        return inside and (not self.sites or traffic.site in self.sites)


windows = st.one_of(
    st.just((LATEST - SPAN, SPAN + 1)),
    st.tuples(st.integers(LATEST - SPAN - 30, LATEST + 5), st.integers(1, 30)),
    st.tuples(st.integers(LATEST - SPAN - 30, LATEST + 5), st.integers(1, SPAN)),
)
asks = st.builds(
    lambda window, *rest: Asked(*window, *rest),
    windows,
    st.sampled_from(ZONES),
    st.sets(st.sampled_from(SITES)).map(lambda names: tuple(sorted(names))),
    st.sampled_from(("hour", "day", "week", "month")),
)


def stored(traffics: list[Traffic]) -> Api:
    """An API over a store in which the traffic was counted, and every site once long ago."""
    store = MemoryStore(clock=lambda: NOW)
    serial = counting()
    old = [Traffic(site, 200_000, "/old", Vector(1)) for site in SITES]
    for site, hour, path, counted in [*old, *traffics]:
        aggregate = hour_with(
            counted,
            first_us=hour * 3_600_000_000,
            last_us=hour * 3_600_000_000,
            objects={-1: 1},
            tables={"path": Table.of({path: counted})},
        )
        ref = ObjectRef("b", f"{next(serial)}")
        commit(store, Object(ref, {hour: aggregate}, site))
    return make_api(store, FakeClock())


def summed(traffics: list[Traffic]) -> dict[str, int]:
    """The plain sums of some traffic."""
    return {
        name: sum(getattr(each.counted, name) for each in traffics)
        for name in (*SUMS, "time_us", "timed")
    }


def by_path(traffics: list[Traffic]) -> dict[str, dict[str, int]]:
    """The plain sums for each path."""
    paths: dict[str, list[Traffic]] = defaultdict(list)
    for each in traffics:
        paths[each.path].append(each)
    return {path: summed(each) for path, each in paths.items()}


def data(api: Api, target: str) -> Any:
    """The data of an answer."""
    answer = ask(api, target)
    assert answer.status == 200, answer.text
    return answer.json["data"]


@examples(120)
@given(traffics, asks)
def test_a_time_series_adds_up_to_the_summary(traffics: list[Traffic], asked: Asked) -> None:
    """And both to the plain count: of each bucket and of the window, in any zone."""
    api = stored(traffics)
    summary = data(api, f"/metrics/summary?{asked.query}")
    metrics = ",".join((*SUMS, "hit_ratio", "mean_time_ms"))
    buckets = data(api, f"/metrics/timeseries?{asked.query}&by={asked.by}&metrics={metrics}")
    inside = [each for each in traffics if asked.covers(each)]
    truth = summed(inside)
    assert {name: sum(each[name] for each in buckets) for name in SUMS} == {
        name: truth[name] for name in SUMS
    }
    assert (summary["total_records"], summary["bytes_sent"]) == (truth["requests"], truth["bytes"])
    assert summary["log_files_read"] == len(inside)
    through = complete_through(traffics, asked)
    said = ask(api, f"/metrics/summary?{asked.query}").json["meta"]["complete_through"]
    last = min(through, asked.start + asked.hours)
    assert said == (moment(last, asked.tz) if through > asked.start else None)
    assert buckets[0]["start"] == moment(asked.start, asked.tz)
    assert buckets[-1]["end"] == moment(asked.start + asked.hours, asked.tz)
    for bucket, following in pairwise(buckets):
        assert bucket["end"] == following["start"]
    for bucket in buckets:
        start, end = (datetime.fromisoformat(bucket[name]) for name in ("start", "end"))
        assert bucket["final"] == (end + timedelta(hours=26) <= NOW)
        assert bucket["complete"] == (hour_of(end) <= through)
        assert whole(start, end, asked)
        found = summed([each for each in inside if hour_of(start) <= each.hour < hour_of(end)])
        assert {name: bucket[name] for name in SUMS} == {name: found[name] for name in SUMS}
        requests, timed = found["requests"], found["timed"]
        assert (bucket["hit_ratio"] is None) == (requests == 0)
        if requests:
            assert abs(bucket["hit_ratio"] - Fraction(found["hits"], requests)) <= 1e-6
        assert (bucket["mean_time_ms"] is None) == (timed == 0)
        if timed:
            assert abs(bucket["mean_time_ms"] - Fraction(found["time_us"], timed * 1000)) <= 1e-3


def complete_through(traffics: list[Traffic], asked: Asked) -> int:
    """The hour up to which every site asked for has a later request, or else 26 hours ago."""
    newest = dict.fromkeys(asked.sites or SITES, 0)
    for each in traffics:
        if each.site in newest:
            newest[each.site] = max(newest[each.site], each.hour)
    return max(LATEST - 26, min(newest.values()))


def moment(hour: int, tz: str) -> str:
    """An hour as answers write it."""
    at = datetime.fromtimestamp(hour * 3600, UTC).astimezone(ZoneInfo(tz))
    return at.isoformat().replace("+00:00", "Z")


def whole(start: datetime, end: datetime, asked: Asked) -> bool:
    """Whether a bucket is all of an hour, day, week or month of the zone, or cut by the window."""
    zone = ZoneInfo(asked.tz)
    first, last = (each.astimezone(zone) for each in (start, end - timedelta(microseconds=1)))
    if asked.by == "hour":
        return end - start == timedelta(hours=1)
    units: dict[str, Any] = {
        "day": lambda day: day,
        "week": lambda day: day.isocalendar()[:2],
        "month": lambda day: (day.year, day.month),
    }
    unit = units[asked.by]
    before: date = (start - timedelta(microseconds=1)).astimezone(zone).date()
    after: date = end.astimezone(zone).date()
    begins = unit(before) != unit(first.date()) or hour_of(start) == asked.start
    ends = unit(after) != unit(last.date()) or hour_of(end) == asked.start + asked.hours
    return bool(unit(first.date()) == unit(last.date()) and begins and ends)


@examples(80)
@given(much_traffic, asks, st.sampled_from(list(RANKED)), st.integers(1, 7))
def test_pages_walk_through_the_whole_ranking(
    traffics: list[Traffic], asked: Asked, metric: str, limit: int
) -> None:
    """Each value once, in the order of the plain count, whatever the size of a page."""
    api = stored(traffics)
    target = f"/metrics/top/path?{asked.query}&metric={metric}"
    truth = by_path([each for each in traffics if asked.covers(each)])
    table = {path: Vector(**sums) for path, sums in truth.items()}
    ranking = sorted(table, key=lambda path: (-RANKED[metric](table[path]), path))
    walked: list[Any] = []
    cursor = ""
    while True:
        page = ask(api, f"{target}&limit={limit}{cursor}").json
        assert len(page["data"]) <= limit
        walked += page["data"]
        if page["next_cursor"] is None:
            break
        assert len(page["data"]) == limit
        cursor = f"&cursor={page['next_cursor']}"
    shown = ["unknown" if path == "-" else path for path in ranking]
    assert [each["value"] for each in walked] == shown
    for each, path in zip(walked, ranking, strict=True):
        assert {name: each[name] for name in SUMS} == {name: truth[path][name] for name in SUMS}
    assert data(api, f"{target}&limit=200") == walked
    assert data(api, f"{target}&limit={limit}") == walked[:limit]


def assert_before(start: datetime, end: datetime, before: datetime, until: datetime) -> None:
    """A day that is not over comes after the same hours of the day before, all else after what
    ends where it begins. The moments show the clock of the zone."""
    if (start.hour, start.date()) == (0, end.date()):
        assert (before.hour, before.date()) == (0, start.date() - timedelta(1))
        assert until - before == end - start
    else:
        assert until == start


@examples(60)
@given(traffics, asks)
@example([], Asked(LATEST - 2000, 31 * 24, "Europe/London", (), "day"))
@example([], Asked(497356, 1, "America/New_York", (), "hour"))
def test_comparing_is_asking_twice(traffics: list[Traffic], asked: Asked) -> None:
    """The figures of the window before are those that it gives itself, and the changes follow."""
    api, ends = stored(traffics), ("from", "to")
    for route in ("summary?", f"timeseries?by={asked.by}&", "top/path?limit=200&"):
        answer = ask(api, f"/metrics/{route}{asked.query}&compare=previous").json
        before, query = answer["compare"], answer["meta"]["query"]
        assert_before(
            *(datetime.fromisoformat(each[name]) for each in (query, before) for name in ends)
        )
        start, end = (int(datetime.fromisoformat(before[name]).timestamp()) for name in ends)
        alone = f"from={start}&to={end}&tz={asked.tz}"
        alone += "".join(f"&site={site}" for site in asked.sites)
        assert answer["data"] == data(api, f"/metrics/{route}{asked.query}")
        then = data(api, f"/metrics/{route}{alone}")
        if route.startswith("top"):
            known = {each["value"]: each for each in then}
            assert [each["value"] for each in before["data"]] == [
                each["value"] for each in answer["data"]
            ]
            for each in before["data"]:
                assert each == known.get(each["value"], {**each, "requests": 0, "bytes": 0})
        else:
            assert before["data"] == then
        check_changes(answer["data"], before["data"], before["change"])


def check_changes(now: Any, before: Any, change: Any) -> None:
    """Every change is the difference of the two figures it is of."""
    if isinstance(change, list):
        for each in zip(now, before, change, strict=False):
            check_changes(*each)
    elif set(change) == {"absolute", "relative"} and not isinstance(change["absolute"], dict):
        difference = now - before
        assert abs(change["absolute"] - difference) < 1e-5
        assert (change["relative"] is None) == (before == 0)
        if before:
            assert abs(change["relative"] - difference / before) < 1e-5
    else:
        for name, each in change.items():
            check_changes(now[name], before[name], each)


@examples(60)
@given(traffics, asks)
def test_every_format_has_the_numbers_of_json(traffics: list[Traffic], asked: Asked) -> None:
    """Series, rankings and summaries, read back by parsers that are not ours."""
    api = stored(traffics)
    series = f"/metrics/timeseries?{asked.query}&by={asked.by}"
    top = f"/metrics/top/path?{asked.query}&limit=200"
    summary = f"/metrics/summary?{asked.query}"
    for target in (series, top):
        entries = data(api, target)
        lines = ask(api, f"{target}&format=ndjson").text.split("\n")[:-1]
        assert [json.loads(line) for line in lines] == entries
        rows = list(csv.DictReader(io.StringIO(ask(api, f"{target}&format=csv").text, newline="")))
        assert [cells(row) for row in rows] == [texts(entry) for entry in entries]
    whole = data(api, summary)
    assert json.loads(ask(api, f"{summary}&format=ndjson").text) == whole
    table = csv.reader(io.StringIO(ask(api, f"{summary}&format=csv").text, newline=""))
    assert [(plain(name), plain(value)) for name, value in list(table)[1:]] == [
        (name, text(value)) for name, value in flat(whole)
    ]
    exposed = ask(api, series, {"accept": "application/openmetrics-text"}).text
    samples = [
        (each.name.removeprefix("edgetally_"), float(each.timestamp), each.value)
        for family in families(exposed)
        for each in family.samples
    ]
    assert sorted(samples) == sorted(
        (name, datetime.fromisoformat(entry["start"]).timestamp(), value)
        for entry in data(api, series)
        for name, value in entry.items()
        if name not in ("start", "end", "complete", "final") and value is not None
    )
    exposed = ask(api, f"{summary}&format=openmetrics").text
    values = sorted(each.value for family in families(exposed) for each in family.samples)
    assert values == sorted(value for _, value in flat(whole) if isinstance(value, int | float))


def families(exposed: str) -> Iterator[Any]:
    """What Prometheus' own parser finds."""
    yield from text_string_to_metric_families(exposed)  # type: ignore[no-untyped-call]


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every figure in a value, by the names on the way to it."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for name, each in inside:
        if isinstance(each, dict | list):
            yield from flat(each, f"{path}{name}.")
        else:
            yield f"{path}{name}", each


def text(value: Any) -> str:
    """A figure as a cell has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def texts(entry: dict[str, Any]) -> dict[str, str]:
    """An entry as a row has it."""
    return {name: text(value) for name, value in entry.items()}


def plain(cell: str) -> str:
    """A cell without the apostrophe that defuses it."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in tuple("=+-@\t\r") else cell


def cells(row: dict[str, str]) -> dict[str, str]:
    """A row without apostrophes that defuse."""
    return {name: plain(cell) for name, cell in row.items()}


@given(st.lists(st.dictionaries(st.just("value"), st.sampled_from(HOSTILE), min_size=1)))
def test_no_cell_is_a_formula(entries: list[dict[str, str]]) -> None:
    """None begins as one would, in a spreadsheet's eyes; and nothing else is changed."""
    rows = list(csv.reader(io.StringIO(as_csv(entries).decode(), newline="")))[1:]
    assert not [cell for (cell,) in rows if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert [plain(cell) for (cell,) in rows] == [entry["value"] for entry in entries]


@examples(60)
@given(traffics, asks)
def test_day_rows_give_the_answer_of_hour_rows(traffics: list[Traffic], asked: Asked) -> None:
    """Reading by days and ragged hours is only faster."""

    def only_hours(window: Window) -> list[Span]:
        return [Span("hour", window.start, window.end)]

    targets = (
        f"/metrics/summary?{asked.query}",
        f"/metrics/timeseries?{asked.query}&by={asked.by}",
        f"/metrics/top/path?{asked.query}",
    )
    by_days = [data(stored(traffics), target) for target in targets]
    modules = ("rows", "timeseries")
    patches = [patch(f"pipeline.answer.{name}.spans", only_hours) for name in modules]
    for each in patches:
        each.start()
    try:
        assert [data(stored(traffics), target) for target in targets] == by_days
    finally:
        for each in patches:
            each.stop()
