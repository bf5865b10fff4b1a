"""Aggregates → their summary, as `summary.py` defines it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial

import numpy as np

from pipeline.answer.summary import (
    LISTED,
    OTHER,
    TOP,
    UNKNOWN,
    CompleteSummary,
    Entry,
    Estimate,
    Latency,
    PathCount,
    RejectedLines,
    Summary,
)
from pipeline.arrays import Integers
from pipeline.hour import histogram
from pipeline.hour import hyperloglog as uniques
from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.hour.heavy_hitters import Table
from pipeline.hour.histogram import Histogram
from pipeline.hour.hyperloglog import Uniques
from pipeline.hour.merging import kept_table
from pipeline.hour.sketches import HISTOGRAMS
from pipeline.hour.totals import Totals
from pipeline.hour.vector import HITS, Vector
from pipeline.hours import Window, from_micros
from pipeline.schema.agents import NOT_OF_EVERYONE
from pipeline.schema.dimensions import ABSENT, DEFAULT_CAPS, DIMENSIONS, Caps

_REQUESTS, _BYTES, _MISSES = (
    Vector._fields.index(name) for name in ("requests", "bytes", "misses")
)
_ERRORS = [Vector._fields.index("errors_4xx"), Vector._fields.index("errors_5xx")]

READING_SLACK = 32
"""How many times its cap a table may hold while rows are merged for an answer, which is not
stored: values that only some of the rows dropped keep more of their counts."""


def summarize(
    aggregates: Iterable[HourlyAggregate],
    window: Window,
    sampling: Mapping[str, int] | None = None,
    caps: Caps = DEFAULT_CAPS,
    top: int = TOP,
) -> Summary:
    """The summary of the aggregates of a window, with at most `top` entries in a list;
    `sampling` is what the aggregates were scaled from."""
    whole = merge(aggregates, caps, READING_SLACK)
    totals, sketches = whole.totals, whole.sketches
    table = partial(kept_table, sketches, totals.counts)
    paths, result_types = table("path"), table("result_type")
    status_codes, by_result = _requests(table("status")), _requests(result_types)
    return CompleteSummary(
        total_records=totals.requests,
        log_files_read=_objects(totals, window),
        time_range=_time_range(totals),
        status_breakdown=_by_class(status_codes),
        edge_locations=sorted(set(table("edge_location").values) - {ABSENT}),
        cache_hit_rate=_percentage(by_result.get("Hit", 0), totals.requests),
        cache_hit_rate_cacheable=_percentage(totals.cacheable_hits, totals.cacheable),
        byte_hit_rate=_percentage(_bytes_of_hits(result_types), totals.counts.bytes),
        top_paths=[
            PathCount(path=value, count=vector.requests)
            for value, vector in _ranked(paths, paths.counts[_REQUESTS], top)
        ],
        bytes_sent=totals.counts.bytes,
        bytes_received=totals.bytes_received,
        status_codes=status_codes,
        result_types=by_result,
        methods=_requests(table("method")),
        top_missed_paths=_entries(_ranked(paths, paths.counts[_MISSES], top)),
        top_error_paths=_entries(_ranked(paths, paths.counts[_ERRORS].sum(axis=0), top)),
        latency_ms={
            name: _latency(sketches.latency[name])
            for name in HISTOGRAMS
            if name in sketches.latency
        },
        unique_visitors=_estimate(sketches.visitors),
        unique_paths=_estimate(sketches.paths),
        rejected_lines=RejectedLines(
            total=totals.rejected_lines, by_reason=dict(sorted(totals.rejected.items()))
        ),
        approximate={name: bound for name in sorted(DIMENSIONS) if (bound := table(name).bound)},
        sampling=dict(sorted((sampling or {}).items())),
        **{key: _listed(name, table(name), top) for key, name in LISTED.items()},
    )


def _ranked(table: Table, measured: Integers, top: int) -> list[tuple[str, Vector]]:
    """The `top` values of which most was measured, then by value. Those that have nothing of it,
    and requests without a value, are left out."""
    places = [
        place
        for place in _foremost(measured, top + 1)  # one of them may be no value
        if measured[place] and table.values[place] != ABSENT
    ]
    return _in_order(table, measured, places)[:top]


def _listed(dimension: str, table: Table, top: int) -> list[Entry]:
    """A dimension's entries by requests. Who is no crawler is not listed as an unknown one."""
    requests = table.counts[_REQUESTS]
    unknown = dimension in NOT_OF_EVERYONE and ABSENT in table.values
    places = [
        place
        for place in _foremost(requests, top + 1)
        if not unknown or table.values[place] != ABSENT
    ]
    entries = _in_order(table, requests, places)[:top]
    if len(table) - unknown <= top and table.other.requests:
        entries.append((OTHER, table.other))
    return _entries(entries)


