"""The audit, on every store: silent while all is well, also under traffic, and only then."""

import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from pipeline.errors import StoreError
from pipeline.hour.vector import Vector
from pipeline.hours import ALWAYS, Span, Window
from pipeline.objects import ObjectRef
from pipeline.settings import Settings
from pipeline.source.port import Listed
from pipeline.store.counted import RowKey
from pipeline.store.dynamodb import DynamoStore
from pipeline.store.generations import Days
from pipeline.store.ledger import LedgerEntry, StoredRow
from pipeline.store.port import Store
from pipeline.upkeep.audit import Audit, audit
from tests.contract.test_dynamodb_faults import LONG, Fault
from tests.contract.test_store import HOUR, counted, ref
from tests.support import dynamodb_local
from tests.support.aggregates import hour_with
from tests.support.clock import FakeClock
from tests.support.deltas import commit

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = int(NOW.timestamp()) // 86_400


def check(store: Store, window: Window = ALWAYS, listed: list[Listed] | None = None) -> Audit:
    return audit(store, window, NOW, listed or [], sleep=lambda _: None)


def filled(store: Store) -> Store:
    for n in range(6):
        commit(store, counted(f"o{n}", HOUR + n * 8, HOUR + n * 8 + 1, site=f"s{n % 2}"))
    return store


def put(store: Store, key: RowKey, requests: int) -> None:
    """Make one row say something else."""
    store.restore([], [StoredRow(key, hour_with(Vector(requests)))])


def test_a_sound_store_has_no_problems(store: Store) -> None:
    """Everything is looked at: objects, hours and days."""
    found = check(filled(store))
    assert (found.problems, found.ledger_gap, found.objects, found.rows) == ([], 0, 6, 12 + 5)
    assert check(store, Window(HOUR, HOUR + 1)).problems == []


def test_the_audit_waits_as_long_as_the_stores_reads_lag(store: Store) -> None:
    """Only where something disagrees, before each second look, and not at all on a local store."""
    slept: list[float] = []
    audit(filled(store), ALWAYS, NOW, sleep=slept.append)
    assert slept == []
    put(store, RowKey("s0", "hour", HOUR), 1000)
    audit(store, ALWAYS, NOW, sleep=slept.append)
    assert slept == [3.0 if isinstance(store, DynamoStore) else 0.0] * 3


def test_an_empty_store_has_no_problems(store: Store) -> None:
    """There is nothing to disagree."""
    assert check(store) == Audit()


