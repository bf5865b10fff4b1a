"""Ledger entries as DynamoDB items, and the conditions on which they are written."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from pipeline.objects import ObjectRef
from pipeline.store.counted import Counted
from pipeline.store.dynamodb.items import (
    Item,
    hour_label,
    json_text,
    ledger_key,
    number,
    text,
    with_expiry,
)
from pipeline.store.generations import Rebuild
from pipeline.store.ledger import PARSER_VERSION, UNCOUNTED, Conflict, LedgerEntry, Recount
from pipeline.store.rows import ledger_expiry
from pipeline.store.settings import StoreSettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


def ledger_entry(item: Item) -> LedgerEntry:
    """The entry in a ledger row."""
    ref = ObjectRef(
        item["bucket"]["S"],
        item["key"]["S"],
        item["etag"]["S"],
        item["version_id"]["S"],
        item["sequencer"]["S"],
        int(item["size"]["N"]),
    )
    return LedgerEntry(
        ref,
        item["state"]["S"],
        int(item["at"]["N"]),
        item.get("reason", text(""))["S"],
        int(item.get("attempts", number(0))["N"]),
        msgspec.json.decode(item.get("sites", text("{}"))["S"], type=dict[str, dict[int, int]]),
        msgspec.json.decode(item.get("rejected", text("{}"))["S"], type=dict[str, int]),
        item.get("layout", text(""))["S"],
        int(item.get("parser_version", number(0))["N"]),
        int(item.get("generation", number(0))["N"]),
        msgspec.json.decode(item["recount"]["S"], type=Recount) if "recount" in item else None,
        msgspec.json.decode(item["conflict"]["S"], type=Conflict) if "conflict" in item else None,
    )


def ledger_item(entry: LedgerEntry, settings: StoreSettings) -> Item:
    """The ledger row that says it. What says nothing is left out."""
    ref = entry.ref
    said = {
        "state": text(entry.state),
        "bucket": text(ref.bucket),
        "key": text(ref.key),
        "etag": text(ref.etag),
        "version_id": text(ref.version_id),
        "sequencer": text(ref.sequencer),
        "size": number(ref.size),
        "at": number(entry.at),
        "at_hour": text(hour_label(datetime.fromtimestamp(entry.at, UTC))),
    }
    if entry.state in UNCOUNTED:
        said |= {"reason": text(entry.reason), "attempts": number(entry.attempts)}
    else:
        said |= {
            "sites": json_text(entry.sites),
            "rejected": json_text(entry.rejected),
            "layout": text(entry.layout),
            "parser_version": number(entry.parser_version),
            "generation": number(entry.generation),
        }
    if entry.recount:
        said["recount"] = json_text(entry.recount)
    if entry.conflict:
        said["conflict"] = json_text(entry.conflict)
    return with_expiry(ledger_key(ref) | said, ledger_expiry(entry, settings))


def ledger_put(
    table: str, entry: LedgerEntry, at: datetime, settings: StoreSettings, parts: int = 1
) -> "TransactWriteItemTypeDef":
    """Enter an object into the ledger, provided that it is new there or was never counted.

    With several `parts`, the first of them is done.
    """
    item = ledger_item(entry, settings)
    if parts > 1:
        item |= {"parts": number(parts), "parts_done": number(1)}
    unknown = "attribute_not_exists(pk)"
    uncounted = "#state IN (:failed, :dismissed)"
    expired = "expires <= :now"
    return {
        "Put": {
            "TableName": table,
            "Item": item,
            "ConditionExpression": f"{unknown} OR {uncounted} OR {expired}",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {
                ":failed": text("failed"),
                ":dismissed": text("dismissed"),
                ":now": number(int(at.timestamp())),
            },
        }
    }


def ledger_recount(
    table: str, entry: LedgerEntry, rebuild: Rebuild, part: int = 0, parts: int = 1
) -> "TransactWriteItemTypeDef":
    """Note that part number `part` (from 0) of an object is counted in a rebuild's generation
    too, provided that it is the next one; `entry` is what holds when all `parts` are."""
    before = "attribute_not_exists(recounting) OR recounting < :generation"
    condition = before if part == 0 else "recounting = :generation AND recounted = :part"
    values = {":generation": number(rebuild.generation), ":committed": text("committed")}
    states = ":committed"
    if entry.recount and entry.recount.state == "forgotten":  # also if it is half committed
        states += ", :partial"
        values[":partial"] = text("partial")
    if part:
        values[":part"] = number(part)
    changes = ["recounting = :generation", "recounted = :next"]
    values[":next"] = number(part + 1)
    if part + 1 == parts:
        recounted = _recounted(entry, rebuild)
        changes += [f"#{name} = :{name}" for name in recounted]
        values |= {f":{name}": value for name, value in recounted.items()}
        names = {f"#{name}": name for name in recounted}
    else:
        names = {"#generation": "generation"}
    return {
        "Update": {
            "TableName": table,
            "Key": ledger_key(entry.ref),
            "UpdateExpression": f"SET {', '.join(changes)}",
            "ConditionExpression": (
                f"#state IN ({states}) AND #generation < :generation AND ({condition})"
            ),
            "ExpressionAttributeNames": names | {"#state": "state"},
            "ExpressionAttributeValues": values,
        }
    }


def _recounted(entry: LedgerEntry, rebuild: Rebuild) -> Item:
    """The attributes of an entry that a rebuild changes."""
    return {
        "generation": number(rebuild.generation),
        "sites": json_text(entry.sites),
        "rejected": json_text(entry.rejected),
        "layout": text(entry.layout),
        "parser_version": number(entry.parser_version),
        "recount": json_text(entry.recount),
    }


def ledger_advance(
    table: str, counted: Counted, done: int, parts: int
) -> "TransactWriteItemTypeDef":
    """Mark part number `done` (from 0) of an object as done too, provided that it is the next
    one and that the parts before it were made of the same bytes by the same parser."""
    next_one = "parts_done = :done AND #state = :partial"
    same_parts = "parts = :parts AND etag = :etag AND parser_version = :parser_version"
    return {
        "Update": {
            "TableName": table,
            "Key": ledger_key(counted.ref),
            "UpdateExpression": "SET parts_done = :next, #state = :state",
            "ConditionExpression": f"{next_one} AND {same_parts}",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {
                ":done": number(done),
                ":next": number(done + 1),
                ":parts": number(parts),
                ":state": text("committed" if done + 1 == parts else "partial"),
                ":partial": text("partial"),
                ":etag": text(counted.ref.etag),
                ":parser_version": number(PARSER_VERSION),
            },
        }
    }
