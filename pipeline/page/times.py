"""The moments that a page names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from pipeline.answer.calendar import By
from pipeline.answer.overview import Before, OverviewAnswer
from pipeline.page import clock
from pipeline.page.series import Series, buckets_of


@dataclass(frozen=True)
class Times:
    """The moments that the page names: `counted_up_to` is "" if nothing was counted, `grows_from`
    and `running` are "" if no hour may still grow, and if none is running."""

    counted_up_to: str
    grows_from: str
    running: str
    of: str


def times_of(answer: OverviewAnswer, series: Series, zone: tzinfo) -> Times:
    """The moments of an answer, on the clock of its zone."""
    overview, name = answer.data, answer.meta.query.tz
    final = datetime.fromisoformat(overview.final_until)
    end = series.timeline.ends[-1] if series.timeline.ends else final
    now = _at(answer.meta.generated_at)
    running = [bucket for bucket in buckets_of(overview) if _at(bucket.end) > now]
    return Times(
        counted_up_to=""
        if overview.newest is None
        else f"{clock.second(_at(overview.newest))} {name}",
        grows_from=clock.moment(final) if final < end else "",
        running=_running(running, series.timeline.by),
        of=f"{clock.full(now.astimezone(zone))} {name}",
    )


def _running(buckets: Sequence[Any], unit: By) -> str:
    if not buckets:
        return ""
    start = _at(buckets[0].start)
    names = {"hour": clock.hour, "day": clock.day, "week": clock.date, "month": clock.month}
    return f"The {unit} of {names[unit](start)} is not over"


def span(start: datetime, last: datetime) -> str:
    """The days from the first to the last of a window."""
    if start.date() == last.date():
        return f"{clock.date(start)} {start.year}"
    if start.year == last.year:
        return f"{clock.date(start)} to {clock.date(last)} {last.year}"
    return f"{clock.date(start)} {start.year} to {clock.date(last)} {last.year}"


def compared_text(before: Before | None) -> str:
    """The window to compare with, and how far it is compared; "" if there is none."""
    if before is None:
        return ""
    return (
        f"{clock.full(_at(before.from_))} to {clock.full(_at(before.to))}, whole hours: this "
        f"window up to {clock.full(_at(before.through))}."
    )


def _at(moment: str) -> datetime:
    return datetime.fromisoformat(moment)
