"""Objects that are tried again: overwritten ones, unopened ones, and those that end the process."""

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

import handlers.ingest
from handlers.events import announced
from pipeline.deadline import NEVER, Deadline
from pipeline.errors import QueueError
from pipeline.ingest.ingest import UNFINISHED, Ingest
from pipeline.ingest.reader import Reader
from pipeline.objects import ObjectRef
from pipeline.source.port import Content
from pipeline.source.queue import announcement
from pipeline.store.port import Store
from tests.faults.world import READING, Made, World
from tests.support.clock import reading_ends_after
from tests.support.dynamodb_faults import Crash
from tests.unit.handlers.test_handlers import CONTEXT

KEY = "E1.2026-11-23-05.k.gz"
OLD = Made(KEY, 0, ((0, "/old"),))
NEW = Made(KEY, 1, ((0, "/new"), (1, "/new")))
RECEIVES = 5


def version(made: Made, sequencer: str = "") -> ObjectRef:
    return ObjectRef("b", made.key, made.etag, sequencer=sequencer)


def counted(store: Store) -> dict[str, int]:
    return {e.ref.etag: e.records for e in store.objects() if e.state == "committed"}


@pytest.mark.parametrize("sequencers", [("", ""), ("0A", "0B"), ("0A9", "0A90"), ("0B", "0A")])
@pytest.mark.parametrize("newest_first", [False, True])
def test_of_an_overwritten_object_what_is_there_is_counted(
    store: Store, sequencers: tuple[str, str], newest_first: bool
) -> None:
    """Both events in one batch, in any order: the old one is a conflict and comes no more."""
    world = World()
    world.put(OLD)
    world.put(NEW)
    refs = [version(OLD, sequencers[0]), version(NEW, sequencers[1])]
    states = ["conflict", "committed"]
    if newest_first:
        refs, states = refs[::-1], states[::-1]
    ingest = Ingest(Reader(world, READING), store)
    assert [outcome.state for outcome in ingest(refs)] == states
    assert counted(store) == {"e1": 2}
    (entry,) = store.objects()
    assert entry.conflict is not None
    assert entry.conflict.etag == "e0"
    again = ["duplicate" if state == "committed" else state for state in states]
    assert [outcome.state for outcome in ingest(refs)] == again


class Versioned(World):
    """A bucket that keeps every version."""

    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[Content]:
        made = next(made for made in self.versions[ref.key] if made.etag == ref.etag)
        with World({ref.key: [made]}).open(ref) as content:
            yield content


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_versions_that_are_there_the_newest_is_counted(
    store: Store, order: tuple[int, int]
) -> None:
    """By the sequencers, whatever the order of the events."""
    world = Versioned()
    world.put(OLD)
    world.put(NEW)
    refs = [version(OLD, "0055"), version(NEW, "00550")]
    refs[1] = version(NEW, "00551")
    states = ["conflict", "committed"]
    outcomes = Ingest(Reader(world, READING), store)([refs[place] for place in order])
    assert [outcome.state for outcome in outcomes] == [states[place] for place in order]
    assert counted(store) == {"e1": 2}


def test_an_older_version_is_counted_if_the_newest_is_damaged(store: Store) -> None:
    """Then the newest is a conflict, as it would be if it came later."""
    world = Versioned()
    world.put(OLD)
    world.put(Made(KEY, 1, NEW.requests, damaged=True))
    outcomes = Ingest(Reader(world, READING), store)([version(OLD, "1"), version(NEW, "2")])
    assert [outcome.state for outcome in outcomes] == ["committed", "conflict"]
    assert counted(store) == {"e0": 1}


def test_events_of_a_key_of_which_nothing_is_there_fail(store: Store) -> None:
    """Each with its own reason; a repeated event as the first."""
    world = World()
    world.put(NEW)
    gone = [ObjectRef("b", KEY, "x1"), ObjectRef("b", KEY, "x2"), ObjectRef("b", KEY, "x1")]
    outcomes = Ingest(Reader(world, READING), store)(gone)
    assert [outcome.state for outcome in outcomes] == ["failed"] * 3
    assert counted(store) == {}


