"""Sampled counts, as an estimate of all requests."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, count, pairwise

import msgspec
import numpy as np

from pipeline.arrays import Integers
from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hour.five_minutes import SLOTS_PER_HOUR, Slots
from pipeline.hour.heavy_hitters import Table
from pipeline.hour.histogram import Histogram
from pipeline.hour.totals import Totals
from pipeline.hour.vector import Vector
from pipeline.sites import COMPLETE


def scaled(aggregate: HourlyAggregate, percent: int) -> HourlyAggregate:
    """The aggregate as an estimate of all requests, each count rounded to a whole number.

    `percent` of all requests were counted. Objects, rejected lines, visitors and paths are not
    scaled: the logs do not tell how many more there were.
    """
    if percent == COMPLETE:
        return aggregate
    factor = Fraction(COMPLETE, percent)
    sketches = replace(
        aggregate.sketches,
        tables={name: _table(table, factor) for name, table in aggregate.sketches.tables.items()},
        latency={name: _times(times, factor) for name, times in aggregate.sketches.latency.items()},
    )
    return HourlyAggregate(_totals(aggregate.totals, factor), sketches)


def _totals(totals: Totals, factor: Fraction) -> Totals:
    return msgspec.structs.replace(
        totals,
        counts=_vector(totals.counts, factor),
        bytes_received=round(totals.bytes_received * factor),
        cacheable=round(totals.cacheable * factor),
        cacheable_hits=round(totals.cacheable_hits * factor),
        sessions=round(totals.sessions * factor),
        lacking={field: round(lines * factor) for field, lines in totals.lacking.items()},
        five_minutes=_slots(totals.five_minutes, factor),
    )


def _slots(hours: Mapping[int, Slots], factor: Fraction) -> dict[int, Slots]:
    """The sums scaled so that they still add up to the scaled counts."""
    measures = [
        [number for hour in sorted(hours) for number in hours[hour][measure]]
        for measure in range(len(Slots._fields))
    ]
    ends = [[round(total * factor) for total in accumulate(counts)] for counts in measures]
    scaled = [[end - start for start, end in pairwise([0, *measure])] for measure in ends]
    return {
        hour: Slots(*(tuple(measure[at : at + SLOTS_PER_HOUR]) for measure in scaled))
        for hour, at in zip(sorted(hours), count(0, SLOTS_PER_HOUR), strict=False)
    }


def _vector(counts: Vector, factor: Fraction) -> Vector:
    return Vector._make(round(count * factor) for count in counts)


def _counts(counts: Integers, factor: Fraction) -> Integers:
    """The counts scaled and rounded half to even, in whole numbers throughout."""
    scaled, rest = np.divmod(counts * factor.numerator, factor.denominator)
    half = 2 * rest - factor.denominator
    rounded: Integers = scaled + ((half > 0) | ((half == 0) & (scaled % 2 == 1)))
    return rounded


def _table(table: Table, factor: Fraction) -> Table:
    return Table(
        table.values,
        _counts(table.counts, factor),
        _vector(table.other, factor),
        -(-table.bound * factor.numerator // factor.denominator),
        None if table.kept_weights is None else _counts(table.kept_weights, factor),
    )


def _times(times: Histogram, factor: Fraction) -> Histogram:
    return Histogram(_counts(times.counts, factor), round(times.sum_us * factor), times.max_us)
