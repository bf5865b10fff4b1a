"""The summary of a window: its shape and its computation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

import msgspec
from typing_extensions import override

from pipeline.answer.audience import audience, crawler_groups
from pipeline.answer.entries import UNKNOWN, Entry, entries_of, listed, name_of, ranked, table_of
from pipeline.answer.envelope import Compared
from pipeline.answer.question import Figures, Question
from pipeline.answer.rows import Rows, as_of_one_moment
from pipeline.answer.shape import Shape
from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hour.sketches import HISTOGRAMS
from pipeline.hour.totals import Totals
from pipeline.hour.vector import HITS, Vector
from pipeline.hours import ALWAYS, Window, from_micros
from pipeline.schema.dimensions import ABSENT, DEFAULT_CAPS, DIMENSIONS, Caps
from pipeline.store.port import Meta, Store

if TYPE_CHECKING:
    from pipeline.hour.heavy_hitters import Table
    from pipeline.hour.histogram import Histogram
    from pipeline.hour.hyperloglog import Uniques

TOP = 20

_REQUESTS, _BYTES, _MISSES = (
    Vector._fields.index(name) for name in ("requests", "bytes", "misses")
)
_ERRORS = [Vector._fields.index("errors_4xx"), Vector._fields.index("errors_5xx")]


class PathCount(Shape):
    """A path and how many requests it had."""

    path: str
    count: int


class RejectedLines(Shape):
    """Log lines that were not counted, and why."""

    total: int
    by_reason: dict[str, int]


class Latency(Shape):
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


class Estimate(Shape):
    """About how many different ones there were; `relative_error` is one standard deviation."""

    estimate: int
    relative_error: float


class Summary(Shape):
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
    the logs). audience: `human` and `crawler`, and `unknown` where no agent was logged.
    crawler_groups: what crawlers are for (search, AI training, AI assistant, AI search, SEO,
    monitoring, preview or feed, library or scanner, other).

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
    audience: list[Entry]
    crawler_groups: list[Entry]


LISTED: dict[str, str] = {
    dimension.listed: dimension.name for dimension in DIMENSIONS.values() if dimension.listed
}
"""The dimension of each list of entries in a summary, by the list's key."""

CompleteSummary: type[Summary] = msgspec.defstruct(  # type: ignore[assignment]
    "Summary",
    [(key, list[Entry]) for key in LISTED],
    bases=(Summary,),
    namespace={"__doc__": Summary.__doc__},
)
"""A summary with the list of every dimension."""


class SummaryAnswer(Compared[CompleteSummary]):  # type: ignore[valid-type] # made of a table
    """The summary of a window."""


@dataclass(frozen=True, slots=True)
class SummaryQuestion(Question):
    """The summary of a window."""

    name: ClassVar[str] = "summary"

    @override
    def compute(self, rows: Rows, now: datetime) -> Figures:
        summaries = [summary_of(rows, hours.window) for hours in self.windows]
        return Figures(summaries, summaries[0].approximate)


def window_summary(
    store: Store,
    window: Window,
    sites: Sequence[str] | None = None,
    caps: Caps = DEFAULT_CAPS,
    top: int = TOP,
    meta: Meta | None = None,
) -> Summary:
    """The summary of a window, of all sites or of some, with at most `top` entries in a list;
    `meta` are the store's sites and generations if they were read already. Raises StoreError."""
    meta = meta or store.meta()
    return as_of_one_moment(store, meta, sites, lambda rows: summary_of(rows, window, top), caps)[0]


def summary_of(rows: Rows, window: Window, top: int = TOP) -> Summary:
    """The summary of a window, computed from rows. Raises StoreError, TakesTooLong."""
    return summarize(rows.merged(window), window, rows.sites.sampling, top)


