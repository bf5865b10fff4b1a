"""What every store does with a row: decode it, add to it, and say when it expires."""

from collections.abc import Iterable
from datetime import UTC, datetime

from pipeline.core import codec
from pipeline.core.aggregate import HourlyAggregate, merge
from pipeline.core.dimensions import Caps
from pipeline.core.errors import CorruptRow, StoreError
from pipeline.core.objects import Counted
from pipeline.core.window import HOURS_PER_DAY
from pipeline.ports import RowKey

DAY_SECONDS = 86_400
LEDGER_MARGIN_DAYS = 35
"""Ledger rows outlive the aggregates, so that a late redelivery can never be counted into a row
that is still visible: longer than DynamoDB may take to delete an expired row, and than the 14
days a message can wait in a queue."""


def now() -> datetime:
    """The present moment in UTC: the clock of a store that is given no other."""
    return datetime.now(UTC)


def decode_row(key: RowKey, blob: bytes) -> HourlyAggregate:
    """The aggregate of a stored row. Raises CorruptRow."""
    try:
        return codec.decode(blob)
    except codec.CodecError as error:
        raise CorruptRow(row_name(key), str(error)) from error


def add_to_row(
    key: RowKey, blob: bytes | None, added: Iterable[HourlyAggregate], caps: Caps
) -> bytes:
    """The bytes of a row after something is added. Raises CorruptRow, or StoreError for totals
    that no row can hold."""
    parts = [] if blob is None else [decode_row(key, blob)]
    try:
        return _fitting(merge([*parts, *added], caps), caps)
    except OverflowError as error:
        raise StoreError(f"row {row_name(key)} cannot be stored: {error}") from error


def _fitting(aggregate: HourlyAggregate, caps: Caps) -> bytes:
    """The bytes of an aggregate, with smaller tables where it would be too large for a row. Only
    values made to be long, numerous and random at once come here."""
    try:
        return codec.encode(aggregate)
    except codec.TooLarge:
        smaller = {name: cap // 2 for name, cap in caps.items()}
        return _fitting(merge([aggregate], smaller), smaller)


def row_name(key: RowKey) -> str:
    """How messages call a row, e.g. `default hour 2026-11-23T11`."""
    return f"{key.site} {key.period} {start_label(key)}"


def start_label(key: RowKey) -> str:
    """A row's start as sortable text: `2026-11-23T11` for an hour, `2026-11-23` for a day."""
    hours = key.start if key.period == "hour" else key.start * HOURS_PER_DAY
    moment = datetime.fromtimestamp(hours * 3600, UTC)
    return moment.strftime("%Y-%m-%dT%H" if key.period == "hour" else "%Y-%m-%d")


def row_expiry(key: RowKey, retention_days: int) -> int | None:
    """Epoch seconds from which a row is gone; None when rows are kept for ever."""
    if not retention_days:
        return None
    end = (key.start + 1) * (3600 if key.period == "hour" else DAY_SECONDS)
    return end + retention_days * DAY_SECONDS


def ledger_expiry(counted: Counted, committed_at: datetime, retention_days: int) -> int | None:
    """Epoch seconds from which an object's ledger row is gone; after all its rows."""
    if not retention_days:
        return None
    last = max([int(committed_at.timestamp()), *((hour + 24) * 3600 for hour in counted.hours)])
    return last + (retention_days + LEDGER_MARGIN_DAYS) * DAY_SECONDS