def _foremost(measured: Integers, count: int) -> list[int]:
    """The places of the largest, at least so many of them if there are: all that are as large as
    the last of these."""
    if len(measured) <= count:
        return list(range(len(measured)))
    last = np.partition(measured, -count)[-count]
    found: list[int] = np.flatnonzero(measured >= last).tolist()
    return found


def _in_order(table: Table, measured: Integers, places: list[int]) -> list[tuple[str, Vector]]:
    places.sort(key=lambda place: (-measured[place], table.values[place]))
    return [
        (table.values[place], Vector._make(table.counts[:, place].tolist())) for place in places
    ]


def _entries(entries: Iterable[tuple[str, Vector]]) -> list[Entry]:
    return [
        Entry(
            value=UNKNOWN if value == ABSENT else value,
            requests=vector.requests,
            bytes=vector.bytes,
            hits=vector.hits,
            misses=vector.misses,
            errors_4xx=vector.errors_4xx,
            errors_5xx=vector.errors_5xx,
            mean_time_ms=_milliseconds(vector.time_us / max(1, vector.requests)),
        )
        for value, vector in entries
    ]


def _latency(times: Histogram) -> Latency:
    requests = times.requests
    p50, p75, p90, p95, p99 = (
        _milliseconds(times.percentile_us(percent)) for percent in (50, 75, 90, 95, 99)
    )
    return Latency(
        requests=requests,
        p50=p50,
        p75=p75,
        p90=p90,
        p95=p95,
        p99=p99,
        max=_milliseconds(times.max_us),
        mean=_milliseconds(times.sum_us / requests),
        relative_error=histogram.RELATIVE_ERROR,
    )


def _milliseconds(micros: float) -> float:
    return round(micros / 1000, 3)


def _estimate(found: Uniques | None) -> Estimate | None:
    if found is None:
        return None
    return Estimate(estimate=found.estimate(), relative_error=round(uniques.RELATIVE_ERROR, 4))


def _bytes_of_hits(result_types: Table) -> int:
    sent = result_types.counts[_BYTES].tolist()
    return sum(
        count for value, count in zip(result_types.values, sent, strict=True) if value in HITS
    )


def _percentage(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0


def _objects(totals: Totals, window: Window) -> int:
    first_hour = window.start if window.start is not None else 0
    return totals.objects_since(first_hour)


def _requests(table: Table) -> dict[str, int]:
    """Requests by value, most first."""
    entries = zip(table.values, table.counts[_REQUESTS].tolist(), strict=True)
    ordered = sorted(entries, key=lambda entry: (-entry[1], entry[0]))
    return {UNKNOWN if value == ABSENT else value: requests for value, requests in ordered}


def _by_class(status: dict[str, int]) -> dict[str, int]:
    classes: dict[str, int] = {}
    for code, requests in status.items():
        name = UNKNOWN if code == UNKNOWN else f"{code[0]}xx"
        classes[name] = classes.get(name, 0) + requests
    return dict(sorted(classes.items()))


def _time_range(totals: Totals) -> str:
    if totals.first_us is None or totals.last_us is None:
        return ""
    return f"{_iso(from_micros(totals.first_us))}/{_iso(from_micros(totals.last_us))}"


def _iso(moment: datetime) -> str:
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")
