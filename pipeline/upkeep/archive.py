"""A whole store as lines of JSON, and back: the way from one kind of store to another.

The first line says what the file is, the last how many lines there are and their SHA-256. Between
them are the visitors' key, the days since which rows and ledger are complete, the ledger by object,
and the rows by site, period and start. The same content makes the same lines in every store.
"""

import base64
import heapq
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from hashlib import sha256
from itertools import islice
from typing import Any, BinaryIO

import msgspec

from pipeline.errors import UNDECODABLE, StoreError
from pipeline.hour import codec
from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.hours import HOURS_PER_DAY, Span
from pipeline.schema.dimensions import Caps
from pipeline.store.counted import RowKey
from pipeline.store.ledger import LedgerEntry, StoredRow
from pipeline.store.port import Store

FORMAT = "edgetally export"
VERSION = 1
_SORTED_AT_ONCE = 50_000
_RESTORED_AT_ONCE = 500
_DAYS_READ_AT_ONCE = 4


class BadArchive(StoreError):
    """A file that is no export, or not a whole one; nothing of it was written."""


def export(store: Store, caps: Caps, on_line: Callable[[], None] = lambda: None) -> Iterator[bytes]:
    """The lines of a store, each with its end.

    Raises StoreError while a rebuild is open or an object is half committed, and when the store
    was written to meanwhile, which would make the lines contradict each other.
    """
    if store.meta().generations.rebuild:
        raise StoreError(
            "a rebuild is open; end it first, by `edgetally rebuild confirm` or `undo`"
        )
    digest, count = sha256(), 0
    ledger = sha256()
    for line in _lines(store, caps, ledger.update):
        digest.update(line)
        count += 1
        on_line()
        yield line
    again = sha256()
    for line in _ledger_lines(store):
        again.update(line)
    if again.digest() != ledger.digest():
        raise StoreError("the store was written to meanwhile; export it when nothing is ingested")
    yield _line({"end": {"lines": count, "sha256": digest.hexdigest()}})


def restore(
    file: BinaryIO, open_store: Callable[[], Store], on_line: Callable[[], None] = lambda: None
) -> tuple[int, int]:
    """Write an export into an empty store; how many objects and rows there were.

    The file is checked to its end before the store is opened. Raises BadArchive, and StoreError
    for a store that has objects already.
    """
    _check(file)
    store = open_store()
    if next(store.objects(), None) is not None:
        raise StoreError("the store has objects already; import into an empty one")
    file.seek(0)
    objects = rows = 0
    documents = (json.loads(line) for line in islice(file, 1, None))
    while batch := list(islice(documents, _RESTORED_AT_ONCE)):
        entries = [_entry(each["object"]) for each in batch if "object" in each]
        stored = [_row(each["row"]) for each in batch if "row" in each]
        for each in batch:
            if "visitor_key" in each:
                store.restore_visitor_key(base64.b64decode(each["visitor_key"]))
            if "since" in each:
                since = each["since"]
                # The ledger is older than this store: its oldest entries may go at once.
                history = {"rows_since": since["rows"], "ledger_since": since["ledger"]}
                store.settle({"created": 0, **history})
            on_line()
        store.restore(entries, stored)
        objects += len(entries)
        rows += len(stored)
    return objects, rows


def _lines(store: Store, caps: Caps, note: Callable[[bytes], None]) -> Iterator[bytes]:
    yield _line({"format": FORMAT, "version": VERSION})
    yield _line({"visitor_key": _text(store.visitor_key())})
    meta = store.meta()
    yield _line({"since": {"rows": meta.first_row_day, "ledger": meta.first_ledger_day}})
    for line in _ledger_lines(store):
        note(line)
        yield line
    for site in store.meta().sites:
        yield from _rows(store, site, caps)


def _rows(store: Store, site: str, caps: Caps) -> Iterator[bytes]:
    """The rows of a site: its days, then its hours, a few days at a time."""
    days = iter(sorted({row.key.start for row in store.read([site], [Span("day", None, None)])}))
    some = list(iter(lambda: list(islice(days, _DAYS_READ_AT_ONCE)), []))
    for chunk in some:
        yield from _row_lines(store, site, Span("day", chunk[0], chunk[-1] + 1), caps)
    for chunk in some:
        hours = Span("hour", chunk[0] * HOURS_PER_DAY, (chunk[-1] + 1) * HOURS_PER_DAY)
        yield from _row_lines(store, site, hours, caps)


def _row_lines(store: Store, site: str, span: Span, caps: Caps) -> Iterator[bytes]:
    """The rows of a span, the shards of each merged."""
    found: dict[int, list[HourlyAggregate]] = {}
    for row in store.read([site], [span]):
        found.setdefault(row.key.start, []).append(row.aggregate)
    for start, shards in sorted(found.items()):
        aggregate = merge(shards, caps) if len(shards) > 1 else shards[0]
        said = {"site": site, "period": span.period, "start": start}
        yield _line({"row": said | {"aggregate": _text(codec.encode_fitting(aggregate, caps))}})


def _ledger_lines(store: Store) -> Iterator[bytes]:
    """The ledger in order of its ids, whatever its size: sorted in pieces, on disk."""
    generations = store.meta().generations
    entries = (entry.as_read(generations) for entry in store.objects())
    with ExitStack() as stack:
        pieces: list[Iterable[str]] = []
        while piece := list(islice(entries, _SORTED_AT_ONCE)):
            for entry in piece:
                if entry.state == "partial":
                    raise StoreError(
                        f"{entry.ref.name} is half committed; let it be delivered again, or "
                        "abandon it, first"
                    )
            lines = sorted(_sortable(entry) for entry in piece)
            if len(piece) < _SORTED_AT_ONCE:
                pieces.append(lines)
                break
            file = stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8"))
            file.writelines(lines)
            file.seek(0)
            pieces.append(file)
        for line in heapq.merge(*pieces):
            yield line.partition(" ")[2].encode()


def _sortable(entry: LedgerEntry) -> str:
    said = {name: value for name, value in asdict(entry).items() if value or name == "at"}
    for name in ("generation", "recount"):  # an export has one generation of everything
        said.pop(name, None)
    return f"{entry.ref.id} {_line({'object': said}).decode()}"


def _entry(said: dict[str, Any]) -> LedgerEntry:
    return msgspec.convert(said, LedgerEntry, strict=False)


def _row(said: dict[str, Any]) -> StoredRow:
    aggregate = codec.decode(base64.b64decode(said["aggregate"]))
    return StoredRow(RowKey(said["site"], said["period"], said["start"]), aggregate)


def _check(file: BinaryIO) -> None:
    """Raises BadArchive unless the file is whole and of this version."""
    digest, count, last = sha256(), 0, b""
    for line in file:
        if count == 0:
            _check_first(line)
        if last:
            digest.update(last)
        last = line
        count += 1
    try:
        end = json.loads(last)["end"]
        whole = (end["lines"], end["sha256"]) == (count - 1, digest.hexdigest())
    except (KeyError, TypeError, *UNDECODABLE):
        raise BadArchive("the file ends before its last line; export it again") from None
    if not whole:
        raise BadArchive("the file is damaged: its checksum is another; export it again")


def _check_first(line: bytes) -> None:
    try:
        first = json.loads(line)
        name, version = first["format"], first["version"]
    except (KeyError, TypeError, *UNDECODABLE):
        name = version = None
    if name != FORMAT:
        raise BadArchive("this is no export of edgetally")
    if version != VERSION:
        raise BadArchive(f"the export is of version {version}, and this edgetally knows {VERSION}")


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
