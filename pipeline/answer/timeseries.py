"""A window in buckets → the metrics of each."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from pipeline.answer.calendar import Hours
from pipeline.answer.metrics import METRICS, Number
from pipeline.answer.rows import Rows
from pipeline.hour.aggregate import EMPTY, merge
from pipeline.hours import HOURS_PER_DAY, Span, spans
from pipeline.store.counted import RowKey

_AT_ONCE = 500
"""Buckets whose rows are read together: what they hold waits in memory until all are read."""


def timeseries_of(
    rows: Rows, buckets: Sequence[Hours], metrics: Sequence[str]
) -> list[dict[str, Number | None]]:
    """The metrics of each bucket, in order; of one without rows, those of no requests.

    Only the parts of a row that the metrics are made of are decoded.
    """
    wanted = frozenset().union(*(METRICS[name].wanted for name in metrics))
    found: list[dict[str, Number | None]] = []
    remaining = iter(buckets)
    while batch := list(islice(remaining, _AT_ONCE)):
        starts = [bucket.start for bucket in batch]
        held = [EMPTY] * len(batch)
        for key, aggregate in rows.read(_joined(batch), wanted):
            place = bisect_right(starts, _first_hour(key)) - 1
            before = held[place]
            held[place] = aggregate if before is EMPTY else merge((before, aggregate))
        found += ({name: METRICS[name].of(whole) for name in metrics} for whole in held)
    return found


def _first_hour(key: RowKey) -> int:
    return key.start if key.period == "hour" else key.start * HOURS_PER_DAY


def _joined(buckets: Iterable[Hours]) -> Iterator[Span]:
    """The rows that cover each bucket, in as few runs as they make."""
    last: Span | None = None
    for bucket in buckets:
        for span in spans(bucket.window):
            if span.start == span.end:
                continue
            if last and (last.period, last.end) == (span.period, span.start):
                last = Span(span.period, last.start, span.end)
                continue
            if last:
                yield last
            last = span
    if last:
        yield last
