"""Windows and buckets as people name them: hours, days and months of a time zone."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.hour.five_minutes import SLOT_SECONDS, SLOTS_PER_HOUR
from pipeline.hours import HOUR_US, HOURS_PER_DAY, Window, hour_of

By = Literal["hour", "day", "week", "month"]
Compare = Literal["previous", "year"]
"""The window to compare with: the one before, or the same dates of the year before."""
BUCKETS: tuple[By, ...] = get_args(By)
COMPARISONS: tuple[Compare, ...] = get_args(Compare)

_SUITABLE: tuple[tuple[int, By], ...] = (
    (10 * 24, "hour"),
    (120 * 24, "day"),
    (1100 * 24, "week"),
)
"""The most hours that each bucket suits."""
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


class Exact(NamedTuple):
    """Five-minute slots since the epoch, `start` inclusive, `end` exclusive: the bounds of hours
    and days in every zone, also where they are none of UTC."""

    start: int
    end: int

    @classmethod
    def of(cls, hours: Hours) -> "Exact":
        """The slots of hours."""
        return cls(hours.start * SLOTS_PER_HOUR, hours.end * SLOTS_PER_HOUR)

    @property
    def hours(self) -> Hours:
        """The hours that they are in."""
        return Hours(self.start // SLOTS_PER_HOUR, -(-self.end // SLOTS_PER_HOUR))

    @property
    def is_of_hours(self) -> bool:
        """Whether they are full hours."""
        return Exact.of(self.hours) == self


class UnknownZone(ValueError):
    """A name that is no IANA time zone."""


class OffTheClock(ValueError):
    """A time zone whose days do not begin at a full five minutes, by which sums are kept. No zone
    has such an offset today.

    `offset` is what it is off UTC then.
    """

    def __init__(self, offset: timedelta) -> None:
        super().__init__(f"it is {_signed(offset)} off UTC, and sums are kept by five minutes")
        self.offset = offset


_OF_THE_MACHINE = frozenset({"localtime", "posixrules", "Factory"})
"""Files among the zones whose content differs from machine to machine, or is no zone."""


@lru_cache(maxsize=64)
def zone_named(name: str) -> tzinfo:
    """The IANA time zone of a name. Raises UnknownZone."""
    if name == "UTC":
        return UTC
    if name in _OF_THE_MACHINE:
        raise UnknownZone(name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZone(name) from error


def named_window(name: str, now: datetime, zone: tzinfo) -> Exact:
    """The window of a name in `NAMED_WINDOWS`. Raises OffTheClock."""
    end = (hour_of(now) + 1) * SLOTS_PER_HOUR
    if name in _DAYS:
        return Exact(end - _DAYS[name] * HOURS_PER_DAY * SLOTS_PER_HOUR, end)
    today = now.astimezone(zone).date()
    this_month = today.replace(day=1)
    if name == "today":
        return Exact(day_start(today, zone), end)
    if name == "yesterday":
        return Exact(day_start(today - timedelta(1), zone), day_start(today, zone))
    if name == "this_month":
        return Exact(day_start(this_month, zone), end)
    return Exact(day_start(_months_on(this_month, -1), zone), day_start(this_month, zone))


def buckets(exact: Exact, by: By, zone: tzinfo) -> list[Exact]:
    """The window in buckets that begin at a full hour, midnight, Monday or first of a month, on
    the zone's clock.

    The first and the last may be parts of one. Raises OffTheClock.
    """
    cuts = [exact.start]
    first = _local(exact.start, zone).date()
    while cuts[-1] < exact.end:
        if by == "hour":
            cuts.append(_next_hour(cuts[-1], zone))
            continue
        first = _next(first, by)
        cuts.append(day_start(first, zone))
    cuts[-1] = exact.end
    return [Exact(*pair) for pair in pairwise(cuts)]


def first_slot(moment: datetime, zone: tzinfo) -> int:
    """The slot in which a window from a moment begins: a full hour of the zone's clock as it is,
    any other moment widened to the full hour of UTC before it."""
    slot = _full_hour(moment, zone)
    return hour_of(moment) * SLOTS_PER_HOUR if slot is None else slot


def last_slot(moment: datetime, zone: tzinfo) -> int:
    """The slot at which a window to a moment ends, widened likewise."""
    slot = _full_hour(moment, zone)
    return (
        -(-int(moment.timestamp() * 1_000_000) // HOUR_US) * SLOTS_PER_HOUR
        if slot is None
        else slot
    )


def _full_hour(moment: datetime, zone: tzinfo) -> int | None:
    """The slot of a moment that is a full hour of the zone's clock; None for another."""
    clock = moment.astimezone(zone)
    is_full = (clock.minute, clock.second, clock.microsecond) == (0, 0, 0)
    return int(moment.timestamp()) // SLOT_SECONDS if is_full else None


