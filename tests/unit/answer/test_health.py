"""The checks of the health: what is well, what is not, and what is said of it."""

from dataclasses import replace
from typing import Any

import pytest

from pipeline.answer.health import Findings, Health
from pipeline.errors import QueueError
from pipeline.hour.vector import Vector
from pipeline.hours import hour_of
from pipeline.objects import ObjectRef
from pipeline.source.port import Depth
from pipeline.store.memory import MemoryStore
from tests.support.aggregates import hour_with
from tests.support.api import count, make_service
from tests.support.clock import FakeClock
from tests.support.deltas import Object, commit


@pytest.fixture
def memory(clock: FakeClock) -> MemoryStore:
    return MemoryStore(clock=clock)


@pytest.fixture
def health(memory: MemoryStore, clock: FakeClock) -> Health:
    return make_service(memory, clock).health


def checks(health: Health) -> dict[str, Any]:
    """The checks by their names, each as status, figure and sentence."""
    return {
        check.name: (check.status, check.value, check.detail)
        for check in health.report().health_status
    }


def test_a_store_in_which_nothing_was_counted_says_so(health: Health) -> None:
    """It is no failure yet."""
    found = checks(health)
    assert found["store"] == ("warn", 0, "no log object has been counted yet")
    assert found["ledger_gap"][0] == "warn"
    assert found["cache_age"][:2] == ("ok", None)


@pytest.mark.parametrize(
    ("hours", "status"), [(0, "ok"), (6, "ok"), (7, "warn"), (26, "warn"), (27, "fail")]
)
def test_the_newest_object_ages(
    hours: int, status: str, health: Health, memory: MemoryStore, clock: FakeClock
) -> None:
    """Hours are nothing special, a day is."""
    count(memory, clock, "a", hours_ago=hours)
    found = checks(health)
    assert found["store"] == ("ok", 1, "1 site can be read")
    assert found["newest_object"][:2] == (status, hours * 3600)


@pytest.mark.parametrize(("hours", "is_recent"), [(59, True), (60, True), (61, False)])
def test_today_and_the_two_days_before_are_looked_at(
    hours: int, is_recent: bool, health: Health, memory: MemoryStore, clock: FakeClock
) -> None:
    """The clock stands at noon: the first of them began 60 hours ago."""
    count(memory, clock, "a", hours_ago=hours)
    status, age, _ = checks(health)["newest_object"]
    assert (status, age) == ("fail", hours * 3600 if is_recent else None)


def test_days_without_any_object_are_a_failure(
    health: Health, memory: MemoryStore, clock: FakeClock
) -> None:
    """The sentence says for how long."""
    count(memory, clock, "a", hours_ago=24 * 5)
    assert checks(health)["newest_object"][0] == "fail"


@pytest.mark.parametrize(("rejected", "status"), [(0, "ok"), (1, "ok"), (9, "warn"), (99, "fail")])
def test_the_share_of_rejected_lines(
    rejected: int, status: str, health: Health, memory: MemoryStore, clock: FakeClock
) -> None:
    """Of all lines of the last days."""
    reasons = {"bad_timestamp": rejected} if rejected else {}
    hour = hour_with(Vector(1000), last_us=int(clock().timestamp() * 1e6), rejected=reasons)
    commit(memory, Object(ObjectRef("b", "k"), {hour_of(clock()): hour}, "s"))
    name, value, _ = checks(health)["rejected_share"]
    assert (name, value) == (status, round(rejected / (1000 + rejected), 6))


def test_queues_tell_their_depth(health: Health) -> None:
    """What waits is no failure, what was given up is; a queue that cannot be read is a warning."""

    def broken() -> Depth:
        raise QueueError("https://queue", "no permission, with details")

    found = checks(
        replace(health, depths={"queue": lambda: Depth(7, 2), "dead_letters": lambda: Depth(1, 0)})
    )
    assert found["queue"] == ("ok", 7, "7 objects waiting, 2 being counted")
    assert found["dead_letters"][:2] == ("fail", 1)
    assert "redrive" in found["dead_letters"][2]
    found = checks(replace(health, depths={"queue": broken, "dead_letters": lambda: Depth(0, 0)}))
    assert found["queue"] == ("warn", None, "its depth cannot be read; the log says why")
    assert found["dead_letters"] == ("ok", 0, "0 objects could not be counted")


def test_the_last_audit_is_told_of(health: Health, memory: MemoryStore, clock: FakeClock) -> None:
    """What it found, when, and that it is old; a gap or a missing object is a failure."""
    Findings(0, 0).keep(memory)
    clock.pass_time(minutes=90)
    status, value, detail = checks(health)["ledger_gap"]
    assert (status, value) == ("ok", 0)
    assert detail.endswith("0 objects missing, as of an audit 90 min ago")
    clock.pass_time(hours=4)
    assert checks(health)["ledger_gap"][0] == "warn"
    for findings in (Findings(3, 0), Findings(0, 1)):
        findings.keep(memory)
        assert checks(health)["ledger_gap"][:2] == ("fail", findings.ledger_gap)
    Findings(0, None).keep(memory)
    detail = "0 records too many or too few, as of an audit 0 s ago"
    assert checks(health)["ledger_gap"] == ("ok", 0, detail)
    clock.pass_time(days=8)
    assert checks(health)["ledger_gap"][:2] == ("warn", None)


def test_the_snapshot_is_told_of(memory: MemoryStore, clock: FakeClock) -> None:
    """When it was taken, and how old it is."""
    service = make_service(memory, clock)
    assert service.health.report().snapshot_time is None
    service.snapshots.snapshot()
    clock.pass_time(seconds=30)
    found = service.health.report()
    assert found.snapshot_time == "2026-11-23T12:00:00+00:00"
    assert found.cached_at == int(clock().timestamp()) - 30
    detail = "the snapshot is 30 s old, and served until it is 300 s old"
    assert found.health_status[-1].detail == detail
