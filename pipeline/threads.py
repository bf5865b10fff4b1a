"""Work on several things at once, with the results in order and only a few under way."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from typing import TypeVar

T = TypeVar("T")

_WAITING = 2


def in_order(tasks: Iterator[Callable[[], T]], workers: int) -> Iterator[T]:
    """The result of each task, in their order.

    With several workers, tasks run in threads while the next ones are taken from the iterator;
    at most `workers` + 1 are under way or done and waiting. A single task runs in this thread.
    """
    first, second = next(tasks, None), next(tasks, None) if workers > 1 else None
    begun = [task for task in (first, second) if task is not None]
    if second is None:
        yield from (task() for task in chain(begun, tasks))
        return
    under_way: deque[Future[T]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for task in chain(begun, tasks):
            under_way.append(pool.submit(task))
            if len(under_way) > workers:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def in_turn(tasks: Iterator[Callable[[], T]]) -> Iterator[T]:
    """The result of each task, in their order. One runs in a thread while the next is taken from
    the iterator; at most two wait."""
    under_way: deque[Future[T]] = deque()
    with ThreadPoolExecutor(1) as pool:
        for task in tasks:
            under_way.append(pool.submit(task))
            if len(under_way) > _WAITING:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def begun(task: Callable[[], T]) -> Callable[[], T]:
    """Begin a task in a thread. The function returned waits for its result, or raises its error."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(task)
    pool.shutdown(wait=False)
    return future.result
