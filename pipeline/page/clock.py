"""Moments as the page names them, on the clock of its time zone."""

from datetime import datetime, timedelta

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def weekday(at: datetime) -> str:
    """`Fri`."""
    return _DAYS[at.weekday()]


def month(at: datetime) -> str:
    """`Nov`."""
    return _MONTHS[at.month - 1]


def date(at: datetime) -> str:
    """`20 Nov`."""
    return f"{at.day} {_MONTHS[at.month - 1]}"


def day(at: datetime) -> str:
    """`Fri 20 Nov`."""
    return f"{weekday(at)} {date(at)}"


def hour(at: datetime) -> str:
    """`09:00`."""
    return f"{at:%H:%M}"


def moment(at: datetime) -> str:
    """`Fri 20 Nov 09:00`."""
    return f"{day(at)} {hour(at)}"


def full(at: datetime) -> str:
    """`Fri 20 Nov 2026 09:00`."""
    return f"{day(at)} {at.year} {hour(at)}"


def second(at: datetime) -> str:
    """`Fri 20 Nov 2026 09:00:59`."""
    return f"{day(at)} {at.year} {at:%H:%M:%S}"


def bucket(start: datetime, end: datetime, has_year: bool = False) -> str:
    """The name of a bucket: an hour by its beginning, a longer one by its days; with their years
    where the days of a chart are of several."""
    year = f" {start.year}" if has_year else ""
    if end - start <= timedelta(hours=1):
        return f"{day(start)}{year} {hour(start)}"
    if end - start <= timedelta(hours=25):
        return f"{day(start)}{year}"
    last = end - timedelta(seconds=1)
    of_last = f" {last.year}" if has_year else ""
    between = year if start.year != last.year else ""
    return f"{date(start)}{between} – {date(last)}{of_last}"


def length(hours: int) -> str:
    """`24 hours`, `7 days`."""
    if hours % 24 or hours <= 48:
        return f"{hours} hour{'s' if hours != 1 else ''}"
    return f"{hours // 24} days"
