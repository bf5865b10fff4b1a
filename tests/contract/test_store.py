"""What every store promises, checked on each of them."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import CommitRefused, StoreError
from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.hour.heavy_hitters import Table
from pipeline.hour.vector import Vector
from pipeline.hours import Period, Span
from pipeline.objects import ObjectRef
from pipeline.store.counted import RowKey
from pipeline.store.dynamodb import DynamoStore
from pipeline.store.memory import MemoryStore
from pipeline.store.port import COMMITTED, TOO_LARGE, VISITOR_KEY_BYTES, CommitResult, Lease, Store
from pipeline.store.sqlite import SqliteStore
from tests.support import dynamodb_local
from tests.support.aggregates import hour_with
from tests.support.clock import FakeClock
from tests.support.deltas import Object, commit, commit_each

"""The tables before rows had versions."""

HOUR = 498_636  # 2026-11-19T12, inside the retention of the stores under test
EVERYTHING: dict[Period, Span] = {
    "hour": Span("hour", None, None),
    "day": Span("day", None, None),
}


def ref(name: str, etag: str = "e1") -> ObjectRef:
    return ObjectRef("bucket", name, etag, version_id="v", sequencer="s", size=3)


def aggregate(requests: int, rejected: dict[str, int] | None = None) -> HourlyAggregate:
    return hour_with(
        Vector(requests, requests * 10),
        objects={-1: 1},
        rejected=rejected or {},
        tables={"path": Table.of({"/": Vector(requests)})},
    )


def counted(name: str, *hours: int, etag: str = "e1", site: str = "site") -> Object:
    rejected = {"bad_timestamp": 1} if hours else {}
    found = {h: aggregate(h % 7 + 1, rejected if h == min(hours) else {}) for h in hours}
    return Object(ref(name, etag), found, site, rejected, "its header")


def rows(store: Store, period: Period, *sites: str) -> dict[RowKey, HourlyAggregate]:
    """The rows by key, with the shards of a key merged."""
    found: dict[RowKey, list[HourlyAggregate]] = {}
    for row in store.read(sites or ("site",), [EVERYTHING[period]]):
        found.setdefault(row.key, []).append(row.aggregate)
    return {key: merge(parts) for key, parts in found.items()}


def test_a_committed_object_is_in_the_ledger_and_in_its_rows(store: Store) -> None:
    """Its hours hold its lines, and each day the sum of its hours."""
    one = counted("a", HOUR, HOUR + 1, HOUR + 24)
    assert commit(store, one) == COMMITTED
    entry = store.ledger([one.ref])[one.ref]
    assert (entry.state, entry.ref.etag, entry.layout) == ("committed", "e1", "its header")
    assert rows(store, "hour") == {
        RowKey("site", "hour", hour): each for hour, each in one.hours.items()
    }
    first, second = HOUR // 24, HOUR // 24 + 1
    assert rows(store, "day") == {
        RowKey("site", "day", first): merge([one.hours[HOUR], one.hours[HOUR + 1]]),
        RowKey("site", "day", second): one.hours[HOUR + 24],
    }


def test_a_second_delivery_changes_nothing(store: Store) -> None:
    """Alone, or among objects that are new."""
    one, two = counted("a", HOUR), counted("b", HOUR)
    commit(store, one)
    before = rows(store, "hour")
    assert commit(store, one) == CommitResult(duplicates=(one.ref,))
    assert rows(store, "hour") == before
    assert commit(store, one, two) == CommitResult(duplicates=(one.ref,))
    assert rows(store, "hour") == before
    assert commit(store, two).committed
    total = merge([one.hours[HOUR], two.hours[HOUR]])
    assert rows(store, "hour") == {RowKey("site", "hour", HOUR): total}


def test_other_content_under_the_same_name_is_a_conflict(store: Store) -> None:
    """It is reported, and never merged."""
    commit(store, counted("a", HOUR))
    before = rows(store, "hour")
    other = counted("a", HOUR, etag="e2")
    assert commit(store, other) == CommitResult(conflicts=(other.ref,))
    assert rows(store, "hour") == before
    assert store.ledger([other.ref])[other.ref].ref.etag == "e1"


def test_an_event_without_an_etag_is_the_object_that_is_there(store: Store) -> None:
    """The key alone then decides."""
    commit(store, counted("a", HOUR))
    again = counted("a", HOUR, etag="")
    assert commit(store, again) == CommitResult(duplicates=(again.ref,))


def test_an_object_without_hours_is_known(store: Store) -> None:
    """It is in the hour of its own time; a second delivery is a duplicate."""
    empty = Object(ref("empty"), {HOUR: hour_with(Vector(0), objects={-1: 1})})
    assert commit(store, empty).committed
    assert commit(store, empty).duplicates == (empty.ref,)
    assert rows(store, "hour") == {RowKey("site", "hour", HOUR): empty.hours[HOUR]}


def test_unknown_objects_are_not_in_the_ledger(store: Store) -> None:
    """The ledger answers only for what it knows, however many are asked for."""
    known = counted("known", HOUR)
    commit(store, known)
    asked = [ref(f"unknown-{n}") for n in range(150)]
    assert set(store.ledger([*asked, known.ref])) == {known.ref}
    assert store.ledger([]) == {}


def test_a_failure_counts_nothing_and_gives_way_to_a_commit(store: Store) -> None:
    """Attempts are counted, the last reason is kept, and then the object may still commit."""
    one = counted("a", HOUR)
    store.record_failure(one.ref, "truncated")
    store.record_failure(one.ref, "truncated again")
    entry = store.ledger([one.ref])[one.ref]
    assert (entry.state, entry.reason, entry.attempts) == ("failed", "truncated again", 2)
    assert rows(store, "hour") == {}
    assert commit(store, one).committed
    assert store.ledger([one.ref])[one.ref].state == "committed"


def test_a_failure_after_the_commit_is_of_no_interest(store: Store) -> None:
    """A late report cannot undo what is counted."""
    one = counted("a", HOUR)
    commit(store, one)
    store.record_failure(one.ref, "too late")
    assert store.ledger([one.ref])[one.ref].state == "committed"


def test_a_batch_may_be_of_any_size(store: Store) -> None:
    """More objects and hours than one transaction holds are committed all the same."""
    batch = [counted(f"o{n}", HOUR + n % 30, HOUR + n % 30 + 1) for n in range(150)]
    assert commit(store, *batch) in (COMMITTED, TOO_LARGE)
    done = commit_each(store, *batch)
    refs = {one.ref for one in done.committed} | set(done.duplicates)
    assert refs == {each.ref for each in batch}
    total = merge(rows(store, "hour").values())
    assert total == merge(each for one in batch for each in one.hours.values())
    assert merge(rows(store, "day").values()) == total


def test_an_object_may_span_any_number_of_hours(store: Store) -> None:
    """More hours than one transaction holds are counted once, also when delivered again."""
    long = counted("long", *range(HOUR, HOUR + 130))
    assert commit(store, long).committed
    assert commit(store, long).duplicates == (long.ref,)
    assert rows(store, "hour") == {
        RowKey("site", "hour", hour): each for hour, each in long.hours.items()
    }
    assert merge(rows(store, "day").values()) == merge(long.hours.values())


def test_rows_are_read_by_site_and_span(store: Store) -> None:
    """`start` is inclusive, `end` exclusive, and other sites stay out."""
    for site in ("a", "b#1"):
        commit(store, counted(site, HOUR, HOUR + 1, HOUR + 2, site=site))
    assert store.meta().sites == ("a", "b#1")
    found = [row.key for row in store.read(["b#1"], [Span("hour", HOUR + 1, HOUR + 2)])]
    assert found == [RowKey("b#1", "hour", HOUR + 1)]
    assert [row.key.start for row in store.read(["a"], [Span("hour", HOUR + 2, None)])] == [
        HOUR + 2
    ]
    assert [row.key.start for row in store.read(["a"], [Span("hour", None, HOUR + 1)])] == [HOUR]
    assert list(store.read(["unknown"], [EVERYTHING["hour"]])) == []


def test_a_row_past_its_time_is_not_seen_even_if_it_is_still_there(
    store: Store, clock: FakeClock
) -> None:
    """Deletion lags by days; reading does not. The ledger outlives the rows."""
    one = counted("a", HOUR)
    commit(store, one)
    assert set(rows(store, "hour")) == {RowKey("site", "hour", HOUR)}
    clock.pass_time(days=29)
    assert rows(store, "hour") == {}
    clock.pass_time(days=30)
    assert commit(store, one).duplicates == (one.ref,)


def test_an_object_that_was_counted_and_forgotten_is_refused(
    store: Store, clock: FakeClock
) -> None:
    """Its ledger entry is past its time, and it may have been counted, as it was."""
    one = counted("a", HOUR)
    commit(store, one)
    clock.pass_time(days=100)
    assert store.ledger([one.ref]) == {}
    with pytest.raises(CommitRefused, match="may have been counted before"):
        commit(store, one)
    assert rows(store, "hour") == {}


def test_the_cache_gives_back_what_was_put_until_its_time(store: Store, clock: FakeClock) -> None:
    """With the moment at which it was stored; a newer answer replaces it."""
    assert store.cached("snapshot") is None
    store.put_cached("snapshot", b"old", 300)
    clock.pass_time(seconds=10)
    stored_at = clock()
    store.put_cached("snapshot", b"new", 300)
    clock.pass_time(seconds=299)
    cached = store.cached("snapshot")
    assert cached is not None
    assert (cached.body, cached.stored_at) == (b"new", stored_at)
    clock.pass_time(seconds=1)
    assert store.cached("snapshot") is None


def test_a_lease_is_one_owners_until_its_time(store: Store, clock: FakeClock) -> None:
    """Nobody else has it before it is released or has run out; a released one is free at once."""
    assert store.lease("summary", "first", 10).granted
    assert store.lease("summary", "first", 10).granted
    assert store.lease("another", "second", 10).granted
    assert not store.lease("summary", "second", 10).granted
    store.release("summary", "second")  # not theirs to give back
    assert not store.lease("summary", "second", 10).granted
    store.release("summary", "first")
    assert store.lease("summary", "second", 10).granted
    clock.pass_time(seconds=9)
    assert not store.lease("summary", "third", 10).granted
    clock.pass_time(seconds=1)
    assert store.lease("summary", "third", 10).granted
    assert store.cached("summary") is None


def test_an_answer_ends_the_lease_it_was_computed_under(store: Store, clock: FakeClock) -> None:
    """In the same write; whoever asks for the lease is told what is cached at that moment."""
    assert store.lease("summary", "first", 10).cached is None
    store.put_cached("summary", b"old", 300)
    answer = store.cached("summary")
    assert store.lease("summary", "second", 10) == Lease(granted=True, cached=answer)
    assert store.lease("summary", "third", 10) == Lease(granted=False, cached=answer)
    assert store.cached("summary") == answer
    clock.pass_time(seconds=300)
    assert store.lease("summary", "third", 10) == Lease(granted=True, cached=None)


def test_of_many_at_once_one_has_the_lease(store: Store) -> None:
    """Whatever the store, and however close together they ask."""
    with ThreadPoolExecutor(16) as pool:
        had = list(pool.map(lambda n: store.lease("summary", str(n), 10).granted, range(16)))
    assert had.count(True) == 1


def test_a_version_is_another_one_when_the_row_is(store: Store) -> None:
    """It stays the same for a row that nothing was added to."""

    def versions() -> dict[RowKey, list[str]]:
        found: dict[RowKey, list[str]] = {}
        for row in store.read(["site"], [EVERYTHING["hour"]]):
            found.setdefault(row.key, []).append(row.version)
        return {key: sorted(each) for key, each in found.items()}

    commit(store, counted("a", HOUR, HOUR + 1))
    before = versions()
    assert set(before) == {RowKey("site", "hour", HOUR), RowKey("site", "hour", HOUR + 1)}
    commit(store, counted("a", HOUR, HOUR + 1))
    assert versions() == before
    commit(store, counted("b", HOUR))
    after = versions()
    assert after[RowKey("site", "hour", HOUR)] != before[RowKey("site", "hour", HOUR)]
    assert after[RowKey("site", "hour", HOUR + 1)] == before[RowKey("site", "hour", HOUR + 1)]


def test_only_what_is_wanted_of_a_row_is_decoded(store: Store) -> None:
    """The totals always; a table only if its dimension is asked for."""
    one = counted("a", HOUR)
    commit(store, one)
    (totals,) = store.read(["site"], [EVERYTHING["hour"]], None, frozenset())
    (paths,) = store.read(["site"], [EVERYTHING["hour"]], None, frozenset({"path"}))
    assert totals.aggregate == HourlyAggregate(one.hours[HOUR].totals)
    assert paths.aggregate == one.hours[HOUR]


@pytest.mark.parametrize("name", ["with space", "plus+", "%2B", "ünïcode/☃", 'quote"', "a" * 1000])
def test_names_may_be_anything(store: Store, name: str) -> None:
    """Keys are data."""
    one = counted(name, HOUR, site=f"site {name[:20]}")
    assert commit(store, one).committed
    assert commit(store, replace(one)).duplicates == (one.ref,)
    assert store.meta().sites == (one.site,)


def test_visitors_are_hashed_under_one_secret(store: Store) -> None:
    """It is made once: every later call, and every other writer, gets the same."""
    key = store.visitor_key()
    assert len(key) == VISITOR_KEY_BYTES
    assert store.visitor_key() == key


def test_writers_that_start_together_agree_on_the_secret(dynamodb: Any) -> None:
    """Sixteen functions that meet an empty table hash visitors alike."""
    table = dynamodb_local.new_table(dynamodb)
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: DynamoStore(dynamodb, table).visitor_key(), range(16)))
    assert len(keys) == 1


def test_two_stores_have_secrets_of_their_own(tmp_path: Path) -> None:
    """What is known of one deployment's visitors says nothing about another's."""
    stores = [SqliteStore(tmp_path / f"{n}.db") for n in range(2)]
    assert stores[0].visitor_key() != stores[1].visitor_key()
    assert SqliteStore(tmp_path / "0.db").visitor_key() == stores[0].visitor_key()


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    """The message says which version it has and which this edgetally knows."""
    SqliteStore(tmp_path / "store.db")
    with closing(sqlite3.connect(tmp_path / "store.db")) as db:
        db.execute("PRAGMA user_version = 9")
    with pytest.raises(StoreError, match="has schema version 9, and this edgetally knows 1"):
        SqliteStore(tmp_path / "store.db")


def test_tables_are_cut_to_the_caps_that_are_set(clock: FakeClock) -> None:
    """A store keeps as many values as its settings say."""
    store = MemoryStore({"max_paths": 10}, clock)
    paths = Table.of({f"/{n}": Vector(n) for n in range(1, 21)})
    hour = hour_with(Vector(210), tables={"path": paths})
    commit(store, Object(ref("a"), {HOUR: hour}))
    (row,) = store.read(["site"], [EVERYTHING["hour"]])
    kept = row.aggregate.sketches.tables["path"]
    assert (sorted(kept.values), kept.bound) == ([f"/{n}" for n in range(11, 21)], 10)


def test_a_new_file_that_another_process_is_making_is_waited_for(tmp_path: Path) -> None:
    """SQLite itself refuses at once to write ahead in a file that somebody else has locked."""
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(1) as pool:
            opened = pool.submit(SqliteStore, path)
            with pytest.raises(TimeoutError):
                opened.result(0.2)
            other.execute("ROLLBACK")
            assert list(opened.result().objects()) == []
