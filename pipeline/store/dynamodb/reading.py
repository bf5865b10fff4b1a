"""The aggregate rows of the table, as readers see them."""

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product

from pipeline.hour.sketches import Wanted
from pipeline.hours import HOURS_PER_DAY, Span
from pipeline.store.counted import RowKey
from pipeline.store.dynamodb.items import (
    TOTALS_ATTRIBUTE,
    VERSION_ATTRIBUTES,
    Item,
    row_partition,
    text,
)
from pipeline.store.dynamodb.table import Table
from pipeline.store.generations import Days
from pipeline.store.ledger import StoredRow
from pipeline.store.port import Meta
from pipeline.store.rows import decode_row, row_version, start_label
from pipeline.threads import in_order

_QUERIES = 8
"""Queries of one answer that run at the same time."""


class RowReader:
    """Reads rows. Reads are eventually consistent (a row may be a second old), except while there
    may be rows of two generations."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(
        self, sites: Sequence[str], spans: Sequence[Span], meta: Meta, wanted: Wanted
    ) -> Iterator[StoredRow]:
        """The visible rows. If only totals are wanted, no more is transferred."""
        only_totals = wanted is not None and not wanted
        only = (*VERSION_ATTRIBUTES, TOTALS_ATTRIBUTE) if only_totals else ()
        attribute = TOTALS_ATTRIBUTE if only_totals else "aggregate"
        for key, version, item in self._visible(sites, spans, meta, only):
            aggregate = decode_row(key, item[attribute]["B"], wanted)
            yield StoredRow(key._replace(generation=0), aggregate, version)

    def of_every_generation(
        self, site: str, shard: int, span: Span, only: Sequence[str] = (), *, consistent: bool
    ) -> Iterator[tuple[RowKey, Item]]:
        """The rows of one shard in a span; `only` some attributes of them, if any."""
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

    def _visible(
        self, sites: Sequence[str], spans: Sequence[Span], meta: Meta, only: Sequence[str]
    ) -> Iterator[tuple[RowKey, str, Item]]:
        generations = meta.generations
        consistent = bool(generations.rebuild or generations.unswept)
        first = meta.first_row_day
        shards = (
            (site, shard, span)
            for site, span in product(sites, spans)
            if site in meta.sites
            for shard in range(meta.settings.shards_of(_days(span)))
        )
        queries = (partial(self._shard, *each, only, consistent=consistent) for each in shards)
        for shard, rows in in_order(queries, _QUERIES):
            for key, item in rows:
                if key.day >= first and key.generation == generations.read(key.day):
                    yield key, row_version(key, int(item["version"]["N"]), shard), item

    def _shard(
        self, site: str, shard: int, span: Span, only: Sequence[str], *, consistent: bool
    ) -> tuple[int, list[tuple[RowKey, Item]]]:
        rows = self.of_every_generation(site, shard, span, only, consistent=consistent)
        return shard, list(rows)


def _days(span: Span) -> Days:
    """The days that a span of rows touches."""
    size = HOURS_PER_DAY if span.period == "hour" else 1
    start = 0 if span.start is None else span.start // size
    return Days(start, sys.maxsize if span.end is None else -(-span.end // size))
