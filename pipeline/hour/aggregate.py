"""One hour (or day) of one site: totals and sketches, and their merge.

This module needs no numpy, so that an answer from totals alone imports none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from pipeline.hour.sketches import NO_SKETCHES, Sketches
from pipeline.hour.totals import Totals, merge_totals
from pipeline.schema.dimensions import DEFAULT_CAPS, Caps

_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class HourlyAggregate:
    """The totals and the sketches of a set of log lines."""

    totals: Totals = Totals()
    sketches: Sketches = NO_SKETCHES


EMPTY = HourlyAggregate()


def merge(
    aggregates: Iterable[HourlyAggregate], caps: Caps = DEFAULT_CAPS, headroom: int = 1
) -> HourlyAggregate:
    """One aggregate equivalent to counting the lines of all of them.

    Associative and commutative, with `EMPTY` as its zero. Above a table's cap the result is within
    the bound that the table states. A table keeps up to `headroom` times its cap: a result that is
    not stored may use the memory there is. Holds 64 aggregates of the iterable at a time.
    Raises OverflowError if a total leaves 64 bits.
    """
    stream = iter(aggregates)
    merged = EMPTY
    while batch := list(islice(stream, _AT_ONCE)):
        merged = _merge([merged, *batch], caps, headroom)
    return merged


def _merge(parts: list[HourlyAggregate], caps: Caps, headroom: int) -> HourlyAggregate:
    totals = merge_totals([part.totals for part in parts])
    if all(part.sketches == NO_SKETCHES for part in parts):
        return HourlyAggregate(totals)
    from pipeline.hour.merging import merge_sketches  # needs numpy, which totals do without

    sketches = [(part.totals.counts, part.sketches) for part in parts]
    return HourlyAggregate(totals, merge_sketches(sketches, caps, headroom))
