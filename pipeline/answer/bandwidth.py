"""The sums of five minutes of a window, and the rate that carriers bill by."""

from collections.abc import Sequence
from datetime import tzinfo
from itertools import chain

from pipeline.answer.calendar import Hours, label
from pipeline.answer.shape import Moment, Shape
from pipeline.hour.five_minutes import SLOT_SECONDS, SLOTS_PER_HOUR, Slots
from pipeline.hour.five_minutes import Hours as SlotsByHour
from pipeline.hour.totals import Totals
from pipeline.schema.fields import BYTES_SENT, STATUS

_NONE = Slots()
_SLOT_US = SLOT_SECONDS * 1_000_000


class FiveMinutes(Shape):
    """Sums of five minutes, one after the other from `start` on. The bytes of a longer request are
    spread over its time. Null where the logs do not have the field."""

    start: Moment
    requests: list[int]
    bytes: list[int] | None
    errors_5xx: list[int] | None


def five_minutes_of(totals: Totals, hours: Hours, zone: tzinfo) -> FiveMinutes:
    """The sums of these hours."""
    parts = [totals.five_minutes.get(hour, _NONE) for hour in range(*hours)]
    requests, sent, errors = (
        list(chain.from_iterable(getattr(part, name) for part in parts)) for name in Slots._fields
    )
    return FiveMinutes(
        label(hours.start, zone),
        requests,
        sent if totals.has(BYTES_SENT) else None,
        errors if totals.has(STATUS) else None,
    )


def percentile_bits_per_second(totals: Totals, hours: Hours, percent: int = 95) -> int | None:
    """The rate that `percent` of 100 five-minute rates did not exceed, between the first and the
    last request of these hours (nearest rank); None if no request lies in them, or no bytes were
    logged."""
    if totals.first_us is None or totals.last_us is None or not totals.has(BYTES_SENT):
        return None
    first = max(totals.first_us // _SLOT_US, hours.start * SLOTS_PER_HOUR)
    last = min(totals.last_us // _SLOT_US, hours.end * SLOTS_PER_HOUR - 1)
    sums = sorted(_bytes_in(totals.five_minutes, range(first, last + 1)))
    if not sums:
        return None
    rank = -(-percent * len(sums) // 100)
    return sums[rank - 1] * 8 // SLOT_SECONDS


def _bytes_in(slots: SlotsByHour, places: Sequence[int]) -> list[int]:
    return [
        slots.get(place // SLOTS_PER_HOUR, _NONE).bytes[place % SLOTS_PER_HOUR] for place in places
    ]
