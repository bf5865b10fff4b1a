"""Waiting between attempts."""

import random
import time
from collections.abc import Iterator

_FIRST_WAIT, _LONGEST_WAIT = 0.02, 2.0


def attempts(patience: float, rounds: int = 1) -> Iterator[int]:
    """Attempts with full-jitter waits between them, until `patience` seconds have passed.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    The first `rounds` come without waiting, for work that takes that many.
    """
    started = time.monotonic()
    attempt = 0
    while attempt < rounds or time.monotonic() - started < patience:
        yield attempt
        attempt += 1
        waits = attempt - rounds + 1
        if waits > 0:
            longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(waits, 10))
            time.sleep(random.uniform(0, longest))  # noqa: S311 - spreads load, keeps no secret
