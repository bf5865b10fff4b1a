"""The question for an overview, and its computation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, ClassVar, NamedTuple

import msgspec
from msgspec import UNSET
from typing_extensions import override

from pipeline.answer.bandwidth import five_minutes_of, percentile_bits_per_second
from pipeline.answer.calendar import By, Exact, Hours, hour_buckets, label
from pipeline.answer.change import Difference, difference
from pipeline.answer.delivery import final_until
from pipeline.answer.entries import UNKNOWN, lacking, table_of, top_entries
from pipeline.answer.envelope import Query
from pipeline.answer.metrics import DEFAULT_METRICS, METRICS, Number
from pipeline.answer.overview import (
    ALL_LISTS,
    BANDWIDTH,
    MOST_FINE_HOURS,
    SERIES,
    Account,
    Before,
    Filter,
    Listing,
    Overview,
    OverviewAnswer,
    Past,
    Ranking,
)
from pipeline.answer.question import Figures, Question
from pipeline.answer.ranking import Page, TopQuestion, same_values
from pipeline.answer.rows import Rows
from pipeline.answer.timeseries import aggregates_of, buckets_of, wanted_by
from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hour.sketches import TOTALS, Wanted
from pipeline.hour.vector import ZERO
from pipeline.hours import HOUR_US, from_micros, hour_of
from pipeline.schema.agents import NOT_OF_EVERYONE
from pipeline.schema.dimensions import ABSENT


class _Whole(NamedTuple):
    """The aggregate of a window, and that of the part up to the hour `through`, to compare."""

    whole: HourlyAggregate
    part: HourlyAggregate
    through: int


@dataclass(frozen=True, slots=True)
class OverviewQuestion(Question):
    """Figures, series by the hour, day, week or month, and the foremost values of dimensions."""

    by: By = "hour"
    lists: tuple[Listing, ...] = ALL_LISTS
    limit: int = 10
    min_requests: int = 1
    where: Filter | None = None

    name: ClassVar[str] = "overview"

    @override
    def echo(self) -> Query:
        return msgspec.structs.replace(
            Question.echo(self),
            by=self.by,
            limit=self.limit,
            min_requests=self.min_requests,
            lists=[":".join(listing) for listing in self.lists],
            where=":".join(self.where) if self.where else UNSET,
        )

    @override
    def compute(self, rows: Rows, now: datetime) -> Figures:
        cut = hour_buckets(self.hours, self.by, self.zone)
        wanted = self._wanted_by_series | (self._wanted if self._is_short else frozenset())
        wholes = aggregates_of(rows, cut, wanted)
        window = self._window(rows, wholes, now)
        figures = [
            (Exact.of(bucket), [self._figure(name, whole) for name in SERIES])
            for bucket, whole in zip(cut, wholes, strict=True)
        ]
        series = buckets_of(figures, SERIES, rows.complete_through(now), now, self.zone)
        pages = {listing: self._page(window.whole, listing) for listing in self._shown}
        overview = self._overview(window.whole, series, pages, now)
        bounds = {each.dimension: each.bound for each in overview.lists if each.bound}
        before = self._before(rows, window, pages) if self.compare else None
        return Figures([overview, before], bounds, lacking=lacking(window.whole.totals.lacking))

    @override
    def enveloped(self, meta: Any, figures: Figures) -> OverviewAnswer:
        overview, before = figures.data
        return OverviewAnswer(meta, overview, None, before if self.compare else UNSET)

    @property
    def _shown(self) -> list[Listing]:
        """The lists that the filter leaves: no dimension is kept together with another."""
        return [
            listing
            for listing in self.lists
            if self.where is None or listing.dimension == self.where.dimension
        ]

    @property
    def _wanted(self) -> frozenset[str]:
        """The sketches that the figures and the lists of a whole window need."""
        dimensions = frozenset(listing.dimension for listing in self._shown)
        if self.where:
            return dimensions | {self.where.dimension}
        return dimensions | wanted_by(METRICS)

    @property
    def _is_short(self) -> bool:
        """Whether the window is read once, hour by hour: few rows of days would do instead."""
        return self.by == "hour" and self.end - self.start <= MOST_FINE_HOURS

    @property
    def _wanted_by_series(self) -> frozenset[str]:
        return wanted_by(SERIES) if self.where is None else frozenset({self.where.dimension})

    @property
    def _wanted_by_series_before(self) -> Wanted:
        if self._is_short:
            return self._wanted
        return TOTALS if self.where is None else frozenset({self.where.dimension})

    def _window(self, rows: Rows, series: Sequence[HourlyAggregate], now: datetime) -> _Whole:
        """The whole window, of which the series is known."""
        through = max(self.start, min(self.end, hour_of(now), _newest(series) // HOUR_US + 1))
        part = self._merged(rows, Hours(self.start, through), series[: through - self.start])
        if through == self.end:
            return _Whole(part, part, through)
        rest = self._merged(rows, Hours(through, self.end), series[through - self.start :])
        return _Whole(rows.joined((part, rest)), part, through)

    def _merged(
        self, rows: Rows, hours: Hours, series: Sequence[HourlyAggregate]
    ) -> HourlyAggregate:
        """Some hours as one aggregate. The series of a short window has all that is in it; a longer
        window is read again, from rows of days."""
        return rows.joined(series) if self._is_short else rows.merged(hours.window, self._wanted)

    def _overview(
        self,
        whole: HourlyAggregate,
        series: list[Any],
        pages: Mapping[Listing, Page],
        now: datetime,
    ) -> Overview:
        totals = whole.totals
        begun = Hours(self.start, max(self.start, min(self.end, hour_of(now) + 1)))
        is_fine = self.where is None and self.end - self.start <= MOST_FINE_HOURS
        return Overview(
            figures=self._figures(whole, self.hours),
            series=series,
            five_minutes=(five_minutes_of(totals, begun, self.zone) if is_fine else None),
            lists=[self._ranking(whole, listing, page) for listing, page in pages.items()],
            account=Account(
                totals.objects_since(self.start),
                totals.requests,
                dict(sorted(totals.rejected.items())),
            ),
            first=_moment(totals.first_us, self.zone),
            newest=_moment(totals.last_us, self.zone),
            final_until=label(max(self.start, min(self.end, final_until(now))), self.zone),
        )

    def _figures(self, whole: HourlyAggregate, hours: Hours) -> dict[str, Number | None]:
        figures = {name: self._figure(name, whole) for name in METRICS}
        rate = None
        if self.where is None:
            rate = percentile_bits_per_second(whole.totals, hours)
        return {**figures, BANDWIDTH: rate}

    def _figure(self, name: str, whole: HourlyAggregate) -> Number | None:
        """A metric of the requests that the filter leaves; None if they are not kept together."""
        if self.where is None:
            return METRICS[name].of(whole)
        if name not in DEFAULT_METRICS:
            return None
        value = ABSENT if self.where.value == UNKNOWN else self.where.value
        counts = table_of(whole, self.where.dimension).entries.get(value, ZERO)
        (entry,) = top_entries([(value, counts)], whole.totals, self.where.dimension)
        figure: Number | None = getattr(entry, name)
        return figure

    def _top(self, listing: Listing) -> TopQuestion:
        floor = self.min_requests if listing.metric == "mean_time_ms" else 1
        return TopQuestion(
            self.start,
            self.end,
            self.tz,
            self.sites,
            dimension=listing.dimension,
            metric=listing.metric,
            limit=self.limit,
            min_requests=floor,
        )

    def _page(self, whole: HourlyAggregate, listing: Listing) -> Page:
        return self._top(listing).page(whole, "")

    def _ranking(self, whole: HourlyAggregate, listing: Listing, page: Page) -> Ranking:
        entries = self._top(listing).entries(page, whole)
        if entries is None:
            return Ranking(*listing, 0, 0, [])
        table = table_of(whole, listing.dimension)
        unlisted = listing.dimension in NOT_OF_EVERYONE and ABSENT in table.values
        return Ranking(*listing, len(table) - unlisted, table.bound, entries)

    def _before(self, rows: Rows, window: _Whole, pages: Mapping[Listing, Page]) -> Before | None:
        """The other window, as far as the asked one is over; None if no hour of it is."""
        if self.compare is None or window.through == self.start:
            return None
        whole = self.windows[1]
        end = whole.end
        if window.through < self.end:
            end = min(end, whole.start + window.through - self.start)
        hours = Hours(whole.start, end)
        cut = hour_buckets(hours, self.by, self.zone)
        series = aggregates_of(rows, cut, self._wanted_by_series_before)
        before = self._merged(rows, hours, series)
        figures, now = self._figures(before, hours), self._figures(window.part, self.hours)
        return Before(
            from_=label(hours.start, self.zone),
            to=label(hours.end, self.zone),
            through=label(window.through, self.zone),
            figures=figures,
            change=_differences(now, figures),
            series=[int(self._figure("requests", each) or 0) for each in series],
            lists=[
                _pasts(page, window.part, before, listing.dimension)
                for listing, page in pages.items()
            ],
        )


def _pasts(
    page: Page, part: HourlyAggregate, before: HourlyAggregate, dimension: str
) -> list[Past]:
    now, then = (same_values(page, whole, dimension) for whole in (part, before))
    if now is None or then is None:
        return [Past(None, None) for _ in page.counted]
    return [
        Past(was.requests, difference(entry.requests, was.requests))
        for entry, was in zip(now, then, strict=True)
    ]


def _differences(
    now: Mapping[str, Number | None], before: Mapping[str, Number | None]
) -> dict[str, Difference]:
    """The change of every figure that both windows have."""
    return {
        name: difference(value, was)
        for name, value in now.items()
        if value is not None and (was := before[name]) is not None
    }


def _newest(wholes: Sequence[HourlyAggregate]) -> int:
    """The time of the latest request, in epoch microseconds; 0 if there is none."""
    return max((whole.totals.last_us or 0 for whole in wholes), default=0)


def _moment(micros: int | None, zone: tzinfo) -> str | None:
    return (
        None
        if micros is None
        else from_micros(micros)
        .astimezone(zone)
        .isoformat(timespec="seconds")
        .replace("+00:00", "Z")
    )
