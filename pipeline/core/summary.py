"""The summary of a window: the answer edgetally exists for, and its one definition."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from heapq import nsmallest

from pydantic import BaseModel, create_model

from pipeline.core import histogram, uniques
from pipeline.core.aggregate import HISTOGRAMS, HourlyAggregate, merge
from pipeline.core.counters import HITS, Vector
from pipeline.core.dimensions import ABSENT, DEFAULT_CAPS, DIMENSIONS, Caps
from pipeline.core.histogram import Histogram
from pipeline.core.top import Table
from pipeline.core.uniques import Uniques
from pipeline.core.window import Window, from_micros

TOP = 20
UNKNOWN, OTHER = "unknown", "(other)"
READING_SLACK = 32
"""How many times its cap a table may hold while rows are merged for an answer, which is not
stored: values that only some of the rows dropped keep more of their counts."""


class PathCount(BaseModel):
    """A path and how many requests it had."""

    path: str
    count: int


class RejectedLines(BaseModel):
    """Log lines that were not counted, and why."""

    total: int
    by_reason: dict[str, int]


class Entry(BaseModel):
    """A value of a dimension with what was counted for it. Bytes are those sent to viewers; hits
    are answered from an edge cache (`Hit`, `RefreshHit`), misses have the result type `Miss`."""

    value: str
    requests: int
    bytes: int
    hits: int
    misses: int
    errors_4xx: int
    errors_5xx: int
    mean_time_ms: float


class Latency(BaseModel):
    """How long requests took, in milliseconds. Percentiles are within `relative_error` of the
    exact ones (nearest rank); `max` and `mean` are exact. `requests` are those whose time the logs
    have."""

    requests: int
    p50: float
    p75: float
    p90: float
    p95: float
    p99: float
    max: float
    mean: float
    relative_error: float


class Estimate(BaseModel):
    """About how many different ones there were; `relative_error` is one standard deviation."""

    estimate: int
    relative_error: float


class Summary(BaseModel):
    """Traffic in a window.

    total_records: requests. log_files_read: log objects with lines in the window. time_range:
    ISO-8601 interval of the requests seen, "" when there are none. status_breakdown: requests by
    status class (`2xx`; `0xx` for status 000, `unknown` for none).

    cache_hit_rate: percentage of all requests whose result type is exactly `Hit`.
    cache_hit_rate_cacheable: CloudWatch's definition, the percentage of hits (`Hit`, and
    `RefreshHit`, of which CloudWatch's documentation says nothing) among requests with GET, HEAD
    or OPTIONS that had neither a 4xx or 5xx status nor a result type of `Error`, `LimitExceeded`
    or `CapacityExceeded`. byte_hit_rate: percentage of all bytes sent that hits sent.

    bytes_sent and bytes_received: headers included. top_missed_paths: by misses, top_error_paths:
    by 4xx and 5xx together. latency_ms: by what was measured (see `Latency`). unique_visitors:
    different client IPs with their user agents, null where no log had client IPs; unique_paths:
    different paths.

    approximate: the largest possible undercount of a value, for each dimension that had more
    values than its table holds. sampling: the percentage of requests in the logs, for each site
    whose figures are estimates scaled from a part (but not `unique_…`, which count only what is in
    the logs).

    Beside these, a list of `Entry` for each of the dimensions: by requests, then value. A list
    that is shown to its end closes with `(other)` where values fell out of its table, so that it
    adds up to the totals.
    """

    total_records: int
    log_files_read: int
    time_range: str
    status_breakdown: dict[str, int]
    edge_locations: list[str]
    cache_hit_rate: float
    cache_hit_rate_cacheable: float
    byte_hit_rate: float
    top_paths: list[PathCount]
    bytes_sent: int
    bytes_received: int
    status_codes: dict[str, int]
    result_types: dict[str, int]
    methods: dict[str, int]
    top_missed_paths: list[Entry]
    top_error_paths: list[Entry]
    latency_ms: dict[str, Latency]
    unique_visitors: Estimate | None
    unique_paths: Estimate | None
    rejected_lines: RejectedLines
    approximate: dict[str, int]
    sampling: dict[str, int]


LISTED: dict[str, str] = {
    dimension.listed: dimension.name for dimension in DIMENSIONS.values() if dimension.listed
}
"""The keys of a summary that hold a dimension's list of entries, with the dimension's name."""

CompleteSummary: type[Summary] = create_model(
    "Summary",
    __base__=Summary,
    __doc__=Summary.__doc__,
    **dict.fromkeys(LISTED, (list[Entry], ...)),  # type: ignore[call-overload]
)


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
    paths, result_types = whole.table("path"), whole.table("result_type")
    status_codes, by_result = _requests(whole.table("status")), _requests(result_types)
    return CompleteSummary(
        total_records=whole.totals.requests,
        log_files_read=_objects(whole, window),
        time_range=_time_range(whole),
        status_breakdown=_by_class(status_codes),
        edge_locations=sorted(set(whole.table("edge_location").values) - {ABSENT}),
        cache_hit_rate=_percentage(by_result.get("Hit", 0), whole.totals.requests),
        cache_hit_rate_cacheable=_percentage(whole.cacheable_hits, whole.cacheable),
        byte_hit_rate=_percentage(_bytes_of_hits(result_types), whole.totals.bytes),
        top_paths=[
            PathCount(path=value, count=vector.requests)
            for value, vector in ranked(paths, lambda vector: vector.requests, top)
        ],
        bytes_sent=whole.totals.bytes,
        bytes_received=whole.bytes_received,
        status_codes=status_codes,
        result_types=by_result,
        methods=_requests(whole.table("method")),
        top_missed_paths=_entries(ranked(paths, lambda vector: vector.misses, top)),
        top_error_paths=_entries(
            ranked(paths, lambda vector: vector.errors_4xx + vector.errors_5xx, top)
        ),
        latency_ms={
            name: _latency(whole.latency[name]) for name in HISTOGRAMS if name in whole.latency
        },
        unique_visitors=_estimate(whole.visitors),
        unique_paths=_estimate(whole.paths),
        rejected_lines=RejectedLines(
            total=sum(whole.rejected.values()), by_reason=dict(sorted(whole.rejected.items()))
        ),
        approximate={
            name: bound for name in sorted(DIMENSIONS) if (bound := whole.table(name).bound)
        },
        sampling=dict(sorted((sampling or {}).items())),
        **{key: _listed(name, whole.table(name), top) for key, name in LISTED.items()},
    )


def ranked(table: Table, measure: Callable[[Vector], int], top: int) -> list[tuple[str, Vector]]:
    """The `top` values of which the measure is most, then by value. Those that have nothing of it,
    and requests without a value, are left out."""
    counted = (
        (value, vector)
        for value, vector in table.entries.items()
        if value != ABSENT and measure(vector)
    )
    return nsmallest(top, counted, key=lambda entry: (-measure(entry[1]), entry[0]))


def _listed(dimension: str, table: Table, top: int) -> list[Entry]:
    """A dimension's entries by requests. Who is no crawler is not listed as an unknown one."""
    entries = [
        (value, vector)
        for value, vector in table.entries.items()
        if value != ABSENT or dimension != "crawler"
    ]
    entries.sort(key=lambda entry: (-entry[1].requests, entry[0]))
    if len(entries) <= top and table.other.requests:
        return _entries([*entries, (OTHER, table.other)])
    return _entries(entries[:top])


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
    return sum(vector.bytes for value, vector in result_types.entries.items() if value in HITS)


def _percentage(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0


def _objects(whole: HourlyAggregate, window: Window) -> int:
    first_hour = window.start if window.start is not None else 0
    return whole.objects_since(first_hour)


def _requests(table: Table) -> dict[str, int]:
    """Requests by value, most first."""
    entries = sorted(table.entries.items(), key=lambda entry: (-entry[1].requests, entry[0]))
    return {UNKNOWN if value == ABSENT else value: vector.requests for value, vector in entries}


def _by_class(status: dict[str, int]) -> dict[str, int]:
    classes: dict[str, int] = {}
    for code, requests in status.items():
        name = UNKNOWN if code == UNKNOWN else f"{code[0]}xx"
        classes[name] = classes.get(name, 0) + requests
    return dict(sorted(classes.items()))


def _time_range(whole: HourlyAggregate) -> str:
    if whole.first_us is None or whole.last_us is None:
        return ""
    return f"{_iso(from_micros(whole.first_us))}/{_iso(from_micros(whole.last_us))}"


def _iso(moment: datetime) -> str:
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")
