"""Counting anew, on every store: exact, all at once, and with a way back."""

import gzip
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.answer.summarizing import window_summary
from pipeline.errors import StoreError
from pipeline.hour import codec
from pipeline.hour.aggregate import merge
from pipeline.hours import Window
from pipeline.ingest.batch import Shared
from pipeline.ingest.ingest import Ingest
from pipeline.ingest.parsed import Reading
from pipeline.ingest.reader import Reader
from pipeline.objects import ObjectRef
from pipeline.store.dynamodb import DynamoStore
from pipeline.store.generations import Days
from pipeline.store.memory import MemoryStore
from pipeline.store.port import Store
from pipeline.store.sqlite import SqliteStore
from pipeline.upkeep.rebuild import confirm, rebuild, undo
from tests.contract.test_store import EVERYTHING
from tests.support import dynamodb_local
from tests.support.sources import BodySource

MODIFIED = datetime(2026, 11, 23, tzinfo=UTC)
DAY = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp()) // 86_400
DAYS = Days(DAY, DAY + 2)


def lines(path: str, *moments: str) -> bytes:
    """An object with a request for `path` at each moment of November 2026."""
    rows = "".join(f"2026-11-{moment[:2]}\t{moment[3:]}:00\t{path}\n" for moment in moments)
    return gzip.compress(b"#Fields: date time cs-uri-stem\n" + rows.encode())


BODIES = {
    "before": lines("/old", "19 10:00"),
    "across": lines("/old", "19 23:59", "20 00:01", "20 00:02"),
    "first": lines("/old", "20 10:00", "20 11:00"),
    "second": lines("/old", "21 10:00"),
    "beyond": lines("/old", "21 23:59", "22 00:01"),
}


def ref(key: str) -> ObjectRef:
    return ObjectRef("b", key, etag="e")


def ingest(store: Store, bodies: dict[str, bytes] = BODIES) -> Ingest:
    return Ingest(Reader(BodySource(bodies, MODIFIED), Reading()), store)


def images(store: Store) -> dict[tuple[str, str, int], bytes]:
    """Every row that readers see, as bytes, the shards of each merged."""
    found: dict[tuple[str, str, int], list[Any]] = {}
    for span in EVERYTHING.values():
        for row in store.read(store.meta().sites, [span]):
            found.setdefault(row.key[:3], []).append(row.aggregate)
    return {key: codec.encode(merge(parts)) for key, parts in found.items()}


def counted_alone(bodies: dict[str, bytes], *keys: str) -> dict[tuple[str, str, int], bytes]:
    """What a fresh store holds of these objects."""
    store = MemoryStore()
    ingest(store, bodies)([ref(key) for key in keys])
    return images(store)


def test_days_are_counted_anew_to_the_byte(store: Store) -> None:
    """Also where objects reach over the edges, and after it is confirmed or undone."""
    count = ingest(store)
    count([ref(key) for key in BODIES])
    before = images(store)
    done = rebuild(store, count.reader, DAYS)
    assert (done.recounted, done.forgotten, done.failed) == (4, 0, [])
    assert images(store) == before
    assert undo(store) > 0
    assert images(store) == before
    rebuild(store, count.reader, DAYS)
    assert confirm(store) > 0
    assert images(store) == before
    assert {each.state for each in count([ref(key) for key in BODIES])} == {"duplicate"}


def test_an_object_is_forgotten(store: Store) -> None:
    """Its hours lose it, its next delivery is a duplicate, and it can be taken back."""
    count = ingest(store)
    count([ref(key) for key in BODIES])
    before = images(store)
    assert rebuild(store, count.reader, DAYS, [ref("first")]).forgotten == 1
    others = [key for key in BODIES if key != "first"]
    assert images(store) == counted_alone(BODIES, *others)
    undo(store)
    assert images(store) == before
    rebuild(store, count.reader, DAYS, [ref("first")])
    confirm(store)
    assert images(store) == counted_alone(BODIES, *others)
    assert count([ref("first")])[0].state == "duplicate"
    states = {
        entry.ref.key: entry.as_read(store.meta().generations).state for entry in store.objects()
    }
    assert states == dict.fromkeys(others, "committed") | {"first": "forgotten"}


def test_what_the_parser_got_wrong_is_mended(store: Store) -> None:
    """An object that now holds other lines has them, in its hours and in the ledger."""
    bodies = dict(BODIES)
    count = ingest(store, bodies)
    count([ref(key) for key in bodies])
    bodies["first"] = lines("/new", "20 10:00", "20 10:01", "21 07:00")
    rebuild(store, count.reader, DAYS)
    confirm(store)
    assert images(store) == counted_alone(bodies, *bodies)
    (entry,) = [each for each in store.objects() if each.ref.key == "first"]
    assert sorted(entry.as_read(store.meta().generations).hours.values()) == [1, 2]
    rebuild(store, count.reader, Days(DAY, DAY + 1))
    assert images(store) == counted_alone(bodies, *bodies)


