"""What the summary of a window is: the answer edgetally exists for, and its one definition."""

from pydantic import BaseModel, create_model

from pipeline.schema.dimensions import DIMENSIONS

TOP = 20
UNKNOWN, OTHER = "unknown", "(other)"


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
