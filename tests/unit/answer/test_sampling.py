"""Sampled logs: kept apart, scaled when read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.hour.heavy_hitters import Table
from pipeline.hour.scale import scaled
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
