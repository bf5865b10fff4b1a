"""The aggregate rows of one shard, as a transaction reads, adds to and writes them."""

import random
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, islice
from typing import TYPE_CHECKING, NamedTuple

from pipeline.deadline import Deadline
from pipeline.errors import StoreError
from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.schema.dimensions import NO_CAPS
from pipeline.store.counted import RowKey
from pipeline.store.dynamodb.fences import Fences, Sight
from pipeline.store.dynamodb.items import row_key, row_label, row_partition, row_put
from pipeline.store.dynamodb.table import ACCEPTED, Table
from pipeline.store.rows import add_to_row
from pipeline.store.settings import StoreSettings, shard_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

MAX_ACTIONS = 100
"""Actions in one transaction (a limit of DynamoDB)."""
MAX_BYTES = 3_600_000
"""Bytes of aggregates in one transaction; DynamoDB takes 4 MB, keys and ledger rows included."""
PART_ROWS = 6
"""Rows in one part of an object that spans more than a transaction holds: in two generations, as
many of the largest rows as fit. Part of the stored format: an object begun with it is resumed with
it."""


_DRAWS = 2**20
"""Numbers that are drawn from: so many that every shard is as likely as the others."""


class _Read(NamedTuple):
    """An aggregate row as it was read: version 0 and no blob where there is none."""

    version: int = 0
    blob: bytes | None = None


class Rows:
    """The aggregate rows that a commit has read so far, each of the shard that it has drawn."""

    def __init__(self, table: Table, fences: Fences) -> None:
        self._table = table
        self._fences = fences
        self._settings = StoreSettings()
        self._read: dict[RowKey, _Read] = {}
        self._draw = _drawn()

    def look(self, rows: Iterable[RowKey], deadline: Deadline) -> Sight:
        """The state of the store for a transaction over these rows; see `Fences.look`."""
        sight = self._fences.look(rows, self._draw, deadline)
        if sight.settings != self._settings:
            self._settings = sight.settings
            self._read.clear()  # a row may be in another shard now
        return sight

    def add(
        self, added: Mapping[RowKey, HourlyAggregate], deadline: Deadline
    ) -> dict[RowKey, bytes]:
        """The rows with something added to them; those not read yet are read."""
        missing = {
            (row_partition(key, self._shard(key)), row_label(key)): key
            for key in added
            if key not in self._read
        }
        self._read.update(dict.fromkeys(missing.values(), _Read()))
        keys = [row_key(key, self._shard(key)) for key in missing.values()]
        for item in self._table.get(keys, deadline):
            key = missing[item["pk"]["S"], item["sk"]["S"]]
            self._read[key] = _Read(int(item["version"]["N"]), item["aggregate"]["B"])
        return {
            key: add_to_row(key, self._read[key].blob, more, self._settings.caps)
            for key, more in added.items()
        }

    def puts(self, blobs: dict[RowKey, bytes]) -> "list[TransactWriteItemTypeDef]":
        """The actions that write rows, provided that they are still as they were read."""
        return [
            row_put(
                self._table.name,
                key,
                self._shard(key),
                self._read[key].version,
                blob,
                self._settings,
            )
            for key, blob in blobs.items()
        ]

    def done(self, blobs: Mapping[RowKey, bytes]) -> None:
        """Remember that these rows were written: a later part may add to the same day."""
        for key, blob in blobs.items():
            self._read[key] = _Read(self._read[key].version + 1, blob)

    def refused(self, keys: Sequence[RowKey], refusals: Sequence[str]) -> None:
        """Forget the rows that somebody else has changed, so that only those are read again; or
        draw another shard, if there are several. The rows' refusals are the last ones."""
        codes = refusals[len(refusals) - len(keys) :]
        stale = [key for key, code in zip(keys, codes, strict=True) if code != ACCEPTED]
        if stale and self._settings.most_shards > 1:
            self._read.clear()
            self._draw = _drawn()
        for key in stale:
            self._read.pop(key, None)

    def _shard(self, key: RowKey) -> int:
        return shard_of(self._settings, key.day, self._draw)


def _drawn() -> int:
    return random.randrange(_DRAWS)  # noqa: S311 - spreads load, keeps no secret


def fits(blobs: Mapping[RowKey, bytes], actions: Sequence[object]) -> bool:
    """Whether one transaction holds these actions, of which these are the rows."""
    return len(actions) <= MAX_ACTIONS and sum(map(len, blobs.values())) <= MAX_BYTES


def in_parts(rows: Mapping[RowKey, HourlyAggregate]) -> list[dict[RowKey, HourlyAggregate]]:
    """The rows of one object in parts: a few hours, and what these add to their days. So every day
    is the sum of its hours after each part."""
    parts: list[dict[RowKey, HourlyAggregate]] = [{}]
    hours = sorted(key for key in rows if key.period == "hour")
    for _, of_day in groupby(hours, lambda key: (key.site, key.day)):
        while chunk := list(islice(of_day, PART_ROWS - 1)):
            if len(parts[-1]) + len(chunk) + 1 > PART_ROWS:
                parts.append({})
            day = chunk[0]._replace(period="day", start=chunk[0].day)
            added = {key: rows[key] for key in chunk}
            parts[-1] |= added | {day: merge(added.values(), NO_CAPS)}
    return parts


def gave_up(count: int, table: Table) -> StoreError:
    """The error of a commit that met others until its deadline."""
    return StoreError(
        f"committing {count} objects to table {table.name} met other commits until "
        "there was no time left; they will be tried again. If this goes on, raise the number "
        "of shards"
    )
