"""The ledger's rows in the table."""

from collections.abc import Callable, Sequence
from datetime import datetime

from pipeline.adapters.dynamodb.items import Item, is_live, ledger_key, number, text
from pipeline.adapters.dynamodb.table import Table
from pipeline.core.objects import ObjectRef


class Ledger:
    """Reads the ledger, and notes failures in it. Commits write it in their transactions."""

    def __init__(self, table: Table, clock: Callable[[], datetime]) -> None:
        self._table = table
        self._clock = clock

    def items(self, refs: Sequence[ObjectRef]) -> dict[ObjectRef, Item]:
        """The live ledger rows of these objects."""
        at = self._clock()
        found = {
            item["pk"]["S"].removeprefix("object#"): item
            for item in self._table.get([*{ref.id: ledger_key(ref) for ref in refs}.values()])
            if is_live(item, at)
        }
        return {ref: found[ref.id] for ref in refs if ref.id in found}

    def record_failure(self, ref: ObjectRef, reason: str) -> None:
        """Note a failed attempt, unless the object has been committed since."""
        self._table.update(
            Key=ledger_key(ref),
            UpdateExpression=(
                "SET #state = :failed, etag = :etag, #bucket = :bucket, #key = :key, "
                "reason = :reason, #at = :at ADD attempts :one"
            ),
            ConditionExpression="attribute_not_exists(pk) OR #state = :failed",
            ExpressionAttributeNames={
                "#state": "state",
                "#bucket": "bucket",
                "#key": "key",
                "#at": "at",
            },
            ExpressionAttributeValues={
                ":failed": text("failed"),
                ":etag": text(ref.etag),
                ":bucket": text(ref.bucket),
                ":key": text(ref.key),
                ":reason": text(reason),
                ":at": number(int(self._clock().timestamp())),
                ":one": number(1),
            },
        )
