"""Times to live, written again when the settings they follow from are changed."""

from datetime import datetime

from pipeline.store.counted import RowKey
from pipeline.store.dynamodb.items import Item, is_live, number, text
from pipeline.store.dynamodb.ledger_items import ledger_entry
from pipeline.store.dynamodb.table import Table
from pipeline.store.rows import DAY_SECONDS, ledger_expiry, row_expiry
from pipeline.store.settings import StoreSettings

_LONGEST_AGO = 4 * 366 * DAY_SECONDS
"""DynamoDB deletes nothing that expired more than five years ago, so nothing is said to have.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html
"""

_OF_OBJECTS_AND_ROWS = "begins_with(pk, :object) OR begins_with(pk, :hour) OR begins_with(pk, :day)"


def rewrite_expiry(
    table: Table, settings: StoreSettings, now: datetime, *, only_later: bool
) -> None:
    """Give every live entry and every row the time to live that the settings say; or those alone
    that would go earlier."""
    prefixes = {":object": text("object#"), ":hour": text("hour#"), ":day": text("day#")}
    for item in table.scan(_OF_OBJECTS_AND_ROWS, prefixes):
        is_object = item["pk"]["S"].startswith("object#")
        if is_object and not is_live(item, now):
            continue  # whatever it guarded is gone
        before = int(item["expires"]["N"]) if "expires" in item else None
        expires = (
            ledger_expiry(ledger_entry(item), settings)
            if is_object
            else row_expiry(_row_key(item), settings)
        )
        if expires is not None:
            expires = max(expires, int(now.timestamp()) - _LONGEST_AGO)
        earlier = expires is not None and (before is None or expires < before)
        if expires != before and not (only_later and earlier):
            _write(table, item, expires)


def _row_key(item: Item) -> RowKey:
    start = int(item["start"]["N"])
    if item["pk"]["S"].startswith("hour#"):
        return RowKey(item["site"]["S"], "hour", start)
    return RowKey(item["site"]["S"], "day", start)


def _write(table: Table, item: Item, expires: int | None) -> None:
    """Change the time to live alone, unless the item was deleted or is in another state by now."""
    attribute = "state" if "state" in item else "site"
    values = {":value": item[attribute]}
    if expires is not None:
        values[":expires"] = number(expires)
    table.update(
        Key={"pk": item["pk"], "sk": item["sk"]},
        UpdateExpression="REMOVE expires" if expires is None else "SET expires = :expires",
        ConditionExpression="#attribute = :value",
        ExpressionAttributeNames={"#attribute": attribute},
        ExpressionAttributeValues=values,
    )
