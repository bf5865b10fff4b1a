"""Cached answers in the table: an answer and the lease of its key are one item."""

from collections.abc import Callable
from datetime import UTC, datetime
from math import ceil

from pipeline.store.dynamodb.items import Item, cache_key, is_live, number, text
from pipeline.store.dynamodb.table import Table
from pipeline.store.port import Cached, Lease


class Cache:
    """Cached answers. All reads are consistent: an owner of a lease must see what the owner
    before it has cached."""

    def __init__(self, table: Table, clock: Callable[[], datetime]) -> None:
        self._table = table
        self._clock = clock

    def cached(self, key: str) -> Cached | None:
        """The answer under a key."""
        return self._answer(self._table.get_one(cache_key(key), consistent=True))

    def put(self, key: str, body: bytes, ttl_seconds: int) -> None:
        """Cache an answer; the item is replaced, and with it ends the lease."""
        stored_at = self._clock()
        self._table.put(
            cache_key(key)
            | {
                "body": {"B": body},
                "stored_at": text(stored_at.isoformat()),
                "expires": number(ceil(stored_at.timestamp() + ttl_seconds)),
            }
        )

    def lease(self, key: str, owner: str, seconds: int) -> Lease:
        """Take the lease of a key if it is free. DynamoDB may delete an expired answer together
        with a lease: then two owners compute the same answer, which is harmless."""
        at = self._clock().timestamp()
        granted, before = self._table.update_returning(
            Key=cache_key(key),
            UpdateExpression=(
                "SET #owner = :owner, leased_until = :until, "
                "expires = if_not_exists(expires, :until)"
            ),
            ConditionExpression=(
                "attribute_not_exists(#owner) OR #owner = :owner OR leased_until <= :now "
                # A lease that ends later than any can is damaged, as is one without a number.
                "OR leased_until > :latest OR NOT attribute_type(leased_until, :number)"
            ),
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={
                ":owner": text(owner),
                ":until": number(ceil(at + seconds)),
                ":now": number(int(at)),
                ":latest": number(ceil(at + 2 * seconds)),
                ":number": text("N"),
            },
        )
        return Lease(granted, self._answer(before))

    def release(self, key: str, owner: str) -> None:
        """End a lease without an answer."""
        self._table.update(
            Key=cache_key(key),
            UpdateExpression="REMOVE #owner",
            ConditionExpression="#owner = :owner",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":owner": text(owner)},
        )

    def _answer(self, item: Item | None) -> Cached | None:
        """The live answer of an item. An item with a lease alone has none, nor has a damaged
        one."""
        if item is None or "body" not in item:
            return None
        try:
            if not is_live(item, self._clock()):
                return None
            stored_at = datetime.fromisoformat(item["stored_at"]["S"]).astimezone(UTC)
            return Cached(item["body"]["B"], stored_at)
        except (KeyError, ValueError, OverflowError):
            return None
