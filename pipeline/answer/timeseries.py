"""The time series of a window: the metrics of each of its buckets."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from itertools import islice
from typing import Annotated, Any, ClassVar, TypeAlias

import msgspec
from typing_extensions import override

from pipeline.answer.calendar import By, Exact, Hours, buckets, slot_label
from pipeline.answer.delivery import Complete, Final, is_final
from pipeline.answer.entries import lacking
from pipeline.answer.envelope import Compared, Query
from pipeline.answer.metrics import METRICS, Metric, Number
from pipeline.answer.question import Figures, Question
from pipeline.answer.rows import Rows
from pipeline.answer.shape import Moment, Shape
from pipeline.hour.aggregate import EMPTY, HourlyAggregate
from pipeline.hour.five_minutes import SLOTS_PER_HOUR, Slots, running
from pipeline.hour.sketches import TOTALS, Wanted
from pipeline.hour.totals import Totals, total
from pipeline.hours import HOURS_PER_DAY, Span, spans
from pipeline.store.counted import RowKey

_AT_ONCE = 500
"""Buckets whose rows are read together: their aggregates wait in memory until all are read."""


BucketFigures: TypeAlias = "tuple[Exact, list[Number | None]]"


class Bucket(Shape):
    """A bucket of a time series, with the metrics that were asked for; null where a figure cannot
    be told. Buckets whose bounds are no full hours of UTC, in zones that are half an hour off, are
    made of sums of five minutes: they have requests, bytes and errors_5xx alone."""

    start: Moment
    end: Moment
    complete: Complete
    final: Final


def _figure(metric: Metric) -> Any:
    return Annotated[metric.type | None, msgspec.Meta(description=metric.text)]


@lru_cache(maxsize=64)
def bucket_with(metrics: tuple[str, ...]) -> type[Bucket]:
    """The shape of a bucket with these metrics, in this order."""
    fields = [(name, _figure(METRICS[name])) for name in metrics]
    return msgspec.defstruct("Bucket", fields, bases=(Bucket,))  # type: ignore[return-value]


def _any_figure(metric: Metric) -> tuple[str, Any, msgspec.UnsetType]:
    return metric.name, _figure(metric) | msgspec.UnsetType, msgspec.UNSET


AnyBucket = msgspec.defstruct(
    "Bucket",
    [_any_figure(metric) for metric in METRICS.values()],
    bases=(Bucket,),
    namespace={"__doc__": Bucket.__doc__},
)
"""The shape of a bucket with any of the metrics."""


class TimeseriesAnswer(Compared[list[AnyBucket]]):  # type: ignore[valid-type] # made of a table
    """Metrics in buckets, in order."""


@dataclass(frozen=True, slots=True)
class TimeseriesQuestion(Question):
    """Metrics by the hour, day, week or month."""

    by: By = "hour"
    metrics: tuple[str, ...] = ()

    name: ClassVar[str] = "timeseries"

    @override
    def echo(self) -> Query:
        return msgspec.structs.replace(Question.echo(self), by=self.by, metrics=list(self.metrics))

    @override
    def compute(self, rows: Rows, now: datetime) -> Figures:
        parts: list[Mapping[str, int]] = []
        series = [
            self._figures(rows, exact, parts if place == 0 else [])
            for place, exact in enumerate(self.exact_windows)
        ]
        through = rows.complete_through(now)
        return Figures(
            [buckets_of(each, self.metrics, through, now, self.zone) for each in series],
            lacking=lacking(total(parts)),
        )

    @override
    def bounds(self, place: int) -> tuple[str, str]:
        start, end = self.exact_windows[place]
        return slot_label(start, self.zone), slot_label(end, self.zone)

    def _figures(
        self, rows: Rows, exact: Exact, lacks: list[Mapping[str, int]]
    ) -> list[BucketFigures]:
        """The buckets of a window with the metrics of each. Appends the requests whose logs lack
        a field to `lacks`."""
        cut = buckets(exact, self.by, self.zone)
        if not all(bucket.is_of_hours for bucket in cut):
            totals = rows.merged(exact.hours.window, TOTALS).totals
            lacks.append(totals.lacking)
            return sums_of(totals, cut, self.metrics)
        remaining = iter(bucket.hours for bucket in cut)
        series: list[BucketFigures] = []
        while batch := list(islice(remaining, _AT_ONCE)):
            for bucket, whole in zip(
                batch, aggregates_of(rows, batch, wanted_by(self.metrics)), strict=True
            ):
                figures = [METRICS[name].of(whole) for name in self.metrics]
                series.append((Exact.of(bucket), figures))
                lacks.append(whole.totals.lacking)
        return series


def buckets_of(
    series: Sequence[BucketFigures],
    metrics: tuple[str, ...],
    through: int,
    now: datetime,
    zone: tzinfo,
) -> list[Bucket]:
    """Buckets with their metrics; those up to the hour `through` are complete."""
    shape = bucket_with(metrics)
    return [
        shape(
            slot_label(exact.start, zone),
            slot_label(exact.end, zone),
            exact.hours.end <= through,
            is_final(exact.hours.end, now),
            *figures,
        )
        for exact, figures in series
    ]


def sums_of(totals: Totals, cut: Sequence[Exact], metrics: Iterable[str]) -> list[BucketFigures]:
    """The metrics of buckets of any slots, from the sums of five minutes; None for others."""
    names = list(metrics)
    summed = {
        name: running(totals.five_minutes, cut[0].hours.start, cut[-1].hours.end, name)
        for name in names
        if name in Slots._fields and totals.has(*METRICS[name].fields)
    }
    first = cut[0].hours.start * SLOTS_PER_HOUR
    return [
        (
            exact,
            [
                summed[name][exact.end - first] - summed[name][exact.start - first]
                if name in summed
                else None
                for name in names
            ],
        )
        for exact in cut
    ]


def wanted_by(metrics: Iterable[str]) -> frozenset[str]:
    """The sketches that metrics are made of."""
    return frozenset().union(*(METRICS[name].wanted for name in metrics))


def aggregates_of(rows: Rows, buckets: Sequence[Hours], wanted: Wanted) -> list[HourlyAggregate]:
    """The aggregate of each bucket, with the wanted sketches."""
    starts = [bucket.start for bucket in buckets]
    aggregates = [EMPTY] * len(buckets)
    for key, aggregate in rows.read(_joined(buckets), wanted):
        place = bisect_right(starts, _first_hour(key)) - 1
        before = aggregates[place]
        aggregates[place] = aggregate if before is EMPTY else rows.joined((before, aggregate))
    return aggregates


def _first_hour(key: RowKey) -> int:
    return key.start if key.period == "hour" else key.start * HOURS_PER_DAY


def _joined(buckets: Iterable[Hours]) -> Iterator[Span]:
    """The rows that cover each bucket, in as few spans as they make."""
    last: Span | None = None
    for bucket in buckets:
        for span in spans(bucket.window):
            if span.start == span.end:
                continue
            if last and (last.period, last.end) == (span.period, span.start):
                last = Span(span.period, last.start, span.end)
                continue
            if last:
                yield last
            last = span
    if last:
        yield last
