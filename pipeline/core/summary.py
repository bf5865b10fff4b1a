"""The summary of a window: the answer edgetally exists for, and its one definition."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from pydantic import BaseModel

from pipeline.core.aggregate import HourlyAggregate, merge
from pipeline.core.counters import Vector
from pipeline.core.dimensions import ABSENT
from pipeline.core.top import Table
from pipeline.core.window import Window, from_micros

TOP = 20
UNKNOWN = "unknown"


class PathCount(BaseModel):
    """A path and how many requests it had."""

    path: str
    count: int


class RejectedLines(BaseModel):
    """Log lines that were not counted, and why."""

    total: int
    by_reason: dict[str, int]


class Summary(BaseModel):
    """Traffic in a window.

    total_records: requests. log_files_read: log objects with lines in the window. time_range:
    ISO-8601 interval of the requests seen, "" when there are none. status_breakdown: requests by
    status class (`2xx`; `0xx` for status 000, `unknown` for none). cache_hit_rate: percentage of
    all requests whose result type is exactly `Hit`. bytes_sent: to viewers, headers included.
    approximate: the largest possible undercount of a value, for each dimension that had more
    values than its table holds. sampling: the percentage of requests in the logs, for each site
    whose figures are estimates scaled from a part.
    """

    total_records: int
    log_files_read: int
    time_range: str
    status_breakdown: dict[str, int]
    edge_locations: list[str]
    cache_hit_rate: float
    top_paths: list[PathCount]
    bytes_sent: int
    status_codes: dict[str, int]
    result_types: dict[str, int]
    methods: dict[str, int]
    rejected_lines: RejectedLines
    approximate: dict[str, int]
    sampling: dict[str, int]


def summarize(
    aggregates: Iterable[HourlyAggregate],
    window: Window,
    sampling: Mapping[str, int] | None = None,
) -> Summary:
    """The summary of the aggregates of a window; `sampling` is what they were scaled from."""
    whole = merge(aggregates)
    tables = whole.tables
    status = _requests(tables.get("status", Table()))
    result_types = _requests(tables.get("result_type", Table()))
    total = whole.totals.requests
    return Summary(
        total_records=total,
        log_files_read=_objects(whole, window),
        time_range=_time_range(whole),
        status_breakdown=_by_class(status),
        edge_locations=sorted(set(_requests(tables.get("edge_location", Table()))) - {UNKNOWN}),
        cache_hit_rate=round(100 * result_types.get("Hit", 0) / total, 2) if total else 0.0,
        top_paths=_top_paths(tables.get("path", Table())),
        bytes_sent=whole.totals.bytes,
        status_codes=status,
        result_types=result_types,
        methods=_requests(tables.get("method", Table())),
        rejected_lines=RejectedLines(
            total=sum(whole.rejected.values()), by_reason=dict(sorted(whole.rejected.items()))
        ),
        approximate={name: table.bound for name, table in sorted(tables.items()) if table.bound},
        sampling=dict(sorted((sampling or {}).items())),
    )


def _objects(whole: HourlyAggregate, window: Window) -> int:
    first_hour = window.start if window.start is not None else 0
    return whole.objects_since(first_hour)


def _ranked(table: Table) -> list[tuple[str, Vector]]:
    """The entries by requests descending, then value."""
    return sorted(table.entries.items(), key=lambda entry: (-entry[1].requests, entry[0]))


def _requests(table: Table) -> dict[str, int]:
    return {
        UNKNOWN if value == ABSENT else value: vector.requests for value, vector in _ranked(table)
    }


def _by_class(status: dict[str, int]) -> dict[str, int]:
    classes: dict[str, int] = {}
    for code, requests in status.items():
        name = UNKNOWN if code == UNKNOWN else f"{code[0]}xx"
        classes[name] = classes.get(name, 0) + requests
    return dict(sorted(classes.items()))


def _top_paths(table: Table) -> list[PathCount]:
    paths = [(value, vector) for value, vector in _ranked(table) if value != ABSENT]
    return [PathCount(path=value, count=vector.requests) for value, vector in paths[:TOP]]


def _time_range(whole: HourlyAggregate) -> str:
    if whole.first_us is None or whole.last_us is None:
        return ""
    return f"{_iso(from_micros(whole.first_us))}/{_iso(from_micros(whole.last_us))}"


def _iso(moment: datetime) -> str:
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")
