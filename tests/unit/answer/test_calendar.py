"""The window to compare another with."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from pipeline.answer.calendar import Hours, hours_before
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
        ("2026-11-01", "2026-11-01T12", "2026-10-31T12"),
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
