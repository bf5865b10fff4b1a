"""The hours that a log object is of, by its name; and how a listing skips those it need not see.

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
    # How it is found; how a day, and the hour after it, are written.
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
"""Text that is greater than the beginning of every date that a log may have."""


class KeyDate(NamedTuple):
    """The date in a key: what stands before it, the hours since the epoch that it means, and how
    it is written."""

    before: str
    hours: Window
    form: str


def key_date(key: str) -> KeyDate | None:
    """The first date in a key, None if there is none."""
    found = [
        (match, day, hour) for pattern, day, hour in _PATTERNS for match in pattern.finditer(key)
    ]
    for match, day, hour in sorted(found, key=lambda each: each[0].start()):
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
    """Whether an object is of a window: by the date in its name, else by its own time."""
    dated = key_date(key)
    hours = dated.hours if dated else Window(hour_of(modified), hour_of(modified) + 1)
    return hours.overlaps(window)


def skipped_to(key: str, window: Window) -> str:
    """A text after which a listing that has come to `key` may go on without missing an object of
    the window: `key` itself, or what is later than other keys like it that are out of range."""
    dated = key_date(key)
    if dated is None:
        return key
    if window.end is not None and dated.hours.start is not None and dated.hours.start >= window.end:
        return dated.before + dated.form.partition("%")[0] + _END
    if window.start is not None and dated.hours.end is not None and dated.hours.end <= window.start:
        return max(key, dated.before + hour_start(window.start).strftime(dated.form))
    return key
