"""The metrics: figures that can be asked for one by one, and the sketches that each needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hour.vector import FAILURES, HITS, ZERO, Vector
from pipeline.schema.dimensions import ABSENT
from pipeline.schema.fields import (
    BYTES_RECEIVED,
    BYTES_SENT,
    METHOD,
    PATH,
    RESULT_TYPE,
    STATUS,
    USER_AGENT,
)

Number = int | float


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of any set of requests.

    `count` returns None if the figure is unknown: a percentile of nothing, visitors if no log had
    client IPs. `fields` are those of a log that it is made of, `wanted` the sketches that it needs
    beside the totals.
    """

    name: str
    unit: str
    text: str
    count: Callable[[HourlyAggregate], Number | None]
    fields: tuple[str, ...] = ()
    wanted: frozenset[str] = frozenset()

    def of(self, whole: HourlyAggregate) -> Number | None:
        """The figure of these requests; None if it is unknown, or not in their logs."""
        return self.count(whole) if whole.totals.has(*self.fields) else None

    @property
    def type(self) -> type[Number]:
        """The type of the figure."""
        return float if self.unit in ("ratio", "milliseconds") else int


def hit_ratio(counted: Vector) -> float | None:
    """Hits (`Hit`, `RefreshHit`) among all requests, 0 to 1; None when there are none."""
    return _ratio(counted.hits, counted.requests)


def _ratio(part: int, whole: int) -> float | None:
    """A part of a whole, 0 to 1; of nothing it is unknown, which is not 0."""
    return round(part / whole, 6) if whole else None


def mean_time_ms(counted: Vector) -> float | None:
    """The mean time-taken, in milliseconds, of the requests that have one; None if none has."""
    return round(counted.time_us / counted.timed / 1000, 3) if counted.timed else None


def _ranked_by(figure: Callable[[Vector], float | None]) -> Callable[[Vector], float]:
    """A figure to rank by: values of which it is unknown come last."""

    def rank(counted: Vector) -> float:
        value = figure(counted)
        return -1.0 if value is None else value

    return rank


def _hit_ratio(whole: HourlyAggregate) -> float | None:
    known = whole.totals.requests_with(RESULT_TYPE)
    return hit_ratio(whole.totals.counts._replace(requests=known))


def byte_hit_ratio(whole: HourlyAggregate) -> float | None:
    """Bytes that hits sent among the bytes of all requests with a result type; None when there are
    none, and if unknown."""
    by_type = _by_result_type(whole)
    if by_type is None:
        return None
    sent = whole.totals.counts.bytes - by_type.get(ABSENT, ZERO).bytes
    hits = sum(vector.bytes for value, vector in by_type.items() if value in HITS)
    return _ratio(hits, sent)


def _errors(whole: HourlyAggregate) -> int | None:
    by_type = _by_result_type(whole)
    return None if by_type is None else _failed(by_type)


def _others(whole: HourlyAggregate) -> int | None:
    by_type = _by_result_type(whole)
    counts = whole.totals.counts
    return (
        None
        if by_type is None
        else whole.totals.requests_with(RESULT_TYPE)
        - counts.hits
        - counts.misses
        - _failed(by_type)
    )


def _failed(by_type: Mapping[str, Vector]) -> int:
    return sum(by_type[value].requests for value in FAILURES if value in by_type)


def _by_result_type(whole: HourlyAggregate) -> Mapping[str, Vector] | None:
    """The counts of the result types of hits and failures, and of none; None if requests were
    counted without one."""
    if not whole.totals.requests:
        return {}
    table = whole.sketches.tables.get("result_type")
    return None if table is None else table.vectors(HITS | FAILURES | {ABSENT})


def _crawler_requests(whole: HourlyAggregate) -> int | None:
    if not whole.totals.requests:
        return 0
    table = whole.sketches.tables.get("crawler")
    if table is None:
        return None
    return whole.totals.requests - table.vectors({ABSENT}).get(ABSENT, ZERO).requests


def _longest(whole: HourlyAggregate) -> float | None:
    times = whole.sketches.latency.get("time_taken")
    return round(times.max_us / 1000, 3) if times and times.requests else None


def _percentile(histogram: str, percent: int) -> Metric:
    def of(whole: HourlyAggregate) -> float | None:
        times = whole.sketches.latency.get(histogram)
        return round(times.percentile_us(percent) / 1000, 3) if times and times.requests else None

    return Metric(
        f"{histogram}_p{percent}_ms",
        "milliseconds",
        f"{percent} of 100 requests had a {histogram.replace('_', ' ')} of at most this",
        of,
        wanted=frozenset({histogram}),
    )


