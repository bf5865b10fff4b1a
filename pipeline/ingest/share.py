"""The lines of small objects, tallied together.

An object of fifty lines takes longer to set out for than to count. So small objects are read one
by one, but become columns together, and the columns are tallied when it is known which objects
count: an object that turns out to be a duplicate leaves its lines out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipeline.hour.aggregate import HourlyAggregate
from pipeline.tally.tally import tally
from pipeline.tally.visitors import Visitors


@dataclass(frozen=True, slots=True)
class Share:
    """The rows of one object in columns (`Rows.table`) that it shares with others; `lines` counts
    them by hour since the epoch."""

    columns: pa.Table
    start: int
    end: int
    lines: Mapping[int, int]
    visitors: Visitors

    def tally(self, others: Sequence["Share"]) -> dict[int, HourlyAggregate]:
        """What these shares and this one hold, by hour since the epoch."""
        return tally(_runs((self, *others)), self.visitors)


def _runs(shares: Iterable[Share]) -> Iterator[pa.Table]:
    """The rows of the shares, those that are neighbours in the same columns in one piece."""
    columns, start, end = None, 0, 0
    for share in shares:
        if share.columns is columns and share.start == end:
            end = share.end
            continue
        if columns is not None:
            yield columns.slice(start, end - start)
        columns, start, end = share.columns, share.start, share.end
    if columns is not None:
        yield columns.slice(start, end - start)
