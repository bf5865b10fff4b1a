"""The store on AWS: one DynamoDB table, written by conditional transactions.

    pk                      sk              what
    object#<sha256>         ledger          one log object: committed, partial or failed
    hour#<site>#<shard>     2026-11-23T11   an hour's aggregate; …T11#3 is of generation 3
    day#<site>#<shard>      2026-11-23      a day's aggregate
    meta                    site#<site>     over how many shards the site's rows are spread
    meta                    generations     which generation of each day is active or written
    fence#<site>#<shard>#n  fence           raised by every change of the generations
    cache#<key>             cache           a cached answer, and the lease to compute it
    secrets                 secrets         the key under which visitors are hashed

The index by-hour lists the ledger by the hour in which a row of it was written (`at_hour`).

A commit is one TransactWriteItems: a ledger row per object under the condition that it is new,
and every aggregate row under the condition that it still has the version that was read.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

from pipeline.store.dynamodb.store import DynamoStore

__all__ = ["DynamoStore"]
