"""The product's promise: whatever order, however often, however concurrently."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline.hour import codec
from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.hours import HOURS_PER_DAY, Period, Span
from pipeline.ingest.ingest import Ingest, Outcome
from pipeline.ingest.parsed import Reading
from pipeline.ingest.reader import Reader
from pipeline.objects import ObjectRef, site_of
from pipeline.source.port import Content
from pipeline.store.counted import RowKey
from pipeline.store.dynamodb import DynamoStore
from pipeline.store.memory import MemoryStore
from pipeline.store.port import Store
from pipeline.store.sqlite import SqliteStore
from tests.support import dynamodb_local
from tests.support.lines import FIELDS, MODIFIED, MadeObject, made_objects
from tests.support.oracle import Count, assert_same

OBJECTS, WRITERS = 200, 8


class MadeSource:
    """Gives the bodies of made objects."""

    def __init__(self, objects: Iterable[MadeObject]) -> None:
        self.bodies = {each.key: each.body for each in objects}

    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[Content]:
        """The object's body, in two chunks."""
        body = self.bodies[ref.key]
        yield Content(ref, MODIFIED, [body[:100], body[100:]])


def deliveries(objects: list[MadeObject], rng: random.Random) -> list[ObjectRef]:
    """Each object one to three times, in any order."""
    refs = [
        ObjectRef("bucket", each.key, etag="e")
        for each in objects
        for _ in range(rng.choice([1, 2, 3]))
    ]
    rng.shuffle(refs)
    return refs


def stored(store: Store, period: Period) -> dict[RowKey, HourlyAggregate]:
    found: dict[RowKey, list[HourlyAggregate]] = {}
    for row in store.read(store.meta().sites, [Span(period, None, None)]):
        found.setdefault(row.key, []).append(row.aggregate)
    return {key: merge(parts) for key, parts in found.items()}


def concurrently(
    open_store: Callable[[], Store], objects: list[MadeObject], seed: int
) -> list[Outcome]:
    """Deliver everything to eight writers at once, each with a store of its own."""
    rng = random.Random(seed)
    refs = deliveries(objects, rng)
    batches = []
    while refs:
        size = rng.choice([1, 3, 10])
        batches.append(refs[:size])
        refs = refs[size:]
    source = MadeSource(objects)

    def writer(number: int) -> list[Outcome]:
        ingest = Ingest(Reader(source, Reading()), open_store())
        return [outcome for batch in batches[number::WRITERS] for outcome in ingest(batch)]

    with ThreadPoolExecutor(WRITERS) as pool:
        return [outcome for each in pool.map(writer, range(WRITERS)) for outcome in each]


class Expected(NamedTuple):
    """The objects, the oracle's count of them, and the encoded hours of one run in order."""

    objects: list[MadeObject]
    oracle: Count
    in_order: dict[RowKey, bytes]


def check(store: Store, outcomes: list[Outcome], expected: Expected) -> None:
    """Every total is the oracle's; every hour is, to the byte, that of one run in order."""
    assert Counter(each.state for each in outcomes).keys() == {"committed", "duplicate"}
    committed = [each.ref.key for each in outcomes if each.state == "committed"]
    assert sorted(committed) == sorted(each.key for each in expected.objects)

    count = expected.oracle
    hours = stored(store, "hour")
    with_lines = {
        (key.site, key.start): hour for key, hour in hours.items() if hour.totals.requests
    }
    assert with_lines.keys() == count.hours.keys()
    for site_hour, hour in with_lines.items():
        assert_same(hour, count.hours[site_hour])
    assert sum(each.records for each in outcomes) == count.records
    rejected = merge(hours.values()).totals.rejected
    assert rejected == +count.rejected
    assert count.lines == count.records + sum(rejected.values())

    assert {key: codec.encode(hour) for key, hour in hours.items()} == expected.in_order
    days: dict[RowKey, list[HourlyAggregate]] = {}
    for key, hour in hours.items():
        days.setdefault(RowKey(key.site, "day", key.start // HOURS_PER_DAY), []).append(hour)
    assert stored(store, "day") == {key: merge(parts) for key, parts in days.items()}


@pytest.fixture(scope="module")
def expected() -> Expected:
    """Objects of random layouts, without those that are refused whole, and what they add up to."""
    made = made_objects(seed=42, count=OBJECTS * 2)
    objects = [each for each in made if _is_read(each)][:OBJECTS]
    count, single = Count(), MemoryStore()
    one_by_one = Ingest(Reader(MadeSource(objects), Reading()), single)
    for each in objects:
        count.add(each.text, site_of(each.key, None), FIELDS, MODIFIED)
        one_by_one([ObjectRef("bucket", each.key, etag="e")])
    hours = stored(single, "hour").items()
    return Expected(objects, count, {key: codec.encode(hour) for key, hour in hours})


def _is_read(made: MadeObject) -> bool:
    (outcome,) = Ingest(Reader(MadeSource([made]), Reading()), MemoryStore())(
        [ObjectRef("", made.key)]
    )
    return outcome.state == "committed"


@pytest.mark.slow
def test_eight_writers_on_sqlite(expected: Expected, tmp_path: Path) -> None:
    """200 objects, shuffled, each delivered one to three times, eight writers: exact."""
    outcomes = concurrently(lambda: SqliteStore(tmp_path / "store.db"), expected.objects, seed=1)
    check(SqliteStore(tmp_path / "store.db"), outcomes, expected)


@pytest.mark.parametrize("shards", [1, 4])
def test_eight_writers_on_dynamodb(expected: Expected, dynamodb: Any, shards: int) -> None:
    """The same on DynamoDB, where writers meet in transactions."""
    table = dynamodb_local.new_table(dynamodb)

    def open_store() -> Store:
        return DynamoStore(dynamodb, table, {"shards": shards})

    check(open_store(), concurrently(open_store, expected.objects, seed=2), expected)


def test_one_object_sixteen_times_at_once(dynamodb: Any) -> None:
    """Of sixteen deliveries at the same moment, one counts."""
    made = made_objects(seed=5, count=1)
    table = dynamodb_local.new_table(dynamodb)
    ref = ObjectRef("bucket", made[0].key, etag="e")

    def deliver(_: int) -> str:
        ingest = Ingest(Reader(MadeSource(made), Reading()), DynamoStore(dynamodb, table))
        return ingest([ref])[0].state

    with ThreadPoolExecutor(16) as pool:
        states = Counter(pool.map(deliver, range(16)))
    assert states == {"committed": 1, "duplicate": 15}
