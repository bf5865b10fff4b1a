"""Entries: the values of a dimension with their counts, most first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.answer.metrics import hit_ratio, mean_time_ms
from pipeline.answer.shape import Ratio, Shape
from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hour.totals import Totals
from pipeline.hour.vector import Vector
from pipeline.schema.agents import NOT_OF_EVERYONE
from pipeline.schema.dimensions import ABSENT, DIMENSIONS
from pipeline.schema.fields import BYTES_SENT, RESULT_TYPE, SPELLINGS, STATUS

if TYPE_CHECKING:
    from pipeline.arrays import Integers
    from pipeline.hour.heavy_hitters import Table

UNKNOWN, OTHER = "unknown", "(other)"
"""The names of requests without a value, and of those whose value fell out of its table."""

_REQUESTS = Vector._fields.index("requests")

_FIELDS = {
    "bytes": BYTES_SENT,
    "hits": RESULT_TYPE,
    "misses": RESULT_TYPE,
    "errors_4xx": STATUS,
    "errors_5xx": STATUS,
}
"""The field of a log that each figure of an entry is made of."""


class Entry(Shape):
    """A value of a dimension with its counts. Bytes are those sent to viewers; hits
    are answered from an edge cache (`Hit`, `RefreshHit`), misses have the result type `Miss`.
    `mean_time_ms` is that of the requests that have a time; null where none has. A figure is null
    if the logs of the window do not have it. `unknown` are requests without a value whose logs have
    the field; of them only the number is known where other logs of the window lack the field."""

    value: str
    requests: int
    bytes: int | None
    hits: int | None
    misses: int | None
    errors_4xx: int | None
    errors_5xx: int | None
    mean_time_ms: float | None

    @property
    def errors(self) -> int | None:
        """The requests with a status of 400 to 599."""
        if self.errors_4xx is None or self.errors_5xx is None:
            return None
        return self.errors_4xx + self.errors_5xx


class TopEntry(Entry):
    """A value of a dimension with its counts; `hit_ratio` is hits among requests. It is null if
    there are none, and if any request of the window is from logs without a result type: which
    values those had is not kept."""

    hit_ratio: Ratio | None


def entries_of(
    counted: Iterable[tuple[str, Vector]], totals: Totals, dimension: str
) -> list[Entry]:
    """The entries of values of a dimension with their vectors; `totals` are those of the window."""
    return [Entry(**_figures(value, vector, totals, dimension)) for value, vector in counted]


def top_entries(
    counted: Iterable[tuple[str, Vector]], totals: Totals, dimension: str
) -> list[TopEntry]:
    """The same with hit ratios."""
    is_known = totals.requests_with(RESULT_TYPE) == totals.requests
    return [
        TopEntry(
            **_figures(value, vector, totals, dimension),
            hit_ratio=hit_ratio(vector)
            if is_known and not _is_mixed(value, totals, dimension)
            else None,
        )
        for value, vector in counted
    ]


def requests_with(dimension: str, requests: int, lacking: Mapping[str, int]) -> int:
    """Of so many requests those whose logs have a dimension; `lacking` is that of an answer."""
    return requests - lacking.get(SPELLINGS[DIMENSIONS[dimension].field][0], 0)


def _is_mixed(value: str, totals: Totals, dimension: str) -> bool:
    """Whether requests without a value were counted with those whose logs lack the field, so that
    only their number is known."""
    return value == ABSENT and bool(totals.lacking.get(DIMENSIONS[dimension].field))


def lacking(fields: Mapping[str, int]) -> dict[str, int]:
    """Requests whose logs do not have a field, by the field's name as logs have it."""
    return {SPELLINGS[name][0]: requests for name, requests in sorted(fields.items()) if requests}


def _figures(value: str, counted: Vector, totals: Totals, dimension: str) -> dict[str, Any]:
    figures = {"value": name_of(value), "requests": counted.requests}
    is_mixed = _is_mixed(value, totals, dimension)
    for name, field in _FIELDS.items():
        figures[name] = getattr(counted, name) if totals.has(field) and not is_mixed else None
    return figures | {"mean_time_ms": mean_time_ms(counted)}


def table_of(whole: HourlyAggregate, dimension: str) -> Table:
    """The table of a dimension, of the requests whose logs have its field. If it was not kept, all
    requests are under no value."""
    from pipeline.hour.merging import kept_table  # needs numpy, which totals do without

    table = kept_table(whole.sketches, whole.totals.counts, dimension)
    lacking = whole.totals.lacking.get(DIMENSIONS[dimension].field, 0)
    if not lacking or ABSENT not in table.values:
        return table
    return table.with_requests(ABSENT, table.vectors({ABSENT})[ABSENT].requests - lacking)


def name_of(value: str) -> str:
    """The name of a counted value in answers."""
    return UNKNOWN if value == ABSENT else value


def ranked(table: Table, measured: Integers, top: int) -> list[tuple[str, Vector]]:
    """The `top` values by a measure, most first, then by value.

    Values with a measure of 0, and requests without a value, are left out.
    """
    places = [
        place
        for place in foremost(measured, top + 1)  # one of them may be no value
        if measured[place] and table.values[place] != ABSENT
    ]
    return _in_order(table, measured, places)[:top]


def listed(dimension: str, table: Table, top: int, totals: Totals) -> list[Entry]:
    """The entries of a dimension by requests. Requests of no crawler are not listed as those of
    an unknown one."""
    requests = table.counts[_REQUESTS]
    unknown = dimension in NOT_OF_EVERYONE and ABSENT in table.values
    places = [
        place
        for place in foremost(requests, top + 1)
        if not unknown or table.values[place] != ABSENT
    ]
    counted = _in_order(table, requests, places)[:top]
    if len(table) - unknown <= top and table.other.requests:
        counted.append((OTHER, table.other))
    return entries_of(counted, totals, dimension)


def foremost(measured: Integers, count: int) -> list[int]:
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
