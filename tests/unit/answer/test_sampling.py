"""Sampled logs: kept apart, scaled when read."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hour.heavy_hitters import Table
from pipeline.hour.histogram import Histogram
from pipeline.hour.scale import scaled
from pipeline.hour.sketches import Sketches
from pipeline.hour.totals import Totals
from pipeline.hour.vector import Vector
from pipeline.sites import COMPLETE, rate_of, sampled_site, stored_site
from tests.support.aggregates import hour_with


@given(st.text(st.characters(codec="utf-8"), max_size=8) | st.just("a~25"), st.integers(1, 100))
def test_a_stored_name_tells_site_and_rate(site: str, percent: int) -> None:
    """Also of a site that looks as if it were sampled."""
    assert sampled_site(stored_site(site, percent)) == (site, percent)


def test_complete_sites_are_stored_as_they_are_called() -> None:
    """Sampling leaves no trace where there is none."""
    assert stored_site("E1EXAMPLE", COMPLETE) == "E1EXAMPLE"


@pytest.mark.parametrize(
    ("key", "percent"), [("rt/a/x.gz", 5), ("rt/x.gz", 50), ("rt", 100), ("other/x.gz", 100)]
)
def test_the_longest_prefix_decides(key: str, percent: int) -> None:
    """A rate holds for everything below its prefix that has no closer one."""
    assert rate_of(key, {"rt/": 50, "rt/a/": 5}) == percent


def test_counts_are_scaled_and_what_was_delivered_is_not() -> None:
    """Requests are estimates, objects and rejected lines are not; bounds stay bounds."""
    aggregate = hour_with(
        Vector(10, 100, 3),
        bytes_received=7,
        objects={-1: 2},
        rejected={"bad_timestamp": 4},
        tables={"path": Table.of({"/": Vector(9)}, Vector(1), 1, {"/": 8})},
    )
    found = scaled(aggregate, 30)
    assert found.totals.counts[:3] == (33, 333, 10)
    assert (found.totals.bytes_received, found.totals.objects, found.totals.rejected) == (
        23,
        {-1: 2},
        {"bad_timestamp": 4},
    )
    table = found.sketches.tables["path"]
    assert (table.entries["/"].requests, table.other.requests, table.bound) == (30, 3, 4)
    assert scaled(aggregate, COMPLETE) is aggregate


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=8), st.integers(1, 99))
def test_every_count_is_scaled_to_the_nearest_whole_number(counts: list[int], percent: int) -> None:
    """Of tables, totals and histograms alike, a half to the even number."""
    vectors = [Vector(*[number] * len(Vector._fields)) for number in counts]
    totals = Totals(
        counts=vectors[0],
        bytes_received=counts[0],
        cacheable=counts[-1],
        cacheable_hits=counts[0],
    )
    table = Table.of({str(place): vector for place, vector in enumerate(vectors)})
    times = Histogram.of(np.array([5] * min(counts[0], 99) + [7], np.int64))
    aggregate = HourlyAggregate(totals, Sketches({"path": table}, {"time_taken": times}))
    found = scaled(aggregate, percent)

    def expected(number: int) -> int:
        return round(Fraction(number * 100, percent))

    assert found.totals.counts == Vector(*[expected(counts[0])] * len(Vector._fields))
    assert found.totals.bytes_received == found.totals.cacheable_hits == expected(counts[0])
    assert found.totals.cacheable == expected(counts[-1])
    assert [v.requests for v in found.sketches.tables["path"].entries.values()] == [
        expected(number) for number in counts
    ]
    scaled_times = found.sketches.latency["time_taken"].counts
    assert scaled_times[scaled_times > 0].tolist() == [
        expected(number) for number in times.counts[times.counts > 0].tolist()
    ]
