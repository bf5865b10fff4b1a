"""The summary of a window: its shape."""

from __future__ import annotations

import msgspec

from pipeline.answer.entries import Entry
from pipeline.answer.envelope import Compared
from pipeline.answer.shape import Shape
from pipeline.schema.dimensions import DIMENSIONS

TOP = 20


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

    lacking: the requests whose logs do not have a field, by field. A figure that is made of the
    field counts the others, and is null if no log has the field.

    Beside these, a list of `Entry` for each of the dimensions: by requests, then value. A list
    that is shown to its end closes with `(other)` where values fell out of its table, so that it
    adds up to the totals.
    """

    total_records: int
    log_files_read: int
    time_range: str
    status_breakdown: dict[str, int] | None
    edge_locations: list[str] | None
    cache_hit_rate: float | None
    cache_hit_rate_cacheable: float | None
    byte_hit_rate: float | None
    top_paths: list[PathCount] | None
    bytes_sent: int | None
    bytes_received: int | None
    status_codes: dict[str, int] | None
    result_types: dict[str, int] | None
    methods: dict[str, int] | None
    top_missed_paths: list[Entry] | None
    top_error_paths: list[Entry] | None
    latency_ms: dict[str, Latency]
    unique_visitors: Estimate | None
    unique_paths: Estimate | None
    rejected_lines: RejectedLines
    approximate: dict[str, int]
    sampling: dict[str, int]
    lacking: dict[str, int]
    audience: list[Entry] | None
    crawler_groups: list[Entry] | None


LISTED: dict[str, str] = {
    dimension.listed: dimension.name for dimension in DIMENSIONS.values() if dimension.listed
}
"""The dimension of each list of entries in a summary, by the list's key."""

CompleteSummary: type[Summary] = msgspec.defstruct(  # type: ignore[assignment]
    "Summary",
    [(key, list[Entry] | None) for key in LISTED],
    bases=(Summary,),
    namespace={"__doc__": Summary.__doc__},
)
"""A summary with the list of every dimension."""


class SummaryAnswer(Compared[CompleteSummary]):  # type: ignore[valid-type] # made of a table
    """The summary of a window."""
