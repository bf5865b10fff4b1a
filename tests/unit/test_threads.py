"""Work in threads, with results in order; and what is remembered."""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from pipeline.tally.memo import Memo
from pipeline.threads import begun, in_order, in_turn


def slow(number: int) -> int:
    time.sleep(0.001 * (5 - number % 5))
    return number


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 40])
def test_results_come_in_order(workers: int, count: int) -> None:
    """Though later tasks may be done sooner."""
    tasks: Iterator[Callable[[], int]] = (partial(slow, n) for n in range(count))
    assert list(in_order(tasks, workers)) == list(range(count))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_only_a_few_are_taken_ahead(workers: int) -> None:
    """However many there are, memory holds a few of them."""
    taken = 0

    def tasks() -> Iterator[Callable[[], int]]:
        nonlocal taken
        for number in range(100):
            taken += 1
            yield partial(slow, number)

    for done, _ in enumerate(in_order(tasks(), workers)):
        assert taken <= done + workers + 2


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_comes_in_its_place(workers: int) -> None:
    """After the results before it, and nothing runs on behind it."""

    def fail() -> int:
        raise ZeroDivisionError

    tasks: Iterator[Callable[[], int]] = iter([partial(slow, 0), partial(slow, 1), fail])
    results = in_order(tasks, workers)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert [each.name for each in threading.enumerate() if "ThreadPool" in each.name] == []


def test_a_task_that_was_begun_runs_beside_its_caller() -> None:
    """Its result, or its error, comes when it is asked for, as often as it is; its thread ends."""
    may_end = threading.Event()

    def wait() -> str:
        assert may_end.wait(30)
        return "done"

    def fail() -> str:
        raise ZeroDivisionError

    result, error = begun(wait), begun(fail)
    may_end.set()  # not before both have begun
    assert (result(), result()) == ("done", "done")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            error()
    for thread in threading.enumerate():
        if "ThreadPool" in thread.name:
            thread.join(30)
            assert not thread.is_alive()


def test_a_memo_asks_once_and_never_grows_beyond_its_size() -> None:
    """When it is full it forgets, and goes on being right."""
    asked: list[str] = []

    def length(value: str) -> int:
        asked.append(value)
        return len(value)

    memo = Memo(length, size=3)
    assert [memo[value] for value in ("a", "bb", "a", "ccc", "a")] == [1, 2, 1, 3, 1]
    assert asked == ["a", "bb", "ccc"]
    for value in ("dddd", "a", "bb", "e" * 9, "ccc"):
        assert memo[value] == len(value)
        assert len(memo) <= 3


def test_tasks_in_turn_run_one_after_the_other_while_the_next_is_taken() -> None:
    """In one other thread, with their results in order, and an error where it belongs."""
    running: list[int] = []

    def task(number: int) -> int:
        running.append(number)
        assert threading.current_thread() is not threading.main_thread()
        assert running == list(range(number + 1))
        return number

    assert list(in_turn(partial(task, number) for number in range(50))) == list(range(50))
    with pytest.raises(ZeroDivisionError):
        list(in_turn(iter([lambda: 1, lambda: 1 // 0, lambda: 2])))
