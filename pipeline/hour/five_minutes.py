"""Sums of five minutes: what a chart of bytes per second is drawn from."""

from collections.abc import Iterable, Mapping
from itertools import accumulate, chain
from operator import add
from typing import NamedTuple, TypeAlias

SLOTS_PER_HOUR = 12
SLOT_SECONDS = 300

_Sums: TypeAlias = tuple[int, ...]
_NONE: _Sums = (0,) * SLOTS_PER_HOUR


class Slots(NamedTuple):
    """The twelve sums of one hour, first minute first.

    A request and its error are in the five minutes in which it ended. Its bytes are spread over
    its time, up to a day back.
    """

    requests: _Sums = _NONE
    bytes: _Sums = _NONE
    errors_5xx: _Sums = _NONE


_EMPTY = Slots()

Hours: TypeAlias = Mapping[int, Slots]
"""Slots by hour since the epoch."""


def merge_slots(parts: Iterable[Hours]) -> dict[int, Slots]:
    """The sums of all parts."""
    merged: dict[int, Slots] = {}
    for part in parts:
        for hour, slots in part.items():
            before = merged.get(hour)
            merged[hour] = slots if before is None else _added(before, slots)
    return merged


def running(slots: Hours, start: int, end: int, measure: str) -> list[int]:
    """The sums of a measure up to each slot of the hours `start` to `end`: 0 first, the whole last.
    What is in hours outside belongs to other windows."""
    hours = (getattr(slots.get(hour, _EMPTY), measure) for hour in range(start, end))
    return list(accumulate(chain.from_iterable(hours), initial=0))


def _added(a: Slots, b: Slots) -> Slots:
    return Slots(*(tuple(map(add, left, right)) for left, right in zip(a, b, strict=True)))
