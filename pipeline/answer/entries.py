"""Entries: the values of a dimension with their counts, most first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pipeline.answer.metrics import hit_ratio, mean_time_ms
from pipeline.answer.shape import Ratio, Shape
from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hour.vector import Vector
from pipeline.schema.agents import NOT_OF_EVERYONE
from pipeline.schema.dimensions import ABSENT

if TYPE_CHECKING:
    from pipeline.arrays import Integers
    from pipeline.hour.heavy_hitters import Table

UNKNOWN, OTHER = "unknown", "(other)"
"""The names of requests without a value, and of those whose value fell out of its table."""

_REQUESTS = Vector._fields.index("requests")


class Entry(Shape):
    """A value of a dimension with its counts. Bytes are those sent to viewers; hits
    are answered from an edge cache (`Hit`, `RefreshHit`), misses have the result type `Miss`.
    `mean_time_ms` is that of the requests that have a time; null where none has."""

    value: str
    requests: int
    bytes: int
    hits: int
    misses: int
    errors_4xx: int
    errors_5xx: int
    mean_time_ms: float | None


class TopEntry(Entry):
    """A value of a dimension with its counts; `hit_ratio` is hits among requests."""

    hit_ratio: Ratio


def entries_of(counted: Iterable[tuple[str, Vector]]) -> list[Entry]:
    """The entries of values with their vectors."""
    return [Entry(**_figures(value, vector)) for value, vector in counted]


def top_entries(counted: Iterable[tuple[str, Vector]]) -> list[TopEntry]:
    """The same with hit ratios."""
    return [
        TopEntry(**_figures(value, vector), hit_ratio=hit_ratio(vector))
        for value, vector in counted
    ]


def _figures(value: str, counted: Vector) -> dict[str, Any]:
    return {
        "value": name_of(value),
        "requests": counted.requests,
        "bytes": counted.bytes,
        "hits": counted.hits,
        "misses": counted.misses,
        "errors_4xx": counted.errors_4xx,
        "errors_5xx": counted.errors_5xx,
        "mean_time_ms": mean_time_ms(counted),
    }


def table_of(whole: HourlyAggregate, dimension: str) -> Table:
    """The table of a dimension. If it was not kept, all requests are under no value."""
    from pipeline.hour.merging import kept_table  # needs numpy, which totals do without

    return kept_table(whole.sketches, whole.totals.counts, dimension)


def name_of(value: str) -> str:
    """The name of a counted value in answers."""
    return UNKNOWN if value == ABSENT else value


def ranked(table: Table, measured: Integers, top: int) -> list[tuple[str, Vector]]:
    """The `top` values by a measure, most first, then by value.

    Values with a measure of 0, and requests without a value, are left out.
    """
    places = [
        place
        for place in _foremost(measured, top + 1)  # one of them may be no value
        if measured[place] and table.values[place] != ABSENT
    ]
    return _in_order(table, measured, places)[:top]


def listed(dimension: str, table: Table, top: int) -> list[Entry]:
    """The entries of a dimension by requests. Requests of no crawler are not listed as those of
    an unknown one."""
    requests = table.counts[_REQUESTS]
    unknown = dimension in NOT_OF_EVERYONE and ABSENT in table.values
    places = [
        place
        for place in _foremost(requests, top + 1)
        if not unknown or table.values[place] != ABSENT
    ]
    counted = _in_order(table, requests, places)[:top]
    if len(table) - unknown <= top and table.other.requests:
        counted.append((OTHER, table.other))
    return entries_of(counted)


def _foremost(measured: Integers, count: int) -> list[int]:
    """The places of the `count` largest numbers, and of all that equal the last of these."""
    if len(measured) <= count:
        return list(range(len(measured)))
    ordered = measured.copy()
    ordered.partition(-count)
    places: list[int] = (measured >= ordered[-count]).nonzero()[0].tolist()
    return places


def _in_order(table: Table, measured: Integers, places: list[int]) -> list[tuple[str, Vector]]:
    places.sort(key=lambda place: (-measured[place], table.values[place]))
    return [
        (table.values[place], Vector._make(table.counts[:, place].tolist())) for place in places
    ]
