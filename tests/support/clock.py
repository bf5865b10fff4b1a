"""Clocks that stand still until they are told to move."""

from datetime import UTC, datetime, timedelta

from pipeline.deadline import Deadline


class FakeClock:
    """Calling it gives the present moment, which only `pass_time` changes."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The present moment."""
        return self.now

    def pass_time(self, **amount: float) -> None:
        """Move on by a timedelta's arguments."""
        self.now += timedelta(**amount)


class Sleeper:
    """A clock in seconds that only sleeping moves on; `slept` has every sleep."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def deadline(self, seconds: float) -> Deadline:
        """The deadline so many seconds from now."""
        return Deadline(self.now + seconds, lambda: self.now, self.slept.append)

    @property
    def now(self) -> float:
        """The seconds that have passed."""
        return sum(self.slept)


def reading_ends_after(looks: int) -> Deadline:
    """A deadline by which objects are read no further after so many looks at the clock, and that
    leaves time to commit what was read."""
    times = iter([0.0] * (looks + 2))
    return Deadline(100.0, lambda: next(times, 80.0))
