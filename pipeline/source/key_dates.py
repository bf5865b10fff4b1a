"""The hours of a log object by the date in its key, and how a listing skips keys out of range.

Standard logs have `<distribution>.YYYY-MM-DD-HH.<id>` names; v2 deliveries and Firehose may lay
them in folders, `year=YYYY/month=MM/day=DD/hour=HH/` or `YYYY/MM/DD/HH/`. S3 lists keys in order
of their text, which among keys that differ only in such a date is the order of time.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple

from pipeline.hours import HOURS_PER_DAY, Window, hour_of, hour_start

_DATES = (
    # The pattern of a date; the forms of a day and of the hour behind it.
    (
        r"year=(\d{4})/month=(\d\d)/day=(\d\d)(?:/hour=(\d\d))?",
        "year=%Y/month=%m/day=%d",
        "/hour=%H",
    ),
    (r"(?<!\d)(\d{4})/(\d\d)/(\d\d)(?:/(\d\d))?(?!\d)", "%Y/%m/%d", "/%H"),
    (r"(?<!\d)(\d{4})-(\d\d)-(\d\d)(?:-(\d\d))?(?!\d)", "%Y-%m-%d", "-%H"),
)
_PATTERNS = [(re.compile(pattern), day, hour) for pattern, day, hour in _DATES]
_END = "2100"
"""A text behind every date that a log may have."""


class KeyDate(NamedTuple):
    """The date in a key: the text before it, its hours since the epoch, and its form."""

    before: str
    hours: Window
    form: str


def key_date(key: str) -> KeyDate | None:
    """The first date in a key, None if there is none."""
    matches = [
        (match, day, hour) for pattern, day, hour in _PATTERNS for match in pattern.finditer(key)
    ]
    for match, day, hour in sorted(matches, key=lambda dated: dated[0].start()):
        year, month, of_month, of_day = match.groups()
        try:
            start = hour_of(
                datetime(int(year), int(month), int(of_month), int(of_day or 0), tzinfo=UTC)
            )
        except ValueError:
            continue
        length = 1 if of_day else HOURS_PER_DAY
        form = day + hour if of_day else day
        return KeyDate(key[: match.start()], Window(start, start + length), form)
    return None


def is_of(key: str, modified: datetime, window: Window) -> bool:
    """Whether an object is of a window, by the date in its key or else by its modification."""
    dated = key_date(key)
    hours = dated.hours if dated else Window(hour_of(modified), hour_of(modified) + 1)
    return hours.overlaps(window)


def skipped_to(key: str, window: Window) -> str:
    """The text behind which a listing that has reached `key` goes on without missing an object of
    the window: `key` itself, or a text behind the keys that are dated out of the window."""
    dated = key_date(key)
    if dated is None:
        return key
    if window.end is not None and dated.hours.start is not None and dated.hours.start >= window.end:
        return dated.before + dated.form.partition("%")[0] + _END
    if window.start is not None and dated.hours.end is not None and dated.hours.end <= window.start:
        return max(key, dated.before + hour_start(window.start).strftime(dated.form))
    return key
