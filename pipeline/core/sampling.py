"""Real-time logs of a part of all requests: kept apart from complete ones, scaled when read.

A sampled line stands for 100/rate requests, which is rarely a whole number. Rows stay exact counts
of lines; a site's sampled rows are stored under a name of their own, and scaled to requests when
they are read.
"""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import numpy as np

from pipeline.core.aggregate import HourlyAggregate
from pipeline.core.arrays import Integers
from pipeline.core.counters import Vector
from pipeline.core.histogram import Histogram
from pipeline.core.top import Table

COMPLETE = 100
_MARK = "~"


def stored_site(site: str, percent: int) -> str:
    """The name under which a site's rows of a sampling rate are stored."""
    looks_sampled = sampled_site(site)[0] != site
    return site if percent == COMPLETE and not looks_sampled else f"{site}{_MARK}{percent}"


def sampled_site(stored: str) -> tuple[str, int]:
    """The site and the sampling rate in percent of a stored name."""
    site, mark, percent = stored.rpartition(_MARK)
    return (site, int(percent)) if mark and percent.isdecimal() else (stored, COMPLETE)


def rate_of(key: str, rates: Mapping[str, int]) -> int:
    """The sampling rate in percent of an object: that of the longest prefix its key has."""
    prefixes = [prefix for prefix in rates if key.startswith(prefix)]
    return rates[max(prefixes, key=len)] if prefixes else COMPLETE


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
