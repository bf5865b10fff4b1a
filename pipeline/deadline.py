"""The end of the time there is, handed from the caller down to the last retry."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment `at` of `clock`, in seconds, after which nothing more is begun.

    Waiting for something until the deadline uses `sleep`. Tests replace both.
    """

    at: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """The deadline so many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """The seconds until the deadline; negative after it."""
        return self.at - self.clock()

    @property
    def is_over(self) -> bool:
        """Whether the deadline has passed."""
        return self.left <= 0

    def within(self, seconds: float) -> "Deadline":
        """This deadline, or the one so many seconds from now if that is earlier."""
        return replace(self, at=min(self.at, self.clock() + seconds))

    def wait(self, seconds: float) -> None:
        """Sleep so many seconds, at most until the deadline."""
        self.sleep(min(seconds, max(0.0, self.left)))


NEVER = Deadline(inf)
"""No limit to the time."""
