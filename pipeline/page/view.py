"""An answered overview and the page's address → all that the template prints."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from pipeline import __version__
from pipeline.answer.calendar import By, zone_named
from pipeline.answer.health import Check
from pipeline.answer.overview import Before, Filter, OverviewAnswer
from pipeline.answer.traffic import Extent
from pipeline.api.parameters import MOST_DAYS
from pipeline.page import clock
from pipeline.page.account import Account, account_of
from pipeline.page.address import ALL, NO_COMPARISON, Address
from pipeline.page.charts import Chart
from pipeline.page.figures import Shown, shown_of
from pipeline.page.lines import hits_chart, time_chart
from pipeline.page.listing import Lists
from pipeline.page.names import named
from pipeline.page.nothing import Elsewhere, elsewhere_of, unmatched
from pipeline.page.panels import List
from pipeline.page.series import (
    Series,
    buckets_of,
    bytes_chart,
    errors_chart,
    requests_chart,
)
from pipeline.page.text import shortened
from pipeline.page.timeline import Timeline
from pipeline.page.times import Times, compared_text, span, times_of

_LONGEST_VALUE = 200
WINDOWS = {
    "24h": "24 h",
    "yesterday": "Yesterday",
    "7d": "7 d",
    "30d": "30 d",
    "this_month": "This month",
    "last_month": "Last month",
}
ZONES = (
    "UTC",
    "America/Los_Angeles",
    "America/New_York",
    "America/Sao_Paulo",
    "Europe/London",
    "Europe/Berlin",
    "Africa/Johannesburg",
    "Asia/Dubai",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Australia/Sydney",
)
"""The zones to choose from; the address takes any other."""


@dataclass(frozen=True)
class Source:
    """The material of a page: an answered overview, and `days`, the same by day where the charts'
    tables are by day. Without an address nothing is a link: that is a report, with a title.
    `checks` are those of the health; `refresh_seconds` is 0 if the page does not renew itself.
    `extent` is all that there is, where the window has no request."""

    answer: OverviewAnswer
    days: OverviewAnswer | None = None
    address: Address | None = None
    sites: Sequence[str] = ()
    checks: Sequence[Check] = ()
    title: str = ""
    refresh_seconds: int = 0
    has_login: bool = False
    extent: Extent | None = None

    @property
    def before(self) -> Before | None:
        """The window to compare with, if there is one."""
        return self.answer.compare if isinstance(self.answer.compare, Before) else None

    @property
    def where(self) -> Filter | None:
        """The filter of the answer, if it has one."""
        where = self.answer.meta.query.where
        return Filter(*where.split(":", 1)) if isinstance(where, str) else None


@dataclass(frozen=True)
class Choice:
    """A link that chooses a window or a comparison."""

    text: str
    href: str
    is_current: bool


@dataclass(frozen=True)
class View:
    """All that the template prints."""

    source: Source
    title: str
    heading: str
    windows: Sequence[Choice]
    comparisons: Sequence[Choice]
    zones: Sequence[str]
    dates: tuple[str, str]
    filter_text: str
    times: Times
    figures: Sequence[Shown]
    steps: str
    charts: Sequence[Chart]
    cells: Sequence[Sequence[List]]
    unlisted: str
    unmatched: str
    elsewhere: Elsewhere | None
    account: Account
    version: str = __version__

    @property
    def address(self) -> Address | None:
        """The page's address."""
        return self.source.address


CHARTS = (requests_chart, bytes_chart, time_chart, hits_chart, errors_chart)
"""The charts, in the order of the page."""


