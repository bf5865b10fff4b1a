"""Hours, days and windows: UTC, as whole numbers since the epoch."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

HOUR_US = 3_600_000_000
HOURS_PER_DAY = 24

CLOCK_SKEW = timedelta(hours=26)
"""How far ahead of its object's own time a line may be. CloudFront delivers after the fact; a day
and two hours also forgives a file stamped in the wrong time zone."""

Period = Literal["hour", "day"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def hour_of(moment: datetime) -> int:
    """The hour since the epoch that an aware moment lies in."""
    return int((moment - _EPOCH).total_seconds() // 3600)


def hour_start(hour: int) -> datetime:
    """The first moment of an hour since the epoch."""
    return datetime.fromtimestamp(hour * 3600, UTC)


def from_micros(micros: int) -> datetime:
    """The moment of epoch microseconds."""
    return datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)


@dataclass(frozen=True, slots=True)
class Window:
    """Hours since the epoch, `start` inclusive, `end` exclusive; None is unbounded."""

    start: int | None = None
    end: int | None = None

    @classmethod
    def last_hours(cls, hours: int, now: datetime) -> "Window":
        """The current UTC hour and the `hours` - 1 before it."""
        current = hour_of(now)
        return cls(current - hours + 1, current + 1)

    def overlaps(self, other: "Window") -> bool:
        """Whether they have an hour in common."""
        before = self.end is not None and other.start is not None and self.end <= other.start
        after = self.start is not None and other.end is not None and other.end <= self.start
        return not before and not after


ALWAYS = Window()


@dataclass(frozen=True, slots=True)
class Span:
    """A run of stored rows: `start` inclusive, `end` exclusive, both counted in `period`s since
    the epoch; None is unbounded."""

    period: Period
    start: int | None
    end: int | None

    def covers(self, start: int) -> bool:
        """Whether the row that starts at `start` is in the run."""
        return (self.start is None or self.start <= start) and (
            self.end is None or start < self.end
        )


def spans(window: Window) -> list[Span]:
    """The fewest rows that cover a window: whole days as day rows, the ragged ends as hours.

    No hour is covered twice, and none outside the window is covered.
    """
    start, end = window.start, window.end
    first_day = None if start is None else -(-start // HOURS_PER_DAY)
    last_day = None if end is None else end // HOURS_PER_DAY
    if first_day is not None and last_day is not None and first_day >= last_day:
        return [Span("hour", start, end)]
    parts = [Span("day", first_day, last_day)]
    if start is not None and first_day is not None and start < first_day * HOURS_PER_DAY:
        parts.insert(0, Span("hour", start, first_day * HOURS_PER_DAY))
    if end is not None and last_day is not None and last_day * HOURS_PER_DAY < end:
        parts.append(Span("hour", last_day * HOURS_PER_DAY, end))
    return parts
