"""How things look as DynamoDB items: keys, attributes and the conditions on them."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pipeline.hour import codec
from pipeline.objects import ObjectRef
from pipeline.store.counted import Counted, RowKey
from pipeline.store.generations import Rebuild
from pipeline.store.ledger import PARSER_VERSION, Conflict, LedgerEntry, Recount
from pipeline.store.rows import ledger_expiry, row_expiry, start_label
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


def state_key() -> Item:
    """The key of the item with the generations and the settings."""
    return {"pk": text(META), "sk": text(STATE)}


class Fence(NamedTuple):
    """What a fence is of: some of the days of one shard of a site."""

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


def ledger_entry(item: Item) -> LedgerEntry:
    """What a ledger row says."""
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
        item.get("site", text(""))["S"],
        msgspec.json.decode(item.get("hours", text("{}"))["S"], type=dict[int, int]),
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
    if entry.state == "failed":
        said |= {"reason": text(entry.reason), "attempts": number(entry.attempts)}
    else:
        said |= {
            "site": text(entry.site),
            "hours": json_text(entry.hours),
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


def json_text(value: object) -> Item:
    """A string attribute that holds JSON."""
    return text(msgspec.json.encode(value).decode())


def ledger_put(
    table: str, entry: LedgerEntry, at: datetime, settings: StoreSettings, parts: int = 1
) -> "TransactWriteItemTypeDef":
    """Enter an object into the ledger, provided that it is new there (or only ever failed).

    With several `parts`, the first of them is done.
    """
    item = ledger_item(entry, settings)
    if parts > 1:
        item |= {"parts": number(parts), "parts_done": number(1)}
    unknown = "attribute_not_exists(pk)"
    only_failed = "#state = :failed"
    expired = "expires <= :now"
    return {
        "Put": {
            "TableName": table,
            "Item": item,
            "ConditionExpression": f"{unknown} OR {only_failed} OR {expired}",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {
                ":failed": text("failed"),
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
        said = {
            "generation": number(rebuild.generation),
            "site": text(entry.site),
            "hours": json_text(entry.hours),
            "rejected": json_text(entry.rejected),
            "layout": text(entry.layout),
            "parser_version": number(entry.parser_version),
            "recount": json_text(entry.recount),
        }
        changes += [f"#{name} = :{name}" for name in said]
        values |= {f":{name}": value for name, value in said.items()}
        names = {f"#{name}": name for name in said}
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
