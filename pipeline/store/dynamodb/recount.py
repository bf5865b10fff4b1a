"""Counting committed objects in the new generation of a rebuild: transactions over their ledger
rows and the rows of that generation, tried until they go through."""

from collections.abc import Sequence

from pipeline.deadline import Deadline
from pipeline.errors import StoreError
from pipeline.objects import ObjectRef
from pipeline.schema.dimensions import Caps
from pipeline.store.counted import Counted
from pipeline.store.dynamodb.backoff import attempts
from pipeline.store.dynamodb.fences import Fences
from pipeline.store.dynamodb.items import ledger_entry, ledger_recount, number
from pipeline.store.dynamodb.ledger import Ledger
from pipeline.store.dynamodb.rows import Rows, fits, gave_up, in_parts
from pipeline.store.dynamodb.table import Table
from pipeline.store.generations import Generations, Rebuild
from pipeline.store.ledger import LedgerEntry, as_recounted, deltas, recounted

_LARGE_ATTEMPTS = 3
"""How often a transaction of several objects is tried again before it is made smaller."""


class Recounts:
    """Recounts objects in a table whose hours are spread over `shards` rows."""

    def __init__(
        self,
        table: Table,
        ledger: Ledger,
        fences: Fences,
        shards: int,
        retention_days: int,
        caps: Caps,
    ) -> None:
        self._table = table
        self._ledger = ledger
        self._fences = fences
        self._shards = shards
        self._retention_days = retention_days
        self._caps = caps

    def recount(
        self, rebuild: Rebuild, objects: Sequence[Counted], forgotten: Sequence[ObjectRef]
    ) -> None:
        """See `Store.recount`."""
        until = Deadline.after(self._table.timeout)
        generations = self._fences.pointer()
        for ref in forgotten:
            self._forget(rebuild, ref, generations, until)
        self._recount_together(rebuild, list(objects), generations, until)

    def _forget(
        self, rebuild: Rebuild, ref: ObjectRef, generations: Generations, until: Deadline
    ) -> None:
        """Note that an object counts for nothing in a rebuild."""
        for _ in attempts(until):
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
        """Recount objects in one transaction; in halves when they do not fit one, or when it goes
        on meeting commits: these are small and quick, and a large one would never have its turn."""
        rows = Rows(self._table, self._shards, self._caps)
        for attempt in attempts(until):
            entries = self._behind([counted.ref for counted in objects], rebuild)
            objects = [counted for counted in objects if counted.ref in entries]
            if not objects:
                return
            blobs = rows.add(as_recounted(deltas(objects), rebuild), until)
            notes = [
                ledger_recount(
                    self._table.name,
                    recounted(entries[counted.ref], counted, rebuild, generations),
                    rebuild,
                )
                for counted in objects
            ]
            puts = rows.puts(blobs, self._retention_days)
            if not fits(blobs, [*notes, *puts]):
                break
            refusals = self._table.transact([*notes, *puts])
            if refusals is None:
                return
            rows.refused(blobs, refusals[len(objects) :])
            if attempt >= _LARGE_ATTEMPTS and len(objects) > 1:
                break
        else:
            raise gave_up(len(objects), self._table)
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
        parts = in_parts(as_recounted(deltas([counted]), rebuild))
        rows = Rows(self._table, self._shards, self._caps)
        for _ in attempts(until, rounds=len(parts)):
            item = self._ledger.items([counted.ref])[counted.ref]
            entry = ledger_entry(item)
            if entry.generation >= rebuild.generation:
                return
            under_way = int(item.get("recounting", number(0))["N"]) == rebuild.generation
            part = int(item["recounted"]["N"]) if under_way else 0
            blobs = rows.add(parts[part], until)
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
        raise gave_up(1, self._table)

    def _behind(self, refs: Sequence[ObjectRef], rebuild: Rebuild) -> dict[ObjectRef, LedgerEntry]:
        """The entries of those that the rebuild does not have yet."""
        entries = {ref: ledger_entry(item) for ref, item in self._ledger.items(refs).items()}
        return {ref: e for ref, e in entries.items() if e.generation < rebuild.generation}
