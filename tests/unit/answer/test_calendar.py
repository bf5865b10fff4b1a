"""The window to compare another with."""

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from pipeline.answer.calendar import (
    Exact,
    Hours,
    OffTheClock,
    buckets,
    compared,
    hour_buckets,
    named_window,
    window_before,
)
from pipeline.hours import hour_of, hour_start


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
    found = window_before(Exact.of(Hours(hour(start), hour(end))), zone)
    assert found == Exact.of(Hours(first, hour(start)))


@pytest.mark.parametrize("name", ["UTC", "America/New_York"])
def test_a_day_that_is_not_over_is_compared_with_the_same_hours(name: str) -> None:
    """Of the day before: the night of today is not compared with the evening of yesterday."""
    zone = ZoneInfo(name)
    start = hour_of(datetime(2026, 11, 20, tzinfo=zone))
    for hours in (1, 12, 23):
        yesterday = Hours(start - 24, start - 24 + hours)
        today = Exact.of(Hours(start, start + hours))
        assert window_before(today, zone).hours == yesterday


ODD_ZONES = {
    "Asia/Kolkata": "+05:30",
    "Asia/Kathmandu": "+05:45",
    "Pacific/Chatham": "+13:45",
    "Australia/Adelaide": "+10:30",
    "Australia/Lord_Howe": "+11:00",
    "America/St_Johns": "-03:30",
}


def slot(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) // 300


@pytest.mark.parametrize("name", ODD_ZONES)
def test_hours_of_a_zone_off_the_hour_are_compared_with_as_many(name: str) -> None:
    """None of its days begins with them."""
    hours = Exact.of(Hours(490_000, 490_030))
    assert window_before(hours, ZoneInfo(name)) == Exact.of(Hours(489_970, 490_000))
    year = compared(hours, "year", ZoneInfo(name))
    assert year == Exact.of(Hours(490_000 - 8760, 490_030 - 8760))


@pytest.mark.parametrize("name", ODD_ZONES)
def test_days_of_any_zone_begin_at_its_midnight(name: str) -> None:
    """Also those of half and quarter hours off UTC; and their hours at its full hours."""
    zone, offset = ZoneInfo(name), ODD_ZONES[name]
    now = datetime.fromisoformat(f"2026-11-23T12:20:00{offset}")
    today = named_window("today", now, zone)
    assert today.start == slot(f"2026-11-23T00:00:00{offset}")
    yesterday = named_window("yesterday", now, zone)
    assert yesterday == (slot(f"2026-11-22T00:00:00{offset}"), today.start)
    assert window_before(yesterday, zone) == (slot(f"2026-11-21T00:00:00{offset}"), yesterday.start)
    hours = buckets(yesterday, "hour", zone)
    assert [each.end - each.start for each in hours] == [12] * 24
    days = buckets(named_window("7d", now, zone), "day", zone)
    assert [each.end - each.start for each in days[1:-1]] == [288] * 6
    assert {slot(f"2026-11-{day}T00:00:00{offset}") for day in range(18, 23)} <= {
        each.start for each in days
    }


@pytest.mark.parametrize("name", ODD_ZONES)
def test_a_day_of_any_zone_that_is_not_over_is_compared_with_the_same_hours(name: str) -> None:
    """Of the day before."""
    start = slot(f"2026-11-23T00:00:00{ODD_ZONES[name]}")
    found = window_before(Exact(start, start + 120), ZoneInfo(name))
    assert found == Exact(start - 288, start - 168)


@pytest.mark.parametrize("name", ODD_ZONES)
def test_buckets_of_full_hours_begin_with_the_first_in_a_day(name: str) -> None:
    """So that the day that a bucket's first moment is in is the bucket's own."""
    zone = ZoneInfo(name)
    hours = Hours(
        hour_of(datetime(2026, 11, 20, tzinfo=UTC)), hour_of(datetime(2026, 11, 24, tzinfo=UTC))
    )
    cut = hour_buckets(hours, "day", zone)
    assert (cut[0].start, cut[-1].end) == hours
    assert all(one.end == other.start for one, other in pairwise(cut))
    firsts = [hour_start(each.start).astimezone(zone) for each in cut[1:]]
    assert all(first.hour == 0 and first.minute < 60 for first in firsts)
    assert hour_buckets(Hours(5, 8), "hour", zone) == [Hours(5, 6), Hours(6, 7), Hours(7, 8)]


def test_clocks_that_move_by_half_an_hour_leave_no_slot_out() -> None:
    """Lord Howe's do."""
    zone = ZoneInfo("Australia/Lord_Howe")
    for month, day in ((4, 5), (10, 4)):
        window = Exact(
            int(datetime(2026, month, day, tzinfo=zone).timestamp()) // 300,
            int(datetime(2026, month, day + 1, tzinfo=zone).timestamp()) // 300,
        )
        cut = buckets(window, "hour", zone)
        assert (cut[0].start, cut[-1].end) == window
        assert all(one.end == other.start for one, other in pairwise(cut))
        assert len(buckets(window, "day", zone)) == 1


def test_a_zone_that_no_sum_of_five_minutes_fits_is_refused() -> None:
    """As Monrovia's was until 1972."""
    with pytest.raises(OffTheClock, match="-00:44:30 off UTC"):
        named_window("today", datetime(1971, 5, 5, tzinfo=UTC), ZoneInfo("Africa/Monrovia"))
