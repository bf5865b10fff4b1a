"""Work on several things at once, with the results in order and only a few under way."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from queue import Queue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


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


def begun(task: Callable[[], T]) -> Callable[[], T]:
    """Begin a task in a thread. The function returned waits for its result, or raises its error."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(task)
    pool.shutdown(wait=False)
    return future.result


_WAITING = 100_000


def in_background(items: Iterable[T], on_count: Callable[[int], object]) -> Iterator[T]:
    """The items, taken ahead by a thread of their own, which says how many it has so far. What
    taking them raises is raised here."""
    waiting: Queue[tuple[T] | Exception | None] = Queue(_WAITING)

    def take() -> None:
        try:
            for count, item in enumerate(items, 1):
                waiting.put((item,))
                on_count(count)
            waiting.put(None)
        except Exception as error:
            waiting.put(error)

    Thread(target=take, daemon=True).start()
    while (found := waiting.get()) is not None:
        if isinstance(found, Exception):
            raise found
        yield found[0]
