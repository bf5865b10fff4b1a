"""The store's operations, over the table."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import product
from math import ceil
from secrets import token_bytes
from typing import TYPE_CHECKING

from pipeline.deadline import NEVER, Deadline
from pipeline.errors import StoreError
from pipeline.hour.sketches import EVERYTHING, Wanted
from pipeline.hours import HOURS_PER_DAY, Span
from pipeline.objects import ObjectRef
from pipeline.schema.dimensions import DEFAULT_CAPS, Caps
from pipeline.store.counted import Counted
from pipeline.store.dynamodb.commit import Commits
from pipeline.store.dynamodb.fences import Fences
from pipeline.store.dynamodb.items import (
    TOTALS_ATTRIBUTE,
    VERSION_ATTRIBUTES,
    Item,
    cache_key,
    is_live,
    lease_key,
    ledger_entry,
    ledger_item,
    number,
    row_item,
    row_key,
    row_partition,
    secrets_key,
    site_key,
    text,
)
from pipeline.store.dynamodb.ledger import Ledger
from pipeline.store.dynamodb.recount import Recounts
from pipeline.store.dynamodb.table import Table
from pipeline.store.generations import Generations, Rebuild
from pipeline.store.ledger import LedgerEntry, RowKey, StoredRow
from pipeline.store.port import TIMEOUT, VISITOR_KEY_BYTES, Cached, CommitResult
from pipeline.store.rows import decode_row, encode_row, now, row_version, start_label, unread

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class DynamoStore:
    """A store in a DynamoDB table with string keys `pk` and `sk`, and `expires` as its TTL.

    `shards` spreads each hour over that many rows, so that concurrent commits rarely meet;
    `timeout` is after how many seconds other operations than a commit give up trying.
    """

    lag_seconds = 3.0  # more than eventually consistent reads and indexes lag behind

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        shards: int = 1,
        retention_days: int = 0,
        timeout: float = TIMEOUT,
        clock: Callable[[], datetime] = now,
        caps: Caps = DEFAULT_CAPS,
    ) -> None:
        self._table = Table(client, table, timeout)
        self._ledger = Ledger(self._table, clock)
        self._fences = Fences(self._table)
        self._commits = Commits(
            self._table, self._ledger, self._fences, shards, retention_days, clock, caps
        )
        self._recounts = Recounts(
            self._table, self._ledger, self._fences, shards, retention_days, caps
        )
        self._shards = shards
        self._retention_days = retention_days
        self._caps = caps
        self._clock = clock
        self._registered: set[str] = set()

    def ledger(self, refs: Sequence[ObjectRef]) -> dict[ObjectRef, LedgerEntry]:
        """See `Store.ledger`."""
        return {ref: ledger_entry(item) for ref, item in self._ledger.items(refs).items()}

    def commit(self, objects: Sequence[Counted], deadline: Deadline = NEVER) -> CommitResult:
        """See `Store.commit`."""
        self._register({counted.site for counted in objects}, deadline)
        return self._commits.commit(objects, deadline)

    def record_failure(self, ref: ObjectRef, reason: str) -> None:
        """See `Store.record_failure`."""
        self._ledger.record_failure(ref, reason)

    def record_conflict(self, ref: ObjectRef) -> None:
        """See `Store.record_conflict`."""
        self._ledger.record_conflict(ref)

    def objects(self, since: datetime | None = None) -> Iterator[LedgerEntry]:
        """See `Store.objects`. Over more than a month the whole table is read."""
        if since is None or self._clock() - since > timedelta(days=31):
            start = 0 if since is None else int(since.timestamp()) // 3600 * 3600
            return (entry for entry in self._ledger.all() if entry.at >= start)
        return self._ledger.since(since)

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

    def read(
        self,
        sites: Sequence[str],
        spans: Sequence[Span],
        generations: Generations | None = None,
        wanted: Wanted = EVERYTHING,
    ) -> Iterator[StoredRow]:
        """See `Store.read`. Reads are eventually consistent (a row may be a second old), except
        while there may be rows of two generations."""
        only_totals = wanted is not None and not wanted
        only = (*VERSION_ATTRIBUTES, "pk", "sk", TOTALS_ATTRIBUTE) if only_totals else ()
        for key, version, item in self._seen(sites, spans, generations or self.generations(), only):
            blob = item.get(TOTALS_ATTRIBUTE) if only_totals else item["aggregate"]
            if blob is None:
                blob = self._whole(item)["aggregate"]
            yield StoredRow(key._replace(generation=0), decode_row(key, blob["B"], wanted), version)

    def versions(
        self, sites: Sequence[str], spans: Sequence[Span], generations: Generations
    ) -> Iterator[tuple[RowKey, str]]:
        """See `Store.versions`. DynamoDB charges for the whole rows, and sends less."""
        for key, version, _ in self._seen(sites, spans, generations, only=VERSION_ATTRIBUTES):
            yield key._replace(generation=0), version

    def generations(self) -> Generations:
        """See `Store.generations`."""
        return self._fences.pointer()

    def turn(self, change: Callable[[Generations], Generations]) -> Generations:
        """See `Store.turn`."""
        return self._fences.turn(change, self._every_shard)

    def recount(
        self, rebuild: Rebuild, objects: Sequence[Counted], forgotten: Sequence[ObjectRef] = ()
    ) -> None:
        """See `Store.recount`."""
        self._recounts.recount(rebuild, objects, forgotten)

    def sweep(self) -> int:
        """See `Store.sweep`."""
        generations = self.generations()
        count = 0
        if days := generations.unswept:
            spans = (
                Span("hour", days.start * HOURS_PER_DAY, days.end * HOURS_PER_DAY),
                Span("day", days.start, days.end),
            )
            for span, (site, shard) in product(spans, self._every_shard()):
                swept = [
                    row_key(key, shard)
                    for key, _ in self._rows(site, shard, span, consistent=True)
                    if unread(key, generations)
                ]
                self._table.write_all(deletes=swept)
                count += len(swept)
            self.turn(Generations.swept)
        return count

    def restore(self, entries: Sequence[LedgerEntry], rows: Sequence[StoredRow]) -> None:
        """See `Store.restore`. Everything goes to the first shard."""
        self._register({row.key.site for row in rows})
        puts = [ledger_item(entry, self._retention_days) for entry in entries]
        for row in rows:
            blob = encode_row(row, self._caps)
            puts.append(row_item(row.key, 0, 1, blob, self._retention_days))
        self._table.write_all(puts)

    def restore_visitor_key(self, key: bytes) -> None:
        """See `Store.restore_visitor_key`."""
        self._table.put(secrets_key() | {"visitor_key": {"B": key}})

    def cached(self, key: str) -> Cached | None:
        """See `Store.cached`. Read consistently: who takes a lease must see what the one before
        has put there. (A body of text is one of before this form, and no answer.)"""
        item = self._table.get_one(cache_key(key), consistent=True)
        if item is None or not is_live(item, self._clock()) or "B" not in item["body"]:
            return None
        return Cached(item["body"]["B"], datetime.fromisoformat(item["stored_at"]["S"]))

    def put_cached(self, key: str, body: bytes, ttl_seconds: int) -> None:
        """See `Store.put_cached`."""
        stored_at = self._clock()
        self._table.put(
            cache_key(key)
            | {
                "body": {"B": body},
                "stored_at": text(stored_at.isoformat()),
                "expires": number(ceil(stored_at.timestamp() + ttl_seconds)),
            }
        )

    def lease(self, key: str, owner: str, seconds: int) -> bool:
        """See `Store.lease`."""
        at = self._clock().timestamp()
        return self._table.update(
            Key=lease_key(key),
            UpdateExpression="SET #owner = :owner, expires = :until",
            ConditionExpression="attribute_not_exists(pk) OR #owner = :owner OR expires <= :now",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={
                ":owner": text(owner),
                ":until": number(ceil(at + seconds)),
                ":now": number(int(at)),
            },
        )

    def release(self, key: str, owner: str) -> None:
        """See `Store.release`."""
        self._table.update(
            Key=lease_key(key),
            UpdateExpression="SET expires = :now",
            ConditionExpression="#owner = :owner",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":owner": text(owner), ":now": number(0)},
        )

    def _whole(self, item: Item) -> Item:
        """All of a row of which a part was read. (A commit may have come between: it is newer than
        its version says then, and that is another one at the next look.)"""
        whole = self._table.get_one({"pk": item["pk"], "sk": item["sk"]}, consistent=True)
        if whole is None:
            raise StoreError("a row was deleted while it was read; ask again")
        return whole

    def _seen(
        self,
        sites: Sequence[str],
        spans: Sequence[Span],
        generations: Generations,
        only: Sequence[str] = (),
    ) -> Iterator[tuple[RowKey, str, Item]]:
        """The rows that readers see, with their versions."""
        consistent = bool(generations.rebuild or generations.unswept)
        shards = self._shards_by_site()
        at = self._clock()
        for site, span in product(sites, spans):
            for shard in range(shards.get(site, 0)):
                for key, item in self._rows(site, shard, span, consistent, only):
                    if is_live(item, at) and key.generation == generations.read(key.day):
                        yield key, row_version(key, int(item["version"]["N"]), shard), item

    def _rows(
        self, site: str, shard: int, span: Span, consistent: bool, only: Sequence[str] = ()
    ) -> Iterator[tuple[RowKey, Item]]:
        """The rows of a span in every generation; `only` some attributes of them, if any."""
        key = RowKey(site, span.period, 0)
        first = "0" if span.start is None else start_label(key._replace(start=span.start))
        last = "" if span.end is None else start_label(key._replace(start=span.end - 1))
        items = self._table.query(
            "pk = :pk AND sk BETWEEN :first AND :last",
            {
                ":pk": text(row_partition(key, shard)),
                ":first": text(first),
                ":last": text(f"{last}~"),  # after every generation of the last row
            },
            consistent=consistent,
            only=only,
        )
        for item in items:
            start, generation = int(item["start"]["N"]), int(item["generation"]["N"])
            yield key._replace(start=start, generation=generation), item

    def _register(self, sites: set[str], deadline: Deadline = NEVER) -> None:
        """Let readers know these sites and their shards, before anything is written to them."""
        for site in sites - self._registered:
            # The condition fails where the site has as many shards already, or more from an
            # earlier setting: readers go on reading those.
            self._table.update(
                deadline,
                Key=site_key(site),
                UpdateExpression="SET shards = :shards",
                ConditionExpression="attribute_not_exists(shards) OR shards < :shards",
                ExpressionAttributeValues={":shards": number(self._shards)},
            )
            self._registered.add(site)

    def _shards_by_site(self, consistent: bool = False) -> dict[str, int]:
        items = self._table.query("pk = :sites", {":sites": text("sites")}, consistent=consistent)
        return {item["sk"]["S"]: int(item["shards"]["N"]) for item in items}

    def _every_shard(self) -> list[tuple[str, int]]:
        shards = self._shards_by_site(consistent=True)
        return [(site, shard) for site, count in shards.items() for shard in range(count)]
