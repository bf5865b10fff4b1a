"""The sums of five minutes of the rows of one hour."""

from collections.abc import Iterator

import numpy as np

from pipeline.arrays import Flags, Integers
from pipeline.hour.five_minutes import SLOT_SECONDS, SLOTS_PER_HOUR, Slots
from pipeline.hours import HOUR_US

_SECOND_US = 1_000_000
_SLOT_US = SLOT_SECONDS * _SECOND_US
_DAY_SECONDS = 86_400
_HOURS = 25  # the rows' own, and those into which a day reaches back


def five_minutes(
    times_us: Integers, sent: Integers, errors_5xx: Flags, taken_us: Integers
) -> dict[int, Slots]:
    """The sums by hour since the epoch. All `times_us` lie in one hour; `taken_us` may be -1.

    The bytes of a request that took longer than five minutes are spread over its time.
    """
    hour = int(times_us[0]) // HOUR_US
    first = (hour + 1 - _HOURS) * SLOTS_PER_HOUR
    slots = times_us // _SLOT_US - first
    size = _HOURS * SLOTS_PER_HOUR
    bytes_sent = np.zeros(size, np.int64)
    long = taken_us > _SLOT_US
    np.add.at(bytes_sent, slots, np.where(long, 0, sent))
    if long.any():
        for places, part in _spread(slots[long], times_us[long], taken_us[long], sent[long]):
            np.add.at(bytes_sent, places, part)
    sums = (
        np.bincount(slots, minlength=size),
        bytes_sent,
        np.bincount(slots[errors_5xx], minlength=size),
    )
    return slots_by_hour(hour, np.stack(sums))


def _spread(
    slots: Integers, times_us: Integers, taken_us: Integers, sent: Integers
) -> Iterator[tuple[Integers, Integers]]:
    """The bytes of each request in the slot of its end, in the slot before that, and so on.

    A request sends evenly. By whole seconds, so that bytes times seconds fit 64 bits.
    """
    ends = times_us // _SECOND_US
    seconds = np.minimum(taken_us // _SECOND_US, _DAY_SECONDS)
    starts = ends - seconds
    begins = ends // SLOT_SECONDS * SLOT_SECONDS
    left = sent
    while len(left):
        before = sent * np.maximum(begins - starts, 0) // seconds
        yield slots, left - before
        on = begins > starts
        slots, begins, left = slots[on] - 1, begins[on] - SLOT_SECONDS, before[on]
        starts, seconds, sent = starts[on], seconds[on], sent[on]


def slots_by_hour(hour: int, sums: Integers) -> dict[int, Slots]:
    """The hours in which there is anything, of sums up to the end of `hour`: a row for each of
    `Slots`, and a column for each five minutes."""
    hours = sums.reshape(3, _HOURS, SLOTS_PER_HOUR).transpose(1, 0, 2)
    return {
        hour + 1 - _HOURS + place: Slots(*map(tuple, hours[place].tolist()))
        for place in np.flatnonzero(hours.any(axis=(1, 2))).tolist()
    }
