"""Dates in the names of objects, and listings that skip by them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.hours import ALWAYS, Window, hour_of
from pipeline.source.key_dates import is_of, key_date, skipped_to
from pipeline.source.s3 import S3Source

MODIFIED = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = hour_of(datetime(2026, 11, 22, 21, tzinfo=UTC))


@pytest.mark.parametrize(
    ("key", "before", "hours"),
    [
        ("logs/E1EXAMPLE.2026-11-22-21.a1b2.gz", "logs/E1EXAMPLE.", (HOUR, HOUR + 1)),
        ("AWSLogs/111122223333/CloudFront/E1.2026-11-22-21.a.gz", None, (HOUR, HOUR + 1)),
        ("x/year=2026/month=11/day=22/hour=21/a.gz", "x/", (HOUR, HOUR + 1)),
        ("x/year=2026/month=11/day=22/a-2026-11-22-23-00.gz", "x/", (HOUR - 21, HOUR + 3)),
        ("firehose/2026/11/22/21/stream-1-2026-11-22-21-05-06-x.gz", None, (HOUR, HOUR + 1)),
        ("2026/11/22/a.gz", "", (HOUR - 21, HOUR + 3)),
        ("2026/13/45/E1.2026-11-22-21.a.gz", "2026/13/45/E1.", (HOUR, HOUR + 1)),
        ("2026-13-45/E1.2026-11-22-21.a.gz", "2026-13-45/E1.", (HOUR, HOUR + 1)),
    ],
)
def test_a_name_says_which_hours_it_is_of(key: str, before: str | None, hours: Any) -> None:
    """In every layout that CloudFront and Firehose have. The first date counts; what only looks
    like one is passed over."""
    found = key_date(key)
    assert found is not None
    assert found.hours == Window(*hours)
    if before is not None:
        assert found.before == before


@pytest.mark.parametrize("key", ["a.gz", "2026-13-45-99.gz", "12026-11-22.gz", "x/20261122/a.gz"])
def test_a_name_without_a_date_is_of_its_own_time(key: str) -> None:
    """What only looks like a date is none."""
    assert key_date(key) is None
    own = hour_of(MODIFIED)
    assert is_of(key, MODIFIED, Window(own, own + 1))
    assert not is_of(key, MODIFIED, Window(own + 1, None))


class Bucket:
    """S3's listing over given keys, some of them in a page; it notes what was asked for."""

    def __init__(self, keys: list[str], page: int) -> None:
        self.keys = sorted(keys, key=str.encode)
        self.page = page
        self.listed: list[str] = []

    def list_objects_v2(self, Bucket: str, Prefix: str, StartAfter: str) -> dict[str, Any]:  # noqa: N803 - S3's own
        """One page of keys."""
        found = [
            key
            for key in self.keys
            if key.startswith(Prefix) and key.encode() > StartAfter.encode()
        ]
        page = found[: self.page]
        self.listed += page
        return {
            "Contents": [
                {"Key": key, "ETag": '"e"', "Size": 1, "LastModified": MODIFIED} for key in page
            ],
            "IsTruncated": len(found) > self.page,
        }


_LAYOUTS = [
    "logs/E1.%Y-%m-%d-%H.{n}.gz",
    "logs/E2.%Y-%m-%d-%H.{n}.gz",
    "hive/year=%Y/month=%m/day=%d/{n}.gz",
    "hive2/year=%Y/month=%m/day=%d/hour=%H/{n}.gz",
    "v2/%Y/%m/%d/%H/{n}.gz",
    "undated/{n}.gz",
]
keys = st.lists(
    st.builds(
        lambda layout, hours, n: (
            (MODIFIED + timedelta(hours=hours)).strftime(layout).replace("{n}", str(n))
        ),
        st.sampled_from(_LAYOUTS),
        st.integers(-400, 400),
        st.integers(0, 9),
    ),
    unique=True,
    max_size=80,
)
bounds = st.none() | st.integers(-300, 300).map(lambda hours: hour_of(MODIFIED) + hours)


@given(keys, bounds, bounds, st.integers(1, 9))
def test_skipping_misses_nothing(
    names: list[str], start: int | None, end: int | None, page: int
) -> None:
    """A listing that skips finds exactly what one through everything finds, each once."""
    window = Window(start, end)
    bucket: Any = Bucket(names, page)
    found = [ref.key for ref, _ in S3Source(bucket).list("b", "", window)]
    assert found == [name for name in bucket.keys if is_of(name, MODIFIED, window)]


def test_years_before_the_window_are_not_listed() -> None:
    """Of four years of two distributions, a day is found in a few pages."""
    hours = range(0, 4 * 365 * 24, 1)
    start = datetime(2023, 1, 1, tzinfo=UTC)
    names = [
        f"logs/{site}.{start + timedelta(hours=hour):%Y-%m-%d-%H}.a.gz"
        for site in ("E1", "E2")
        for hour in hours
    ]
    bucket: Any = Bucket(names, 1000)
    day = hour_of(datetime(2025, 6, 1, tzinfo=UTC))
    found = list(S3Source(bucket).list("b", "logs/", Window(day, day + 24)))
    assert len(found) == 48
    assert len(bucket.listed) == 4000


def test_a_listing_goes_on_behind_a_key() -> None:
    """Where an earlier one ended."""
    bucket: Any = Bucket([f"k{n}" for n in range(9)], 4)
    found = [ref.key for ref, _ in S3Source(bucket).list("b", "", after="k4")]
    assert found == ["k5", "k6", "k7", "k8"]


def _of(layout: str) -> Iterator[str]:
    for hours in range(50):
        yield (MODIFIED + timedelta(hours=hours)).strftime(layout).replace("{n}", "1")


def test_nothing_is_skipped_without_a_window() -> None:
    """Everything is listed, wherever its date is."""
    for layout in _LAYOUTS:
        assert all(skipped_to(key, ALWAYS) == key for key in _of(layout))