def test_what_is_postponed_is_postponed_for_all_its_events(store: Store) -> None:
    """None of them may be acknowledged."""
    world = World()
    world.put(NEW)
    ingest = Ingest(Reader(world, READING), store)
    outcomes = ingest([NEW.ref, NEW.ref, version(OLD)], deadline=reading_ends_after(0))
    assert [outcome.state for outcome in outcomes] == ["postponed"] * 3


class Deadly(World):
    """A bucket of objects of which some end the process that reads them."""

    def __init__(self, poison: Sequence[str] = ()) -> None:
        super().__init__()
        self.poison = poison
        self.opened: list[str] = []

    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[Content]:
        self.opened.append(ref.key)
        if ref.key in self.poison:
            raise Crash
        with super().open(ref) as content:
            yield content


def made(number: int) -> Made:
    return Made(f"E{number % 3}.2026-11-23-05.{number:03}.gz", 0, ((number % 4, "/"),))


def test_suspects_come_last_and_alone(store: Store) -> None:
    """Also an object that failed before; each has a note in the ledger when it is opened."""
    world = Deadly()
    objects = [made(number) for number in range(6)]
    for each in objects:
        world.put(each)
    store.record_failure(objects[1].ref, "truncated")
    reading: list[tuple[str, str]] = []

    class Noting(Deadly):
        @contextmanager
        def open(self, ref: ObjectRef) -> Iterator[Content]:
            entry = store.ledger([ref]).get(ref)
            reading.append((ref.key, entry.reason if entry else ""))
            with world.open(ref) as content:
                yield content

    ingest = Ingest(Reader(Noting(), READING), store)
    suspects = {objects[2].ref, objects[4].ref}
    outcomes = ingest([each.ref for each in objects], suspects=suspects)
    assert [outcome.state for outcome in outcomes] == ["committed"] * 6
    assert {key for key, reason in reading[:3] if not reason} == {
        objects[number].key for number in (0, 3, 5)
    }
    assert reading[3:] == [(objects[number].key, UNFINISHED) for number in (2, 4, 1)]
    assert {entry.state for entry in store.objects()} == {"committed"}


def test_a_suspect_that_fails_has_failed_once_more(store: Store) -> None:
    """The note before its reading is an attempt, and its failure gives that the reason."""
    world = World()
    damaged = Made(KEY, 0, ((0, "/"),), damaged=True)
    world.put(damaged)
    ingest = Ingest(Reader(world, READING), store)
    for attempts in (1, 2, 3):
        ingest([damaged.ref], suspects=[damaged.ref] * (attempts > 1))
        (entry,) = store.objects()
        assert (entry.state, entry.attempts) == ("failed", attempts)
        assert "truncated" in entry.reason


class Messages:
    """A queue with dead letters, as Lambda polls it."""

    def __init__(self, refs: Sequence[ObjectRef], batch: int, rng: random.Random) -> None:
        self.waiting = [(announcement(ref), 0) for ref in refs]
        self.deleted: set[int] = set()
        self.dead: list[str] = []
        self.batch = batch
        self.rng = rng
        self.sent = 0

    def send(self, refs: Sequence[ObjectRef]) -> None:
        self.sent += len(refs)
        self.waiting += [(announcement(ref), 0) for ref in refs]

    def delete(self, receipts: Sequence[str]) -> None:
        numbers = set(map(int, receipts))
        assert not numbers & self.deleted  # each is paid for
        self.deleted |= numbers

    def deliver(self) -> None:
        """Hand out a batch; what fails comes again, or ends as a dead letter."""
        self.deleted.clear()
        self.rng.shuffle(self.waiting)
        batch, self.waiting = self.waiting[: self.batch], self.waiting[self.batch :]
        records = [
            {
                "messageId": str(place),
                "receiptHandle": str(place),
                "eventSource": "aws:sqs",
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(receives + 1)},
            }
            for place, (body, receives) in enumerate(batch)
        ]
        try:
            answer = handlers.ingest.handler({"Records": records}, CONTEXT)
            failed = {int(each["itemIdentifier"]) for each in answer["batchItemFailures"]}
        except Crash:
            failed = set(range(len(batch)))
        for place in failed - self.deleted:
            body, receives = batch[place]
            if receives + 1 == RECEIVES:
                self.dead.append(body)
            else:
                self.waiting.append((body, receives + 1))


