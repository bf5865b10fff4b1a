"""Which hours are complete, which are final, and of which rows the pages of a ranking are."""

from typing import Any

import pytest

from pipeline.api.app import Api
from pipeline.store.memory import MemoryStore
from tests.support.api import ask, count, make_api
from tests.support.clock import FakeClock

EIGHT_TO_FOURTEEN = "from=1795420800&to=1795442400"
"""Hours of 2026-11-23, on which the clock stands at noon."""


@pytest.fixture
def memory(clock: FakeClock) -> MemoryStore:
    return MemoryStore(clock=clock)


@pytest.fixture
def api(memory: MemoryStore, clock: FakeClock) -> Api:
    return make_api(memory, clock, ttl_seconds=0)


def complete(api: Api, query: str) -> tuple[list[str], list[str], str | None]:
    """The hours that are complete, those that are final, and `complete_through`."""
    answer = ask(api, f"/metrics/timeseries?metrics=requests&{query}").json
    complete, final = (
        [bucket["start"][11:13] for bucket in answer["data"] if bucket[name]]
        for name in ("complete", "final")
    )
    return complete, final, answer["meta"]["complete_through"]


def test_an_hour_is_complete_once_delivery_has_gone_past_its_end(
    api: Api, memory: MemoryStore, clock: FakeClock
) -> None:
    """Not when it is over: empty hours behind the last log may have lines yet to come."""
    assert complete(api, EIGHT_TO_FOURTEEN) == ([], [], None)
    count(memory, clock, "a", hours_ago=2)
    assert complete(api, EIGHT_TO_FOURTEEN) == (["08", "09"], [], "2026-11-23T10:00:00Z")
    clock.pass_time(hours=5)
    assert complete(api, EIGHT_TO_FOURTEEN) == (["08", "09"], [], "2026-11-23T10:00:00Z")
    count(memory, clock, "b", hours_ago=6)
    assert complete(api, EIGHT_TO_FOURTEEN)[0] == ["08", "09", "10"]


def test_a_request_after_the_window_completes_it(
    api: Api, memory: MemoryStore, clock: FakeClock
) -> None:
    """Also the hours of a window that ended before the latest request."""
    count(memory, clock, "a", hours_ago=4)
    clock.pass_time(hours=9)
    assert complete(api, EIGHT_TO_FOURTEEN) == ([], [], None)
    count(memory, clock, "b")
    hours = ["08", "09", "10", "11", "12", "13"]
    assert complete(api, EIGHT_TO_FOURTEEN) == (hours, [], "2026-11-23T14:00:00Z")
    summary = ask(api, f"/metrics/summary?{EIGHT_TO_FOURTEEN}").json
    assert summary["meta"]["complete_through"] == "2026-11-23T14:00:00Z"
    assert summary["data"]["total_records"] == 4


def test_of_several_sites_the_last_one_counts(
    api: Api, memory: MemoryStore, clock: FakeClock
) -> None:
    """Each of them must have a later request; asked for alone, each has its own hours."""
    count(memory, clock, "a", hours_ago=1, site="quick")
    count(memory, clock, "b", hours_ago=3, site="slow")
    assert complete(api, EIGHT_TO_FOURTEEN)[2] == "2026-11-23T09:00:00Z"
    assert complete(api, f"{EIGHT_TO_FOURTEEN}&site=quick")[2] == "2026-11-23T11:00:00Z"
    assert complete(api, f"{EIGHT_TO_FOURTEEN}&site=slow")[0] == ["08"]
    count(memory, clock, "c", hours_ago=500, site="gone")
    assert complete(api, EIGHT_TO_FOURTEEN) == ([], [], None)


def test_of_sampled_and_complete_logs_of_a_site_the_later_request_counts(
    api: Api, memory: MemoryStore, clock: FakeClock
) -> None:
    """They are logs of one site."""
    count(memory, clock, "a", hours_ago=1, site="E1~25")
    count(memory, clock, "b", hours_ago=400, site="E1")
    assert complete(api, EIGHT_TO_FOURTEEN)[2] == "2026-11-23T11:00:00Z"


def test_an_hour_is_final_a_day_and_two_hours_after_its_end(
    api: Api, memory: MemoryStore, clock: FakeClock
) -> None:
    """Whether anything was delivered or not; and what is final is complete."""
    clock.pass_time(hours=24 + 2 - 2)  # 10:00 was 26 hours ago
    assert complete(api, EIGHT_TO_FOURTEEN) == (
        ["08", "09"],
        ["08", "09"],
        "2026-11-23T10:00:00Z",
    )
    clock.pass_time(minutes=59, seconds=59)
    assert complete(api, EIGHT_TO_FOURTEEN)[1] == ["08", "09"]
    clock.pass_time(seconds=1)
    assert complete(api, EIGHT_TO_FOURTEEN)[1] == ["08", "09", "10"]


def test_complete_through_is_on_the_zones_clock(
    api: Api, memory: MemoryStore, clock: FakeClock
) -> None:
    """As every time of an answer."""
    count(memory, clock, "a", hours_ago=3)
    answer = ask(api, "/metrics/timeseries?window=7d&tz=Europe/Paris").json
    assert answer["meta"]["complete_through"] == "2026-11-23T10:00:00+01:00"


def test_what_becomes_complete_has_another_etag(memory: MemoryStore, clock: FakeClock) -> None:
    """Though no figure of it has changed."""
    api = make_api(memory, clock)
    count(memory, clock, "a", hours_ago=1)
    target = f"/metrics/timeseries?{EIGHT_TO_FOURTEEN}&metrics=requests"
    clock.pass_time(hours=2)
    before = ask(api, target)
    count(memory, clock, "b")  # after the window
    clock.pass_time(seconds=301)
    after = ask(api, target, {"If-None-Match": before.headers["etag"]})
    assert after.status == 200
    assert sum(bucket["requests"] for bucket in after.json["data"]) == 4
    clock.pass_time(seconds=301)
    assert ask(api, target, {"If-None-Match": after.headers["etag"]}).status == 304


def test_pages_of_changed_rows_say_so(api: Api, memory: MemoryStore, clock: FakeClock) -> None:
    """Every page after the change, in every format; a value may be missing or come twice."""
    for name in "abcd":
        count(memory, clock, name)
    first: Any = ask(api, "/metrics/top/path?limit=1").json
    assert "changed" not in first["meta"]
    second = ask(api, f"/metrics/top/path?limit=1&cursor={first['next_cursor']}").json
    assert "changed" not in second["meta"]
    count(memory, clock, "e", requests=40)
    target = f"/metrics/top/path?limit=1&cursor={second['next_cursor']}"
    third = ask(api, target)
    assert third.json["meta"]["changed"] is True
    assert "edgetally-changed" not in third.headers
    assert ask(api, f"{target}&format=csv").headers["edgetally-changed"] == "true"
    fourth = ask(api, f"/metrics/top/path?limit=1&cursor={third.json['next_cursor']}").json
    assert fourth["meta"]["changed"] is True
    assert "changed" not in ask(api, "/metrics/top/path?limit=1").json["meta"]


def test_rows_of_another_window_change_no_page(
    api: Api, memory: MemoryStore, clock: FakeClock
) -> None:
    """Nor does the window that a page is compared with."""
    for name in "ab":
        count(memory, clock, name)
    first = ask(api, "/metrics/top/path?limit=1&compare=previous").json
    count(memory, clock, "old", hours_ago=30)
    target = f"/metrics/top/path?limit=1&compare=previous&cursor={first['next_cursor']}"
    assert "changed" not in ask(api, target).json["meta"]
