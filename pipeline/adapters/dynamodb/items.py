"""How things look as DynamoDB items: keys, attributes and the conditions on them."""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipeline.adapters.rows import ledger_expiry, row_expiry, start_label
from pipeline.core.objects import Counted, ObjectRef
from pipeline.ports import PARSER_VERSION, LedgerEntry, RowKey

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import PutTypeDef, TransactWriteItemTypeDef

Item = dict[str, Any]
"""Attribute name → typed attribute value, as the low-level client takes and gives them."""


def text(value: str) -> Item:
    """A string attribute."""
    return {"S": value}


def number(value: int) -> Item:
    """A number attribute."""
    return {"N": str(value)}


def ledger_key(ref: ObjectRef) -> Item:
    """The key of an object's ledger row."""
    return {"pk": text(f"object#{ref.id}"), "sk": text("ledger")}


def row_key(key: RowKey, shard: int) -> Item:
    """The key of an aggregate row."""
    return {"pk": text(row_partition(key, shard)), "sk": text(start_label(key))}


def row_partition(key: RowKey, shard: int) -> str:
    """The partition that one shard of a site's rows of one period lies in."""
    return f"{key.period}#{key.site}#{shard}"


def site_key(site: str) -> Item:
    """The key of the row that says how many shards a site has."""
    return {"pk": text("sites"), "sk": text(site)}


def cache_key(key: str) -> Item:
    """The key of a cached answer."""
    return {"pk": text(f"cache#{key}"), "sk": text("cache")}


def secrets_key() -> Item:
    """The key of the row that only the ingest may read."""
    return {"pk": text("secrets"), "sk": text("secrets")}


def with_expiry(item: Item, expires: int | None) -> Item:
    """The item with its time to live (epoch seconds), if it has one."""
    return item if expires is None else item | {"expires": number(expires)}


def is_live(item: Item, at: datetime) -> bool:
    """Whether an item's time has not passed. DynamoDB deletes expired items days later:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html"""
    return "expires" not in item or int(item["expires"]["N"]) > at.timestamp()


def ledger_entry(item: Item) -> LedgerEntry:
    """What a ledger row says."""
    return LedgerEntry(
        item["state"]["S"],
        item["etag"]["S"],
        item.get("reason", text(""))["S"],
        int(item.get("attempts", number(0))["N"]),
        item.get("layout", text(""))["S"],
    )


def ledger_put(
    table: str, counted: Counted, at: datetime, retention_days: int, parts: int = 1
) -> "TransactWriteItemTypeDef":
    """Enter an object into the ledger, provided that it is new there (or only ever failed).

    With several `parts` it is entered as partial, with the first of them done.
    """
    ref = counted.ref
    item = ledger_key(ref) | {
        "state": text("committed" if parts == 1 else "partial"),
        "etag": text(ref.etag),
        "bucket": text(ref.bucket),
        "key": text(ref.key),
        "version_id": text(ref.version_id),
        "sequencer": text(ref.sequencer),
        "size": number(ref.size),
        "site": text(counted.site),
        "records": number(counted.records),
        "rejected": text(json.dumps(dict(counted.rejected), sort_keys=True)),
        "hours": text(json.dumps(sorted(counted.hours))),
        "parser_version": number(PARSER_VERSION),
        "layout": text(counted.layout),
        "parts": number(parts),
        "parts_done": number(1),
        "at": number(int(at.timestamp())),
    }
    unknown = "attribute_not_exists(pk)"
    only_failed = "#state = :failed"
    expired = "expires <= :now"
    return {
        "Put": {
            "TableName": table,
            "Item": with_expiry(item, ledger_expiry(counted, at, retention_days)),
            "ConditionExpression": f"{unknown} OR {only_failed} OR {expired}",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {
                ":failed": text("failed"),
                ":now": number(int(at.timestamp())),
            },
        }
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


def row_put(
    table: str, key: RowKey, shard: int, version: int, blob: bytes, retention_days: int
) -> "TransactWriteItemTypeDef":
    """Replace an aggregate row, provided that it still has `version` (0: that there is none)."""
    item = row_key(key, shard) | {
        "site": text(key.site),
        "start": number(key.start),
        "version": number(version + 1),
        "aggregate": {"B": blob},
    }
    put: PutTypeDef = {
        "TableName": table,
        "Item": with_expiry(item, row_expiry(key, retention_days)),
        "ConditionExpression": "attribute_not_exists(pk)",
    }
    if version:
        put["ConditionExpression"] = "version = :version"
        put["ExpressionAttributeValues"] = {":version": number(version)}
    return {"Put": put}