def view_of(source: Source) -> View:
    """The view of a source."""
    overview, address, zone = source.answer.data, source.address, _zone(source)
    start, end = _window(source)
    series = _series(source, zone)
    lists = Lists(overview, source.before, address, source.where, source.answer.meta.lacking)
    cells = lists.cells()
    site = source.title or (address and address.site)
    days = span(start, end - timedelta(seconds=1))
    filter_text = _filter_text(source.where)
    return View(
        source,
        " · ".join(filter(None, (site or "All sites", filter_text, days, "edgetally"))),
        ", ".join(filter(None, (f"Traffic of {site or 'all sites'}", days, filter_text))),
        _windows(address),
        _comparisons(address, start, end),
        tuple(dict.fromkeys((*ZONES, str(source.answer.meta.query.tz)))),
        (f"{start:%Y-%m-%d}", f"{end - timedelta(seconds=1):%Y-%m-%d}"),
        filter_text,
        times_of(source.answer, series, zone),
        shown_of(series),
        f"by {series.unit}, {source.answer.meta.query.tz}",
        [each(series) for each in CHARTS],
        cells,
        _unlisted(source.where),
        _unmatched(source),
        elsewhere_of(source.extent, address),
        account_of(
            overview,
            source.answer.meta,
            compared_text(source.before),
            lists.absent,
            source.where.dimension.replace("_", " ") if source.where else "",
            source.checks,
        ),
    )


def _zone(source: Source) -> tzinfo:
    return zone_named(str(source.answer.meta.query.tz))


def _window(source: Source) -> tuple[datetime, datetime]:
    query = source.answer.meta.query
    return datetime.fromisoformat(str(query.from_)), datetime.fromisoformat(str(query.to))


def _series(source: Source, zone: tzinfo) -> Series:
    overview = source.answer.data
    days = source.days or source.answer
    by: By = source.answer.meta.query.by or "hour"
    by_table: By = days.meta.query.by or "hour"
    name = ""
    if source.before:
        start, end = _window(source)
        name = _before_name(source.answer.meta.query.compare, start, end)
    return Series(
        overview,
        source.before,
        _timeline(source.answer, by),
        days.data,
        _timeline(days, by_table),
        name,
    )


def _timeline(answer: OverviewAnswer, by: By) -> Timeline:
    """The axis of a chart. In short windows only the hours behind the latest line are marked: all
    of a day may still grow."""
    buckets = buckets_of(answer.data)
    starts = [datetime.fromisoformat(bucket.start) for bucket in buckets]
    ends = [datetime.fromisoformat(bucket.end) for bucket in buckets]
    settled = answer.data.final_until
    if by == "hour" and len(buckets) <= 48:
        settled = answer.meta.complete_through or settled
    return Timeline(starts, ends, by, datetime.fromisoformat(settled))


def _windows(address: Address | None) -> list[Choice]:
    if address is None:
        return []
    return [
        Choice(text, address.in_window(name), name == address.window)
        for name, text in {**WINDOWS, ALL: f"All, at most {MOST_DAYS} d"}.items()
    ]


def _comparisons(address: Address | None, start: datetime, end: datetime) -> list[Choice]:
    if address is None:
        return []
    texts = {
        "previous": _before_name("previous", start, end).removeprefix("the ").capitalize(),
        "year": "Year before",
        NO_COMPARISON: "No comparison",
    }
    return [
        Choice(text, address.link(compare=name), name == address.compare)
        for name, text in texts.items()
    ]


def _before_name(compare: object, start: datetime, end: datetime) -> str:
    if compare == "year":
        return "the year before"
    return f"the {clock.length(round((end - start).total_seconds() / 3600))} before"


def _filter_text(where: Filter | None) -> str:
    if where is None:
        return ""
    dimension, value = where
    text = shortened(named(dimension, value), _LONGEST_VALUE)
    return f"{dimension.replace('_', ' ').capitalize()}: {text}"


def _unmatched(source: Source) -> str:
    """The reason why a filter leaves nothing; "" if it leaves something, or there is nothing."""
    overview = source.answer.data
    if source.where is None or overview.figures["requests"] or not overview.account.counted:
        return ""
    return unmatched(source.where, overview)


def _unlisted(where: Filter | None) -> str:
    """The reason why there is no list."""
    if where is None:
        return "No request was counted in this window: there is nothing to list."
    name = where.dimension.replace("_", " ")
    return f"No list is shown: the values of a list are not kept together with a {name}."
