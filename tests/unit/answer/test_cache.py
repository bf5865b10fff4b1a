"""A cache that fails is done without; a lease outlives every request."""

import pytest

from pipeline.answer.cache import Answer, Answers, Busy
from pipeline.errors import EdgetallyError, StoreError
from pipeline.store.memory import MemoryStore
from pipeline.store.port import Meta
from tests.support.clock import FakeClock


@pytest.fixture
def memory(clock: FakeClock) -> MemoryStore:
    return MemoryStore(clock=clock)


@pytest.fixture
def failures() -> list[EdgetallyError]:
    return []


@pytest.fixture
def answers(memory: MemoryStore, clock: FakeClock, failures: list[EdgetallyError]) -> Answers:
    def no_sleep(seconds: float) -> None:
        raise AssertionError("nobody is waited for")

    return Answers(memory, 300, clock, failures.append, no_sleep)


def compute(meta: Meta) -> Answer:
    return Answer(b"computed")


@pytest.mark.parametrize("name", ["cached", "lease", "put_cached"])
def test_whatever_of_the_cache_fails_the_request_goes_on(
    name: str,
    answers: Answers,
    memory: MemoryStore,
    failures: list[EdgetallyError],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At once and without waiting; the failure is told of."""

    def broken(*_: object) -> None:
        raise StoreError(f"no {name} today")

    with monkeypatch.context() as patch:
        patch.setattr(memory, name, broken)
        for give in (answers.get, answers.refresh):
            assert give("key", compute).answer.body == b"computed"
    assert {str(failure) for failure in failures} == {f"no {name} today"}
    assert answers.get("key", compute).answer.body == b"computed"


def test_a_lease_that_cannot_be_released_is_told_of(
    answers: Answers,
    memory: MemoryStore,
    failures: list[EdgetallyError],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The answer was computed all the same."""

    def broken(*_: object) -> None:
        raise StoreError("no release today")

    monkeypatch.setattr(memory, "release", broken)
    monkeypatch.setattr("pipeline.answer.cache._LARGEST", 1)  # so that nothing is cached
    assert answers.get("key", compute).answer.body == b"computed"
    assert list(map(str, failures)) == ["no release today"]


def test_a_lease_outlives_the_longest_request(
    memory: MemoryStore, clock: FakeClock, failures: list[EdgetallyError]
) -> None:
    """API Gateway gives up after 29 seconds: until then nobody else computes the answer."""
    answers = Answers(memory, 300, clock, failures.append, lambda _: None)

    def slow(meta: Meta) -> Answer:
        clock.pass_time(seconds=29)
        with pytest.raises(Busy):
            answers.get("key", compute)
        return Answer(b"slow")

    assert answers.get("key", slow).answer.body == b"slow"
    assert answers.get("key", compute).answer.body == b"slow"


def test_an_answer_is_stale_for_a_day(answers: Answers, clock: FakeClock) -> None:
    """So long can it be served while a new one is computed; a final one, from its end on."""
    answers.get("key", compute)
    answers.get("final", lambda _: Answer(b"final", final=True))
    clock.pass_time(days=1, seconds=299)
    assert answers.kept("key") is not None
    clock.pass_time(seconds=1)
    assert answers.kept("key") is None
    clock.pass_time(seconds=3299)
    assert answers.kept("final") is not None
    clock.pass_time(seconds=1)
    assert answers.kept("final") is None
