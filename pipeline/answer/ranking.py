"""The values of a dimension, ranked by a metric, a page at a time."""

from collections.abc import Iterator, Sequence
from heapq import nsmallest
from typing import Any, NamedTuple

from pipeline.answer.metrics import RANKED, hit_ratio, mean_time_ms
from pipeline.answer.question import Place
from pipeline.answer.rows import Rows
from pipeline.answer.summarize import READING_SLACK
from pipeline.answer.summary import OTHER, UNKNOWN
from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.hour.heavy_hitters import Table
from pipeline.hour.merging import kept_table
from pipeline.hour.vector import ZERO, Vector
from pipeline.hours import Window, spans
from pipeline.schema.agents import NOT_OF_EVERYONE
from pipeline.schema.dimensions import ABSENT, Caps

Entry = dict[str, Any]


class Page(NamedTuple):
    """A part of a ranking, and where it ended if there is more."""

    entries: list[tuple[str, Vector]]
    end: Place | None


def table_of(rows: Rows, window: Window, dimension: str, caps: Caps) -> Table:
    """What was counted for each value of a dimension in a window."""
    whole = merge(_aggregates(rows, window, dimension), caps, READING_SLACK)
    return kept_table(whole.sketches, whole.totals.counts, dimension)


def _aggregates(rows: Rows, window: Window, dimension: str) -> Iterator[HourlyAggregate]:
    for _, aggregate in rows.read(spans(window), frozenset({dimension})):
        yield aggregate


def ranked_page(
    table: Table, dimension: str, metric: str, limit: int, after: Place | None = None
) -> Page:
    """Up to `limit` values behind a place: most of the metric first, then by value.

    Who is no crawler is not ranked among them. What fell out of the table closes the ranking, as
    `(other)`.
    """
    measure = RANKED[metric]
    ranking = (
        (-measure(vector), value, vector)
        for value, vector in table.entries.items()
        if value != ABSENT or dimension not in NOT_OF_EVERYONE
    )
    start = after and (-after.measure, after.value)
    behind = (entry for entry in ranking if start is None or entry[:2] > start)
    found = nsmallest(limit + 1, behind)
    entries = [(value, vector) for _, value, vector in found[:limit]]
    if len(found) > limit:
        last = found[limit - 1]
        return Page(entries, Place(-last[0], last[1]))
    if table.other.requests:
        entries.append((OTHER, table.other))
    return Page(entries, None)


def entries_of(page: Sequence[tuple[str, Vector]]) -> list[Entry]:
    """The entries of a page as they are shown."""
    return [_entry(value, vector) for value, vector in page]


def same_values(page: Sequence[tuple[str, Vector]], table: Table) -> list[Entry]:
    """The entries of the values of a page in another table; of one it does not have, zeros."""
    known = table.entries | {OTHER: table.other}
    return [_entry(value, known.get(value, ZERO)) for value, _ in page]


def _entry(value: str, vector: Vector) -> Entry:
    return {
        "value": UNKNOWN if value == ABSENT else value,
        "requests": vector.requests,
        "bytes": vector.bytes,
        "hits": vector.hits,
        "misses": vector.misses,
        "errors_4xx": vector.errors_4xx,
        "errors_5xx": vector.errors_5xx,
        "mean_time_ms": mean_time_ms(vector),
        "hit_ratio": hit_ratio(vector),
    }
