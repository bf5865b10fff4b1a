"""Counts of a part of all requests, as an estimate of all of them."""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from pipeline.arrays import Integers
from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hour.heavy_hitters import Table
from pipeline.hour.histogram import Histogram
from pipeline.hour.vector import Vector
from pipeline.sites import COMPLETE


def scaled(aggregate: HourlyAggregate, percent: int) -> HourlyAggregate:
    """The aggregate as an estimate of all requests, each count rounded to a whole number.

    Objects and rejected lines are not scaled: they are what was delivered. Nor are the numbers of
    different visitors and paths: how many more the other requests had, nobody can tell.
    """
    if percent == COMPLETE:
        return aggregate
    factor = Fraction(COMPLETE, percent)
    return replace(
        aggregate,
        totals=Vector._make(round(count * factor) for count in aggregate.totals),
        bytes_received=round(aggregate.bytes_received * factor),
        cacheable=round(aggregate.cacheable * factor),
        cacheable_hits=round(aggregate.cacheable_hits * factor),
        tables={name: _scaled_table(table, factor) for name, table in aggregate.tables.items()},
        latency={name: _scaled_times(times, factor) for name, times in aggregate.latency.items()},
    )


def _times(counts: Integers, factor: Fraction) -> Integers:
    """The counts scaled and rounded half to even, in whole numbers throughout."""
    scaled, rest = np.divmod(counts * factor.numerator, factor.denominator)
    half = 2 * rest - factor.denominator
    rounded: Integers = scaled + ((half > 0) | ((half == 0) & (scaled % 2 == 1)))
    return rounded


def _scaled_table(table: Table, factor: Fraction) -> Table:
    return Table(
        table.values,
        _times(table.counts, factor),
        Vector._make(round(count * factor) for count in table.other),
        -(-table.bound * factor.numerator // factor.denominator),
        None if table.kept_weights is None else _times(table.kept_weights, factor),
    )


def _scaled_times(times: Histogram, factor: Fraction) -> Histogram:
    return Histogram(_times(times.counts, factor), round(times.sum_us * factor), times.max_us)
