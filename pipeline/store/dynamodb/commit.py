"""Commits: optimistic transactions over ledger and aggregates, tried until they go through."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from pipeline.deadline import Deadline
from pipeline.errors import CommitRefused
from pipeline.hour.aggregate import HourlyAggregate
from pipeline.store.counted import Counted, Delta, RowKey
from pipeline.store.dynamodb.backoff import attempts
from pipeline.store.dynamodb.fences import Sight
from pipeline.store.dynamodb.items import Item
from pipeline.store.dynamodb.ledger import Ledger
from pipeline.store.dynamodb.ledger_items import ledger_advance, ledger_entry, ledger_put
from pipeline.store.dynamodb.rows import MAX_ACTIONS, Rows, fits, gave_up, in_parts
from pipeline.store.dynamodb.states import States
from pipeline.store.dynamodb.table import CONDITION_FAILED, Table
from pipeline.store.ledger import PARSER_VERSION, State, as_written
from pipeline.store.port import TOO_LARGE, CommitResult, sort_out
from pipeline.store.rows import entered, forgettable, require_remembered, unshown, visible

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


class Commits:
    """Commits deltas to a table."""

    def __init__(
        self, table: Table, ledger: Ledger, states: States, clock: Callable[[], datetime]
    ) -> None:
        self._table = table
        self._ledger = ledger
        self._states = states
        self._clock = clock

    def commit(self, delta: Delta, deadline: Deadline) -> CommitResult:
        """Commit a delta in one transaction, or a delta of one object in parts if need be."""
        if len(delta.objects) + len(delta.rows) > MAX_ACTIONS:
            return self._too_large(delta, deadline)
        rows = Rows(self._table, self._states.fences)
        for _ in attempts(deadline):
            sight = self._states.agreed(rows.look(delta.rows, deadline))
            self._require_remembered(delta.objects, sight, deadline)
            blobs = rows.add(self._written(delta.rows, sight), deadline)
            entries = [self._entry(counted, sight) for counted in delta.objects]
            actions = [*entries, *sight.checks, *rows.puts(blobs)]
            if not fits(blobs, actions):
                return self._too_large(delta, deadline)
            refusals = self._table.transact(actions)
            if refusals is None:
                return self._committed(delta, sight)
            if CONDITION_FAILED in refusals[: len(entries)]:
                result = self._sorted_out(delta, deadline)
                if not result.committed:
                    return result
                if len(delta.objects) == 1:  # half committed
                    return self._in_parts(delta, deadline)
            rows.refused(list(blobs), refusals)
        raise gave_up(len(delta.objects), self._table)

    def _require_remembered(
        self, objects: Sequence[Counted], sight: Sight, deadline: Deadline
    ) -> None:
        if old := forgettable(objects, sight.settings, self._clock()):
            items = self._ledger.items(old, deadline)
            entries = {ref: ledger_entry(item) for ref, item in items.items()}
            require_remembered(old, entries)

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
        rows = Rows(self._table, self._states.fences)
        for _ in attempts(deadline, rounds=len(parts)):
            item = self._ledger.items([counted.ref], deadline).get(counted.ref)
            if item is not None:
                result = sort_out(delta.objects, {counted.ref: ledger_entry(item)})
                if not result.committed:
                    return result
            done = _parts_done(item, counted, len(parts))
            sight = self._states.agreed(rows.look(parts[done], deadline))
            self._require_remembered(delta.objects, sight, deadline)
            if done and item:
                entry = ledger_entry(item)
                if entry.as_read(sight.state.generations).state == "forgotten":
                    return CommitResult(duplicates=(counted.ref,))
                if entry.recount or entry.generation < sight.state.generations.latest:
                    # Begun before a rebuild, which counts the whole of it when it is complete,
                    # or has forgotten it.
                    sight = sight.without_rebuild()
            blobs = rows.add(self._written(parts[done], sight), deadline)
            note = self._part_note(counted, sight, done, len(parts))
            refusals = self._table.transact([note, *sight.checks, *rows.puts(blobs)])
            if refusals is not None:
                rows.refused(list(blobs), refusals)
                continue
            rows.done(blobs)
            if done + 1 == len(parts):
                return self._committed(delta, sight)
        raise gave_up(1, self._table)

    def _part_note(
        self, counted: Counted, sight: Sight, done: int, parts: int
    ) -> "TransactWriteItemTypeDef":
        """The action that notes a part in the ledger: the first part enters the object."""
        if done:
            return ledger_advance(self._table.name, counted, done, parts)
        return self._entry(counted, sight, parts)

    def _written(
        self, rows: Mapping[RowKey, HourlyAggregate], sight: Sight
    ) -> dict[RowKey, HourlyAggregate]:
        """The delta of each row, in every generation that is written."""
        written = as_written(rows, sight.state.generations)
        return visible(written, sight.settings, self._clock())

    def _committed(self, delta: Delta, sight: Sight) -> CommitResult:
        """The result of a commit, which says of which objects nothing is shown."""
        generations = sight.state.generations
        past = unshown(delta.objects, sight.settings, generations, self._clock())
        return CommitResult(unshown=past)

    def _entry(self, counted: Counted, sight: Sight, parts: int = 1) -> "TransactWriteItemTypeDef":
        at = self._clock()
        state: State = "committed" if parts == 1 else "partial"
        entry = entered(counted, at, sight.state.generations, state)
        return ledger_put(self._table.name, entry, at, sight.settings, parts)


def _parts_done(item: Item | None, counted: Counted, parts: int) -> int:
    """How many parts of an object are committed. Raises CommitRefused if it was begun as another
    count of the same bytes, whose parts these cannot complete."""
    if item is None or item["state"]["S"] != "partial":
        return 0
    entry = ledger_entry(item)
    begun = (int(item["parts"]["N"]), entry.parser_version, entry.sites, entry.rejected)
    if begun != (parts, PARSER_VERSION, counted.sites, counted.rejected):
        raise CommitRefused(
            f"{counted.ref.name} is half committed, by another version of edgetally or with other "
            "settings, and now counts otherwise: let those finish it"
        )
    return int(item["parts_done"]["N"])
