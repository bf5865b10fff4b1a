"""What responses carry beside the answer: links, order, safe headers, what to do when refused."""

import csv
import io
from dataclasses import replace
from typing import Any

import pytest

from pipeline.answer.cache import LEASE_SECONDS
from pipeline.answer.summarizing import SummaryQuestion
from pipeline.answer.traffic import Traffic
from pipeline.api.app import Api
from pipeline.api.problems import KIND
from pipeline.api.questions import MOST_FIGURES
from pipeline.hour.heavy_hitters import Table
from pipeline.hour.vector import Vector
from pipeline.hours import hour_of
from pipeline.objects import ObjectRef
from pipeline.store.memory import MemoryStore
from tests.support.aggregates import hour_with
from tests.support.api import ask, count, make_api, make_service
from tests.support.clock import FakeClock
from tests.support.deltas import Object, commit


@pytest.fixture
def memory(clock: FakeClock) -> MemoryStore:
    store = MemoryStore(clock=clock)
    for name, site in (("a", "E1"), ("b", "E2"), ("c", "E3")):
        count(store, clock, name, site=site)
    return store


@pytest.fixture
def api(memory: MemoryStore, clock: FakeClock) -> Api:
    return make_api(memory, clock)


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_links_lead_through_the_whole_ranking(form: str, api: Api) -> None:
    """With everything that was asked for: sites, zone, metric, limit and format."""
    query = f"tz=Europe/London&site=E2,E1&metric=bytes&limit=1&format={form}"
    pages: list[str] = []
    while True:
        answer = ask(api, f"/metrics/top/path?{query}")
        assert answer.status == 200, answer.text
        pages += answer.text.splitlines()[1 if form == "csv" else 0 :]
        if "link" not in answer.headers:
            break
        link = answer.headers["link"]
        assert link.startswith("<?")
        assert link.endswith('>; rel="next"')
        query = link.removeprefix("<?").removesuffix('>; rel="next"')
    whole = ask(api, f"/metrics/top/path?tz=Europe/London&site=E1,E2&metric=bytes&format={form}")
    assert pages == whole.text.splitlines()[1 if form == "csv" else 0 :]
    assert len(pages) == 2


def test_the_order_of_sites_says_nothing(api: Api) -> None:
    """The answer, its ETag and its key in the cache are the same; they are named in order."""
    one, other = (ask(api, f"/metrics/summary?site={sites}") for sites in ("E2,E1", "E1,E2"))
    assert one.json["meta"]["query"]["site"] == ["E1", "E2"]
    assert (other.headers["etag"], other.json["meta"]["cached"]) == (one.headers["etag"], True)


def test_sites_are_listed_in_order_with_the_least_of_their_rates(
    memory: MemoryStore, clock: FakeClock
) -> None:
    """Figures say by how much they were scaled: of several rates of a site, the least counts."""
    for name, site in (("d", "E1~50"), ("e", "E1~25"), ("f", "E0~10"), ("g", "E1~75")):
        count(memory, clock, name, site=site)
    api = make_api(memory, clock)
    assert ask(api, "/metrics/sites").json["data"] == [
        {"site": "E0", "sampling_percent": 10},
        {"site": "E1", "sampling_percent": 25},
        {"site": "E2", "sampling_percent": 100},
        {"site": "E3", "sampling_percent": 100},
    ]
    assert ask(api, "/metrics/summary").json["meta"]["sampling"] == {"E0": 10, "E1": 25}
    summary = ask(api, "/metrics/summary?site=E1,E2").json
    assert summary["meta"]["sampling"] == summary["data"]["sampling"] == {"E1": 25}


def test_comparing_asks_for_twice_the_figures(api: Api) -> None:
    """Which may be too many, though the window alone is not."""
    metrics = "requests,bytes,hits,misses,errors_4xx,errors_5xx"
    target = f"/metrics/timeseries?from=0&to=34560000&metrics={metrics}"
    assert MOST_FIGURES / 2 < 9600 * 6 < MOST_FIGURES
    assert ask(api, target).status == 200
    problem = ask(api, f"{target}&compare=previous")
    assert (problem.status, problem.json["type"]) == (400, f"{KIND}too-many-figures")
    assert problem.json["limit"] == {"maximum": MOST_FIGURES}


@pytest.mark.parametrize("path", ["summary", "sites", "nothing", "snapshot", "settings"])
def test_no_answer_can_be_framed_or_sends_a_referrer(path: str, api: Api) -> None:
    """Nor does it load anything."""
    headers = ask(api, f"/metrics/{path}").headers
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["referrer-policy"] == "no-referrer"
    page = ask(api, "/metrics/docs").headers
    assert "frame-ancestors 'none'" in page["content-security-policy"]
    assert page["referrer-policy"] == "no-referrer"


def test_whoever_waits_in_vain_is_told_when_to_ask_again(
    memory: MemoryStore, clock: FakeClock
) -> None:
    """In a second, while another request computes the answer."""
    service = make_service(memory, clock)
    answers = replace(service.traffic.answers, sleep=lambda _: None)
    traffic: Traffic = replace(service.traffic, answers=answers)
    api = Api(replace(service, traffic=traffic))
    now = hour_of(clock())
    memory.lease(SummaryQuestion(now - 23, now + 1).key, "another", LEASE_SECONDS)
    problem = ask(api, "/metrics/summary")
    assert (problem.status, problem.headers["retry-after"]) == (503, "1")
    assert problem.json["type"] == f"{KIND}being-computed"


@pytest.mark.parametrize("path", ["edge_location", "edge%5Flocation", "%65dge_location"])
def test_a_dimension_may_be_percent_encoded(path: str, api: Api) -> None:
    """It is a part of the path."""
    answer = ask(api, f"/metrics/top/{path}")
    assert answer.json["meta"]["query"]["dimension"] == "edge_location"


@pytest.mark.parametrize(("days", "told"), [(0, None), (30, 30)])
def test_the_settings_tell_the_retention(
    days: int, told: int | None, memory: MemoryStore, clock: FakeClock
) -> None:
    """In days, null for ever."""
    api = Api(replace(make_service(memory, clock), retention_days=days))
    assert ask(api, "/metrics/settings").json["data"]["retention"]["days"] == told


def test_bounds_and_rates_have_no_change(memory: MemoryStore, clock: FakeClock) -> None:
    """They are no figures of the traffic."""
    count(memory, clock, "d", site="E1~25", hours_ago=30)
    answer: Any = ask(make_api(memory, clock), "/metrics/summary?compare=previous").json
    changes = answer["compare"]["change"]
    assert changes["total_records"]["absolute"] == 12 - 16
    assert not {"approximate", "sampling"} & set(changes)
    assert "relative_error" not in str(changes)


def test_nobody_is_an_unknown_crawler(memory: MemoryStore, clock: FakeClock) -> None:
    """Requests of people are in no ranking of crawlers, and are unknown in those of all."""
    tables = {
        name: Table.of({"-": Vector(9), "x": Vector(1)}) for name in ("crawler", "device", "host")
    }
    hour = hour_with(Vector(10), tables=tables)
    commit(memory, Object(ObjectRef("b", "k"), {hour_of(clock()): hour}, "E9"))
    api = make_api(memory, clock)
    for dimension, values in (("crawler", ["x"]), ("host", ["unknown", "x"])):
        text = ask(api, f"/metrics/top/{dimension}?site=E9&format=csv").text
        rows = csv.DictReader(io.StringIO(text, newline=""))
        assert [row["value"] for row in rows] == values
