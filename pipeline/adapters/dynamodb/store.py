"""The store's operations, over the table."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from math import ceil
from secrets import token_bytes
from typing import TYPE_CHECKING

from pipeline.adapters.dynamodb.commit import Commits
from pipeline.adapters.dynamodb.items import (
    Item,
    cache_key,
    is_live,
    ledger_entry,
    number,
    row_partition,
    secrets_key,
    site_key,
    text,
)
from pipeline.adapters.dynamodb.ledger import Ledger
from pipeline.adapters.dynamodb.table import Table
from pipeline.adapters.rows import decode_row, now, start_label
from pipeline.core.dimensions import DEFAULT_CAPS, Caps
from pipeline.core.objects import Counted, ObjectRef
from pipeline.core.window import Span
from pipeline.ports import (
    VISITOR_KEY_BYTES,
    Cached,
    CommitResult,
    LedgerEntry,
    RowKey,
    StoredRow,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class DynamoStore:
    """A store in a DynamoDB table with string keys `pk` and `sk`, and `expires` as its TTL.

    `shards` spreads each hour over that many rows, so that concurrent commits rarely meet;
    `patience` is how many seconds a commit that keeps meeting others goes on trying.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        shards: int = 1,
        retention_days: int = 0,
        patience: float = 60.0,
        clock: Callable[[], datetime] = now,
        caps: Caps = DEFAULT_CAPS,
    ) -> None:
        self._table = Table(client, table, patience)
        self._ledger = Ledger(self._table, clock)
        self._commits = Commits(self._table, self._ledger, shards, retention_days, clock, caps)
        self._shards = shards
        self._clock = clock
        self._registered: set[str] = set()

    def ledger(self, refs: Sequence[ObjectRef]) -> dict[ObjectRef, LedgerEntry]:
        """See `Store.ledger`."""
        return {ref: ledger_entry(item) for ref, item in self._ledger.items(refs).items()}

    def commit(self, objects: Sequence[Counted]) -> CommitResult:
        """See `Store.commit`."""
        self._register({counted.site for counted in objects})
        return self._commits.commit(objects)

    def record_failure(self, ref: ObjectRef, reason: str) -> None:
        """See `Store.record_failure`."""
        self._ledger.record_failure(ref, reason)

    def visitor_key(self) -> bytes:
        """See `Store.visitor_key`. Whoever comes first makes it; all read what was made."""
        self._table.update(
            Key=secrets_key(),
            UpdateExpression="SET visitor_key = :key",
            ConditionExpression="attribute_not_exists(visitor_key)",
            ExpressionAttributeValues={":key": {"B": token_bytes(VISITOR_KEY_BYTES)}},
        )
        (item,) = self._table.get([secrets_key()])
        key: bytes = item["visitor_key"]["B"]
        return key

    def sites(self) -> list[str]:
        """See `Store.sites`."""
        return sorted(self._shards_by_site())

    def read(self, sites: Sequence[str], span: Span) -> Iterator[StoredRow]:
        """See `Store.read`. Reads are eventually consistent: a row may be a second old."""
        shards = self._shards_by_site()
        at = self._clock()
        for site in sites:
            for shard in range(shards.get(site, 0)):
                for item in self._rows(site, shard, span):
                    if is_live(item, at):
                        key = RowKey(site, span.period, int(item["start"]["N"]))
                        yield StoredRow(key, decode_row(key, item["aggregate"]["B"]))

    def cached(self, key: str) -> Cached | None:
        """See `Store.cached`."""
        item = self._table.get_one(cache_key(key))
        if item is None or not is_live(item, self._clock()):
            return None
        return Cached(item["body"]["S"], datetime.fromisoformat(item["stored_at"]["S"]))

    def put_cached(self, key: str, body: str, ttl_seconds: int) -> None:
        """See `Store.put_cached`."""
        stored_at = self._clock()
        self._table.put(
            cache_key(key)
            | {
                "body": text(body),
                "stored_at": text(stored_at.isoformat()),
                "expires": number(ceil(stored_at.timestamp() + ttl_seconds)),
            }
        )

    def _rows(self, site: str, shard: int, span: Span) -> Iterator[Item]:
        key = RowKey(site, span.period, 0)
        first = "0" if span.start is None else start_label(key._replace(start=span.start))
        last = "~" if span.end is None else start_label(key._replace(start=span.end - 1))
        return self._table.query(
            "pk = :pk AND sk BETWEEN :first AND :last",
            {
                ":pk": text(row_partition(key, shard)),
                ":first": text(first),
                ":last": text(last),
            },
        )

    def _register(self, sites: set[str]) -> None:
        """Let readers know these sites and their shards, before anything is written to them."""
        for site in sites - self._registered:
            # The condition fails where the site has as many shards already, or more from an
            # earlier setting: readers go on reading those.
            self._table.update(
                Key=site_key(site),
                UpdateExpression="SET shards = :shards",
                ConditionExpression="attribute_not_exists(shards) OR shards < :shards",
                ExpressionAttributeValues={":shards": number(self._shards)},
            )
            self._registered.add(site)

    def _shards_by_site(self) -> dict[str, int]:
        items = self._table.query("pk = :sites", {":sites": text("sites")})
        return {item["sk"]["S"]: int(item["shards"]["N"]) for item in items}
