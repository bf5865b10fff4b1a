"""The totals of an hour: plain integers, which need no numpy.

Most answers about a long window read the totals alone.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import TypeVar

import msgspec

from pipeline.hour.five_minutes import Slots, merge_slots
from pipeline.hour.vector import ZERO, Vector, add

K = TypeVar("K")

_LARGEST = 2**63 - 1


class Totals(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The totals of a set of log lines. The order of the fields is that of a stored row.

    `first_us` and `last_us` are epoch microseconds of the earliest and latest line, None if there
    is none. `rejected` counts lines that were not counted, by reason.

    `cacheable` counts the requests with GET, HEAD or OPTIONS that did not end in an error, and
    `cacheable_hits` those of them that were hits.

    `objects` counts the log objects that have lines here, by the hour (since the epoch) they
    touched before this one. An object's first hour inside any window is the one whose previous
    hour lies before the window, so any window counts each of its objects once.

    `sessions` counts the requests that became a WebSocket session. They are requests like others,
    but their time is that of the session: it is no request's time, and in no latency of requests.

    `lacking` counts the requests whose logs do not have a field, by the field's name.
    `five_minutes` has the sums of five minutes by hour since the epoch; they add up to the counts.
    """

    counts: Vector = ZERO
    bytes_received: int = 0
    cacheable: int = 0
    cacheable_hits: int = 0
    first_us: int | None = None
    last_us: int | None = None
    objects: Mapping[int, int] = {}
    rejected: Mapping[str, int] = {}
    sessions: int = 0
    lacking: Mapping[str, int] = {}
    five_minutes: Mapping[int, Slots] = {}

    @property
    def requests(self) -> int:
        """The number of requests."""
        return self.counts.requests

    @property
    def rejected_lines(self) -> int:
        """The number of lines that were not counted."""
        return sum(self.rejected.values())

    def has(self, *fields: str) -> bool:
        """Whether each of these fields is in the logs of some request; true if there is no
        request."""
        return not self.requests or all(map(self.requests_with, fields))

    def requests_with(self, field: str) -> int:
        """The number of requests whose logs have a field."""
        return self.requests - self.lacking.get(field, 0)

    def objects_since(self, hour: int) -> int:
        """The number of objects whose first line at or after `hour` (since the epoch) is here."""
        return sum(count for previous, count in self.objects.items() if previous < hour)


def merge_totals(parts: Sequence[Totals]) -> Totals:
    """The totals of the lines of all parts.

    Raises OverflowError if a count leaves 64 bits.
    """
    counts = reduce(add, (part.counts for part in parts), ZERO)
    if max(counts) > _LARGEST:  # no entry of a table is larger than its total
        raise OverflowError(f"a total of {max(counts):,} does not fit 64 bits")
    return Totals(
        counts=counts,
        bytes_received=sum(part.bytes_received for part in parts),
        cacheable=sum(part.cacheable for part in parts),
        cacheable_hits=sum(part.cacheable_hits for part in parts),
        first_us=min((part.first_us for part in parts if part.first_us is not None), default=None),
        last_us=max((part.last_us for part in parts if part.last_us is not None), default=None),
        objects=total(part.objects for part in parts),
        rejected=total(part.rejected for part in parts),
        sessions=sum(part.sessions for part in parts),
        lacking=total(part.lacking for part in parts),
        five_minutes=merge_slots(part.five_minutes for part in parts),
    )


def total(counts: Iterable[Mapping[K, int]]) -> dict[K, int]:
    """The sum of counts by their keys."""
    summed: Counter[K] = Counter()
    for count in counts:
        summed.update(count)
    return dict(summed)
