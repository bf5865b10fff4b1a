"""The rate that carriers bill by, of five-minute sums."""

import pytest

from pipeline.answer.bandwidth import percentile_bits_per_second
from pipeline.answer.calendar import Hours
from pipeline.hour.five_minutes import SLOTS_PER_HOUR, Slots
from pipeline.hour.totals import Totals

HOUR_US = 3_600_000_000


def totals(
    first_us: int | None, last_us: int | None, byte_counts: dict[int, tuple[int, ...]]
) -> Totals:
    slots = {hour: Slots(bytes=counts) for hour, counts in byte_counts.items()}
    return Totals(first_us=first_us, last_us=last_us, five_minutes=slots)


def test_the_rate_is_of_the_sums_between_the_first_and_the_last_request() -> None:
    """By nearest rank, in bits a second."""
    counts = tuple(300 * each for each in range(1, SLOTS_PER_HOUR + 1))
    whole = totals(10 * HOUR_US, 11 * HOUR_US - 1, {10: counts})
    assert percentile_bits_per_second(whole, Hours(10, 11)) == 12 * 8
    assert percentile_bits_per_second(whole, Hours(10, 11), percent=50) == 6 * 8
    assert percentile_bits_per_second(whole, Hours(0, 20)) == 12 * 8


@pytest.mark.parametrize("hours", [Hours(0, 10), Hours(11, 20), Hours(10, 10), Hours(5, 5)])
def test_hours_without_a_request_have_no_rate(hours: Hours) -> None:
    """The requests may all lie before the hours, or behind them."""
    whole = totals(10 * HOUR_US, 11 * HOUR_US - 1, {10: (300,) * 12})
    assert percentile_bits_per_second(whole, hours) is None
    assert percentile_bits_per_second(totals(None, None, {}), hours) is None
