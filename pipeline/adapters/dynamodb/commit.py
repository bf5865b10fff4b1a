"""Commits: optimistic transactions over ledger and aggregates, tried until they go through."""

import random
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from pipeline.adapters.dynamodb.backoff import attempts
from pipeline.adapters.dynamodb.items import (
    Item,
    ledger_advance,
    ledger_entry,
    ledger_put,
    row_key,
    row_partition,
    row_put,
)
from pipeline.adapters.dynamodb.ledger import Ledger
from pipeline.adapters.dynamodb.table import ACCEPTED, CONDITION_FAILED, Table
from pipeline.adapters.rows import add_to_row, start_label
from pipeline.core.aggregate import HourlyAggregate
from pipeline.core.dimensions import Caps
from pipeline.core.errors import StoreError
from pipeline.core.objects import Counted, ObjectRef
from pipeline.ports import CommitResult, RowKey, deltas, sort_out

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

MAX_ACTIONS = 100
"""Actions in one transaction (a limit of DynamoDB)."""
MAX_BYTES = 3_600_000
"""Bytes of aggregates in one transaction; DynamoDB takes 4 MB, keys and ledger rows included."""
PART_ROWS = 10
"""Aggregate rows in one part of an object that spans more than a transaction holds: as many of
the largest rows as fit. Part of the stored format: an object begun with it is resumed with it."""


class _Read(NamedTuple):
    """An aggregate row as it was read: version 0 and no blob where there is none."""

    version: int = 0
    blob: bytes | None = None


class _Rows:
    """The aggregate rows of one shard that a commit has read so far."""

    def __init__(self, table: Table, shards: int, caps: Caps) -> None:
        self._table = table
        self._caps = caps
        self._shards = shards
        self._read: dict[RowKey, _Read] = {}
        self._draw()

    def _draw(self) -> None:
        self.shard = random.randrange(self._shards)  # noqa: S311 - spreads load, keeps no secret

    def add(self, added: dict[RowKey, list[HourlyAggregate]]) -> dict[RowKey, bytes]:
        """The rows with something added to them; those not read yet are read."""
        missing = {
            (row_partition(key, self.shard), start_label(key)): key
            for key in added
            if key not in self._read
        }
        self._read.update(dict.fromkeys(missing.values(), _Read()))
        for item in self._table.get([row_key(key, self.shard) for key in missing.values()]):
            key = missing[item["pk"]["S"], item["sk"]["S"]]
            self._read[key] = _Read(int(item["version"]["N"]), item["aggregate"]["B"])
        return {
            key: add_to_row(key, self._read[key].blob, more, self._caps)
            for key, more in added.items()
        }

    def puts(
        self, blobs: dict[RowKey, bytes], retention_days: int
    ) -> "list[TransactWriteItemTypeDef]":
        """The actions that write rows, provided that they are still as they were read."""
        return [
            row_put(
                self._table.name, key, self.shard, self._read[key].version, blob, retention_days
            )
            for key, blob in blobs.items()
        ]

    def refused(self, keys: Iterable[RowKey], refusals: Sequence[str]) -> None:
        """Forget the rows that somebody else has changed, so that only those are read again; or
        go to another shard, if there are several."""
        stale = [key for key, code in zip(keys, refusals, strict=True) if code != ACCEPTED]
        if stale and self._shards > 1:
            self._read.clear()
            self._draw()
        for key in stale:
            self._read.pop(key, None)


