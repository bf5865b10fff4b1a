"""Answers that are kept, and what is said of that: ETags, Cache-Control, the envelope."""

from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.answer.question import Question
from pipeline.answer.traffic import Traffic
from pipeline.api.app import Api
from pipeline.store.generations import Days, Generations
from pipeline.store.ledger import StoredRow
from pipeline.store.memory import MemoryStore
from tests.support.api import ask, count, make_api
from tests.support.clock import FakeClock

CLOSED = "/metrics/summary?from=1795305600&to=1795316400"
"""Hours of 2026-11-22, 00:00 to 03:00: closed for 33 hours when the clock stands at noon of the
23rd."""


@pytest.fixture
def memory(clock: FakeClock) -> MemoryStore:
    return MemoryStore(clock=clock)


@pytest.fixture
def api(memory: MemoryStore, clock: FakeClock) -> Api:
    return make_api(memory, clock)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that were computed, by name."""
    made: list[str] = []
    compute = Traffic._computed

    def noted(self: Traffic, question: Question, *more: object) -> object:
        made.append(question.name)
        return compute(self, question, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(Traffic, "_computed", noted)
    return made


def test_an_open_window_is_computed_once_in_five_minutes(
    api: Api, memory: MemoryStore, clock: FakeClock, computed: list[str]
) -> None:
    """However it is written; the answer says how old it is, and for how long it is good."""
    count(memory, clock, "a")
    first = ask(api, "/metrics/summary")
    assert first.headers["cache-control"] == "private, max-age=300"
    assert first.headers["vary"] == "Accept, Authorization"
    count(memory, clock, "b")
    clock.pass_time(seconds=100)
    again = ask(api, "/metrics/summary?window=24h&tz=UTC&format=json")
    assert again.headers["cache-control"] == "private, max-age=200"
    assert again.json["data"] == first.json["data"]
    assert (first.json["meta"]["cached"], again.json["meta"]["cached"]) == (False, True)
    assert again.json["meta"]["generated_at"] == "2026-11-23T12:00:00Z"
    assert again.headers["etag"] == first.headers["etag"]
    clock.pass_time(seconds=200)
    later = ask(api, "/metrics/summary")
    assert later.json["data"]["total_records"] == 8
    assert later.headers["etag"] != first.headers["etag"]
    assert computed == ["summary"] * 2


def test_what_has_not_changed_is_not_sent_again(
    api: Api, memory: MemoryStore, clock: FakeClock
) -> None:
    """A 304 for an ETag that still holds, also when it was computed anew; each format has its
    own."""
    count(memory, clock, "a")
    for target in ("/metrics/summary?", "/metrics/timeseries?", "/metrics/top/path?"):
        etag = ask(api, target).headers["etag"]
        assert etag.startswith('W/"')  # bodies may differ in when they were computed
        for header in (etag, etag.removeprefix("W/"), f'"x", {etag}', "*"):
            answer = ask(api, target, {"If-None-Match": header})
            assert (answer.status, answer.text, answer.headers["etag"]) == (304, "", etag)
            assert answer.headers["cache-control"].startswith("private, max-age=")
        assert ask(api, target, {"If-None-Match": '"x"'}).status == 200
        assert ask(api, f"{target}format=csv", {"If-None-Match": etag}).status == 200
        assert ask(api, f"{target}format=csv").headers["etag"] != etag
        clock.pass_time(seconds=301)
        assert ask(api, target, {"If-None-Match": etag}).status == 304


def test_a_final_window_is_kept_for_an_hour(
    api: Api, memory: MemoryStore, clock: FakeClock, computed: list[str]
) -> None:
    """Its lines can no longer be late: what is imported all the same is seen an hour later."""
    count(memory, clock, "a", hours_ago=35)
    first = ask(api, CLOSED)
    assert first.json["data"]["total_records"] == 4
    assert first.json["meta"]["complete_through"] == "2026-11-22T03:00:00Z"
    assert first.headers["cache-control"] == "private, max-age=3600"
    count(memory, clock, "late", hours_ago=35)
    clock.pass_time(seconds=3599)
    again = ask(api, CLOSED)
    assert (again.json["data"], len(computed)) == (first.json["data"], 1)
    assert again.headers["cache-control"] == "private, max-age=1"
    clock.pass_time(seconds=1)
    late = ask(api, CLOSED)
    assert (late.json["data"]["total_records"], len(computed)) == (8, 2)
    assert late.headers["etag"] != first.headers["etag"]


def test_a_rebuild_ends_the_time_of_a_final_window(
    api: Api, memory: MemoryStore, clock: FakeClock, computed: list[str]
) -> None:
    """After five minutes an answer of other generations than the active ones is not served."""
    count(memory, clock, "a", hours_ago=35)
    assert ask(api, CLOSED).json["data"]["total_records"] == 4
    memory.turn(lambda active: active.begin(Days(0, 30_000)).show(1))
    clock.pass_time(seconds=299)
    assert ask(api, CLOSED).json["data"]["total_records"] == 4
    clock.pass_time(seconds=1)
    assert ask(api, CLOSED).json["data"]["total_records"] == 0
    assert len(computed) == 2


def test_a_switch_of_generations_while_rows_are_read_is_noticed(
    api: Api, memory: MemoryStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are read again: an answer is of the generations that are active when it ends."""
    count(memory, clock, "a")
    read = memory.read
    switched: list[Generations] = []

    def switching(*arguments: Any) -> Iterator[StoredRow]:
        rows = list(read(*arguments))
        if not switched:
            switched.append(memory.turn(lambda active: active.begin(Days(0, 30_000)).show(1)))
        yield from rows

    monkeypatch.setattr(memory, "read", switching)
    assert ask(api, "/metrics/summary").json["data"]["total_records"] == 0


def test_switches_that_do_not_end_are_a_503(
    api: Api, memory: MemoryStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer is of a mixture, and none is cached."""
    count(memory, clock, "a")
    meta = memory.meta
    monkeypatch.setattr(
        memory, "meta", lambda: (memory.turn(lambda active: active.again()), meta())[1]
    )
    assert ask(api, "/metrics/summary").status == 503
    monkeypatch.undo()
    assert ask(api, "/metrics/summary").json["meta"]["cached"] is False


@pytest.mark.parametrize("path", ["settings", "openapi.json", "docs"])
def test_what_only_an_upgrade_changes_may_be_kept(api: Api, path: str, clock: FakeClock) -> None:
    """With an ETag that stays."""
    first = ask(api, f"/metrics/{path}")
    assert first.headers["cache-control"] == "private, max-age=300"
    clock.pass_time(days=3)
    again = ask(api, f"/metrics/{path}", {"If-None-Match": first.headers["etag"]})
    assert (again.status, again.text) == (304, "")


@pytest.mark.parametrize("path", ["snapshot", "snapshot/refresh", "cache-status", "health"])
def test_the_old_routes_are_not_kept_on_the_way(api: Api, path: str) -> None:
    """As ever."""
    assert ask(api, f"/metrics/{path}").headers["cache-control"] == "no-store"