def hour_buckets(hours: Hours, by: By, zone: tzinfo) -> list[Hours]:
    """The hours in buckets of full hours of UTC, which have every figure. In a zone that is half an
    hour off, a day begins with the first full hour in it, half an hour late. Raises OffTheClock."""
    if by == "hour":
        return [Hours(hour, hour + 1) for hour in range(*hours)]
    exact = buckets(Exact.of(hours), by, zone)
    cuts = [-(-bucket.start // SLOTS_PER_HOUR) for bucket in exact]
    bounds = sorted({*cuts, hours.start, hours.end})
    return [Hours(*pair) for pair in pairwise(bounds)]


def compared(exact: Exact, compare: Compare, zone: tzinfo) -> Exact:
    """The window to compare another with. Raises ValueError before the year 1."""
    if compare == "year":
        return Exact(_year_before(exact.start, zone), _year_before(exact.end, zone))
    return window_before(exact, zone)


def _year_before(slot: int, zone: tzinfo) -> int:
    """The slot at which the zone's clock showed the same a year earlier; of 29 February, the one
    of 28 February."""
    clock = _local(slot, zone)
    day = date(
        clock.year - 1, clock.month, min(clock.day, monthrange(clock.year - 1, clock.month)[1])
    )
    return _slot(datetime(day.year, day.month, day.day, clock.hour, clock.minute, tzinfo=zone))


def window_before(exact: Exact, zone: tzinfo) -> Exact:
    """The window before: as many months if it is whole months, as many days if it is whole days,
    of a day that is not over the same hours of the day before, else as many hours."""
    start, end = exact
    first, last = _midnight(start, zone), _midnight(end, zone)
    if first and _local(end - 1, zone).date() == first and last is None:
        yesterday = day_start(first - timedelta(1), zone)
        return Exact(yesterday, yesterday + end - start)
    if first is None or last is None:
        return Exact(2 * start - end, start)
    if first.day == last.day == 1:
        months = 12 * (last.year - first.year) + last.month - first.month
        return Exact(day_start(_months_on(first, -months), zone), start)
    return Exact(day_start(first - (last - first), zone), start)


def day_start(day: date, zone: tzinfo) -> int:
    """The five-minute slot since the epoch in which a day begins. Raises OffTheClock."""
    return _slot(datetime(day.year, day.month, day.day, tzinfo=zone))


def suitable(hours: int) -> By:
    """The buckets that suit so many hours: few enough to be seen apart."""
    by: By = "month"
    return next((step for most, step in _SUITABLE if hours <= most), by)


def label(hour: int, zone: tzinfo) -> str:
    """The first moment of an hour in RFC 3339, on the zone's clock."""
    return slot_label(hour * SLOTS_PER_HOUR, zone)


def slot_label(slot: int, zone: tzinfo) -> str:
    """The first moment of a slot in RFC 3339, on the zone's clock."""
    return _local(slot, zone).isoformat().replace("+00:00", "Z")


def _slot(moment: datetime) -> int:
    seconds = int(moment.timestamp())
    if seconds % SLOT_SECONDS:
        raise OffTheClock(moment.utcoffset() or timedelta())
    return seconds // SLOT_SECONDS


def _local(slot: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(slot * SLOT_SECONDS, UTC).astimezone(zone)


def _next_hour(slot: int, zone: tzinfo) -> int:
    """The slot after this one at which the zone's clock shows a full hour."""
    clock = _local(slot, zone)
    return slot + SLOTS_PER_HOUR - (60 * clock.minute + clock.second) // SLOT_SECONDS


def _midnight(slot: int, zone: tzinfo) -> date | None:
    """The day that begins with a slot; None if none does."""
    today = _local(slot, zone).date()
    return today if _slot_or_none(today, zone) == slot else None


def _slot_or_none(day: date, zone: tzinfo) -> int | None:
    try:
        return day_start(day, zone)
    except OffTheClock:
        return None


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
