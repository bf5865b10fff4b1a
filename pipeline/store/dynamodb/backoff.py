"""Waiting between attempts."""

import random
import time
from collections.abc import Iterator

_FIRST_WAIT, _LONGEST_WAIT = 0.02, 2.0


class Deadline:
    """The moment until which something is tried, `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def attempts(self, rounds: int = 1) -> Iterator[int]:
        """Attempts with full-jitter waits between them, until the deadline.

        https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        The first `rounds` come without waiting, for work that takes that many. There is always one.
        """
        attempt = 0
        while not attempt or time.monotonic() < self._end:
            yield attempt
            attempt += 1
            waits = attempt - rounds + 1
            if waits > 0:
                longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(waits, 10))
                wait = random.uniform(0, longest)  # noqa: S311 - spreads load, keeps no secret
                time.sleep(min(wait, max(0.0, self._end - time.monotonic())))
