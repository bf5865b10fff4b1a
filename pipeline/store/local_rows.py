"""The rows of a local store: which of them readers see, and how a commit adds to them."""

from collections.abc import Iterator, Mapping, Sequence

from pipeline.hour.aggregate import HourlyAggregate
from pipeline.hours import Span
from pipeline.schema.dimensions import Caps
from pipeline.store.counted import RowKey
from pipeline.store.port import Meta
from pipeline.store.rows import add_to_row
from pipeline.store.tables import Row, Tables


def visible_rows(
    tables: Tables, sites: Sequence[str], spans: Sequence[Span], meta: Meta
) -> Iterator[tuple[RowKey, Row]]:
    """The rows that readers see."""
    first, generations = meta.first_row_day, meta.generations
    for span in spans:
        for key, row in tables.rows(sites, span):
            if key.day >= first and key.generation == generations.read(key.day):
                yield key, row


def add(tables: Tables, added: Mapping[RowKey, HourlyAggregate], caps: Caps) -> None:
    """Add to rows: to all of them, or with an error to none."""
    known = {key: tables.row(key) for key in added}
    blobs = {
        key: add_to_row(key, row.blob if (row := known[key]) else None, more, caps)
        for key, more in added.items()
    }
    for key, blob in blobs.items():
        row = known[key]
        tables.put_row(key, Row(row.version + 1 if row else 1, blob))