@pytest.mark.filterwarnings("ignore:No application metrics")  # of a process that has ended
@pytest.mark.parametrize("store", ["memory", "dynamodb"], indirect=True)
@pytest.mark.parametrize("seed", range(3))
def test_objects_that_end_the_process_are_the_only_dead_letters(
    store: Store, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their neighbours are counted, though they were in the same batches each time."""
    objects = [made(number) for number in range(12)]
    poison = {made(number).key for number in range(seed, 12, 5)}
    world = Deadly(sorted(poison))
    for each in objects:
        world.put(each)
    ingest = Ingest(Reader(world, READING), store)
    monkeypatch.setattr(handlers.ingest, "configured", lambda: ingest)
    queue = Messages([each.ref for each in objects], 99, random.Random(seed))
    monkeypatch.setattr(handlers.ingest, "own_queue", lambda: queue)
    while queue.waiting:
        queue.deliver()
    dead = {announced(json.loads(body))[0].refs[0].key for body in queue.dead}
    assert (dead, len(queue.dead)) == (poison, len(poison))
    entries = {entry.ref.key: entry for entry in store.objects()}
    assert {key for key, entry in entries.items() if entry.state != "committed"} == poison
    assert {entries[key].reason for key in poison} == {UNFINISHED}


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> Deadly:
    """A function that has time to open about three objects in each invocation."""
    world = Deadly()
    looks = {"reading": 0}

    class Clock:
        def __call__(self) -> float:
            return 0.0 if len(world.opened) - looks["reading"] < 3 else 80.0

    def after(seconds: float) -> Deadline:
        looks["reading"] = len(world.opened)
        return Deadline(100.0, Clock())

    monkeypatch.setattr(handlers.ingest, "Deadline", SimpleNamespace(after=after))
    return world


@pytest.mark.parametrize("store", ["memory", "dynamodb"], indirect=True)
def test_what_was_never_opened_uses_up_no_receive(
    store: Store, hurried: Deadly, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty objects, time for three at a time, five receives: all are counted."""
    objects = [made(number) for number in range(40)]
    for each in objects:
        hurried.put(each)
    ingest = Ingest(Reader(hurried, READING), store)
    monkeypatch.setattr(handlers.ingest, "configured", lambda: ingest)
    queue = Messages([each.ref for each in objects], 40, random.Random(1))
    monkeypatch.setattr(handlers.ingest, "own_queue", lambda: queue)
    while queue.waiting:
        queue.deliver()
    assert queue.dead == []
    assert queue.sent > 0
    assert sum(entry.state == "committed" for entry in store.objects()) == 40


def test_an_invocation_that_does_nothing_sends_nothing_round(
    hurried: Deadly, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its messages would never be dead letters. The same where the queue cannot be used."""
    from pipeline.store.memory import MemoryStore

    ingest = Ingest(Reader(hurried, READING), MemoryStore())
    monkeypatch.setattr(handlers.ingest, "configured", lambda: ingest)
    for number in range(9):
        hurried.put(made(number))
    none: Any = SimpleNamespace(after=lambda _: NEVER.within(-1))
    queue = Messages([made(number).ref for number in range(9)], 9, random.Random(1))
    monkeypatch.setattr(handlers.ingest, "own_queue", lambda: queue)
    with monkeypatch.context() as patch:
        patch.setattr(handlers.ingest, "Deadline", none)
        queue.deliver()
    assert (queue.sent, len(queue.waiting)) == (0, 9)

    def broken(refs: Sequence[ObjectRef]) -> None:
        raise QueueError("url", "denied")

    monkeypatch.setattr(queue, "send", broken)
    queue.deliver()
    assert 0 < len(queue.waiting) < 9
    assert {receives for _, receives in queue.waiting} == {2}
