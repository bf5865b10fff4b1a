"""The ledger's rows in the table."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from pipeline.deadline import NEVER, Deadline
from pipeline.hours import hour_of, hour_start
from pipeline.objects import ObjectRef
from pipeline.store.dynamodb.items import (
    Item,
    hour_label,
    is_live,
    json_text,
    ledger_key,
    number,
    text,
)
from pipeline.store.dynamodb.ledger_items import ledger_entry, ledger_item
from pipeline.store.dynamodb.table import BY_HOUR, Table
from pipeline.store.ledger import LedgerEntry
from pipeline.store.rows import dismissed, in_conflict
from pipeline.store.settings import StoreSettings


class Ledger:
    """Reads the ledger, and notes failures in it. Commits write it in their transactions."""

    def __init__(self, table: Table, clock: Callable[[], datetime]) -> None:
        self._table = table
        self._clock = clock

    def items(self, refs: Sequence[ObjectRef], deadline: Deadline = NEVER) -> dict[ObjectRef, Item]:
        """The live ledger rows of these objects."""
        at = self._clock()
        keys = {ref.id: ledger_key(ref) for ref in refs}
        found = {
            item["pk"]["S"].removeprefix("object#"): item
            for item in self._table.get([*keys.values()], deadline)
            if is_live(item, at)
        }
        return {ref: found[ref.id] for ref in refs if ref.id in found}

    def record_failure(self, ref: ObjectRef, reason: str, attempts: int) -> None:
        """Note a failed attempt, unless the object has been committed since."""
        at = self._clock()
        failure = ledger_item(
            LedgerEntry(ref, "failed", int(at.timestamp()), reason), StoreSettings()
        )
        said = {
            name: value for name, value in failure.items() if name not in ("pk", "sk", "attempts")
        }
        self._table.update(
            Key=ledger_key(ref),
            UpdateExpression=(
                f"SET {', '.join(f'#{name} = :{name}' for name in said)} ADD attempts :attempts"
            ),
            ConditionExpression="attribute_not_exists(pk) OR #state = :state",
            ExpressionAttributeNames={f"#{name}": name for name in said},
            ExpressionAttributeValues={
                **{f":{name}": value for name, value in said.items()},
                ":attempts": number(attempts),
            },
        )

    def record_conflict(self, ref: ObjectRef) -> None:
        """Note that other content was delivered under an object's key."""
        for item in self.items([ref]).values():
            conflict = in_conflict(ledger_entry(item), ref, self._clock()).conflict
            self._table.update(
                Key=ledger_key(ref),
                UpdateExpression="SET #conflict = :conflict",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeNames={"#conflict": "conflict"},
                ExpressionAttributeValues={":conflict": json_text(conflict)},
            )

    def dismiss(self, ref: ObjectRef) -> None:
        """Clear a failure or a conflict, unless the entry is in another state by now."""
        item = self.items([ref]).get(ref)
        before = ledger_entry(item) if item else None
        entry = dismissed(before, ref)
        is_failure = entry.state == "dismissed"
        self._table.update(
            Key=ledger_key(ref),
            UpdateExpression="SET #attribute = :value",
            ConditionExpression="#state = :before",
            ExpressionAttributeNames={
                "#attribute": "state" if is_failure else "conflict",
                "#state": "state",
            },
            ExpressionAttributeValues={
                ":value": text(entry.state) if is_failure else json_text(entry.conflict),
                ":before": text("failed" if is_failure else entry.state),
            },
        )

    def all(self) -> Iterator[LedgerEntry]:
        """Every live entry, read consistently: the whole table is gone through."""
        return self._live(
            self._table.scan("begins_with(pk, :object)", {":object": text("object#")})
        )

    def since(self, since: datetime) -> Iterator[LedgerEntry]:
        """The live entries written since the hour of a moment, by the index over that hour."""
        hour, last = hour_of(since), hour_of(self._clock())
        while hour <= last:
            label = text(hour_label(hour_start(hour)))
            yield from self._live(
                self._table.query("at_hour = :hour", {":hour": label}, index=BY_HOUR)
            )
            hour += 1

    def _live(self, items: Iterable[Item]) -> Iterator[LedgerEntry]:
        at = self._clock()
        return (ledger_entry(item) for item in items if is_live(item, at))