@pytest.mark.parametrize("store", ["memory", "sqlite", "dynamodb"], indirect=True)
def test_a_row_that_says_more_or_less_is_found(store: Store) -> None:
    """An hour against the ledger and against its day, a day against its hours; with the numbers."""
    filled(store)
    requests = HOUR % 7 + 1
    put(store, RowKey("s0", "hour", HOUR), requests + 5)
    found = check(store)
    hour = next(each for each in found.problems if each.kind == "ledger")
    assert (hour.name, hour.detail) == ("s0 2026-11-19T12", "records differ")
    assert (hour.expected, hour.found) == (requests, requests + 5)
    assert {each.kind for each in found.problems} == {"ledger", "day"}
    put(store, RowKey("s0", "hour", HOUR), 0)
    assert "ledger" in {each.kind for each in check(store).problems}

    put(store, RowKey("s1", "day", HOUR // 24 + 5), 1)
    kinds = [each for each in check(store).problems if each.name == "s1 2026-11-24"]
    assert [(each.kind, each.expected, each.found) for each in kinds] == [("day", 0, 1)]


def test_objects_that_failed_or_conflict_are_listed(store: Store) -> None:
    """With the reason, and how often it was tried."""
    filled(store)
    store.record_failure(ref("bad"), "truncated")
    store.record_conflict(ref("o1", "e2"))
    found = {each.kind: each for each in check(store).problems}
    assert found.keys() == {"failed", "conflict"}
    assert (found["failed"].name, found["failed"].detail) == (
        "s3://bucket/bad",
        "truncated (tried 1 time)",
    )
    assert check(store).ledger_gap == 0


def test_an_object_that_was_never_announced_is_missing(store: Store) -> None:
    """After an hour; until then it is on its way. What is counted or failed is neither."""
    filled(store)
    store.record_failure(ref("bad"), "truncated")

    def listed(key: str, **age: float) -> Listed:
        return Listed(ObjectRef("bucket", key, "e1"), NOW - timedelta(**age))

    found = check(
        store,
        listed=[
            listed("o1", days=3),
            listed("bad", days=2),
            listed("young", minutes=59),
            listed("lost", minutes=61),
            listed("long lost", hours=30),
        ],
    )
    assert (found.listed, found.waiting) == (5, 1)
    assert [each.key for each in found.missing] == ["lost", "long lost"]
    assert found.oldest_unprocessed_seconds == 30 * 3600
    missing = [each.name for each in found.problems if each.kind == "missing"]
    assert missing == ["s3://bucket/lost", "s3://bucket/long lost"]


def test_a_day_is_audited_as_long_as_it_is_visible(store: Store, clock: FakeClock) -> None:
    """To the day: a gap in the last visible one is told, and is of no interest the day after."""
    clock.now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    filled(store)
    put(store, RowKey("s0", "hour", HOUR), 1000)
    day = HOUR // 24
    for days, gaps in ((30 - (TODAY - day), 1), (1, 0)):
        clock.pass_time(days=days)
        audited = audit(store, ALWAYS, clock(), sleep=lambda _: None)
        assert [p.kind for p in audited.problems if p.expected == 6] == ["ledger"] * gaps


def test_what_is_written_meanwhile_is_no_problem(store: Store) -> None:
    """Two writers at work while the audit reads, again and again."""
    filled(store)
    stop = threading.Event()

    def write(writer: int) -> None:
        n = 0
        while not stop.is_set():
            commit(store, counted(f"{writer}-{n}", HOUR + n % 30, HOUR + n % 30 + 1))
            n += 1

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(2)]
    for each in writers:
        each.start()
    try:
        for _ in range(5):
            assert check(store).problems == []
    finally:
        stop.set()
        for each in writers:
            each.join()
    assert check(store).objects > 6


def test_the_generation_that_is_read_is_the_one_that_is_checked(store: Store) -> None:
    """A rebuild that is open does not count twice, nor does one that was undone."""
    filled(store)
    days = Days(HOUR // 24, HOUR // 24 + 9)
    store.turn(lambda found: found.begin(days))
    commit(store, counted("both", HOUR))
    assert check(store).problems == []
    store.turn(lambda state: state.undo(1))
    assert check(store).problems == []
    store.sweep()
    assert check(store).problems == []
    assert len(list(store.read(["site"], [Span("hour", None, None)]))) == 1


def test_an_object_that_is_half_committed_is_told(dynamodb: Any) -> None:
    """Its hours may be there or not; that is no gap, but it has to be delivered again."""
    store = DynamoStore(dynamodb, dynamodb_local.new_table(dynamodb))
    with Fault(dynamodb, 3), pytest.raises(StoreError):
        commit(store, LONG)
    found = check(store)
    assert [each.kind for each in found.problems] == ["half committed"]
    assert found.ledger_gap == 0
    commit(store, LONG)
    assert check(store).problems == []


def test_the_longest_scheduled_audit_reads_the_index_alone(dynamodb: Any) -> None:
    """The function's role may query the ledger's index, and not scan the table."""
    most = next(
        each.le for each in Settings.model_fields["audit_hours"].metadata if hasattr(each, "le")
    )
    called: list[str] = []
    event = "before-call.dynamodb"

    def note(model: Any, **_: Any) -> None:
        called.append(model.name)

    table = dynamodb_local.new_table(dynamodb)
    dynamodb.meta.events.register(event, note)
    try:
        for hour in range(24):
            now = NOW.replace(hour=hour, minute=59)
            store = DynamoStore(dynamodb, table, clock=partial(_at, now))
            audit(store, Window.last_hours(most, now), now)
    finally:
        dynamodb.meta.events.unregister(event, note)
    assert "Query" in called
    assert "Scan" not in called


def _at(now: datetime) -> datetime:
    return now


def test_an_object_that_was_counted_before_the_window_is_not_missing(
    store: Store, clock: FakeClock
) -> None:
    """It may have been listed late: the ledger is asked for what was committed before, too."""
    old, new = counted("old", HOUR), counted("new", HOUR + 20 * 24)
    commit(store, old)
    clock.pass_time(days=20)
    commit(store, new)
    listed = [Listed(each.ref, NOW - timedelta(hours=2)) for each in (old, new)]
    listed.append(Listed(ref("lost"), NOW - timedelta(hours=2)))
    found = check(store, Window(HOUR + 20 * 24, HOUR + 21 * 24), listed)
    assert (found.objects, found.listed, found.missing) == (1, 3, [ref("lost")])


def test_lines_that_are_ahead_of_their_object_are_audited(store: Store) -> None:
    """The object was committed on the day before, and its day is the only one that is checked."""
    tomorrow = (TODAY + 1) * 24
    commit(store, counted("ahead", tomorrow + 10))
    found = check(store, Window(tomorrow, tomorrow + 24))
    assert (found.objects, found.rows, found.problems) == (1, 2, [])


def test_rejected_lines_are_audited(store: Store) -> None:
    """A row that has fewer of them than the ledger is wrong, though its requests are right."""
    keys = [RowKey("site", "hour", HOUR), RowKey("site", "day", HOUR // 24)]
    sites, rejected = {"site": {HOUR: 3}}, {"bad_timestamp": 1}
    at = HOUR * 3600
    entry = LedgerEntry(ref("one"), "committed", at, sites=sites, rejected=rejected)
    store.restore([entry], [StoredRow(key, hour_with(Vector(3))) for key in keys])
    (problem,) = check(store).problems
    assert (problem.detail, problem.expected, problem.found) == ("rejected differ", 1, 0)
