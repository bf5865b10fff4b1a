"""The window that the options of a command name."""

import re
from datetime import UTC, datetime, tzinfo
from typing import Annotated, NamedTuple

import typer

from pipeline.answer.calendar import (
    COMPARISONS,
    NAMED_WINDOWS,
    Compare,
    Exact,
    Hours,
    OffTheClock,
    UnknownZone,
    compared,
    first_slot,
    label,
    last_slot,
    named_window,
    zone_named,
)
from pipeline.api.values import LATEST, epoch_seconds
from pipeline.errors import SettingError
from pipeline.hour.five_minutes import SLOTS_PER_HOUR
from pipeline.hours import Window

_EXAMPLES = "2026-11-23, 2026-11-23T11:00, 2026-11-23T11:00:00Z, or epoch seconds"

_YEAR = re.compile(r"[0-9]{4}")

FromOption = Annotated[
    str | None,
    typer.Option("--from", help=f"First moment: {_EXAMPLES}.", show_default=False),
]
ToOption = Annotated[
    str | None,
    typer.Option("--to", help="End, exclusive, in the same forms.", show_default=False),
]
WindowOption = Annotated[
    str | None,
    typer.Option(
        "--window",
        help=f"By its name: {', '.join(NAMED_WINDOWS)}.",
        autocompletion=lambda: list(NAMED_WINDOWS),
        show_default=False,
    ),
]
HoursOption = Annotated[
    int | None,
    typer.Option(
        help="The current UTC hour and the hours before it.",
        show_default=False,
        max=24 * 366 * 100,
    ),
]
TzOption = Annotated[
    str, typer.Option("--tz", help="IANA time zone of days and of times without an offset.")
]
CompareOption = Annotated[
    str | None,
    typer.Option(
        "--compare",
        help="With the window before (previous), or the same dates a year before (year).",
        autocompletion=lambda: list(COMPARISONS),
        show_default=False,
    ),
]


class Bounds(NamedTuple):
    """The slots of five minutes, since the epoch, at which a window begins and ends; None where it
    has no bound."""

    start: int | None
    end: int | None

    @property
    def window(self) -> Window:
        """The full hours of UTC, by which rows are kept, in which the window lies."""
        return Window(
            None if self.start is None else self.start // SLOTS_PER_HOUR,
            None if self.end is None else -(-self.end // SLOTS_PER_HOUR),
        )


def parse_window(
    now: datetime,
    start: str | None = None,
    end: str | None = None,
    hours: int | None = None,
    name: str | None = None,
    zone: tzinfo = UTC,
) -> Window:
    """The full hours of UTC of `parse_bounds`."""
    return parse_bounds(now, start, end, hours, name, zone).window


def parse_bounds(
    now: datetime,
    start: str | None = None,
    end: str | None = None,
    hours: int | None = None,
    name: str | None = None,
    zone: tzinfo = UTC,
) -> Bounds:
    """`--from` (inclusive) and `--to` (exclusive), or `--hours`, or `--window`, or everything.

    Days, and times without an offset, are those of the zone. Rows are hours: a bound inside an
    hour is widened to take in the whole hour. Raises SettingError.
    """
    ways = {"--window": name, "--hours": hours, "--from or --to": start or end}
    given = [way for way, value in ways.items() if value is not None]
    if len(given) > 1:
        raise SettingError(given[0], f"cannot be combined with {given[1]}")
    if name is not None:
        return _named(name, now, zone)
    if hours is not None:
        if hours < 1:
            raise SettingError("--hours", f"must be at least 1, and is {hours}")
        last_hours = Window.last_hours(hours, now)
        return Bounds(
            *(each and each * SLOTS_PER_HOUR for each in (last_hours.start, last_hours.end))
        )
    first = first_slot(_moment("--from", start, zone), zone) if start is not None else None
    last = last_slot(_moment("--to", end, zone), zone) if end is not None else None
    if first is not None and last is not None and first >= last:
        raise SettingError("--to", f"{end} must be after --from {start}")
    return Bounds(first, last)


def parse_zone(tz: str) -> tzinfo:
    """The time zone of a name. Raises SettingError."""
    try:
        return zone_named(tz)
    except UnknownZone as error:
        reason = f"{tz!r} is no IANA time zone, such as Europe/London"
        raise SettingError("--tz", reason) from error


def parse_compare(text: str | None, window: Exact, zone: tzinfo) -> Compare | None:
    """The comparison of a window. Raises SettingError for another word, and for a window that has
    none before it."""
    compare = named_comparison(text)
    if compare:
        try:
            compared(window, compare, zone)
        except (ValueError, OverflowError) as error:
            raise SettingError("--compare", f"there is no window before: {error}") from error
    return compare


def named_comparison(text: str | None) -> Compare | None:
    """The comparison of a name. Raises SettingError for another word."""
    found = next((each for each in COMPARISONS if each == text), None)
    if text is not None and found is None:
        raise SettingError("--compare", f"{text!r} is none of {', '.join(COMPARISONS)}")
    return found


def check_calendar(hours: Hours, zone: tzinfo) -> None:
    """Raises SettingError for a window that begins or ends where no calendar is."""
    try:
        for hour in hours:
            label(hour, zone)
    except (ValueError, OverflowError) as error:
        raise SettingError("--from", f"there is no calendar for this window: {error}") from error


def _named(name: str, now: datetime, zone: tzinfo) -> Bounds:
    if name not in NAMED_WINDOWS:
        raise SettingError("--window", f"{name!r} is none of {', '.join(NAMED_WINDOWS)}")
    try:
        return Bounds(*named_window(name, now, zone))
    except OffTheClock as error:
        raise SettingError("--tz", f"this zone cannot be used: {error}") from error


def _moment(option: str, text: str, zone: tzinfo) -> datetime:
    """The moment of a text, in any form that the API takes too, or of a zone's clock."""
    try:
        moment = _read_moment(text, zone)
    except (ValueError, OverflowError, OSError):
        raise SettingError(option, f"{text!r} is no date or time; write {_EXAMPLES}") from None
    if not 0 <= moment.timestamp() < LATEST:
        raise SettingError(option, f"{text!r} is not from 1970 to 9998")
    return moment


def _read_moment(text: str, zone: tzinfo) -> datetime:
    """Raises ValueError, OverflowError, OSError. A year alone is no time, though it has the form
    of epoch seconds."""
    seconds = None if _YEAR.fullmatch(text) else epoch_seconds(text)
    if seconds is not None:
        return datetime.fromtimestamp(seconds, UTC)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
