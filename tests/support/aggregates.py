"""Aggregates of any kind, for properties that must hold for all of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hour.five_minutes import Slots
from pipeline.hour.heavy_hitters import Table
from pipeline.hour.histogram import Histogram
from pipeline.hour.hyperloglog import Uniques, mixed
from pipeline.hour.sketches import HISTOGRAMS, Sketches
from pipeline.hour.totals import Totals
from pipeline.hour.vector import MEASURES, ZERO, Vector
from pipeline.read.layout import COUNTED
from pipeline.schema.dimensions import DIMENSIONS

counts = st.integers(0, 2**40)
vectors = st.builds(Vector, st.integers(1, 2**30), *[counts] * (MEASURES - 1))
values = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
tables = st.dictionaries(values, vectors, max_size=12).map(Table.of)
histograms = st.lists(st.integers(0, 10**13), min_size=1, max_size=20).map(
    lambda times: Histogram.of(np.array(times, np.int64))
)
uniques = st.sets(st.integers(0, 2**64 - 1), max_size=20).map(
    lambda members: Uniques.of(mixed(np.array(sorted(members), np.uint64)))
)
totals = st.builds(
    Totals,
    counts=vectors,
    bytes_received=counts,
    cacheable=counts,
    cacheable_hits=counts,
    first_us=st.none() | counts,
    last_us=st.none() | counts,
    objects=st.dictionaries(st.integers(-1, 500_000), st.integers(1, 99), max_size=4),
    rejected=st.dictionaries(
        st.sampled_from(["bad_timestamp", "too_few_fields"]), counts.filter(bool)
    ),
    sessions=counts,
    lacking=st.dictionaries(st.sampled_from(sorted(COUNTED)), counts),
    five_minutes=st.dictionaries(
        st.integers(0, 500_000), st.builds(Slots, *[st.tuples(*[counts] * 12)] * 3), max_size=2
    ),
)
sketches = st.builds(
    Sketches,
    tables=st.dictionaries(st.sampled_from(list(DIMENSIONS)), tables, max_size=3),
    latency=st.dictionaries(st.sampled_from(HISTOGRAMS), histograms, max_size=3),
    visitors=st.none() | uniques,
    paths=st.none() | uniques,
)
aggregates = st.builds(HourlyAggregate, totals, sketches)


def hour_with(
    counts: Vector = ZERO, *, tables: Mapping[str, Table] | None = None, **others: Any
) -> HourlyAggregate:
    """An aggregate of these counts, tables and other totals."""
    return HourlyAggregate(Totals(counts, **others), Sketches(tables or {}))