class Commits:
    """Commits counted objects to a table whose hours are spread over `shards` rows."""

    def __init__(
        self,
        table: Table,
        ledger: Ledger,
        shards: int,
        retention_days: int,
        clock: Callable[[], datetime],
        caps: Caps,
    ) -> None:
        self._table = table
        self._ledger = ledger
        self._shards = shards
        self._retention_days = retention_days
        self._clock = clock
        self._caps = caps

    def commit(self, objects: Sequence[Counted]) -> CommitResult:
        """See `Store.commit`. Objects that do not fit one transaction together are committed
        one after the other; one that does not fit by itself, in parts."""
        ledger = self._ledger.items([counted.ref for counted in objects])
        entries = {ref: ledger_entry(item) for ref, item in ledger.items()}
        fresh, result = sort_out(objects, entries)
        begun = [c for c in fresh if c.ref in entries and entries[c.ref].state == "partial"]
        for counted in begun:
            result += self._in_parts(counted)
        return result + self._together([counted for counted in fresh if counted not in begun])

    def _together(self, objects: list[Counted]) -> CommitResult:
        """Commit new objects in one transaction, or in halves when they do not fit one."""
        if not objects:
            return CommitResult()
        added = deltas(objects)
        if len(objects) + len(added) > MAX_ACTIONS:
            return self._divided(objects)
        rows = _Rows(self._table, self._shards, self._caps)
        for _ in attempts(self._table.patience):
            blobs = rows.add(added)
            if sum(map(len, blobs.values())) > MAX_BYTES:
                return self._divided(objects)
            entries = [self._entry(counted) for counted in objects]
            refusals = self._table.transact([*entries, *rows.puts(blobs, self._retention_days)])
            if refusals is None:
                return CommitResult(committed=tuple(counted.ref for counted in objects))
            if CONDITION_FAILED in refusals[: len(objects)]:
                # Somebody else has counted one of them meanwhile: look again, without it.
                return self.commit(objects)
            rows.refused(blobs, refusals[len(objects) :])
        raise self._gave_up(objects)

    def _divided(self, objects: list[Counted]) -> CommitResult:
        if len(objects) == 1:
            return self._in_parts(objects[0])
        middle = len(objects) // 2
        return self._together(objects[:middle]) + self._together(objects[middle:])

    def _in_parts(self, counted: Counted) -> CommitResult:
        """Commit an object that spans more rows than a transaction holds, part by part.

        The ledger row says how many parts are done, and is advanced in the same transaction as
        the rows of each part: whoever comes next, after a crash or at the same time, goes on
        from there, and no part is counted twice. Until the last part, readers see the hours of
        the parts that are done.
        """
        added = deltas([counted])
        keys = sorted(added)
        parts = [keys[start : start + PART_ROWS] for start in range(0, len(keys), PART_ROWS)]
        rows = _Rows(self._table, self._shards, self._caps)
        for _ in attempts(self._table.patience, rounds=len(parts)):
            item = self._ledger.items([counted.ref]).get(counted.ref)
            standing = ledger_entry(item).standing(counted.ref) if item else "new"
            if standing == "duplicate":
                return CommitResult(duplicates=(counted.ref,))
            if standing == "conflict":
                return CommitResult(conflicts=(counted.ref,))
            done = _parts_done(item, counted.ref, len(parts))
            blobs = rows.add({key: added[key] for key in parts[done]})
            entry = (
                ledger_advance(self._table.name, counted, done, len(parts))
                if done
                else self._entry(counted, len(parts))
            )
            refusals = self._table.transact([entry, *rows.puts(blobs, self._retention_days)])
            if refusals is not None:
                rows.refused(blobs, refusals[1:])
            elif done + 1 == len(parts):
                return CommitResult(committed=(counted.ref,))
        raise self._gave_up([counted])

    def _entry(self, counted: Counted, parts: int = 1) -> "TransactWriteItemTypeDef":
        return ledger_put(self._table.name, counted, self._clock(), self._retention_days, parts)

    def _gave_up(self, objects: list[Counted]) -> StoreError:
        return StoreError(
            f"committing {len(objects)} objects to table {self._table.name} met other commits "
            f"for {self._table.patience:.0f} s; they will be tried again. If this goes on, raise "
            "the number of shards"
        )


def _parts_done(item: Item | None, ref: ObjectRef, parts: int) -> int:
    """How many parts of an object are committed. Raises StoreError when it was begun in others."""
    if item is None or item["state"]["S"] != "partial":
        return 0
    if int(item["parts"]["N"]) != parts:
        raise StoreError(
            f"{ref.name} was begun in {item['parts']['N']} parts by another version of edgetally, "
            f"and this one makes {parts}: let that version finish it"
        )
    return int(item["parts_done"]["N"])
