"""The question for a summary, and its computation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from pipeline.answer.audience import audience, crawler_groups
from pipeline.answer.entries import (
    UNKNOWN,
    entries_of,
    lacking,
    listed,
    name_of,
    ranked,
    table_of,
)
from pipeline.answer.question import Figures, Question
from pipeline.answer.rows import Rows, as_of_one_moment
from pipeline.answer.summary import (
    LISTED,
    TOP,
    CompleteSummary,
    Estimate,
    Latency,
    PathCount,
    RejectedLines,
    Summary,
)
from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hour.sketches import HISTOGRAMS
from pipeline.hour.totals import Totals
from pipeline.hour.vector import HITS, Vector
from pipeline.hours import ALWAYS, Window, from_micros
from pipeline.schema.dimensions import ABSENT, DEFAULT_CAPS, DIMENSIONS, Caps
from pipeline.schema.fields import (
    BYTES_RECEIVED,
    BYTES_SENT,
    EDGE_LOCATION,
    METHOD,
    PATH,
    RESULT_TYPE,
    STATUS,
    USER_AGENT,
)
from pipeline.store.port import Meta, Store

if TYPE_CHECKING:
    from pipeline.hour.heavy_hitters import Table
    from pipeline.hour.histogram import Histogram
    from pipeline.hour.hyperloglog import Uniques

_REQUESTS, _BYTES, _MISSES = (
    Vector._fields.index(name) for name in ("requests", "bytes", "misses")
)
_ERRORS = [Vector._fields.index("errors_4xx"), Vector._fields.index("errors_5xx")]


@dataclass(frozen=True, slots=True)
class SummaryQuestion(Question):
    """The summary of a window."""

    name: ClassVar[str] = "summary"

    @override
    def compute(self, rows: Rows, now: datetime) -> Figures:
        summaries = [summary_of(rows, hours.window) for hours in self.windows]
        return Figures(summaries, summaries[0].approximate, lacking=summaries[0].lacking)


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
    totals = whole.totals
    tables = {name: table_of(whole, name) for name in DIMENSIONS}
    rejected = RejectedLines(totals.rejected_lines, dict(sorted(totals.rejected.items())))
    return CompleteSummary(
        total_records=totals.requests,
        log_files_read=totals.objects_since(window.start or 0),
        time_range=_time_range(totals),
        latency_ms=_latencies(whole.sketches.latency),
        unique_visitors=_estimate(whole.sketches.visitors),
        rejected_lines=rejected,
        approximate=_bounds(tables),
        sampling=dict(sorted((sampling or {}).items())),
        lacking=lacking(totals.lacking),
        **_logged(whole, tables, top),
    )


def _logged(whole: HourlyAggregate, tables: Mapping[str, Table], top: int) -> dict[str, Any]:
    """The figures that are made of a field; None for those whose field no log has."""
    totals = whole.totals
    paths, result_types = tables["path"], tables["result_type"]
    status_codes, by_result = _requests(tables["status"]), _requests(result_types)
    missed = ranked(paths, paths.counts[_MISSES], top)
    failed = ranked(paths, paths.counts[_ERRORS].sum(axis=0), top)
    hits, typed = by_result.get("Hit", 0), totals.requests_with(RESULT_TYPE)
    made_of: dict[str, tuple[Any, tuple[str, ...]]] = {
        "status_breakdown": (_by_class(status_codes), (STATUS,)),
        "edge_locations": (
            sorted(set(tables["edge_location"].values) - {ABSENT}),
            (EDGE_LOCATION,),
        ),
        "cache_hit_rate": (_percentage(hits, typed), (RESULT_TYPE,)),
        "cache_hit_rate_cacheable": (
            _percentage(totals.cacheable_hits, totals.cacheable),
            (METHOD, RESULT_TYPE, STATUS),
        ),
        "byte_hit_rate": (_byte_hit_rate(result_types), (BYTES_SENT, RESULT_TYPE)),
        "top_paths": (_most_requested(paths, top), (PATH,)),
        "bytes_sent": (totals.counts.bytes, (BYTES_SENT,)),
        "bytes_received": (totals.bytes_received, (BYTES_RECEIVED,)),
        "status_codes": (status_codes, (STATUS,)),
        "result_types": (by_result, (RESULT_TYPE,)),
        "methods": (_requests(tables["method"]), (METHOD,)),
        "top_missed_paths": (entries_of(missed, totals, "path"), (PATH, RESULT_TYPE)),
        "top_error_paths": (entries_of(failed, totals, "path"), (PATH, STATUS)),
        "unique_paths": (_estimate(whole.sketches.paths), (PATH,)),
        "audience": (audience(tables["device"], totals), (USER_AGENT,)),
        "crawler_groups": (crawler_groups(tables["crawler"], totals), (USER_AGENT,)),
    }
    for key, name in LISTED.items():
        made_of[key] = listed(name, tables[name], top, totals), (DIMENSIONS[name].field,)
    return {
        key: figure if totals.has(*fields) else None for key, (figure, fields) in made_of.items()
    }


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


def _byte_hit_rate(result_types: Table) -> float:
    sent = dict(zip(result_types.values, result_types.counts[_BYTES].tolist(), strict=True))
    sent.pop(ABSENT, 0)
    hits = sum(count for value, count in sent.items() if value in HITS)
    return _percentage(hits, sum(sent.values()) + result_types.other.bytes)


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