def _unique_visitors(whole: HourlyAggregate) -> int | None:
    if not whole.totals.requests:
        return 0
    return None if whole.sketches.visitors is None else whole.sketches.visitors.estimate()


def _unique_paths(whole: HourlyAggregate) -> int | None:
    if not whole.totals.requests:
        return 0
    return None if whole.sketches.paths is None else whole.sketches.paths.estimate()


def _counted(name: str, unit: str, text: str, field: str) -> Metric:
    """A measure of `Vector`, and the field of a log that it is made of."""

    def count(whole: HourlyAggregate) -> int:
        measure: int = getattr(whole.totals.counts, name)
        return measure

    return Metric(name, unit, text, count, (field,))


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("requests", "requests", "requests", lambda whole: whole.totals.requests),
        _counted("bytes", "bytes", "bytes sent to viewers, headers included", BYTES_SENT),
        _counted(
            "hits",
            "requests",
            "requests answered from an edge cache (Hit, RefreshHit)",
            RESULT_TYPE,
        ),
        _counted("misses", "requests", "requests with the result type Miss", RESULT_TYPE),
        _counted("errors_4xx", "requests", "requests with a status of 400 to 499", STATUS),
        _counted("errors_5xx", "requests", "requests with a status of 500 to 599", STATUS),
        Metric(
            "hit_ratio",
            "ratio",
            "hits among all requests whose logs have the result type; null when there are none",
            _hit_ratio,
            (RESULT_TYPE,),
        ),
        Metric(
            "mean_time_ms",
            "milliseconds",
            "mean of time-taken over the requests that have one; null where none has",
            lambda whole: mean_time_ms(whole.totals.counts),
        ),
        Metric(
            "bytes_received",
            "bytes",
            "bytes received from viewers, headers included",
            lambda whole: whole.totals.bytes_received,
            (BYTES_RECEIVED,),
        ),
        Metric(
            "cacheable_hit_ratio",
            "ratio",
            "hits among the requests with GET, HEAD or OPTIONS that did not end in an error; null "
            "when there are none",
            lambda whole: _ratio(whole.totals.cacheable_hits, whole.totals.cacheable),
            (METHOD, RESULT_TYPE, STATUS),
        ),
        Metric(
            "byte_hit_ratio",
            "ratio",
            "bytes that hits sent among all bytes sent; null when none were sent",
            byte_hit_ratio,
            (BYTES_SENT, RESULT_TYPE),
            frozenset({"result_type"}),
        ),
        Metric(
            "result_errors",
            "requests",
            "requests with the result type Error, LimitExceeded or CapacityExceeded",
            _errors,
            (RESULT_TYPE,),
            frozenset({"result_type"}),
        ),
        Metric(
            "result_others",
            "requests",
            "requests that are no hits, no misses and no result_errors, such as redirects",
            _others,
            (RESULT_TYPE,),
            frozenset({"result_type"}),
        ),
        Metric(
            "crawler_requests",
            "requests",
            "requests of known crawlers",
            _crawler_requests,
            (USER_AGENT,),
            frozenset({"crawler"}),
        ),
        Metric(
            "rejected_lines",
            "lines",
            "log lines that were not counted",
            lambda whole: whole.totals.rejected_lines,
        ),
        Metric(
            "unique_visitors",
            "visitors",
            "about how many different client IPs with their user agents; null where not logged",
            _unique_visitors,
            wanted=frozenset({"visitors"}),
        ),
        Metric(
            "unique_paths",
            "paths",
            "about how many different paths",
            _unique_paths,
            (PATH,),
            frozenset({"paths"}),
        ),
        *(
            _percentile(histogram, percent)
            for histogram in ("time_taken", "time_to_first_byte")
            for percent in (50, 95, 99)
        ),
        Metric(
            "time_taken_max_ms",
            "milliseconds",
            "the longest time taken",
            _longest,
            wanted=frozenset({"time_taken"}),
        ),
    )
}
"""Every metric by its name."""

DEFAULT_METRICS = "requests bytes hits misses errors_4xx errors_5xx hit_ratio mean_time_ms".split()
"""The metrics of a time series that asks for none. They need the totals alone."""

RANKED: dict[str, Callable[[Vector], Number]] = {
    "requests": lambda counted: counted.requests,
    "bytes": lambda counted: counted.bytes,
    "misses": lambda counted: counted.misses,
    "errors": lambda counted: counted.errors_4xx + counted.errors_5xx,
    "errors_4xx": lambda counted: counted.errors_4xx,
    "errors_5xx": lambda counted: counted.errors_5xx,
    "mean_time_ms": _ranked_by(mean_time_ms),
    "hit_ratio": _ranked_by(hit_ratio),
}
"""The measures by which the values of a dimension can be ranked."""
