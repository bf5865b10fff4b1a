"""The store's operations, over the table."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import product
from secrets import token_bytes
from typing import TYPE_CHECKING

from typing_extensions import override

from pipeline.deadline import NEVER, Deadline
from pipeline.hour.sketches import EVERYTHING, Wanted
from pipeline.hours import HOURS_PER_DAY, Span
from pipeline.objects import ObjectRef
from pipeline.schema.dimensions import DEFAULT_CAPS, Caps
from pipeline.store.counted import Delta
from pipeline.store.dynamodb.cache import Cache
from pipeline.store.dynamodb.commit import Commits
from pipeline.store.dynamodb.fences import Fences
from pipeline.store.dynamodb.items import (
    GENERATIONS,
    META,
    SITE,
    ledger_entry,
    ledger_item,
    number,
    row_item,
    row_key,
    secrets_key,
    site_key,
    text,
)
from pipeline.store.dynamodb.ledger import Ledger
from pipeline.store.dynamodb.reading import RowReader
from pipeline.store.dynamodb.recount import Recounts
from pipeline.store.dynamodb.table import Table
from pipeline.store.generations import Generations, Rebuild
from pipeline.store.ledger import LedgerEntry, StoredRow
from pipeline.store.port import (
    TIMEOUT,
    VISITOR_KEY_BYTES,
    Cached,
    CommitResult,
    Lease,
    Meta,
    Store,
)
from pipeline.store.rows import encode_row, is_over, now

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class DynamoStore(Store):
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
        self._rows = RowReader(self._table, clock)
        self._cache = Cache(self._table, clock)
        self._shards = shards
        self._retention_days = retention_days
        self._caps = caps
        self._clock = clock
        self._registered: set[str] = set()

    @override
    def ledger(self, refs: Sequence[ObjectRef]) -> dict[ObjectRef, LedgerEntry]:
        return {ref: ledger_entry(item) for ref, item in self._ledger.items(refs).items()}

    @override
    def commit(self, delta: Delta, deadline: Deadline) -> CommitResult:
        self._register({counted.site for counted in delta.objects}, deadline)
        return self._commits.commit(delta, deadline)

    @override
    def record_failure(self, ref: ObjectRef, reason: str, attempts: int = 1) -> None:
        self._ledger.record_failure(ref, reason, attempts)

    @override
    def record_conflict(self, ref: ObjectRef) -> None:
        self._ledger.record_conflict(ref)

    @override
    def objects(self, since: datetime | None = None) -> Iterator[LedgerEntry]:
        # Over more than a month, the whole table is read.
        if since is None or self._clock() - since > timedelta(days=31):
            start = 0 if since is None else int(since.timestamp()) // 3600 * 3600
            return (entry for entry in self._ledger.all() if entry.at >= start)
        return self._ledger.since(since)

    @override
    def visitor_key(self) -> bytes:
        # The first writer makes the key; every writer reads the one that was made.
        self._table.update(
            Key=secrets_key(),
            UpdateExpression="SET visitor_key = :key",
            ConditionExpression="attribute_not_exists(visitor_key)",
            ExpressionAttributeValues={":key": {"B": token_bytes(VISITOR_KEY_BYTES)}},
        )
        (item,) = self._table.get([secrets_key()])
        key: bytes = item["visitor_key"]["B"]
        return key

    @override
    def meta(self) -> Meta:
        return self._meta()

    @override
    def read(
        self,
        sites: Sequence[str],
        spans: Sequence[Span],
        meta: Meta | None = None,
        wanted: Wanted = EVERYTHING,
    ) -> Iterator[StoredRow]:
        return self._rows.read(sites, spans, meta or self._meta(), wanted)

    @override
    def turn(self, change: Callable[[Generations], Generations]) -> Generations:
        return self._fences.turn(change, self._every_shard)

    @override
    def recount(self, rebuild: Rebuild, delta: Delta) -> CommitResult:
        self._register({counted.site for counted in delta.objects})
        return self._recounts.recount(rebuild, delta)

    @override
    def forget(self, rebuild: Rebuild, refs: Sequence[ObjectRef]) -> None:
        self._recounts.forget(rebuild, refs)

    @override
    def sweep(self) -> int:
        generations = self._fences.pointer()
        count = 0
        if days := generations.unswept:
            spans = (
                Span("hour", days.start * HOURS_PER_DAY, days.end * HOURS_PER_DAY),
                Span("day", days.start, days.end),
            )
            for span, (site, shard) in product(spans, self._every_shard()):
                swept = [
                    row_key(key, shard)
                    for key, _ in self._rows.of_every_generation(site, shard, span, consistent=True)
                    if is_over(key, generations)
                ]
                self._table.write_all(deletes=swept)
                count += len(swept)
            self.turn(lambda state: state.swept(generations))
        return count

    @override
    def restore(self, entries: Sequence[LedgerEntry], rows: Sequence[StoredRow]) -> None:
        self._register({row.key.site for row in rows})
        puts = [ledger_item(entry, self._retention_days) for entry in entries]
        for row in rows:
            blob = encode_row(row, self._caps)
            puts.append(row_item(row.key, 0, 1, blob, self._retention_days))
        self._table.write_all(puts)

    @override
    def restore_visitor_key(self, key: bytes) -> None:
        self._table.put(secrets_key() | {"visitor_key": {"B": key}})

    @override
    def cached(self, key: str) -> Cached | None:
        return self._cache.cached(key)

    @override
    def put_cached(self, key: str, body: bytes, ttl_seconds: int) -> None:
        self._cache.put(key, body, ttl_seconds)

    @override
    def lease(self, key: str, owner: str, seconds: int) -> Lease:
        return self._cache.lease(key, owner, seconds)

    @override
    def release(self, key: str, owner: str) -> None:
        self._cache.release(key, owner)

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

    def _meta(self) -> Meta:
        """One query: everything lies in one partition."""
        items = self._table.query("pk = :meta", {":meta": text(META)}, consistent=True)
        shards: dict[str, int] = {}
        generations = Generations()
        for item in items:
            if (name := item["sk"]["S"]) == GENERATIONS:
                generations = Generations.from_json(item["pointer"]["S"])
            else:
                shards[name.removeprefix(SITE)] = int(item["shards"]["N"])
        return Meta(tuple(sorted(shards)), generations, shards)

    def _every_shard(self) -> list[tuple[str, int]]:
        shards = self._meta().shards
        return [(site, shard) for site, count in shards.items() for shard in range(count)]
