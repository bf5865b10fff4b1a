"""The vector of integer counters that every total and every table entry carries."""

from operator import add as _add
from typing import NamedTuple


class Vector(NamedTuple):
    """The counts of a set of requests. Integers only: float sums are not associative.

    `bytes` are bytes sent to viewers (headers included), `hits` are requests answered from an
    edge cache (`Hit`, `RefreshHit`), `misses` those with result type `Miss`. `timed` are the
    requests that have a time-taken, and `time_us` is the sum of it in microseconds.
    """

    requests: int = 0
    bytes: int = 0
    hits: int = 0
    misses: int = 0
    errors_4xx: int = 0
    errors_5xx: int = 0
    time_us: int = 0
    timed: int = 0


HITS = frozenset({"Hit", "RefreshHit"})
MISSES = frozenset({"Miss"})
FAILURES = frozenset({"Error", "LimitExceeded", "CapacityExceeded"})
"""The result types of a hit, of a miss, and of a request that ended in an error."""

ZERO = Vector()
MEASURES = len(ZERO)


def add(a: Vector, b: Vector) -> Vector:
    """The component-wise sum: equivalent to counting the requests of both."""
    return Vector._make(map(_add, a, b))
