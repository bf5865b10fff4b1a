"""The primitives that a store whose transactions lock everything is made of."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from pipeline.hours import Span
from pipeline.store.counted import RowKey
from pipeline.store.ledger import LedgerEntry


class Row(NamedTuple):
    """An aggregate row as it is kept; `version` rises with every write."""

    version: int
    blob: bytes


class Kept(NamedTuple):
    """A ledger entry as it is kept; `expires` is in epoch seconds, None for never."""

    entry: LedgerEntry
    expires: int | None


class Tables(Protocol):
    """The reads and writes of one transaction of a local store."""

    def entry(self, object_id: str) -> Kept | None:
        """The ledger entry of an object."""
        ...

    def entries(self, since: int) -> Iterable[Kept]:
        """The ledger entries written since a moment (epoch seconds)."""
        ...

    def put_entry(self, kept: Kept) -> None:
        """Write a ledger entry."""
        ...

    def row(self, key: RowKey) -> Row | None:
        """The row of a key."""
        ...

    def rows(self, sites: Sequence[str], span: Span) -> Iterable[tuple[RowKey, Row]]:
        """The rows of these sites in a span, of every generation."""
        ...

    def row_keys(self) -> Iterable[RowKey]:
        """The key of every row."""
        ...

    def sites(self) -> Iterable[str]:
        """Every site that has rows, in no particular order."""
        ...

    def put_row(self, key: RowKey, row: Row) -> None:
        """Write a row."""
        ...

    def delete_row(self, key: RowKey) -> None:
        """Delete a row."""
        ...

    def document(self, name: str) -> bytes | None:
        """A document by its name."""
        ...

    def put_document(self, name: str, body: bytes) -> None:
        """Write a document."""
        ...
