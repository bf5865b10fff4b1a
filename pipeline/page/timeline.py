"""The horizontal axis of every chart: its buckets, their names, and which may still grow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from math import ceil
from typing import NamedTuple

from pipeline.answer.calendar import By
from pipeline.page import clock
from pipeline.page.paths import crossings

_LONG_HOURS = 48
_MOST_NAMES, _MOST_WITH_YEARS = 10, 6
_NAMED_HOURS = 6


class Name(NamedTuple):
    """A name below the axis, at a percentage of its width; narrow charts leave `rest` out."""

    x: float
    text: str
    rest: str = ""


@dataclass(frozen=True)
class Timeline:
    """Buckets from the first to the last; those that end behind `settled` may still grow."""

    starts: Sequence[datetime]
    ends: Sequence[datetime]
    by: By
    settled: datetime

    @property
    def width(self) -> int:
        """The number of buckets, which is the charts' width in their own units."""
        return len(self.starts)

    @property
    def is_short(self) -> bool:
        """Whether hours have names of their own."""
        return self.by == "hour" and self.width <= _LONG_HOURS

    @property
    def is_within_month(self) -> bool:
        """Whether it is no longer than a month, by which carriers bill."""
        return not self.starts or self.ends[-1] - self.starts[0] <= timedelta(days=31)

    def is_partial(self, place: int) -> bool:
        """Whether the window cuts a day, week or month there."""
        start, end = self.starts[place], self.ends[place]
        if self.by == "hour":
            return False
        if place == 0 and (start.hour or (self.by == "month" and start.day > 1)):
            return True
        if self.by == "week" and (start.weekday() or end.weekday()):
            return True
        return bool(end.hour) or (self.by == "month" and end.day > 1)

    @cached_property
    def growing(self) -> int:
        """The place of the first bucket that may still grow; the width if none may."""
        places = (place for place, end in enumerate(self.ends) if end > self.settled)
        return next(places, self.width)

    def at(self, place: float) -> float:
        """A place as a percentage of the width."""
        return round(100 * place / max(1, self.width), 2)

    def bucket(self, place: int) -> str:
        """The full name of a bucket."""
        return clock.bucket(self.starts[place], self.ends[place], self.has_years)

    @cached_property
    def has_years(self) -> bool:
        """Whether the buckets are of several years, so that a day needs its year."""
        return bool(self.starts) and self.starts[0].year != self.starts[-1].year

    def brief(self, place: int) -> str:
        """The name of a bucket beside a chart that shows its month."""
        start = self.starts[place]
        if self.by == "hour":
            return (
                clock.hour(start)
                if self.is_short
                else f"{clock.weekday(start)} {clock.hour(start)}"
            )
        name = clock.month(start) if self.by == "month" else clock.date(start)
        return f"{name} {start.year}" if self.has_years else name

    @cached_property
    def names(self) -> list[Name]:
        """The labels below the axis."""
        if self.is_short:
            return self._hours()
        if self.by == "hour":
            return self._days()
        most = _MOST_WITH_YEARS if self.has_years else _MOST_NAMES
        places = range(0, self.width, ceil(self.width / most) or 1)
        return [
            self._named(place, self.has_years and self._begins_year(place, before))
            for place, before in zip(places, (None, *places), strict=False)
        ]

    @cached_property
    def cuts(self) -> list[float]:
        """Where a day begins, and with it a short line below the axis."""
        if self.by != "hour":
            return []
        return [self.at(begin) for begin, _ in self._parts if begin]

    @cached_property
    def _parts(self) -> list[tuple[int, int]]:
        return crossings([start.date() for start in self.starts])

    def _hours(self) -> list[Name]:
        every = 3 if self.width <= 26 else 6
        return [
            Name(self.at(place + 0.5), clock.weekday(start), f" {start.day}")
            if not start.hour
            else Name(self.at(place + 0.5), clock.hour(start))
            for place, start in enumerate(self.starts)
            if start.hour % every == 0
        ]

    def _days(self) -> list[Name]:
        return [
            Name(
                self.at((begin + end) / 2),
                clock.weekday(self.starts[begin]),
                f" {self.starts[begin].day}",
            )
            for begin, end in self._parts
            if end - begin >= _NAMED_HOURS
        ]

    def _begins_year(self, place: int, before: int | None) -> bool:
        return before is None or self.starts[place].year != self.starts[before].year

    def _named(self, place: int, has_year: bool) -> Name:
        start = self.starts[place]
        text = clock.month(start) if self.by == "month" else clock.date(start)
        return Name(self.at(place + 0.5), f"{text} {start.year}" if has_year else text)
