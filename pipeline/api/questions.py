"""The values of a route's parameters → the question they ask, with every default filled in."""

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any

from pipeline.answer.calendar import (
    Exact,
    Hours,
    OffTheClock,
    buckets,
    compared,
    first_slot,
    last_slot,
    named_window,
    zone_named,
)
from pipeline.answer.overview import ALL_LISTS, SERIES
from pipeline.answer.overviewing import OverviewQuestion
from pipeline.answer.ranking import TopQuestion
from pipeline.answer.summarizing import SummaryQuestion
from pipeline.answer.timeseries import TimeseriesQuestion
from pipeline.api.parameters import MOST_DAYS
from pipeline.api.problems import Problem, refused
from pipeline.api.values import LATEST, first_moment
from pipeline.hour.five_minutes import SLOTS_PER_HOUR
from pipeline.hours import HOURS_PER_DAY, hour_start

DEFAULT_WINDOW = "24h"
MOST_FIGURES = 100_000
"""The largest answer: buckets times metrics. The gateway takes 10 MB, a function gives 6."""

Values = Mapping[str, Any]


def summary_question(values: Values, now: datetime) -> SummaryQuestion:
    """The question for a summary. Raises Problem."""
    return SummaryQuestion(**_common(values, now))


def timeseries_question(values: Values, now: datetime) -> TimeseriesQuestion:
    """The question for a time series. Raises Problem."""
    question = TimeseriesQuestion(
        **_common(values, now), by=values["by"], metrics=values["metrics"]
    )
    windows = 2 if question.compare else 1
    _refuse_too_many(_count_buckets(question) * len(question.metrics) * windows)
    return question


def overview_question(values: Values, now: datetime) -> OverviewQuestion:
    """The question for an overview. Raises Problem."""
    question = OverviewQuestion(
        **_common(values, now),
        by=values["by"],
        lists=values["lists"] or ALL_LISTS,
        limit=values["limit"],
        min_requests=values["min_requests"],
        where=values["where"],
    )
    _refuse_too_many(_count_buckets(question) * len(SERIES))
    return question


def top_question(values: Values, now: datetime) -> TopQuestion:
    """The question for a page of a ranking; with a cursor, of the window that it holds. Raises
    Problem."""
    ranked = {name: values[name] for name in ("dimension", "metric", "limit", "min_requests")}
    if values["cursor"] is None:
        return TopQuestion(**_common(values, now), **ranked)
    ranking = TopQuestion(0, 0, values["tz"], _sites(values), values["compare"], **ranked)
    try:
        page = ranking.at(values["cursor"])
    except ValueError:
        raise refused(
            "bad-cursor",
            "cursor",
            "it must be the next_cursor of the page before, with the same dimension, metric, "
            "min_requests, tz, site and compare",
        ) from None
    _check_cursor(page.hours)
    return TopQuestion(**_common(values, now, page.hours), **ranked, after=page.after)


def _common(values: Values, now: datetime, hours: Hours | None = None) -> dict[str, Any]:
    """The parameters that every question has: of these hours, or else of the window that the
    values name."""
    zone = zone_named(values["tz"])
    values = {**values, **{name: first_moment(name, values[name], zone) for name in ("from", "to")}}
    compare = values["compare"]
    exact = None if hours is None else Exact.of(hours)
    try:
        if exact is None:
            exact = _window(values, now, zone)
        elif not _may_be(values, exact.hours, zone):
            raise refused(
                "conflicting-parameters",
                "cursor",
                "it is of another window; give the same one, or neither window, from nor to",
            )
        if compare:
            compared(exact, compare, zone)
    except OffTheClock as error:
        raise refused("off-the-clock", "tz", f"its days cannot be told: {error}") from None
    except (ValueError, OverflowError):
        raise _out_of_time() from None
    return {
        "start": exact.hours.start,
        "end": exact.hours.end,
        "tz": values["tz"],
        "sites": _sites(values),
        "compare": compare,
        "exact": None if exact.is_of_hours else exact,
    }


def _sites(values: Values) -> tuple[str, ...] | None:
    return values["site"] and tuple(sorted(values["site"]))


def _window(values: Values, now: datetime, zone: tzinfo) -> Exact:
    """The window, widened to whole hours."""
    start, end, name = values["from"], values["to"], values["window"]
    if name and (start or end):
        raise refused(
            "conflicting-parameters", "window", "give either window, or from and to, not both"
        )
    if not (start or end):
        return named_window(name or DEFAULT_WINDOW, now, zone)
    if end is None:
        end = max(start, now)
    if start is None:
        start = end - timedelta(days=1)
    if start >= end:
        raise refused("reversed-window", "to", "the window must end after it begins")
    if end - start > timedelta(days=MOST_DAYS):
        raise _too_long("from")
    return Exact(first_slot(start, zone), last_slot(end, zone))


def _check_cursor(hours: Hours) -> None:
    """Raises Problem for a window that could not have been asked for: a cursor may be made up."""
    # Both ends may have been widened by up to an hour.
    if not 0 < hours.end - hours.start <= MOST_DAYS * HOURS_PER_DAY + 1:
        raise _too_long("cursor")
    if hours.start < 0 or hours.end * 3600 > LATEST:
        raise _out_of_time()


def _may_be(values: Values, hours: Hours, zone: tzinfo) -> bool:
    """Whether the window that the values name, if they do, is or was these hours. Raises
    OffTheClock."""
    start, end, name = values["from"], values["to"], values["window"]
    if start and first_slot(start, zone) // SLOTS_PER_HOUR != hours.start:
        return False
    if end and -(-last_slot(end, zone) // SLOTS_PER_HOUR) != hours.end:
        return False
    # A named window ends with the current hour, or with a day or month that has just ended.
    moments = (hour_start(hours.end - 1), hour_start(hours.end))
    return not name or any(named_window(name, now, zone).hours == hours for now in moments)


def _too_long(param: str) -> Problem:
    return refused(
        "window-too-long",
        param,
        f"a window is at most {MOST_DAYS} days long",
        limit={"maximum_days": MOST_DAYS},
    )


def _out_of_time() -> Problem:
    return refused("bad-value", "from", "there is no calendar for this window")


def _refuse_too_many(figures: int) -> None:
    if figures > MOST_FIGURES:
        raise refused(
            "too-many-figures",
            "by",
            f"{figures:,} figures are too many; ask for larger buckets, fewer metrics or a shorter "
            "window",
            limit={"maximum": MOST_FIGURES},
        )


def _count_buckets(question: TimeseriesQuestion | OverviewQuestion) -> int:
    try:
        return len(buckets(question.exact_windows[0], question.by, question.zone))
    except OffTheClock as error:
        raise refused("off-the-clock", "tz", f"its days cannot be told: {error}") from None