def test_an_object_that_differs_beyond_the_days_stands_in_the_way(store: Store) -> None:
    """Nothing is switched, the reason names the day, and a wider rebuild does it."""
    bodies = dict(BODIES)
    count = ingest(store, bodies)
    count([ref(key) for key in bodies])
    before = images(store)
    bodies["beyond"] = lines("/new", "21 23:59", "22 00:01", "22 00:02")
    (failed,) = rebuild(store, count.reader, DAYS).failed
    assert failed[0].key == "beyond"
    assert "counted differently on 2026-11-22" in failed[1]
    assert images(store) == before
    with pytest.raises(StoreError, match="another rebuild is open"):
        rebuild(store, count.reader, Days(DAY, DAY + 3))
    undo(store)
    assert rebuild(store, count.reader, Days(DAY, DAY + 3)).failed == []
    assert images(store) == counted_alone(bodies, *bodies)


def test_an_object_that_is_gone_stands_in_the_way_until_it_is_back(store: Store) -> None:
    """A rebuild goes on where it was; what was counted anew is not counted again."""
    bodies = dict(BODIES)
    count = ingest(store, bodies)
    count([ref(key) for key in bodies])
    before = images(store)
    gone = bodies.pop("second")
    (failed,) = rebuild(store, count.reader, DAYS).failed
    assert failed[0].key == "second"
    assert images(store) == before
    with pytest.raises(StoreError, match="not complete"):
        confirm(store)
    bodies["second"] = gone
    assert rebuild(store, count.reader, DAYS).recounted == 1
    confirm(store)
    assert images(store) == before


def test_an_object_that_lies_partly_outside_cannot_be_forgotten(store: Store) -> None:
    """Half of it would stay; the message names the day that is missing."""
    count = ingest(store)
    count([ref(key) for key in BODIES])
    with pytest.raises(StoreError, match="has lines on 2026-11-19 too"):
        rebuild(store, count.reader, DAYS, [ref("across")])
    with pytest.raises(StoreError, match="is not counted"):
        rebuild(store, count.reader, DAYS, [ref("unknown")])
    assert store.meta().generations.rebuild is None


def test_objects_over_more_hours_than_a_transaction_holds_are_rebuilt(store: Store) -> None:
    """In parts, each once; also when it is one of them that is interrupted."""
    moments = [f"{day:02} {hour:02}:00" for day in range(14, 21) for hour in range(24)]
    bodies = {"long": lines("/long", *moments), "short": BODIES["first"]}
    count = ingest(store, bodies)
    count([ref("long"), ref("short")])
    before = images(store)
    assert rebuild(store, count.reader, Days(DAY - 6, DAY + 1)).recounted == 2
    confirm(store)
    assert images(store) == before


