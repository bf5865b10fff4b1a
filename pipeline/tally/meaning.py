"""The meaning of logged values: what makes a request a hit, an error, cacheable, or a session."""

from pipeline.hour.vector import FAILURES, HITS, MISSES
from pipeline.schema.dimensions import DIMENSIONS
from pipeline.tally.memo import Memo

CLEAN = {dimension.name: Memo(dimension.clean) for dimension in DIMENSIONS.values()}
"""The counted value of each logged one, by dimension."""

CACHEABLE = frozenset({"GET", "HEAD", "OPTIONS"})
"""The methods of requests that a cache may answer."""

UPGRADES = frozenset({"ws", "wss"})
"""The protocols of a WebSocket session."""

RESULTS = HITS | MISSES | FAILURES
"""The result types that mean something."""


def is_4xx(status: str) -> bool:
    """Whether a counted status is a viewer's error."""
    return status.startswith("4")


def is_5xx(status: str) -> bool:
    """Whether a counted status is a server's error."""
    return status.startswith("5")


def is_switched(status: str) -> bool:
    """Whether a counted status says that the request became a session."""
    return status == "101"
