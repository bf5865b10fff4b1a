"""Windows as rows: every hour once, and no other."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cli.window import parse_window
from pipeline.errors import SettingError
from pipeline.hours import Window, hour_of, hour_start, spans

NOW = datetime(2026, 11, 23, 12, 34, 56, tzinfo=UTC)


@given(st.integers(400_000, 400_500), st.integers(0, 200))
def test_spans_cover_each_hour_of_a_window_once(start: int, length: int) -> None:
    """Day rows and the ragged hours at the ends are together exactly the window."""
    covered: list[int] = []
    for span in spans(Window(start, start + length)):
        assert span.start is not None
        assert span.end is not None
        hours = 24 if span.period == "day" else 1
        covered += range(span.start * hours, span.end * hours)
    assert covered == list(range(start, start + length))


def test_an_unbounded_window_is_all_days() -> None:
    """With no bounds at all, days hold everything."""
    (span,) = spans(Window())
    assert (span.period, span.start, span.end) == ("day", None, None)


@pytest.mark.parametrize(("start", "end"), [(None, 400_010), (400_010, None)])
def test_a_half_bounded_window_is_days_and_a_ragged_end(start: int | None, end: int | None) -> None:
    """The open side is days; the other ends in hours."""
    parts = spans(Window(start, end))
    assert sorted(part.period for part in parts) == ["day", "hour"]


def test_hours_end_with_the_current_one() -> None:
    """--hours 3 is the running hour and the two before it."""
    window = parse_window(NOW, hours=3)
    current = hour_of(NOW)
    assert (window.start, window.end) == (current - 2, current + 1)


def test_bounds_inside_an_hour_take_in_the_whole_hour() -> None:
    """From 10:30 to 11:01 are the hours 10 and 11; a bound on the hour is exact."""
    window = parse_window(NOW, "2026-11-23T10:30", "2026-11-23T11:01Z")
    assert window == Window(hour_of(NOW) - 2, hour_of(NOW))
    exact = parse_window(NOW, "2026-11-23T10:00+00:00", "2026-11-23T13:00+01:00")
    assert exact == window


@pytest.mark.parametrize(
    ("hours", "start", "end", "said"),
    [
        (0, None, None, "--hours: must be at least 1"),
        (3, "2026-11-23", None, "cannot be combined"),
        (None, "yesterday", None, "--from: 'yesterday' is no date"),
        (None, "2026-11-23", "2026-11-22", "--to: 2026-11-22 must be after"),
    ],
)
def test_a_wrong_window_is_named(
    hours: int | None, start: str | None, end: str | None, said: str
) -> None:
    """The message names the option and what to write."""
    with pytest.raises(SettingError, match=said):
        parse_window(NOW, start, end, hours)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T11:00:00Z",
        "2026-11-23t11:00:00z",
        "2026-11-23 11:00:00+00:00",
        "2026-11-23T12:00:00 01:00",
        "2026-11-23T10:59:60Z",
        "1795431600",
        "2026-11-23T12:00",
        "2026-11-23T12",
    ],
)
def test_a_time_is_what_the_api_takes_or_of_the_zone(text: str) -> None:
    """RFC 3339, epoch seconds, a leap second, a plus that came as a space; or a local time."""
    window = parse_window(NOW, start=text, zone=ZoneInfo("Europe/Berlin"))
    assert window.start == hour_of(NOW) - 1


def test_a_day_begins_where_the_zone_is() -> None:
    """And a window by its name is one of the zone's days."""
    zone = ZoneInfo("America/New_York")
    day = parse_window(NOW, "2026-11-22", "2026-11-23", zone=zone)
    assert day == parse_window(NOW, "2026-11-22T05:00Z", "2026-11-23T05:00Z")
    assert parse_window(NOW, name="yesterday", zone=zone) == day


def test_an_hour_starts_where_it_says() -> None:
    """Hours since the epoch and moments are two names of one thing."""
    assert hour_start(hour_of(NOW)) == datetime(2026, 11, 23, 12, tzinfo=UTC)
