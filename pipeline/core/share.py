"""The lines of small objects, tallied together.

An object of fifty lines takes longer to set out for than to count. So small objects are read one
by one, but become columns together, and the columns are tallied when it is known which objects
count: an object that turns out to be a duplicate leaves its lines out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipeline.core.aggregate import HourlyAggregate
from pipeline.core.tally import tally
from pipeline.core.visitors import Visitors


@dataclass(frozen=True, slots=True)
class Share:
    """The rows of one object in columns (`Rows.table`) that it shares with others."""

    columns: pa.Table
    start: int
    end: int
    visitors: Visitors

    def tally(self, others: Sequence["Share"]) -> dict[int, HourlyAggregate]:
        """What these shares and this one hold, by hour since the epoch."""
        runs = _runs((self, *others))
        return tally(
            (run.columns.slice(run.start, run.end - run.start) for run in runs), self.visitors
        )


def _runs(shares: Iterable[Share]) -> Iterator[Share]:
    """The shares, with those that are neighbours in the same columns as one."""
    run: Share | None = None
    for share in shares:
        if run is None:
            run = share
        elif run.columns is share.columns and run.end == share.start:
            run = Share(run.columns, run.start, share.end, run.visitors)
        else:
            yield run
            run = share
    if run is not None:
        yield run
