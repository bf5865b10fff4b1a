"""Commits: optimistic transactions over ledger and aggregates, tried until they go through."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from pipeline.deadline import Deadline
from pipeline.errors import StoreError
from pipeline.objects import ObjectRef
from pipeline.schema.dimensions import Caps
from pipeline.store.counted import Counted
from pipeline.store.dynamodb.backoff import attempts
from pipeline.store.dynamodb.fences import Fences
from pipeline.store.dynamodb.items import Item, ledger_advance, ledger_entry, ledger_put
from pipeline.store.dynamodb.ledger import Ledger
from pipeline.store.dynamodb.rows import MAX_ACTIONS, Rows, fits, gave_up, in_parts
from pipeline.store.dynamodb.table import CONDITION_FAILED, Table
from pipeline.store.generations import Generations
from pipeline.store.ledger import State, as_written, deltas
from pipeline.store.port import CommitResult, sort_out
from pipeline.store.rows import entered

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


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
        ledger = self._ledger.items([counted.ref for counted in objects], until)
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
        rows = Rows(self._table, self._shards, self._caps)
        for _ in attempts(until):
            sight = self._fences.look(added, rows.shard, until)
            blobs = rows.add(as_written(added, sight.generations), until)
            entries = [self._entry(counted, sight.generations) for counted in objects]
            puts = rows.puts(blobs, self._retention_days)
            if not fits(blobs, [*entries, *sight.checks, *puts]):
                return self._divided(objects, until)
            refusals = self._table.transact([*entries, *sight.checks, *puts])
            if refusals is None:
                return CommitResult(committed=tuple(counted.ref for counted in objects))
            if CONDITION_FAILED in refusals[: len(objects)]:
                # Somebody else has counted one of them meanwhile: look again, without it.
                return self.commit(objects, until)
            rows.refused(blobs, refusals[-len(puts) :] if puts else [])
        raise gave_up(len(objects), self._table)

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
        parts = in_parts(deltas([counted]))
        rows = Rows(self._table, self._shards, self._caps)
        for _ in attempts(until, rounds=len(parts)):
            item = self._ledger.items([counted.ref], until).get(counted.ref)
            standing = ledger_entry(item).standing(counted.ref) if item else "new"
            if standing == "duplicate":
                return CommitResult(duplicates=(counted.ref,))
            if standing == "conflict":
                return CommitResult(conflicts=(counted.ref,))
            done = _parts_done(item, counted.ref, len(parts))
            sight = self._fences.look(parts[done], rows.shard, until)
            generations = sight.generations
            if done and item and ledger_entry(item).generation < generations.latest:
                # Begun before a rebuild, which counts the whole of it when it is complete.
                generations = replace(generations, rebuild=None)
            blobs = rows.add(as_written(parts[done], generations), until)
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
        raise gave_up(1, self._table)

    def _entry(
        self, counted: Counted, generations: Generations, parts: int = 1
    ) -> "TransactWriteItemTypeDef":
        at = self._clock()
        state: State = "committed" if parts == 1 else "partial"
        entry = entered(counted, at, generations, state)
        return ledger_put(self._table.name, entry, at, self._retention_days, parts)


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
