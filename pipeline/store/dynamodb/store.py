"""The store's operations, over the table."""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import product
from secrets import token_bytes
from typing import TYPE_CHECKING

from typing_extensions import override

from pipeline.deadline import Deadline
from pipeline.hour.sketches import EVERYTHING, Wanted
from pipeline.hours import HOURS_PER_DAY, Span
from pipeline.objects import ObjectRef
from pipeline.store.counted import Delta
from pipeline.store.dynamodb.cache import Cache
from pipeline.store.dynamodb.commit import Commits
from pipeline.store.dynamodb.expiry import rewrite_expiry
from pipeline.store.dynamodb.items import row_item, row_key, secrets_key
from pipeline.store.dynamodb.ledger import Ledger
from pipeline.store.dynamodb.ledger_items import ledger_entry, ledger_item
from pipeline.store.dynamodb.reading import RowReader
from pipeline.store.dynamodb.recount import Recounts
from pipeline.store.dynamodb.states import States
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
from pipeline.store.settings import NOTHING, Given, StoreSettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class DynamoStore(Store):
    """A store in a DynamoDB table with string keys `pk` and `sk`, and `expires` as its TTL.

    The process was `given` some settings. `timeout` is the number of seconds after which
    operations other than a commit are given up.
    """

    lag_seconds = 3.0  # more than eventually consistent reads and indexes lag behind

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        given: Given = NOTHING,
        *,
        timeout: float = TIMEOUT,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._table = Table(client, table, timeout)
        self._ledger = Ledger(self._table, clock)
        self._states = States(self._table, given, clock)
        self._commits = Commits(self._table, self._ledger, self._states, clock)
        self._recounts = Recounts(self._table, self._ledger, self._states, clock)
        self._rows = RowReader(self._table)
        self._cache = Cache(self._table, clock)
        self._clock = clock

    @override
    def ledger(self, refs: Sequence[ObjectRef]) -> dict[ObjectRef, LedgerEntry]:
        return {ref: ledger_entry(item) for ref, item in self._ledger.items(refs).items()}

    @override
    def agree(self) -> StoreSettings:
        return self._states.agree()

    @override
    def commit(self, delta: Delta, deadline: Deadline) -> CommitResult:
        self._states.prepare(delta.sites, deadline)
        return self._commits.commit(delta, deadline)

    @override
    def record_failure(self, ref: ObjectRef, reason: str, attempts: int = 1) -> None:
        self._ledger.record_failure(ref, reason, attempts)

    @override
    def record_conflict(self, ref: ObjectRef) -> None:
        self._ledger.record_conflict(ref)

    @override
    def dismiss(self, ref: ObjectRef) -> None:
        self._ledger.dismiss(ref)

    @override
    def objects(self, since: datetime | None = None) -> Iterator[LedgerEntry]:
        # Over more than a month, the whole table is read.
        if since is None or self._clock() - since > timedelta(days=31):
            start = 0 if since is None else int(since.timestamp()) // 3600 * 3600
            return (entry for entry in self._ledger.all() if entry.at >= start)
        return self._ledger.since(since)

    @override
    def admit(self, names: Collection[str], most: int) -> frozenset[str]:
        return self._states.admit(names, most)

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
        return self._states.meta()

    @override
    def read(
        self,
        sites: Sequence[str],
        spans: Sequence[Span],
        meta: Meta | None = None,
        wanted: Wanted = EVERYTHING,
    ) -> Iterator[StoredRow]:
        return self._rows.read(sites, spans, meta or self._states.meta(), wanted)

    @override
    def turn(self, change: Callable[[Generations], Generations]) -> Generations:
        return self._states.turn(change)

    @override
    def settle(self, changes: Given) -> StoreSettings:
        # Nothing that is to be kept for longer may go while the settings are changed.
        meta = self._states.meta()
        longer = meta.settings.changed(changes, meta.today, meta.generations)
        rewrite_expiry(self._table, longer, self._clock(), only_later=True)
        settings = self._states.settle(changes)
        rewrite_expiry(self._table, settings, self._clock(), only_later=False)
        return settings

    @override
    def recount(self, rebuild: Rebuild, delta: Delta) -> CommitResult:
        self._states.prepare(delta.sites)
        return self._recounts.recount(rebuild, delta)

    @override
    def forget(self, rebuild: Rebuild, refs: Sequence[ObjectRef]) -> None:
        self._recounts.forget(rebuild, refs)

    @override
    def sweep(self) -> int:
        meta = self._states.meta()
        count = 0
        if days := meta.generations.unswept:
            spans = (
                Span("hour", days.start * HOURS_PER_DAY, days.end * HOURS_PER_DAY),
                Span("day", days.start, days.end),
            )
            shards = range(meta.settings.most_shards)
            for span, site, shard in product(spans, meta.sites, shards):
                swept = [
                    row_key(key, shard)
                    for key, _ in self._rows.of_every_generation(site, shard, span, consistent=True)
                    if is_over(key, meta.generations)
                ]
                self._table.write_all(deletes=swept)
                count += len(swept)
            self.turn(lambda generations: generations.swept(meta.generations))
        return count

    @override
    def restore(self, entries: Sequence[LedgerEntry], rows: Sequence[StoredRow]) -> None:
        self._states.prepare({row.key.site for row in rows})
        settings = self._states.meta().settings
        puts = [ledger_item(entry, settings) for entry in entries]
        for row in rows:  # everything goes to the first shard
            blob = encode_row(row, settings.caps)
            puts.append(row_item(row.key, 0, 1, blob, settings))
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
