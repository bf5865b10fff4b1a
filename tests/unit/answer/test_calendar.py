"""The window to compare another with."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from pipeline.answer.calendar import Hours, compared, hours_before
from pipeline.hours import hour_of


@pytest.mark.parametrize(
    ("start", "end", "before"),
    [
        # Whole months: as many months, though they have other numbers of days.
        ("2026-10-01", "2026-11-01", "2026-09-01"),
        ("2026-03-01", "2026-04-01", "2026-02-01"),
        ("2026-01-01", "2026-04-01", "2025-10-01"),
        ("2026-01-01", "2027-01-01", "2025-01-01"),
        # From a first to another day, or to a first from another day: as many days.
        ("2026-11-01", "2026-11-15", "2026-10-18"),
        ("2026-10-18", "2026-11-01", "2026-10-04"),
        ("2026-11-22", "2026-11-23", "2026-11-21"),
        # Hours.
        ("2026-11-22T05", "2026-11-23T05", "2026-11-21T05"),
        ("2026-10-31T12", "2026-11-01", "2026-10-31"),
    ],
)
@pytest.mark.parametrize("name", ["UTC", "America/New_York"])
def test_a_window_is_compared_with_the_one_before(
    start: str, end: str, before: str, name: str
) -> None:
    """As many months, days or hours, on the zone's clock."""
    zone = ZoneInfo(name)

    def hour(text: str) -> int:
        return hour_of(datetime.fromisoformat(text).replace(tzinfo=zone))

    first = hour(before)
    if "T" in start + end:  # as many hours, whatever clocks did
        first = hour(start) - (hour(end) - hour(start))
    assert hours_before(Hours(hour(start), hour(end)), zone) == Hours(first, hour(start))


@pytest.mark.parametrize("name", ["UTC", "America/New_York"])
def test_a_day_that_is_not_over_is_compared_with_the_same_hours(name: str) -> None:
    """Of the day before: the night of today is not compared with the evening of yesterday."""
    zone = ZoneInfo(name)
    start = hour_of(datetime(2026, 11, 20, tzinfo=zone))
    for hours in (1, 12, 23):
        yesterday = Hours(start - 24, start - 24 + hours)
        assert hours_before(Hours(start, start + hours), zone) == yesterday


@pytest.mark.parametrize("name", ["Asia/Kolkata", "Asia/Kathmandu"])
def test_hours_of_a_zone_off_the_hour_are_compared_with_as_many(name: str) -> None:
    """None of its days begins at a full UTC hour."""
    assert hours_before(Hours(490_000, 490_030), ZoneInfo(name)) == Hours(489_970, 490_000)
    year = compared(Hours(490_000, 490_030), "year", ZoneInfo(name))
    assert year == Hours(490_000 - 8760, 490_030 - 8760)
