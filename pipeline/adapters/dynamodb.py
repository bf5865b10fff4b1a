"""The store on AWS: one DynamoDB table, written by conditional transactions.

    pk                      sk              what
    object#<sha256>         ledger          one log object: committed, partial or failed
    hour#<site>#<shard>     2026-11-23T11   an hour's aggregate
    day#<site>#<shard>      2026-11-23      a day's aggregate
    sites                   <site>          over how many shards the site's rows are spread
    cache#<key>             cache           a cached answer

A commit is one TransactWriteItems: a ledger row per object under the condition that it is new,
and every aggregate row under the condition that it still has the version that was read.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.adapters.dynamodb_items import (
    Item,
    cache_key,
    is_live,
    ledger_advance,
    ledger_entry,
    ledger_key,
    ledger_put,
    number,
    row_key,
    row_partition,
    row_put,
    site_key,
    text,
)
from pipeline.adapters.rows import add_to_row, decode_row, now, start_label
from pipeline.core.errors import StoreError
from pipeline.core.objects import Counted, ObjectRef
from pipeline.core.window import Span
from pipeline.ports import Cached, CommitResult, LedgerEntry, RowKey, StoredRow, deltas, sort_out

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

MAX_ACTIONS = 100
"""Actions in one transaction (a limit of DynamoDB)."""
MAX_BYTES = 3_600_000
"""Bytes of aggregates in one transaction; DynamoDB takes 4 MB, keys and ledger rows included."""
PART_ROWS = 10
"""Aggregate rows in one part of an object that spans more than a transaction holds: as many of
the largest rows as fit. Part of the stored format: an object begun with it is resumed with it."""

_BATCH_GET = 100
_FIRST_WAIT, _LONGEST_WAIT = 0.02, 2.0
_WORTH_RETRYING = {
    "None",
    "ConditionalCheckFailed",
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
}


class _Read(NamedTuple):
    """An aggregate row as it was read: version 0 and no blob where there is none."""

    version: int = 0
    blob: bytes | None = None


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
    ) -> None:
        self._client = client
        self._table = table
        self._shards = shards
        self._retention_days = retention_days
        self._patience = patience
        self._clock = clock
        self._registered: set[str] = set()

    def ledger(self, refs: Sequence[ObjectRef]) -> dict[ObjectRef, LedgerEntry]:
        """See `Store.ledger`."""
        items = self._ledger_items(refs)
        return {ref: ledger_entry(item) for ref, item in items.items()}

    def commit(self, objects: Sequence[Counted]) -> CommitResult:
        """See `Store.commit`. Objects that do not fit one transaction together are committed
        one after the other; one that does not fit by itself, in parts (see `_commit_parts`)."""
        self._register({counted.site for counted in objects})
        return self._commit(list(objects), self.ledger([counted.ref for counted in objects]))

    def record_failure(self, ref: ObjectRef, reason: str) -> None:
        """See `Store.record_failure`."""
        try:
            with self._errors("noting a failure"):
                self._client.update_item(
                    TableName=self._table,
                    Key=ledger_key(ref),
                    UpdateExpression=(
                        "SET #state = :failed, etag = :etag, #bucket = :bucket, #key = :key, "
                        "reason = :reason, #at = :at ADD attempts :one"
                    ),
                    ConditionExpression="attribute_not_exists(pk) OR #state = :failed",
                    ExpressionAttributeNames={
                        "#state": "state",
                        "#bucket": "bucket",
                        "#key": "key",
                        "#at": "at",
                    },
                    ExpressionAttributeValues={
                        ":failed": text("failed"),
                        ":etag": text(ref.etag),
                        ":bucket": text(ref.bucket),
                        ":key": text(ref.key),
                        ":reason": text(reason),
                        ":at": number(int(self._clock().timestamp())),
                        ":one": number(1),
                    },
                )
        except _ConditionFailed:
            return  # it has been committed since: then the failure is of no interest

    def sites(self) -> list[str]:
        """See `Store.sites`."""
        return sorted(self._shards_by_site())

    def read(self, sites: Sequence[str], span: Span) -> Iterator[StoredRow]:
        """See `Store.read`. Reads are eventually consistent: a row may be a second old."""
        shards = self._shards_by_site()
        at = self._clock()
        for site in sites:
            for shard in range(shards.get(site, 0)):
                for item in self._query(RowKey(site, span.period, 0), shard, span):
                    if is_live(item, at):
                        key = RowKey(site, span.period, int(item["start"]["N"]))
                        yield StoredRow(key, decode_row(key, item["aggregate"]["B"]))

    def cached(self, key: str) -> Cached | None:
        """See `Store.cached`."""
        with self._errors("reading the cache"):
            item = self._client.get_item(TableName=self._table, Key=cache_key(key)).get("Item")
        if item is None or not is_live(item, self._clock()):
            return None
        return Cached(item["body"]["S"], datetime.fromisoformat(item["stored_at"]["S"]))

    def put_cached(self, key: str, body: str, ttl_seconds: int) -> None:
        """See `Store.put_cached`."""
        stored_at = self._clock()
        with self._errors("writing the cache"):
            self._client.put_item(
                TableName=self._table,
                Item=cache_key(key)
                | {
                    "body": text(body),
                    "stored_at": text(stored_at.isoformat()),
                    "expires": number(ceil(stored_at.timestamp() + ttl_seconds)),
                },
            )

    # Commits

    def _commit(self, objects: list[Counted], ledger: dict[ObjectRef, LedgerEntry]) -> CommitResult:
        """Commit objects of which the ledger was seen to say `ledger`."""
        fresh, result = sort_out(objects, ledger)
        for begun in [counted for counted in fresh if counted.ref in ledger]:
            if ledger[begun.ref].state == "partial":
                result += self._commit_parts(begun)
                fresh.remove(begun)
        return result + self._commit_whole(fresh)

    def _commit_whole(self, objects: list[Counted]) -> CommitResult:
        """Commit new objects in one transaction, or in halves when they do not fit one."""
        if not objects:
            return CommitResult()
        added = deltas(objects)
        rows: dict[RowKey, _Read] = {}
        shard = self._draw_shard()
        if len(objects) + len(added) > MAX_ACTIONS:
            return self._commit_divided(objects)
        for _ in self._attempts():
            self._load(rows, added, shard)
            blobs = {key: add_to_row(key, rows[key].blob, more) for key, more in added.items()}
            if sum(map(len, blobs.values())) > MAX_BYTES:
                return self._commit_divided(objects)
            at = self._clock()
            entries = [
                ledger_put(self._table, counted, at, self._retention_days) for counted in objects
            ]
            refusals = self._transact([*entries, *self._puts(blobs, rows, shard)])
            if refusals is None:
                return CommitResult(committed=tuple(counted.ref for counted in objects))
            if "ConditionalCheckFailed" in refusals[: len(objects)]:
                # Somebody else has counted one of them meanwhile: look again, without it.
                return self._commit(objects, self.ledger([counted.ref for counted in objects]))
            shard = self._forget_stale(rows, list(blobs), refusals[len(objects) :], shard)
        raise self._gave_up(objects)

    def _commit_divided(self, objects: list[Counted]) -> CommitResult:
        if len(objects) == 1:
            return self._commit_parts(objects[0])
        middle = len(objects) // 2
        return self._commit_whole(objects[:middle]) + self._commit_whole(objects[middle:])

    def _commit_parts(self, counted: Counted) -> CommitResult:
        """Commit an object that spans more rows than a transaction holds, part by part.

        The ledger row says how many parts are done, and is advanced in the same transaction as
        the rows of each part: whoever comes next, after a crash or at the same time, goes on
        from there, and no part is counted twice. Until the last part, readers see the hours of
        the parts that are done.
        """
        added = deltas([counted])
        keys = sorted(added)
        parts = [keys[start : start + PART_ROWS] for start in range(0, len(keys), PART_ROWS)]
        rows: dict[RowKey, _Read] = {}
        shard = self._draw_shard()
        for _ in self._attempts(rounds=len(parts)):
            item = self._ledger_items([counted.ref]).get(counted.ref)
            standing = ledger_entry(item).standing(counted.ref) if item else "new"
            if standing == "duplicate":
                return CommitResult(duplicates=(counted.ref,))
            if standing == "conflict":
                return CommitResult(conflicts=(counted.ref,))
            partial = item is not None and item["state"]["S"] == "partial"
            done = int(item["parts_done"]["N"]) if item and partial else 0
            wanted = {key: added[key] for key in parts[done]}
            self._load(rows, wanted, shard)
            blobs = {key: add_to_row(key, rows[key].blob, more) for key, more in wanted.items()}
            entry = (
                ledger_advance(self._table, counted, done, len(parts))
                if partial
                else ledger_put(
                    self._table, counted, self._clock(), self._retention_days, len(parts)
                )
            )
            refusals = self._transact([entry, *self._puts(blobs, rows, shard)])
            if refusals is None and done + 1 == len(parts):
                return CommitResult(committed=(counted.ref,))
            if refusals is not None:
                shard = self._forget_stale(rows, list(blobs), refusals[1:], shard)
        raise self._gave_up([counted])

    def _puts(
        self, blobs: dict[RowKey, bytes], rows: dict[RowKey, _Read], shard: int
    ) -> "list[TransactWriteItemTypeDef]":
        return [
            row_put(self._table, key, shard, rows[key].version, blob, self._retention_days)
            for key, blob in blobs.items()
        ]

    def _forget_stale(
        self, rows: dict[RowKey, _Read], keys: list[RowKey], refusals: Sequence[str], shard: int
    ) -> int:
        """Drop the rows that somebody else has changed, so that only those are read again, and
        return the shard to go on with: another one, if there are several."""
        stale = [key for key, code in zip(keys, refusals, strict=True) if code != "None"]
        if stale and self._shards > 1:
            rows.clear()
            return self._draw_shard()
        for key in stale:
            del rows[key]
        return shard

    def _draw_shard(self) -> int:
        return random.randrange(self._shards)  # noqa: S311 - spreads load, keeps no secret

    def _attempts(self, rounds: int = 1) -> Iterator[int]:
        """Attempts with full-jitter waits between them, until patience ends.

        https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        The first `rounds` come without waiting, for work that takes that many.
        """
        started = time.monotonic()
        for attempt in range(1_000_000):
            yield attempt
            waited = attempt - rounds + 1
            if waited >= 0:
                longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(waited, 10))
                time.sleep(random.uniform(0, longest))  # noqa: S311 - as above
            if time.monotonic() - started > self._patience:
                return

    def _gave_up(self, objects: list[Counted]) -> StoreError:
        return StoreError(
            f"committing {len(objects)} objects to table {self._table} met other commits for "
            f"{self._patience:.0f} s; they will be tried again. If this goes on, raise the "
            "number of shards"
        )

    # Requests

    def _transact(self, actions: "list[TransactWriteItemTypeDef]") -> list[str] | None:
        """None when the transaction was done, else the reason of each action's refusal.

        The client adds a request token and repeats it when it retries, so a lost answer is not
        a second commit: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
        """
        try:
            with self._errors("committing"):
                self._client.transact_write_items(TransactItems=actions)
        except _Cancelled as cancelled:
            unexpected = set(cancelled.codes) - _WORTH_RETRYING
            if unexpected or len(cancelled.codes) != len(actions):
                raise StoreError(
                    f"table {self._table} refused a commit: {', '.join(sorted(unexpected))}"
                ) from cancelled
            return cancelled.codes
        return None

    def _load(self, rows: dict[RowKey, _Read], keys: Iterable[RowKey], shard: int) -> None:
        """Read those of the rows that are not in `rows` yet."""
        missing = {
            (row_partition(key, shard), start_label(key)): key for key in keys if key not in rows
        }
        rows.update(dict.fromkeys(missing.values(), _Read()))
        for item in self._get([row_key(key, shard) for key in missing.values()]):
            key = missing[item["pk"]["S"], item["sk"]["S"]]
            rows[key] = _Read(int(item["version"]["N"]), item["aggregate"]["B"])

    def _ledger_items(self, refs: Sequence[ObjectRef]) -> dict[ObjectRef, Item]:
        at = self._clock()
        keys = {ref.id: ledger_key(ref) for ref in refs}
        found = {
            item["pk"]["S"].removeprefix("object#"): item
            for item in self._get(list(keys.values()))
            if is_live(item, at)
        }
        return {ref: found[ref.id] for ref in refs if ref.id in found}

    def _get(self, keys: Sequence[Item]) -> Iterator[Item]:
        """The items of these keys that exist, read consistently."""
        for start in range(0, len(keys), _BATCH_GET):
            wanted = list(keys[start : start + _BATCH_GET])
            for _ in self._attempts():
                with self._errors("reading"):
                    answer = self._client.batch_get_item(
                        RequestItems={self._table: {"Keys": wanted, "ConsistentRead": True}}
                    )
                yield from answer["Responses"].get(self._table, [])
                left = answer["UnprocessedKeys"].get(self._table)
                wanted = list(left["Keys"]) if left else []
                if not wanted:
                    break
            else:
                raise StoreError(f"table {self._table} is throttled and leaves reads undone")

    def _query(self, key: RowKey, shard: int, span: Span) -> Iterator[Item]:
        first = "" if span.start is None else start_label(key._replace(start=span.start))
        last = "~" if span.end is None else start_label(key._replace(start=span.end - 1))
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":pk": text(row_partition(key, shard)),
                ":first": text(first or "0"),
                ":last": text(last),
            },
        )
        with self._errors("reading"):
            for page in pages:
                yield from page["Items"]

    def _register(self, sites: set[str]) -> None:
        """Let readers know these sites and their shards, before anything is written to them."""
        for site in sites - self._registered:
            try:
                with self._errors("registering a site"):
                    self._client.update_item(
                        TableName=self._table,
                        Key=site_key(site),
                        UpdateExpression="SET shards = :shards",
                        ConditionExpression="attribute_not_exists(shards) OR shards < :shards",
                        ExpressionAttributeValues={":shards": number(self._shards)},
                    )
            except _ConditionFailed:
                pass  # it has as many shards already, or more from an earlier setting
            self._registered.add(site)

    def _shards_by_site(self) -> dict[str, int]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :sites",
            ExpressionAttributeValues={":sites": text("sites")},
        )
        with self._errors("reading the sites"):
            return {
                item["sk"]["S"]: int(item["shards"]["N"])
                for page in pages
                for item in page["Items"]
            }

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        """boto3's errors as ours; a failed condition and a cancelled transaction by themselves."""
        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalCheckFailedException":
                raise _ConditionFailed from error
            if code == "TransactionCanceledException":
                raise _Cancelled(_cancellation_codes(error)) from error
            raise StoreError(f"{doing} in table {self._table}: {error}") from error
        except BotoCoreError as error:
            raise StoreError(f"{doing} in table {self._table}: {error}") from error


class _ConditionFailed(Exception):
    """The condition of a single write did not hold."""


class _Cancelled(Exception):
    """A transaction was cancelled; `codes` has the reason of each action, "None" for no reason."""

    def __init__(self, codes: list[str]) -> None:
        super().__init__(", ".join(codes))
        self.codes = codes


def _cancellation_codes(error: ClientError) -> list[str]:
    reasons = error.response.get("CancellationReasons", [])
    return [reason.get("Code", "None") for reason in reasons]
