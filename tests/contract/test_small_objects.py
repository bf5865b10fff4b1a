"""Small objects share columns, and are tallied together: each is still counted by itself."""

import gzip
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.generate import START, agents, request, standard_text
from pipeline.hour.aggregate import merge
from pipeline.hours import Span
from pipeline.ingest.batch import Shared
from pipeline.ingest.ingest import Ingest
from pipeline.ingest.inspect import inspect
from pipeline.ingest.parsed import Reading
from pipeline.ingest.reader import Reader
from pipeline.objects import ObjectRef
from pipeline.read.limits import Limits
from pipeline.source.port import Content
from pipeline.store.memory import MemoryStore
from pipeline.store.port import Store
from pipeline.tally.visitors import Visitors
from tests.support.oracle import Count, assert_same
from tests.support.sources import BodySource

MODIFIED = datetime(2026, 11, 23, tzinfo=UTC)
KEYS = [f"E1.2026-11-22-21.{number:08x}.gz" for number in range(8)]


def texts(damaged: str = "") -> dict[str, bytes]:
    """Small objects over two hours, one of them with a line that is none."""
    rng = random.Random(4)
    found = {
        key: standard_text(
            request(rng, f"/p{rng.randrange(9)}", rng.choice(agents()), START + rng.randrange(7200))
            for _ in range(rng.randrange(1, 40))
        )
        for key in KEYS
    }
    if damaged:
        found[damaged] += b"a line\tthat is none\n"
    return found


def ref(key: str) -> ObjectRef:
    return ObjectRef("b", key, etag="e")


def expect(store: Store, objects: dict[str, bytes]) -> None:
    """The store holds these objects, each once, and nothing else."""
    count = Count()
    for text in objects.values():
        count.add(text, "E1", [], MODIFIED)
    rows: dict[int, list[object]] = {}
    for row in store.read(["E1"], [Span("hour", None, None)]):
        rows.setdefault(row.key.start, []).append(row.aggregate)
    hours = {hour: merge(parts) for hour, parts in rows.items()}  # type: ignore[arg-type]
    assert hours.keys() == {hour for _, hour in count.hours}
    for hour, aggregate in hours.items():
        assert_same(aggregate, count.hours["E1", hour])
    assert sum(hour.totals.objects_since(0) for hour in hours.values()) == len(objects)
    assert merge(hours.values()).totals.rejected == count.rejected


def packed(objects: dict[str, bytes]) -> dict[str, bytes]:
    return {key: gzip.compress(text) for key, text in objects.items()}


def ingest(store: Store, source: BodySource) -> Ingest:
    return Ingest(Reader(source, Reading(visitors=Visitors(b""))), store)


@pytest.mark.parametrize("rival", [[KEYS[0]], [KEYS[3]], KEYS[2:5], KEYS[:7], KEYS])
def test_what_a_race_reveals_as_duplicate_is_left_out(store: Store, rival: list[str]) -> None:
    """Another writer counts some of the batch while its last object is read."""
    objects = texts()
    other = ingest(store, BodySource(packed(objects), MODIFIED))

    def on_open(opened: ObjectRef) -> None:
        if opened.key == KEYS[-1]:
            assert {each.state for each in other([ref(key) for key in rival])} == {"committed"}

    outcomes = ingest(store, BodySource(packed(objects), MODIFIED, on_open))(list(map(ref, KEYS)))
    assert [each.state for each in outcomes] == [
        "duplicate" if key in rival else "committed" for key in KEYS
    ]
    expect(store, objects)


def test_a_damaged_line_costs_its_neighbours_nothing(store: Store) -> None:
    """The batch is read object by object then, and the line is rejected in its own."""
    objects = texts(damaged=KEYS[2])
    outcomes = ingest(store, BodySource(packed(objects), MODIFIED))(list(map(ref, KEYS)))
    assert [each.rejected for each in outcomes if each.rejected] == [{"too_few_fields": 1}]
    expect(store, objects)


