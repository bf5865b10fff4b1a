"""Latencies in logarithmic buckets: percentiles within 1 %, in whatever order they were merged.

The guarantee is DDSketch's (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile
sketch with relative-error guarantees", VLDB 2019). The buckets are whole numbers of microseconds,
each reaching as far as the guarantee allows, instead of powers of a base: no logarithm, and so
the same buckets on every machine.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pipeline.arrays import Integers

RELATIVE_ERROR = 0.01
LONGEST_US = 10**13
"""The longest time that is counted, in microseconds (10⁷ s)."""


def _lower_bounds() -> list[int]:
    """The first microsecond of each bucket: 0 alone, then as wide as 1 % to either side allows.

    The estimate 2ab/(a+b) of a value from a to b is off by at most (b-a)/(b+a), which is 1 % for
    b = a * 101/99.
    """
    bounds = [0, 1]
    while bounds[-1] <= LONGEST_US:
        bounds.append(bounds[-1] * 101 // 99 + 1)
    return bounds


LOWER = np.array(_lower_bounds(), np.int64)
"""The first microsecond of each bucket, and of the one behind the last."""
BUCKETS = len(LOWER) - 1

# The upper bits of a float64 are its exponent and its leading binary digits. A cell of 6 digits is
# at most 1/64 wide, narrower than any bucket, so that at most one bucket begins inside of it: the
# cell's first bucket is looked up, and one comparison tells whether the value is in the next.
_DIGITS = 6
CELL_SHIFT = 52 - _DIGITS
CELL_OF_1 = 1023 << _DIGITS
_CELLS = (LONGEST_US.bit_length() << _DIGITS) + 1
_CELL_STARTS = (np.arange(_CELLS, dtype=np.int64) + CELL_OF_1 << CELL_SHIFT).view(np.float64)
FIRST = np.searchsorted(LOWER, np.floor(_CELL_STARTS).astype(np.int64), side="right") - 1
FIRST[0] = 0  # 0 lies below the cell of 1, and is looked up there
"""The first bucket of each cell, from the cell of 1 on."""


def buckets_of(times_us: Integers) -> Integers:
    """The bucket of each time, in microseconds from 0 to `LONGEST_US`."""
    cells = (times_us.astype(np.float64).view(np.int64) >> CELL_SHIFT) - CELL_OF_1
    first = FIRST[np.maximum(cells, 0)]
    bucket: Integers = first + (times_us >= LOWER[first + 1])
    return bucket


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """The times of a set of requests: `counts` by bucket, and the exact sum and maximum."""

    counts: Integers
    sum_us: int = 0
    max_us: int = 0

    @classmethod
    def of(cls, times_us: Integers) -> "Histogram":
        """The histogram of these times."""
        counts = np.bincount(buckets_of(times_us), minlength=BUCKETS)
        return cls(counts, int(times_us.sum()), int(times_us.max(initial=0)))

    @property
    def requests(self) -> int:
        """The number of requests."""
        return int(self.counts.sum())

    def percentile_us(self, percent: int) -> float:
        """The time within which `percent` of the requests were done (nearest rank), within 1 %.

        Raises ValueError when there are none.
        """
        requests = self.requests
        if not requests:
            raise ValueError("no request, no percentile")
        rank = max(1, -(-percent * requests // 100))
        bucket = int(np.searchsorted(np.cumsum(self.counts), rank))
        first, last = int(LOWER[bucket]), int(LOWER[bucket + 1]) - 1
        estimate = 2 * first * last / (first + last) if last else 0.0
        return min(estimate, float(self.max_us))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Histogram):
            return NotImplemented
        same = (self.sum_us, self.max_us) == (other.sum_us, other.max_us)
        return same and bool(np.array_equal(self.counts, other.counts))

    __hash__ = None  # type: ignore[assignment] # compared by content, which is not hashed


def merge_histograms(histograms: Iterable[Histogram]) -> Histogram:
    """One histogram equivalent to counting the times of all of them."""
    parts = list(histograms)
    return Histogram(
        np.sum([part.counts for part in parts], axis=0, dtype=np.int64)
        if parts
        else np.zeros(BUCKETS, np.int64),
        sum(part.sum_us for part in parts),
        max((part.max_us for part in parts), default=0),
    )
