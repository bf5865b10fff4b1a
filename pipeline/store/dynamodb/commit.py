"""Commits: optimistic transactions over ledger and aggregates, tried until they go through."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from pipeline.deadline import Deadline
from pipeline.errors import CommitRefused
from pipeline.schema.dimensions import Caps
from pipeline.store.counted import Counted, Delta
from pipeline.store.dynamodb.backoff import attempts
from pipeline.store.dynamodb.fences import Fences
from pipeline.store.dynamodb.items import Item, ledger_advance, ledger_entry, ledger_put
from pipeline.store.dynamodb.ledger import Ledger
from pipeline.store.dynamodb.rows import MAX_ACTIONS, Rows, fits, gave_up, in_parts
from pipeline.store.dynamodb.table import CONDITION_FAILED, Table
from pipeline.store.generations import Generations
from pipeline.store.ledger import PARSER_VERSION, State, as_written
from pipeline.store.port import COMMITTED, TOO_LARGE, CommitResult, sort_out
from pipeline.store.rows import entered

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


class Commits:
    """Commits deltas to a table whose hours are spread over `shards` rows."""

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

    def commit(self, delta: Delta, deadline: Deadline) -> CommitResult:
        """Commit a delta in one transaction, or a delta of one object in parts if need be."""
        if len(delta.objects) + len(delta.rows) > MAX_ACTIONS:
            return self._too_large(delta, deadline)
        rows = Rows(self._table, self._shards, self._caps)
        for _ in attempts(deadline):
            sight = self._fences.look(delta.rows, rows.shard, deadline)
            blobs = rows.add(as_written(delta.rows, sight.generations), deadline)
            entries = [self._entry(counted, sight.generations) for counted in delta.objects]
            puts = rows.puts(blobs, self._retention_days)
            if not fits(blobs, [*entries, *sight.checks, *puts]):
                return self._too_large(delta, deadline)
            refusals = self._table.transact([*entries, *sight.checks, *puts])
            if refusals is None:
                return COMMITTED
            if CONDITION_FAILED in refusals[: len(entries)]:
                result = self._sorted_out(delta, deadline)
                if not result.committed:
                    return result
                if len(delta.objects) == 1:  # half committed
                    return self._in_parts(delta, deadline)
            rows.refused(blobs, refusals[-len(puts) :] if puts else [])
        raise gave_up(len(delta.objects), self._table)

    def _sorted_out(self, delta: Delta, deadline: Deadline) -> CommitResult:
        """Why the ledger refuses a delta. The transaction's condition has guarded it until now:
        objects are hardly ever counted between their first look-up and their commit."""
        items = self._ledger.items([counted.ref for counted in delta.objects], deadline)
        return sort_out(delta.objects, {ref: ledger_entry(item) for ref, item in items.items()})

    def _too_large(self, delta: Delta, deadline: Deadline) -> CommitResult:
        return TOO_LARGE if len(delta.objects) > 1 else self._in_parts(delta, deadline)

    def _in_parts(self, delta: Delta, deadline: Deadline) -> CommitResult:
        """Commit an object that spans more rows than a transaction holds, part by part.

        The ledger row says how many parts are done, and is advanced in the same transaction as
        the rows of each part. So another writer, after a crash or at the same time, goes on from
        there, and no part is counted twice. Until the last part, readers see the hours of the
        parts that are done. Raises CommitRefused if the object was begun in other parts.
        """
        (counted,) = delta.objects
        parts = in_parts(delta.rows)
        rows = Rows(self._table, self._shards, self._caps)
        for _ in attempts(deadline, rounds=len(parts)):
            item = self._ledger.items([counted.ref], deadline).get(counted.ref)
            if item is not None:
                result = sort_out(delta.objects, {counted.ref: ledger_entry(item)})
                if not result.committed:
                    return result
            done = _parts_done(item, counted, len(parts))
            sight = self._fences.look(parts[done], rows.shard, deadline)
            generations = sight.generations
            if done and item:
                entry = ledger_entry(item)
                if entry.as_read(generations).state == "forgotten":
                    return CommitResult(duplicates=(counted.ref,))
                if entry.recount or entry.generation < generations.latest:
                    # Begun before a rebuild, which counts the whole of it when it is complete,
                    # or has forgotten it.
                    generations = replace(generations, rebuild=None)
            blobs = rows.add(as_written(parts[done], generations), deadline)
            note = (
                ledger_advance(self._table.name, counted, done, len(parts))
                if done
                else self._entry(counted, generations, len(parts))
            )
            puts = rows.puts(blobs, self._retention_days)
            refusals = self._table.transact([note, *sight.checks, *puts])
            if refusals is not None:
                rows.refused(blobs, refusals[-len(puts) :])
                continue
            rows.done(blobs)
            if done + 1 == len(parts):
                return COMMITTED
        raise gave_up(1, self._table)

    def _entry(
        self, counted: Counted, generations: Generations, parts: int = 1
    ) -> "TransactWriteItemTypeDef":
        at = self._clock()
        state: State = "committed" if parts == 1 else "partial"
        entry = entered(counted, at, generations, state)
        return ledger_put(self._table.name, entry, at, self._retention_days, parts)


def _parts_done(item: Item | None, counted: Counted, parts: int) -> int:
    """How many parts of an object are committed. Raises CommitRefused if it was begun as another
    count of the same bytes, whose parts these cannot complete."""
    if item is None or item["state"]["S"] != "partial":
        return 0
    entry = ledger_entry(item)
    begun = (int(item["parts"]["N"]), entry.parser_version, entry.site, entry.hours, entry.rejected)
    if begun != (parts, PARSER_VERSION, counted.site, counted.hours, counted.rejected):
        raise CommitRefused(
            f"{counted.ref.name} is half committed, by another version of edgetally or with other "
            "settings, and now counts otherwise: let those finish it"
        )
    return int(item["parts_done"]["N"])
