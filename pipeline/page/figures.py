"""The eight figures: each with its change and a small line."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pipeline.answer.metrics import Number
from pipeline.answer.overview import Before
from pipeline.hour.hyperloglog import RELATIVE_ERROR
from pipeline.page import paths, words
from pipeline.page.series import Series, buckets_of
from pipeline.page.words import Change, Figure

_POINTS = 56
_HEIGHT = 34.0
_TOP, _BOTTOM = 3.0, 30.0
_WORSE_HITS, _WORSE_ERRORS, _WORSE_TIME = -0.01, 0.25, 0.10
"""From when a change is for the worse: points of the hit ratio, growth of errors and of times."""

Value = Number | None
Of = Callable[[dict[str, Value]], Value]


class Shown(NamedTuple):
    """A figure: its name, its value, a remark behind it, its change, and its line."""

    name: str
    figure: Figure
    remark: str
    change: Change | None
    line: str
    area: str
    width: int


class Kind(NamedTuple):
    """A figure of any window: how it is computed and told; `columns` make its line."""

    name: str
    of: Of
    tell: Callable[[Value], Figure]
    is_ratio: bool = False
    is_amount: bool = False
    digits: int = 1
    remark: str = ""
    worsens: Callable[[float, float], bool] = lambda now, before: False


def _metric(name: str) -> Of:
    return lambda figures: figures.get(name)


def _ratio(part: str, whole: str = "requests") -> Of:
    def of(figures: dict[str, Value]) -> Value:
        value, total = figures.get(part), figures.get(whole)
        return None if value is None or not total else value / total

    return of


def _more_errors(now: float, before: float) -> bool:
    return now > 0 and now >= before * (1 + _WORSE_ERRORS)


def _slower(now: float, before: float) -> bool:
    return now >= before * (1 + _WORSE_TIME)


def _fewer_hits(now: float, before: float) -> bool:
    return now - before <= _WORSE_HITS


def _kinds(is_filtered: bool) -> list[Kind]:
    hits = (
        Kind("Hit ratio", _metric("hit_ratio"), words.percent, True, worsens=_fewer_hits)
        if is_filtered
        else Kind(
            "Hit ratio of cacheable",
            _metric("cacheable_hit_ratio"),
            words.percent,
            True,
            worsens=_fewer_hits,
        )
    )
    times = (
        Kind("Time taken, mean", _metric("mean_time_ms"), words.time, worsens=_slower)
        if is_filtered
        else Kind("Time taken, p95", _metric("time_taken_p95_ms"), words.time, worsens=_slower)
    )
    return [
        Kind("Requests", _metric("requests"), words.count, is_amount=True),
        Kind("Bytes sent", _metric("bytes"), words.size, is_amount=True),
        hits,
        Kind("4xx share", _ratio("errors_4xx"), _share, True, digits=2, worsens=_more_errors),
        Kind("5xx share", _ratio("errors_5xx"), _share, True, digits=2, worsens=_more_errors),
        times,
        Kind(
            "Visitors",
            _metric("unique_visitors"),
            words.count,
            is_amount=True,
            remark=f"±{100 * RELATIVE_ERROR:.1f}{words.NBSP}%",
        ),
        Kind("Crawlers’ share", _ratio("crawler_requests"), words.percent, True),
    ]


def _share(ratio: Value) -> Figure:
    return words.percent(ratio, 2)


def shown_of(series: Series) -> list[Shown]:
    """The figures of the window."""
    is_filtered = series.overview.figures["rejected_lines"] is None
    return [_shown(series, kind) for kind in _kinds(is_filtered)]


def _shown(series: Series, kind: Kind) -> Shown:
    value = kind.of(series.overview.figures)
    line, area, width = _spark(_settled(series, kind), kind.is_amount)
    return Shown(
        kind.name,
        kind.tell(value),
        kind.remark if value else "",
        _change(series.before, kind),
        line,
        area,
        width,
    )


def _change(before: Before | None, kind: Kind) -> Change | None:
    if before is None:
        return None
    was = kind.of(before.figures)
    now = kind.of(_compared_now(before))
    if now is None or was is None:
        return None
    difference = words.points if kind.is_ratio else words.growth
    worse = bool(before.figures["requests"]) and kind.worsens(now, was)
    return Change(difference(now, was, kind.digits), str(kind.tell(was)), worse)


def _compared_now(before: Before) -> dict[str, Value]:
    """The figures of the part of this window that is compared."""
    return {
        name: (before.figures[name] or 0) + change.absolute
        for name, change in before.change.items()
    }


def _settled(series: Series, kind: Kind) -> list[Value]:
    """The figure by bucket, without buckets that are not over or have no request."""
    buckets = [bucket for bucket in buckets_of(series.overview) if bucket.complete]
    names = ("requests", "bytes", "hit_ratio", "cacheable_hit_ratio", "errors_4xx", "errors_5xx")
    more = ("mean_time_ms", "time_taken_p95_ms", "unique_visitors", "crawler_requests")
    values = [
        kind.of({name: getattr(bucket, name) for name in (*names, *more)}) for bucket in buckets
    ]
    if kind.is_amount:
        return values
    return [
        value if bucket.requests else None for value, bucket in zip(values, buckets, strict=True)
    ]


def _spark(values: Sequence[Value], is_amount: bool) -> tuple[str, str, int]:
    groups = [_mean(group) for group in paths.grouped(values, _POINTS)]
    known = [value for value in groups if value is not None]
    if len(known) < 2:
        return "", "", 1
    low = 0.0 if is_amount else min(known)
    high = max(known)
    if high == low:
        low, high = (0.0, high or 1) if is_amount else (low - 1, high + 1)
    ys = [
        None if value is None else _TOP + (_BOTTOM - _TOP) * (1 - (value - low) / (high - low))
        for value in groups
    ]
    line = paths.line(ys, start=0)
    area = paths.filled(line, len(groups) - 1, _HEIGHT) if is_amount else ""
    return line, area, max(1, len(groups) - 1)


def _mean(values: Sequence[Value]) -> Value:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