def test_a_truncated_object_fails_alone(store: Store) -> None:
    """It contributes nothing, though the rest of the batch is counted in one go."""
    objects = texts()
    bodies = packed(objects)
    bodies[KEYS[4]] = bodies[KEYS[4]][:-8]
    outcomes = ingest(store, BodySource(bodies, MODIFIED))(list(map(ref, KEYS)))
    assert [each.state for each in outcomes] == [
        "failed" if key == KEYS[4] else "committed" for key in KEYS
    ]
    del objects[KEYS[4]]
    expect(store, objects)


def test_batches_of_any_size_give_the_same_bytes(store: Store) -> None:
    """All together, one by one, and in pairs."""
    objects = texts()
    count = ingest(store, BodySource(packed(objects), MODIFIED))
    for key in KEYS[:3]:
        count([ref(key)])
    count([ref(KEYS[3]), ref(KEYS[4])])
    count(list(map(ref, KEYS)))
    expect(store, objects)


def lines_at(*hours: int) -> bytes:
    """A small object with a line in each of these hours after the first of November."""
    times = (datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in hours)
    return b"#Fields: date time\n" + b"".join(
        f"{time:%Y-%m-%d\t%H:%M:%S}\n".encode() for time in times
    )


def test_a_small_object_obeys_the_limit_of_hours(store: Store) -> None:
    """It is refused as `inspect` says, and its neighbour is counted."""
    bodies = {KEYS[0]: lines_at(*range(31)), KEYS[1]: lines_at(*range(30))}
    reading = Reading(limits=Limits(max_hours=30))
    reader = Reader(BodySource(packed(bodies), MODIFIED), reading)
    refused, counted = Ingest(reader, store)([ref(KEYS[0]), ref(KEYS[1])])
    assert "lines of more than 30 hours" in refused.reason == inspect(ref(KEYS[0]), reader).refused
    assert (counted.state, counted.records) == ("committed", 30)


class Dated(BodySource):
    """Gives each object a time of its own: an hour after its only line."""

    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[Content]:
        hour = int(ref.key.split(".")[1])
        with super().open(ref) as content:
            modified = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=hour + 1)
            yield content._replace(modified=modified)


def test_small_objects_of_many_days_are_read_together() -> None:
    """Each with its own bound for a sensible time: one with a line from the future goes alone."""
    hours = range(0, 480, 6)
    bodies = {f"E1.{hour}.gz": lines_at(hour) for hour in hours}
    bodies["E1.99.gz"] = lines_at(99, 99 + 40)
    reader = Reader(Dated(packed(bodies), MODIFIED), Reading())
    (group,) = reader.groups([ref(key) for key in bodies])
    shared, alone = sorted(group.batch.portions, key=lambda portion: -len(portion.objects))
    assert isinstance(shared, Shared)
    assert (len(shared.objects), len(alone.objects)) == (80, 1)
    assert alone.objects[0].rejected == {"out_of_range_timestamp": 1}


@pytest.mark.parametrize("bad", [b"2031-01-01\t00:00:00\n", b"1999-01-01\t00:00:00\n", b"x\ty\n"])
def test_a_line_with_a_bad_time_is_rejected_in_its_own_object(store: Store, bad: bytes) -> None:
    """Later or earlier than any sensible time, or none; the neighbours are counted."""
    bodies = {key: lines_at(number) for number, key in enumerate(KEYS)}
    bodies[KEYS[3]] += bad
    outcomes = ingest(store, BodySource(packed(bodies), MODIFIED))(list(map(ref, KEYS)))
    assert [outcome.records for outcome in outcomes] == [1] * len(KEYS)
    assert [sum(outcome.rejected.values()) for outcome in outcomes] == [0, 0, 0, 1, 0, 0, 0, 0]


def test_an_error_of_reading_together_is_no_objects_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is parsed alone then, and only one that cannot be parsed alone fails."""

    def broken(*_: object) -> None:
        raise IndexError

    monkeypatch.setattr("pipeline.ingest.small.read_whole", broken)
    objects = texts()
    store = MemoryStore()
    outcomes = ingest(store, BodySource(packed(objects), MODIFIED))(list(map(ref, KEYS)))
    assert {outcome.state for outcome in outcomes} == {"committed"}
    expect(store, objects)