def summarize(
    whole: HourlyAggregate,
    window: Window = ALWAYS,
    sampling: Mapping[str, int] | None = None,
    top: int = TOP,
) -> Summary:
    """The summary of the aggregate of a window, with at most `top` entries in a list; `sampling`
    has the rates that the aggregate was scaled from."""
    totals, sketches = whole.totals, whole.sketches
    tables = {name: table_of(whole, name) for name in DIMENSIONS}
    paths, result_types = tables["path"], tables["result_type"]
    status_codes, by_result = _requests(tables["status"]), _requests(result_types)
    return CompleteSummary(
        total_records=totals.requests,
        log_files_read=totals.objects_since(window.start or 0),
        time_range=_time_range(totals),
        status_breakdown=_by_class(status_codes),
        edge_locations=sorted(set(tables["edge_location"].values) - {ABSENT}),
        cache_hit_rate=_percentage(by_result.get("Hit", 0), totals.requests),
        cache_hit_rate_cacheable=_percentage(totals.cacheable_hits, totals.cacheable),
        byte_hit_rate=_percentage(_bytes_of_hits(result_types), totals.counts.bytes),
        top_paths=_most_requested(paths, top),
        bytes_sent=totals.counts.bytes,
        bytes_received=totals.bytes_received,
        status_codes=status_codes,
        result_types=by_result,
        methods=_requests(tables["method"]),
        top_missed_paths=entries_of(ranked(paths, paths.counts[_MISSES], top)),
        top_error_paths=entries_of(ranked(paths, paths.counts[_ERRORS].sum(axis=0), top)),
        latency_ms=_latencies(sketches.latency),
        unique_visitors=_estimate(sketches.visitors),
        unique_paths=_estimate(sketches.paths),
        rejected_lines=RejectedLines(totals.rejected_lines, dict(sorted(totals.rejected.items()))),
        approximate=_bounds(tables),
        sampling=dict(sorted((sampling or {}).items())),
        audience=audience(tables["device"]),
        crawler_groups=crawler_groups(tables["crawler"]),
        **{key: listed(name, tables[name], top) for key, name in LISTED.items()},
    )


def _most_requested(paths: Table, top: int) -> list[PathCount]:
    entries = ranked(paths, paths.counts[_REQUESTS], top)
    return [PathCount(value, vector.requests) for value, vector in entries]


def _bounds(tables: Mapping[str, Table]) -> dict[str, int]:
    return {name: table.bound for name, table in sorted(tables.items()) if table.bound}


def _latencies(latency: Mapping[str, Histogram]) -> dict[str, Latency]:
    return {name: _latency(latency[name]) for name in HISTOGRAMS if name in latency}


def _latency(times: Histogram) -> Latency:
    from pipeline.hour.histogram import RELATIVE_ERROR  # imports numpy

    return Latency(
        requests=times.requests,
        **{f"p{p}": _milliseconds(times.percentile_us(p)) for p in (50, 75, 90, 95, 99)},
        max=_milliseconds(times.max_us),
        mean=_milliseconds(times.sum_us / times.requests),
        relative_error=RELATIVE_ERROR,
    )


def _milliseconds(micros: float) -> float:
    return round(micros / 1000, 3)


def _estimate(members: Uniques | None) -> Estimate | None:
    if members is None:
        return None
    from pipeline.hour.hyperloglog import RELATIVE_ERROR  # imports numpy

    return Estimate(members.estimate(), round(RELATIVE_ERROR, 4))


def _bytes_of_hits(result_types: Table) -> int:
    sent = result_types.counts[_BYTES].tolist()
    return sum(
        count for value, count in zip(result_types.values, sent, strict=True) if value in HITS
    )


def _percentage(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0


def _requests(table: Table) -> dict[str, int]:
    """Requests by value, most first."""
    entries = zip(table.values, table.counts[_REQUESTS].tolist(), strict=True)
    ordered = sorted(entries, key=lambda entry: (-entry[1], entry[0]))
    return {name_of(value): requests for value, requests in ordered}


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
