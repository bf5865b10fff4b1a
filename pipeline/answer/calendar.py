"""Windows and buckets as people name them: days and months of a time zone, in whole UTC hours."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.hours import HOURS_PER_DAY, Window, hour_of, hour_start

By = Literal["hour", "day", "week", "month"]
Compare = Literal["previous", "year"]
"""The window to compare with: the one before, or the same dates of the year before."""
BUCKETS: tuple[By, ...] = get_args(By)
COMPARISONS: tuple[Compare, ...] = get_args(Compare)

_DAYS = {"24h": 1, "7d": 7, "30d": 30, "90d": 90}
NAMED_WINDOWS = (*_DAYS, "today", "yesterday", "this_month", "last_month")
"""The windows that have a name. A window of days is so many times 24 hours, the current hour
included. `today` and `this_month` end with the current hour too."""


class Hours(NamedTuple):
    """Hours since the epoch, `start` inclusive, `end` exclusive."""

    start: int
    end: int

    @property
    def window(self) -> Window:
        """The hours as a window."""
        return Window(*self)


class UnknownZone(ValueError):
    """A name that is no IANA time zone."""


class OffTheHour(ValueError):
    """A time zone whose days do not begin at a full UTC hour, by which rows are kept.

    `offset` is what it is off UTC then.
    """

    def __init__(self, offset: timedelta) -> None:
        super().__init__(f"it is {_signed(offset)} off UTC, and rows are kept by full UTC hours")
        self.offset = offset


@lru_cache(maxsize=64)
def zone_named(name: str) -> tzinfo:
    """The IANA time zone of a name. Raises UnknownZone."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZone(name) from error


def named_window(name: str, now: datetime, zone: tzinfo) -> Hours:
    """The window of a name in `NAMED_WINDOWS`. Raises OffTheHour."""
    if name in _DAYS:
        return Hours(hour_of(now) + 1 - _DAYS[name] * HOURS_PER_DAY, hour_of(now) + 1)
    today = now.astimezone(zone).date()
    this_month = today.replace(day=1)
    if name == "today":
        return Hours(day_start(today, zone), hour_of(now) + 1)
    if name == "yesterday":
        return Hours(day_start(today - timedelta(1), zone), day_start(today, zone))
    if name == "this_month":
        return Hours(day_start(this_month, zone), hour_of(now) + 1)
    return Hours(day_start(_months_on(this_month, -1), zone), day_start(this_month, zone))


def buckets(hours: Hours, by: By, zone: tzinfo) -> list[Hours]:
    """The hours in buckets that begin at a full hour, midnight, Monday or first of a month.

    The first and the last may be parts of one. Raises OffTheHour.
    """
    if by == "hour":
        return [Hours(hour, hour + 1) for hour in range(*hours)]
    cuts = [hours.start]
    first = _local(hours.start, zone).date()
    while cuts[-1] < hours.end:
        first = _next(first, by)
        cuts.append(day_start(first, zone))
    cuts[-1] = hours.end
    return [Hours(*pair) for pair in pairwise(cuts)]


def compared(hours: Hours, compare: Compare, zone: tzinfo) -> Hours:
    """The hours to compare these with. Raises ValueError before the year 1."""
    if compare == "year":
        return Hours(_year_before(hours.start, zone), _year_before(hours.end, zone))
    return hours_before(hours, zone)


def _year_before(hour: int, zone: tzinfo) -> int:
    """The hour at which the zone's clock showed the same a year earlier; of 29 February, the one
    of 28 February."""
    clock = _local(hour, zone)
    day = date(
        clock.year - 1, clock.month, min(clock.day, monthrange(clock.year - 1, clock.month)[1])
    )
    moment = datetime(day.year, day.month, day.day, clock.hour, clock.minute, tzinfo=zone)
    return hour_of(moment)


def hours_before(hours: Hours, zone: tzinfo) -> Hours:
    """The hours before these: as many months if these are whole months, as many days if they are
    whole days, of a day that is not over the same hours of the day before, else as many hours."""
    start, end = hours
    first, last = _midnight(start, zone), _midnight(end, zone)
    if first and _local(end - 1, zone).date() == first and last is None:
        yesterday = day_start(first - timedelta(1), zone)
        return Hours(yesterday, yesterday + end - start)
    if first is None or last is None:
        return Hours(2 * start - end, start)
    if first.day == last.day == 1:
        months = 12 * (last.year - first.year) + last.month - first.month
        return Hours(day_start(_months_on(first, -months), zone), start)
    return Hours(day_start(first - (last - first), zone), start)


def day_start(day: date, zone: tzinfo) -> int:
    """The hour since the epoch in which a day begins. Raises OffTheHour."""
    moment = datetime(day.year, day.month, day.day, tzinfo=zone)
    if moment.timestamp() % 3600:
        raise OffTheHour(moment.utcoffset() or timedelta())
    return hour_of(moment)


def label(hour: int, zone: tzinfo) -> str:
    """The first moment of an hour in RFC 3339, on the zone's clock."""
    return _local(hour, zone).isoformat().replace("+00:00", "Z")


def _local(hour: int, zone: tzinfo) -> datetime:
    return hour_start(hour).astimezone(zone)


def _midnight(hour: int, zone: tzinfo) -> date | None:
    """The day that begins at the start of an hour; None if none does."""
    here = _local(hour, zone)
    return None if here.minute or day_start(here.date(), zone) != hour else here.date()


def _next(day: date, by: By) -> date:
    if by == "day":
        return day + timedelta(1)
    if by == "week":
        return day + timedelta(7 - day.weekday())
    return _months_on(day.replace(day=1), 1)


def _months_on(first: date, months: int) -> date:
    count = 12 * first.year + first.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def _signed(offset: timedelta) -> str:
    return timezone(offset).tzname(None).removeprefix("UTC") or "+00:00"
