"""Waiting between attempts."""

import random
from collections.abc import Iterator

from pipeline.deadline import Deadline

_FIRST_WAIT, _LONGEST_WAIT = 0.02, 2.0


def attempts(deadline: Deadline, rounds: int = 1) -> Iterator[int]:
    """Numbers of attempts, from 0, with full-jitter waits between them, until the deadline.

    There is always one attempt. The first `rounds` attempts come without a wait, for work that
    takes as many. https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    attempt = 0
    while not attempt or not deadline.is_over:
        yield attempt
        attempt += 1
        waits = attempt - rounds + 1
        if waits > 0:
            longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(waits, 10))
            deadline.wait(random.uniform(0, longest))  # noqa: S311 - spreads load, keeps no secret