@pytest.fixture(params=["sqlite", "dynamodb", "dynamodb-4-shards"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Opens the same store again and again, as other processes would."""
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / "store.db")
    client = request.getfixturevalue("dynamodb")
    table = dynamodb_local.new_table(client)
    shards = 4 if request.param.endswith("4-shards") else 1
    return lambda: DynamoStore(client, table, {"shards": shards})


class Traffic:
    """Two writers and a reader at work on one store, until they are stopped or one fails."""

    def __init__(self, opened: Callable[[], Store], reader: Reader) -> None:
        self.opened = opened
        self.reader = reader
        self.stop = threading.Event()
        self.written = [0, 0]
        self.seen: list[int] = []
        self.failures: list[BaseException] = []
        self.threads = [
            threading.Thread(target=self._guarded, args=each)
            for each in ((self._write, 0), (self._write, 1), (self._read,))
        ]

    def __enter__(self) -> "Traffic":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def until(self, happened: Callable[[], bool]) -> None:
        """Wait for something, but not for ever."""
        deadline = time.monotonic() + 60
        while not happened() and not self.failures and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not self.failures
        assert happened()

    def until_read_again(self) -> None:
        """Wait until the reader has begun and ended two summaries."""
        count = len(self.seen)
        self.until(lambda: len(self.seen) > count + 2)

    def _guarded(self, work: Callable[..., None], *args: int) -> None:
        try:
            work(*args)
        except BaseException as error:
            self.failures.append(error)
            self.stop.set()

    def _write(self, writer: int) -> None:
        count = Ingest(self.reader, self.opened())
        for n in range(WRITTEN):
            if self.stop.is_set():
                return
            (outcome,) = count([ref(f"new-{writer}-{n}")])
            assert outcome.state == "committed", outcome
            self.written[writer] += 1

    def _read(self) -> None:
        store = self.opened()
        while not self.stop.is_set():
            least = sum(self.written)
            found = window_summary(store, Window(DAY * 24, DAY * 24 + 48), top=200)
            paths = {each.value: each.requests for each in found.paths}  # type: ignore[attr-defined]
            self.seen.append(paths.pop("/old"))
            assert least <= sum(paths.values()) <= sum(self.written) + 2


WRITTEN = 400


@pytest.mark.slow
def test_readers_see_the_old_count_or_the_new_one_while_writers_go_on(
    opened: Callable[[], Store],
) -> None:
    """Two writers and a reader during a rebuild that forgets: no total but those two, in that
    order; and what the writers commit is in both, each object once."""
    old = {f"old-{n}": lines("/old", f"{20 + n % 2} {n % 24:02}:00") for n in range(24)}
    new = {
        f"new-{writer}-{n}": lines(f"/writer-{writer}", f"{20 + n % 2} {n % 24:02}:30")
        for writer in range(2)
        for n in range(WRITTEN)
    }
    reader = Reader(BodySource(old | new, MODIFIED), Reading())
    Ingest(reader, opened())([ref(key) for key in old])
    with Traffic(opened, reader) as traffic:
        traffic.until(lambda: len(traffic.seen) > 2 and min(traffic.written) > 5)
        store = opened()
        done = rebuild(store, reader, DAYS, [ref("old-0"), ref("old-1"), ref("old-2")])
        assert (done.failed, done.forgotten) == ([], 3)
        traffic.until_read_again()
        confirm(store)
        traffic.until_read_again()
    assert not traffic.failures
    assert set(traffic.seen) == {24, 21}
    assert traffic.seen == sorted(traffic.seen, reverse=True)
    kept = [f"old-{n}" for n in range(3, 24)]
    news = [f"new-{writer}-{n}" for writer in range(2) for n in range(traffic.written[writer])]
    assert images(opened()) == counted_alone(old | new, *kept, *news)


def test_a_commit_that_knows_only_the_old_pointer_fails_and_looks_again(dynamodb: Any) -> None:
    """A rebuild begins between a commit's look at the pointer and its transaction: the object is
    in the new generation all the same, once."""
    table = dynamodb_local.new_table(dynamodb)
    store, other = DynamoStore(dynamodb, table), DynamoStore(dynamodb, table)
    count = ingest(store)
    count([ref("first")])
    event = "before-call.dynamodb.TransactWriteItems"
    begun: list[int] = []

    def begin(**_: Any) -> None:
        dynamodb.meta.events.unregister(event, begin)
        begun.append(other.turn(lambda state: state.begin(DAYS)).latest)

    dynamodb.meta.events.register(event, begin)
    assert count([ref("second")])[0].state == "committed"
    assert begun == [1]
    assert store.ledger([ref("second")])[ref("second")].generation == 1
    assert rebuild(other, count.reader, DAYS).recounted == 1
    assert images(store) == counted_alone(BODIES, "first", "second")


def test_the_first_commit_of_a_site_cannot_slip_past_a_rebuild(dynamodb: Any) -> None:
    """Where there is no fence yet, the site is registered before the pointer is read."""
    table = dynamodb_local.new_table(dynamodb)
    store, other = DynamoStore(dynamodb, table), DynamoStore(dynamodb, table)
    event = "before-call.dynamodb.TransactWriteItems"

    def begin(**_: Any) -> None:
        dynamodb.meta.events.unregister(event, begin)
        other.turn(lambda state: state.begin(DAYS))

    dynamodb.meta.events.register(event, begin)
    count = ingest(store)
    assert count([ref("first")])[0].state == "committed"
    assert store.ledger([ref("first")])[ref("first")].generation == 1
    other.turn(lambda state: state.show(1))
    assert images(store) == counted_alone(BODIES, "first")


def test_counted_objects_say_what_is_in_each_hour() -> None:
    """The ledger's figures are those of the rows, also for objects that share columns."""
    group = next(Reader(BodySource(BODIES, MODIFIED), Reading()).groups([ref("across")]))
    (portion,) = group.batch.portions
    assert isinstance(portion, Shared)
    (counted,) = group.batch.objects
    assert list(counted.hours.values()) == [1, 2]
    rows = group.batch.delta.rows
    assert {
        key.start: row.totals.requests for key, row in rows.items() if key.period == "hour"
    } == (counted.hours)
