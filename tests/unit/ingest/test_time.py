"""The time there is, from the handler to the commit; and what is opened is closed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from pipeline.deadline import Deadline
from pipeline.errors import StoreError
from pipeline.ingest.ingest import Ingest
from pipeline.ingest.parsed import Reading
from pipeline.ingest.reader import Reader
from pipeline.objects import ObjectRef
from pipeline.source.port import Content
from pipeline.store.counted import Delta
from pipeline.store.memory import MemoryStore
from pipeline.store.port import CommitResult
from tests.support.clock import Sleeper, reading_ends_after

LINES = b"#Fields: date time\n" + b"2026-11-22\t10:00:00\n" * 9


class Slow:
    """A source whose every chunk takes some seconds; it notes what is open."""

    def __init__(self, sleeper: Sleeper, seconds: float, chunks: int = 2) -> None:
        self.sleeper, self.seconds, self.chunks = sleeper, seconds, chunks
        self.open_keys: set[str] = set()
        self.opened: list[str] = []

    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[Content]:
        self.opened.append(ref.key)
        self.open_keys.add(ref.key)
        try:
            yield Content(ref, datetime(2026, 11, 23, tzinfo=UTC), self._read())
        finally:
            self.open_keys.remove(ref.key)

    def _read(self) -> Iterator[bytes]:
        yield LINES + b"#" * (1 << 20) + b"\n"  # all that is read ahead
        for _ in range(self.chunks):
            self.sleeper.slept.append(self.seconds)
            yield LINES


def local(*keys: str) -> list[ObjectRef]:
    """Objects that are not opened ahead, so that the time passes in order."""
    return [ObjectRef("", key, "e") for key in keys]


class Watched(MemoryStore):
    """A store that notes how much time each commit is given."""

    def __init__(self) -> None:
        super().__init__()
        self.left: list[float] = []

    def commit(self, delta: Delta, deadline: Deadline) -> CommitResult:
        self.left.append(deadline.left)
        return super().commit(delta, deadline)


def test_reading_leaves_a_quarter_of_the_time_to_the_commit() -> None:
    """No object is opened after three quarters; those that were read are committed."""
    sleeper, store = Sleeper(), Watched()
    source = Slow(sleeper, 10)
    ingest = Ingest(Reader(source, Reading()), store)
    outcomes = ingest(local("a", "b", "c", "d", "e", "f"), deadline=sleeper.deadline(100))
    assert [outcome.state for outcome in outcomes] == ["committed"] * 3 + ["postponed"] * 3
    assert [outcome.opened for outcome in outcomes] == [True] * 4 + [False] * 2
    assert source.opened == ["a", "b", "c", "d"]
    assert store.left == [20]


def test_a_commit_is_given_the_time_that_is_left_and_never_more_than_a_minute() -> None:
    """Also where there is time without end."""
    sleeper, store = Sleeper(), Watched()
    ingest = Ingest(Reader(Slow(sleeper, 1), Reading()), store)
    ingest(local("a"), deadline=sleeper.deadline(1000))
    ingest(local("b"))
    assert store.left[0] == 60
    assert 59 < store.left[1] <= 60


def test_an_object_that_takes_too_long_is_given_up_in_the_middle() -> None:
    """It is not read to its end, and it counts nothing."""
    sleeper, store = Sleeper(), Watched()
    source = Slow(sleeper, 10, chunks=1000)
    (outcome,) = Ingest(Reader(source, Reading()), store)(
        local("a"), deadline=sleeper.deadline(100)
    )
    assert (outcome.state, outcome.opened) == ("postponed", True)
    assert sleeper.now < 100
    assert (store.left, list(store.objects())) == ([], [])


def test_what_was_read_too_late_for_a_commit_is_postponed() -> None:
    """A commit is not begun after the deadline."""
    sleeper, store = Sleeper(), Watched()
    (outcome,) = Ingest(Reader(Slow(sleeper, 60), Reading()), store)(
        local("a"), deadline=sleeper.deadline(100)
    )
    assert (outcome.state, outcome.opened, store.left) == ("postponed", True, [])


@pytest.mark.parametrize("looks", [0, 1, 5, 12, 99])
def test_everything_that_is_opened_is_closed(looks: int) -> None:
    """Whether it was read, given up, or opened ahead and never read."""
    source = Slow(Sleeper(), 0)
    refs = [ObjectRef("b", f"k{number}", "e") for number in range(20)]
    ingest = Ingest(Reader(source, Reading()), MemoryStore())
    outcomes = ingest(refs, deadline=reading_ends_after(looks))
    assert len(outcomes) == 20
    assert source.open_keys == set()


class Unnoting(MemoryStore):
    """A store that cannot note failures and conflicts."""

    def record_failure(self, ref: ObjectRef, reason: str, attempts: int = 1) -> None:
        raise StoreError("throttled")

    def record_conflict(self, ref: ObjectRef) -> None:
        raise StoreError("throttled")


def test_a_failure_or_conflict_that_cannot_be_noted_is_told_all_the_same() -> None:
    """The other objects of the batch are counted."""
    source = Slow(Sleeper(), 0)
    ingest = Ingest(Reader(source, Reading()), Unnoting())
    ingest([ObjectRef("b", "twice", "e1")])
    conflict, good, suspect = ingest(
        [ObjectRef("b", "twice", "e2"), ObjectRef("b", "good", "e"), ObjectRef("b", "bad", "e")],
        suspects=[ObjectRef("b", "bad", "e")],
    )
    assert (conflict.state, good.state, suspect.state) == ("conflict", "committed", "failed")
    assert "the conflict could not be noted: throttled" in conflict.reason
    assert suspect.reason == "throttled"


def test_a_failure_that_cannot_be_noted_keeps_its_reason() -> None:
    """And says that it is noted nowhere."""

    class Refusing(Slow):
        def _read(self) -> Iterator[bytes]:
            yield b"\x1f\x8bdamaged"

    ingest = Ingest(Reader(Refusing(Sleeper(), 0), Reading()), Unnoting())
    (outcome,) = ingest([ObjectRef("b", "bad", "e")])
    assert outcome.state == "failed"
    assert "truncated" in outcome.reason
    assert "the failure could not be noted: throttled" in outcome.reason
