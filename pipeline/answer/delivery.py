"""How far delivery has come: which hours are complete, and which are final."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Annotated, TypeAlias

import msgspec

from pipeline.answer.shape import Moment
from pipeline.hours import CLOCK_SKEW, HOUR_US, hour_of

FINAL_AFTER_HOURS = int(CLOCK_SKEW.total_seconds()) // 3600

COMPLETE = (
    "delivery has gone past the end: every site that is asked for has a later request, or it is "
    "final; lines may still be late"
)
FINAL = f"it ended {FINAL_AFTER_HOURS} hours ago, after which no line is expected to be late"
COMPLETE_THROUGH = (
    "the end of the last complete hour, over several sites that of the site which is furthest "
    "behind; null if no hour of the window is complete"
)

Complete: TypeAlias = Annotated[bool, msgspec.Meta(description=f"Whether {COMPLETE}.")]
Final: TypeAlias = Annotated[bool, msgspec.Meta(description=f"Whether {FINAL}.")]
CompleteThrough: TypeAlias = Annotated[
    Moment | None, msgspec.Meta(description=COMPLETE_THROUGH.capitalize() + ".")
]


def final_until(now: datetime) -> int:
    """The hour (since the epoch) before which all hours are final."""
    return hour_of(now - CLOCK_SKEW)


def is_final(end: int, now: datetime) -> bool:
    """Whether hours up to `end` (since the epoch, exclusive) are final."""
    return end <= final_until(now)


def complete_through(newest_us: Mapping[str, int], sites: Collection[str], now: datetime) -> int:
    """The hour (since the epoch) up to which the hours of all sites are complete. `newest_us` has
    the moment of the latest request by site, in epoch microseconds."""
    newest = min((newest_us.get(site, 0) for site in sites), default=0)
    return max(final_until(now), min(newest // HOUR_US, hour_of(now)))
