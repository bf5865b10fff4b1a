"""History into the queue: listed objects → messages, ten in a request, several requests at once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice

from pipeline.objects import ObjectRef
from pipeline.threads import in_order

_SENDERS = 8


def announce(
    refs: Iterable[ObjectRef], send: Callable[[Sequence[ObjectRef]], None], batch: int
) -> Iterator[list[ObjectRef]]:
    """Send every object, `batch` at a time; yields those that are surely sent, in their order.

    Whoever stops may go on behind the last one that was yielded: some after it may be sent twice,
    which counts nothing twice.
    """
    yield from in_order((partial(_sent, each, send) for each in _batches(refs, batch)), _SENDERS)


def _sent(refs: list[ObjectRef], send: Callable[[Sequence[ObjectRef]], None]) -> list[ObjectRef]:
    send(refs)
    return refs


def _batches(refs: Iterable[ObjectRef], size: int) -> Iterator[list[ObjectRef]]:
    left = iter(refs)
    while batch := list(islice(left, size)):
        yield batch
