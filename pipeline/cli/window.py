"""The window that the options of a command name."""

from datetime import UTC, datetime

from pipeline.errors import SettingError
from pipeline.hours import Window, hour_of


def parse_window(hours: int | None, start: str | None, end: str | None, now: datetime) -> Window:
    """`--hours`, or `--from` (inclusive) and `--to` (exclusive), or everything.

    Rows are hours: a bound inside an hour is widened to take in the whole hour. Raises
    SettingError.
    """
    if hours is not None:
        if start is not None or end is not None:
            raise SettingError("--hours", "cannot be combined with --from or --to")
        if hours < 1:
            raise SettingError("--hours", f"must be at least 1, and is {hours}")
        return Window.last_hours(hours, now)
    first = hour_of(_moment("--from", start)) if start is not None else None
    last = _hour_after(_moment("--to", end)) if end is not None else None
    if first is not None and last is not None and first >= last:
        raise SettingError("--to", f"{end} must be after --from {start}")
    return Window(first, last)


def _hour_after(moment: datetime) -> int:
    hour = hour_of(moment)
    whole = (moment.minute, moment.second, moment.microsecond) == (0, 0, 0)
    return hour if whole else hour + 1


def _moment(option: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise SettingError(
            option, f"{text!r} is no date or time; write 2026-11-23 or 2026-11-23T11:00Z"
        ) from None
