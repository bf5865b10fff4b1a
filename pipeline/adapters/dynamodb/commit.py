"""Commits: optimistic transactions over ledger and aggregates, tried until they go through."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby, islice
from typing import TYPE_CHECKING, NamedTuple

from pipeline.adapters.dynamodb.backoff import Deadline
from pipeline.adapters.dynamodb.fences import Fences
from pipeline.adapters.dynamodb.items import (
    Item,
    ledger_advance,
    ledger_entry,
    ledger_put,
    ledger_recount,
    number,
    row_key,
    row_label,
    row_partition,
    row_put,
)
from pipeline.adapters.dynamodb.ledger import Ledger
from pipeline.adapters.dynamodb.table import ACCEPTED, CONDITION_FAILED, Table
from pipeline.adapters.rows import add_to_row, entered
from pipeline.core.aggregate import HourlyAggregate
from pipeline.core.dimensions import Caps
from pipeline.core.errors import StoreError
from pipeline.core.generations import Generations, Rebuild
from pipeline.core.objects import Counted, ObjectRef
from pipeline.ports import (
    CommitResult,
    LedgerEntry,
    RowKey,
    State,
    as_recounted,
    as_written,
    deltas,
    recounted,
    sort_out,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

MAX_ACTIONS = 100
"""Actions in one transaction (a limit of DynamoDB)."""
MAX_BYTES = 3_600_000
"""Bytes of aggregates in one transaction; DynamoDB takes 4 MB, keys and ledger rows included."""
PART_HOURS = 5
"""Hours in one part of an object that spans more than a transaction holds: with the row of their
day, and in two generations, as many of the largest rows as fit. Part of the stored format: an
object begun with it is resumed with it."""


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

    def add(self, added: Mapping[RowKey, list[HourlyAggregate]]) -> dict[RowKey, bytes]:
        """The rows with something added to them; those not read yet are read."""
        missing = {
            (row_partition(key, self.shard), row_label(key)): key
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

    def done(self, blobs: Mapping[RowKey, bytes]) -> None:
        """Remember that these rows were written: a later part may add to the same day."""
        for key, blob in blobs.items():
            self._read[key] = _Read(self._read[key].version + 1, blob)

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
        fences: Fences,
        shards: int,
        retention_days: int,
        clock: Callable[[], datetime],
        caps: Caps,
    ) -> None:
        self._table = table
        self._ledger = ledger
        self._fences = fences
        self._shards = shards
        self._retention_days = retention_days
        self._clock = clock
        self._caps = caps

    def commit(self, objects: Sequence[Counted], until: Deadline) -> CommitResult:
        """See `Store.commit`. Objects that do not fit one transaction together are committed
        one after the other; one that does not fit by itself, in parts."""
        ledger = self._ledger.items([counted.ref for counted in objects])
        entries = {ref: ledger_entry(item) for ref, item in ledger.items()}
        fresh, result = sort_out(objects, entries)
        begun = [c for c in fresh if c.ref in entries and entries[c.ref].state == "partial"]
        for counted in begun:
            result += self._in_parts(counted, until)
        return result + self._together([c for c in fresh if c not in begun], until)

    def _together(self, objects: list[Counted], until: Deadline) -> CommitResult:
        """Commit new objects in one transaction, or in halves when they do not fit one."""
        if not objects:
            return CommitResult()
        added = deltas(objects)
        if len(objects) + len(added) > MAX_ACTIONS:
            return self._divided(objects, until)
        rows = _Rows(self._table, self._shards, self._caps)
        for _ in until.attempts():
            sight = self._fences.look(added, rows.shard)
            blobs = rows.add(as_written(added, sight.generations))
            entries = [self._entry(counted, sight.generations) for counted in objects]
            puts = rows.puts(blobs, self._retention_days)
            if not _fits(blobs, [*entries, *sight.checks, *puts]):
                return self._divided(objects, until)
            refusals = self._table.transact([*entries, *sight.checks, *puts])
            if refusals is None:
                return CommitResult(committed=tuple(counted.ref for counted in objects))
            if CONDITION_FAILED in refusals[: len(objects)]:
                # Somebody else has counted one of them meanwhile: look again, without it.
                return self.commit(objects, until)
            rows.refused(blobs, refusals[-len(puts) :] if puts else [])
        raise self._gave_up(objects, until)

    def _divided(self, objects: list[Counted], until: Deadline) -> CommitResult:
        if len(objects) == 1:
            return self._in_parts(objects[0], until)
        middle = len(objects) // 2
        first, second = objects[:middle], objects[middle:]
        result = self._together(first, until)
        try:
            return result + self._together(second, until)
        except StoreError as error:  # what the first half did is not undone by that
            return result + CommitResult(failed=tuple((each.ref, error) for each in second))

    def _in_parts(self, counted: Counted, until: Deadline) -> CommitResult:
        """Commit an object that spans more rows than a transaction holds, part by part.

        The ledger row says how many parts are done, and is advanced in the same transaction as
        the rows of each part: whoever comes next, after a crash or at the same time, goes on
        from there, and no part is counted twice. Until the last part, readers see the hours of
        the parts that are done.
        """
        parts = _parts(deltas([counted]))
        rows = _Rows(self._table, self._shards, self._caps)
        for _ in until.attempts(rounds=len(parts)):
            item = self._ledger.items([counted.ref]).get(counted.ref)
            standing = ledger_entry(item).standing(counted.ref) if item else "new"
            if standing == "duplicate":
                return CommitResult(duplicates=(counted.ref,))
            if standing == "conflict":
                return CommitResult(conflicts=(counted.ref,))
            done = _parts_done(item, counted.ref, len(parts))
            sight = self._fences.look(parts[done], rows.shard)
            generations = sight.generations
            if done and item and ledger_entry(item).generation < generations.latest:
                # Begun before a rebuild, which counts the whole of it when it is complete.
                generations = replace(generations, rebuild=None)
            blobs = rows.add(as_written(parts[done], generations))
            entry = (
                ledger_advance(self._table.name, counted, done, len(parts))
                if done
                else self._entry(counted, generations, len(parts))
            )
            puts = rows.puts(blobs, self._retention_days)
            refusals = self._table.transact([entry, *sight.checks, *puts])
            if refusals is not None:
                rows.refused(blobs, refusals[-len(puts) :])
                continue
            rows.done(blobs)
            if done + 1 == len(parts):
                return CommitResult(committed=(counted.ref,))
        raise self._gave_up([counted], until)

    def recount(
        self, rebuild: Rebuild, objects: Sequence[Counted], forgotten: Sequence[ObjectRef]
    ) -> None:
        """See `Store.recount`."""
        until = Deadline(self._table.patience)
        generations = self._fences.pointer()
        for ref in forgotten:
            self._forget(rebuild, ref, generations, until)
        self._recount_together(rebuild, list(objects), generations, until)

    def _forget(
        self, rebuild: Rebuild, ref: ObjectRef, generations: Generations, until: Deadline
    ) -> None:
        """Note that an object counts for nothing in a rebuild."""
        for _ in until.attempts():
            behind = self._behind([ref], rebuild)
            notes = [
                ledger_recount(
                    self._table.name, recounted(entry, None, rebuild, generations), rebuild
                )
                for entry in behind.values()
            ]
            if not notes or self._table.transact(notes) is None:
                return
        raise StoreError(f"{ref.name} is kept busy by others; try again")

    def _recount_together(
        self,
        rebuild: Rebuild,
        objects: list[Counted],
        generations: Generations,
        until: Deadline,
    ) -> None:
        """Recount objects in one transaction, or in halves when they do not fit one."""
        rows = _Rows(self._table, self._shards, self._caps)
        for _ in until.attempts():
            entries = self._behind([counted.ref for counted in objects], rebuild)
            objects = [counted for counted in objects if counted.ref in entries]
            if not objects:
                return
            blobs = rows.add(as_recounted(deltas(objects), rebuild))
            notes = [
                ledger_recount(
                    self._table.name,
                    recounted(entries[counted.ref], counted, rebuild, generations),
                    rebuild,
                )
                for counted in objects
            ]
            puts = rows.puts(blobs, self._retention_days)
            if not _fits(blobs, [*notes, *puts]):
                break
            refusals = self._table.transact([*notes, *puts])
            if refusals is None:
                return
            rows.refused(blobs, refusals[len(objects) :])
        else:
            raise self._gave_up(objects, until)
        if len(objects) == 1:
            self._recount_in_parts(rebuild, objects[0], generations, until)
            return
        middle = len(objects) // 2
        self._recount_together(rebuild, objects[:middle], generations, until)
        self._recount_together(rebuild, objects[middle:], generations, until)

    def _recount_in_parts(
        self, rebuild: Rebuild, counted: Counted, generations: Generations, until: Deadline
    ) -> None:
        """As `_in_parts`: the ledger row says how many parts are recounted."""
        parts = _parts(as_recounted(deltas([counted]), rebuild))
        rows = _Rows(self._table, self._shards, self._caps)
        for _ in until.attempts(rounds=len(parts)):
            item = self._ledger.items([counted.ref])[counted.ref]
            entry = ledger_entry(item)
            if entry.generation >= rebuild.generation:
                return
            under_way = int(item.get("recounting", number(0))["N"]) == rebuild.generation
            part = int(item["recounted"]["N"]) if under_way else 0
            blobs = rows.add(parts[part])
            note = ledger_recount(
                self._table.name,
                recounted(entry, counted, rebuild, generations),
                rebuild,
                part,
                len(parts),
            )
            refusals = self._table.transact([note, *rows.puts(blobs, self._retention_days)])
            if refusals is None:
                rows.done(blobs)
            else:
                rows.refused(blobs, refusals[1:])
        raise self._gave_up([counted], until)

    def _behind(self, refs: Sequence[ObjectRef], rebuild: Rebuild) -> dict[ObjectRef, LedgerEntry]:
        """The entries of those that the rebuild does not have yet."""
        entries = {ref: ledger_entry(item) for ref, item in self._ledger.items(refs).items()}
        return {ref: e for ref, e in entries.items() if e.generation < rebuild.generation}

    def _entry(
        self, counted: Counted, generations: Generations, parts: int = 1
    ) -> "TransactWriteItemTypeDef":
        at = self._clock()
        state: State = "committed" if parts == 1 else "partial"
        entry = entered(counted, at, generations, state)
        return ledger_put(self._table.name, entry, at, self._retention_days, parts)

    def _gave_up(self, objects: list[Counted], until: Deadline) -> StoreError:
        return StoreError(
            f"committing {len(objects)} objects to table {self._table.name} met other commits "
            f"for {until.seconds:.0f} s; they will be tried again. If this goes on, raise "
            "the number of shards"
        )


def _fits(blobs: Mapping[RowKey, bytes], actions: Sequence[object]) -> bool:
    return len(actions) <= MAX_ACTIONS and sum(map(len, blobs.values())) <= MAX_BYTES


def _parts(
    added: Mapping[RowKey, list[HourlyAggregate]],
) -> list[dict[RowKey, list[HourlyAggregate]]]:
    """What is added, in parts of a few hours and what these give to their day, so that every day
    is the sum of its hours after each part."""
    parts: list[dict[RowKey, list[HourlyAggregate]]] = []
    hours = sorted(key for key in added if key.period == "hour")
    for _, of_day in groupby(hours, lambda key: key.day):
        while chunk := list(islice(of_day, PART_HOURS)):
            day = chunk[0]._replace(period="day", start=chunk[0].day)
            part = {key: added[key] for key in chunk}
            parts.append(part | {day: [each for key in chunk for each in added[key]]})
    return parts


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
