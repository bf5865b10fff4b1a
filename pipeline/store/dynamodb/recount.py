"""Counting committed objects in the new generation of a rebuild: transactions over their ledger
rows and the rows of that generation, tried until they go through."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from pipeline.deadline import Deadline
from pipeline.errors import StoreError
from pipeline.objects import ObjectRef
from pipeline.store.counted import Delta, RowKey
from pipeline.store.dynamodb.backoff import attempts
from pipeline.store.dynamodb.fences import Sight
from pipeline.store.dynamodb.items import number
from pipeline.store.dynamodb.ledger import Ledger
from pipeline.store.dynamodb.ledger_items import ledger_entry, ledger_recount
from pipeline.store.dynamodb.rows import Rows, fits, gave_up, in_parts
from pipeline.store.dynamodb.states import States
from pipeline.store.dynamodb.table import Table
from pipeline.store.generations import Generations, Rebuild
from pipeline.store.ledger import LedgerEntry, as_recounted, recounted
from pipeline.store.port import COMMITTED, TOO_LARGE, CommitResult, behind
from pipeline.store.rows import visible

_LARGE_ATTEMPTS = 3
"""How often a transaction of several objects is tried again before it is made smaller."""


class Recounts:
    """Recounts objects in a table."""

    def __init__(
        self, table: Table, ledger: Ledger, states: States, clock: Callable[[], datetime]
    ) -> None:
        self._table = table
        self._ledger = ledger
        self._states = states
        self._clock = clock

    def recount(self, rebuild: Rebuild, delta: Delta) -> CommitResult:
        """Recount a delta in one transaction, or a delta of one object in parts if need be.

        Several objects that keep meeting commits are called too large: these are small and quick,
        and a large transaction would never have its turn.
        """
        until = Deadline.after(self._table.timeout)
        added = as_recounted(delta.rows, rebuild)
        rows = Rows(self._table, self._states.fences)
        for attempt in attempts(until):
            entries = self._entries([counted.ref for counted in delta.objects])
            result = behind(delta.objects, entries, rebuild)
            if not result.committed:
                return result
            sight = self._look(rebuild, added, rows, until)
            blobs = rows.add(visible(added, sight.settings, self._clock()), until)
            notes = [
                ledger_recount(
                    self._table.name,
                    recounted(entries[counted.ref], counted, rebuild, sight.state.generations),
                    rebuild,
                )
                for counted in delta.objects
            ]
            actions = [*notes, *sight.checks, *rows.puts(blobs)]
            if not fits(blobs, actions):
                break
            refusals = self._table.transact(actions)
            if refusals is None:
                return COMMITTED
            rows.refused(list(blobs), refusals)
            if attempt >= _LARGE_ATTEMPTS and len(notes) > 1:
                break
        else:
            raise gave_up(len(delta.objects), self._table)
        if len(delta.objects) > 1:
            return TOO_LARGE
        return self._recount_in_parts(rebuild, delta, until)

    def forget(self, rebuild: Rebuild, refs: Sequence[ObjectRef]) -> None:
        """Note that objects count for nothing in a rebuild. Rows do not change."""
        generations = self._states.fences.state().generations
        generations.open_rebuild(rebuild.generation)
        for ref in refs:
            self._forget(rebuild, ref, generations, Deadline.after(self._table.timeout))

    def _forget(
        self, rebuild: Rebuild, ref: ObjectRef, generations: Generations, until: Deadline
    ) -> None:
        """Note that an object counts for nothing in a rebuild."""
        for _ in attempts(until):
            notes = [
                ledger_recount(
                    self._table.name, recounted(entry, None, rebuild, generations), rebuild
                )
                for entry in self._entries([ref]).values()
                if entry.generation < rebuild.generation
            ]
            if not notes or self._table.transact(notes) is None:
                return
        raise StoreError(f"{ref.name} is kept busy by others; try again")

    def _recount_in_parts(self, rebuild: Rebuild, delta: Delta, until: Deadline) -> CommitResult:
        """As `Commits` does: the ledger row says how many parts are recounted."""
        (counted,) = delta.objects
        parts = in_parts(as_recounted(delta.rows, rebuild))
        rows = Rows(self._table, self._states.fences)
        for _ in attempts(until, rounds=len(parts)):
            item = self._ledger.items([counted.ref])[counted.ref]
            entry = ledger_entry(item)
            if entry.generation >= rebuild.generation:
                return COMMITTED
            under_way = int(item.get("recounting", number(0))["N"]) == rebuild.generation
            part = int(item["recounted"]["N"]) if under_way else 0
            sight = self._look(rebuild, parts[part], rows, until)
            blobs = rows.add(visible(parts[part], sight.settings, self._clock()), until)
            note = ledger_recount(
                self._table.name,
                recounted(entry, counted, rebuild, sight.state.generations),
                rebuild,
                part,
                len(parts),
            )
            refusals = self._table.transact([note, *sight.checks, *rows.puts(blobs)])
            if refusals is None:
                rows.done(blobs)
            else:
                rows.refused(list(blobs), refusals)
        raise gave_up(1, self._table)

    def _look(
        self, rebuild: Rebuild, added: Iterable[RowKey], rows: Rows, until: Deadline
    ) -> Sight:
        """The generations as a transaction may use them. Raises StoreError if the rebuild is
        over: its generation must not be written any more."""
        sight = self._states.agreed(rows.look(added, until))
        sight.state.generations.open_rebuild(rebuild.generation)
        return sight

    def _entries(self, refs: Sequence[ObjectRef]) -> dict[ObjectRef, LedgerEntry]:
        return {ref: ledger_entry(item) for ref, item in self._ledger.items(refs).items()}
