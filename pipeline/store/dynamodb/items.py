"""How things look as DynamoDB items: keys, attributes and the conditions on them."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pipeline.hour import codec
from pipeline.objects import ObjectRef
from pipeline.store.counted import RowKey
from pipeline.store.rows import row_expiry, start_label
from pipeline.store.settings import StoreSettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import (
        ConditionCheckTypeDef,
        PutTypeDef,
        TransactWriteItemTypeDef,
    )

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
    return {"pk": text(row_partition(key, shard)), "sk": text(row_label(key))}


def row_label(key: RowKey) -> str:
    """A row's start as sortable text, and its generation where that is not the first."""
    return start_label(key) + (f"#{key.generation}" if key.generation else "")


def row_partition(key: RowKey, shard: int) -> str:
    """The partition that one shard of a site's rows of one period lies in."""
    return f"{key.period}#{key.site}#{shard}"


META = "meta"
"""The partition that a reader needs all of: the state of the store, and its sites."""
STATE = "state"
SITE = "site#"


def site_key(site: str) -> Item:
    """The key of the item that says that a site has rows."""
    return {"pk": text(META), "sk": text(f"{SITE}{site}")}


def cache_key(key: str) -> Item:
    """The key of a cached answer and its lease."""
    return {"pk": text(f"cache#{key}"), "sk": text("cache")}


def secrets_key() -> Item:
    """The key of the row that only the ingest may read."""
    return {"pk": text("secrets"), "sk": text("secrets")}


def names_key() -> Item:
    """The key of the item with the names that lines have and that are sites."""
    return {"pk": text("names"), "sk": text("names")}


def state_key() -> Item:
    """The key of the item with the generations and the settings."""
    return {"pk": text(META), "sk": text(STATE)}


class Fence(NamedTuple):
    """The subject of a fence: some of the days of one shard of a site."""

    site: str
    shard: int
    slot: int


def fence_key(fence: Fence) -> Item:
    """The key of the row that every commit to these days of a shard looks at."""
    return {"pk": text(f"fence#{fence.site}#{fence.shard}#{fence.slot}"), "sk": text("fence")}


def hour_label(at: datetime) -> str:
    """The UTC hour of a moment, under which the ledger is listed."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H")


def with_expiry(item: Item, expires: int | None) -> Item:
    """The item with its time to live (epoch seconds), if it has one."""
    return item if expires is None else item | {"expires": number(expires)}


def is_live(item: Item, at: datetime) -> bool:
    """Whether an item's time has not passed. DynamoDB deletes expired items days later:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html"""
    return "expires" not in item or int(item["expires"]["N"]) > at.timestamp()


def json_text(value: object) -> Item:
    """A string attribute that holds JSON."""
    return text(msgspec.json.encode(value).decode())


def fence_check(table: str, fence: Fence, version: int) -> "TransactWriteItemTypeDef":
    """That a fence still has `version` (0: that there is none)."""
    check: ConditionCheckTypeDef = {
        "TableName": table,
        "Key": fence_key(fence),
        "ConditionExpression": "attribute_not_exists(pk)",
    }
    if version:
        check["ConditionExpression"] = "version = :version"
        check["ExpressionAttributeValues"] = {":version": number(version)}
    return {"ConditionCheck": check}


VERSION_ATTRIBUTES = ("start", "generation", "version", "expires")
"""The attributes of an aggregate row that tell its key and version."""
TOTALS_ATTRIBUTE = "totals"
"""The totals of an aggregate row by themselves: a reader who wants no more is sent no more."""


def row_item(key: RowKey, shard: int, version: int, blob: bytes, settings: StoreSettings) -> Item:
    """An aggregate row."""
    item = row_key(key, shard) | {
        "site": text(key.site),
        "start": number(key.start),
        "generation": number(key.generation),
        "version": number(version),
        "aggregate": {"B": blob},
        TOTALS_ATTRIBUTE: {"B": codec.totals_of(blob)},
    }
    return with_expiry(item, row_expiry(key, settings))


def row_put(
    table: str, key: RowKey, shard: int, version: int, blob: bytes, settings: StoreSettings
) -> "TransactWriteItemTypeDef":
    """Replace an aggregate row, provided that it still has `version` (0: that there is none)."""
    put: PutTypeDef = {
        "TableName": table,
        "Item": row_item(key, shard, version + 1, blob, settings),
        "ConditionExpression": "attribute_not_exists(pk)",
    }
    if version:
        put["ConditionExpression"] = "version = :version"
        put["ExpressionAttributeValues"] = {":version": number(version)}
    return {"Put": put}
