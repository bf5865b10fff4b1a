"""Sums of five minutes, against one request at a time."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.hour.five_minutes import Slots
from pipeline.hour.scale import scaled
from pipeline.hour.vector import Vector
from pipeline.tally.five_minutes import five_minutes
from tests.support.aggregates import hour_with
from tests.support.oracle import Hour, spread

HOUR = 498_716
requests = st.tuples(
    st.integers(0, 3_599_999_999),
    st.integers(0, 10**12),
    st.booleans(),
    st.one_of(st.integers(-1, 4 * 10**8), st.integers(3 * 10**8, 10**13)),
)


def sums(*rows: tuple[int, int, bool, int]) -> dict[int, Slots]:
    times, sent, errors, taken = zip(*rows, strict=True)
    return five_minutes(
        np.array(times, np.int64) + HOUR * 3_600_000_000,
        np.array(sent, np.int64),
        np.array(errors, bool),
        np.array(taken, np.int64),
    )


@given(st.lists(requests, min_size=1, max_size=12))
def test_the_sums_are_those_of_a_plain_loop(
    rows: list[tuple[int, int, bool, int]],
) -> None:
    """Every byte, request and error is in one slot, whatever the requests took."""
    expected = Hour()
    for at, sent, error, taken in rows:
        vector = Counter(bytes=sent, errors_5xx=int(error))
        spread(expected, vector, at + HOUR * 3_600_000_000, taken)
    found = sums(*rows)
    slots: dict[int, Counter[str]] = defaultdict(Counter)
    for hour, each in found.items():
        for place, values in enumerate(zip(*each, strict=True)):
            slots[12 * hour + place].update(dict(zip(Slots._fields, values, strict=True)))
    assert {at: +each for at, each in slots.items() if +each} == {
        at: +each for at, each in expected.slots.items() if +each
    }
    totals = [sum(sum(each[measure]) for each in found.values()) for measure in range(3)]
    assert totals == [len(rows), sum(row[1] for row in rows), sum(row[2] for row in rows)]


def test_a_long_download_is_spread_over_its_time() -> None:
    """Twenty minutes that end at five past are a quarter in this hour; the request is where it
    ended."""
    found = sums((300_000_000, 1200, False, 1_200_000_000))
    assert found == {
        HOUR: Slots((0, 1, *[0] * 10), (300, *[0] * 11), (0,) * 12),
        HOUR - 1: Slots(bytes=(*[0] * 9, 300, 300, 300)),
    }


def test_a_session_of_days_is_spread_over_a_day() -> None:
    """A row must not grow with the length of a connection."""
    found = sums((0, 288_000, False, 10**13))
    assert sorted(found) == [*range(HOUR - 24, HOUR), HOUR]
    assert all(found[hour].bytes == (1000,) * 12 for hour in range(HOUR - 24, HOUR))


@pytest.mark.parametrize("percent", [7, 30, 99])
def test_scaled_sums_add_up_to_the_scaled_totals(percent: int) -> None:
    """Each is within one of its own share."""
    slots = sums(*((n * 7_000_000, n, n % 3 == 0, 0) for n in range(500)))
    totals = Vector(500, sum(range(500)), errors_5xx=167)
    found = scaled(hour_with(totals, five_minutes=slots), percent).totals
    shown = found.five_minutes[HOUR]
    assert sum(shown.requests) == found.counts.requests
    assert sum(shown.bytes) == found.counts.bytes
    assert sum(shown.errors_5xx) == found.counts.errors_5xx
    for before, after in zip(slots[HOUR].bytes, shown.bytes, strict=True):
        assert abs(before * 100 / percent - after) <= 1
