"""A clock that stands still until it is told to move."""

from datetime import UTC, datetime, timedelta


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
