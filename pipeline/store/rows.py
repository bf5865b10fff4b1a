"""Rows as every store handles them: decode, add, enter an object, expire."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from pipeline.errors import CommitRefused, CorruptRow, StoreError
from pipeline.hour import codec
from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.hour.sketches import EVERYTHING, Wanted
from pipeline.hours import HOURS_PER_DAY
from pipeline.objects import ObjectRef
from pipeline.schema.dimensions import Caps
from pipeline.store.counted import Counted, RowKey
from pipeline.store.generations import Generations
from pipeline.store.ledger import (
    PARSER_VERSION,
    UNCOUNTED,
    Conflict,
    LedgerEntry,
    State,
    StoredRow,
)
from pipeline.store.settings import StoreSettings

DAY_SECONDS = 86_400


def now() -> datetime:
    """The present moment in UTC: the clock of a store that is given no other."""
    return datetime.now(UTC)


def decode_row(key: RowKey, blob: bytes, wanted: Wanted = EVERYTHING) -> HourlyAggregate:
    """The aggregate of a stored row, or what is wanted of it. Raises CorruptRow."""
    try:
        return codec.decode(blob, wanted)
    except codec.CodecError as error:
        raise CorruptRow(row_name(key), str(error)) from error


def add_to_row(key: RowKey, blob: bytes | None, added: HourlyAggregate, caps: Caps) -> bytes:
    """The bytes of a row after something is added. Raises CorruptRow, or CommitRefused for totals
    that no row can hold."""
    parts = [] if blob is None else [decode_row(key, blob)]
    try:
        return codec.encode_fitting(merge([*parts, added], caps), caps)
    except OverflowError as error:
        raise CommitRefused(f"row {row_name(key)} cannot be stored: {error}") from error


def encode_row(row: StoredRow, caps: Caps) -> bytes:
    """The bytes of a row as it is."""
    return codec.encode_fitting(row.aggregate, caps)


def row_name(key: RowKey) -> str:
    """How messages call a row, e.g. `default hour 2026-11-23T11`."""
    return f"{key.site} {key.period} {start_label(key)}"


def row_version(key: RowKey, version: int, shard: int = 0) -> str:
    """A version string that changes whenever the row's content does."""
    return f"{key.generation}.{shard}.{version}"


def start_label(key: RowKey) -> str:
    """A row's start as sortable text: `2026-11-23T11` for an hour, `2026-11-23` for a day."""
    hours = key.start if key.period == "hour" else key.start * HOURS_PER_DAY
    moment = datetime.fromtimestamp(hours * 3600, UTC)
    return moment.strftime("%Y-%m-%dT%H" if key.period == "hour" else "%Y-%m-%d")


def row_expiry(key: RowKey, settings: StoreSettings) -> int | None:
    """Epoch seconds from which a row may be deleted; None if never. A day and its hours go at the
    same moment."""
    return _days_after(key.day, settings.retention_days)


def ledger_expiry(entry: LedgerEntry, settings: StoreSettings) -> int | None:
    """Epoch seconds from which an entry is gone; None if never. A failure stays, dismissed or not,
    until the object is counted."""
    if entry.state in UNCOUNTED:
        return None
    last = max([entry.at // DAY_SECONDS, *(hour // HOURS_PER_DAY for hour in entry.hours)])
    return _days_after(last, settings.ledger_days)


def _days_after(day: int, days: int) -> int | None:
    return (day + 1 + days) * DAY_SECONDS if days else None


def today(now: datetime) -> int:
    """The day of a moment, since the epoch."""
    return int(now.timestamp()) // DAY_SECONDS


def forgettable(
    objects: Sequence[Counted], settings: StoreSettings, now: datetime
) -> list[ObjectRef]:
    """The objects that are older than the ledger remembers: without an entry, they may have been
    counted and forgotten."""
    first = settings.first_ledger_day(today(now))
    return [each.ref for each in objects if max(each.hours) // HOURS_PER_DAY < first]


def require_remembered(refs: Sequence[ObjectRef], ledger: Mapping[ObjectRef, LedgerEntry]) -> None:
    """Raises CommitRefused for the first of these objects that the ledger does not know."""
    for ref in refs:
        if ref not in ledger or ledger[ref].state in UNCOUNTED:
            raise CommitRefused(
                f"{ref.name} is older than the ledger remembers (EDGETALLY_LEDGER_DAYS), so it may "
                "have been counted before"
            )


def visible(
    rows: Mapping[RowKey, HourlyAggregate], settings: StoreSettings, now: datetime
) -> dict[RowKey, HourlyAggregate]:
    """The rows, each of a generation, that readers will see. To write the others would count
    nothing."""
    day = today(now)
    return {
        key: aggregate
        for key, aggregate in rows.items()
        if settings.keeps(key.day, key.generation, day)
    }


def unshown(
    objects: Sequence[Counted], settings: StoreSettings, generations: Generations, now: datetime
) -> tuple[ObjectRef, ...]:
    """The objects of which readers see no row: all their hours are past the retention."""
    first = settings.first_row_day(today(now), generations)
    return tuple(each.ref for each in objects if max(each.hours) // HOURS_PER_DAY < first)


def entered(
    counted: Counted, at: datetime, generations: Generations, state: State = "committed"
) -> LedgerEntry:
    """The ledger's entry of an object that is being committed."""
    return LedgerEntry(
        counted.ref,
        state,
        int(at.timestamp()),
        sites=counted.sites,
        rejected=counted.rejected,
        layout=counted.layout,
        parser_version=PARSER_VERSION,
        generation=generations.latest,
    )


def admitted(known: Collection[str], names: Collection[str], most: int) -> frozenset[str]:
    """The names that are sites when new ones have come, of which there is room for so many."""
    new = sorted(set(names) - set(known))
    return frozenset({*known, *new[: max(0, most - len(known))]})


def in_conflict(entry: LedgerEntry, ref: ObjectRef, at: datetime) -> LedgerEntry:
    """The entry, after other content was delivered under its key."""
    before = entry.conflict
    times = before.times + 1 if before else 1
    known = before is not None and before.dismissed and before.etag == ref.etag
    return replace(entry, conflict=Conflict(ref.etag, times, int(at.timestamp()), known))


def dismissed(entry: LedgerEntry | None, ref: ObjectRef) -> LedgerEntry:
    """The entry without its failure or conflict. Raises StoreError if it has neither."""
    if entry is not None and entry.state == "failed":
        return replace(entry, state="dismissed")
    if entry is not None and entry.conflict and not entry.conflict.dismissed:
        return replace(entry, conflict=replace(entry.conflict, dismissed=True))
    raise StoreError(f"{ref.name} has neither failed nor a conflict, so nothing is dismissed")


def is_over(key: RowKey, generations: Generations) -> bool:
    """Whether a row is of days that are to be swept, and of a generation that is over."""
    days = generations.unswept
    return days is not None and key.day in days and generations.is_over(key.day, key.generation)
