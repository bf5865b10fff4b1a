"""Both engines on the same object: the kernel must find all that the Arrow path finds."""

from dataclasses import replace
from datetime import UTC, datetime

from pipeline.errors import ObjectRefused
from pipeline.ingest.parse import OF_NO_SITE, parse
from pipeline.ingest.parsed import Parsed, Reading
from pipeline.tally.naming import Naming

MODIFIED = datetime(2026, 11, 23, tzinfo=UTC)


def read_by_both(
    body: bytes,
    reading: Reading | None = None,
    naming: Naming = OF_NO_SITE,
    modified: datetime = MODIFIED,
    piece: int = 1 << 18,
) -> Parsed | str:
    """The object as both engines read it, or the reason why both refuse it. Raises AssertionError
    where they differ in anything."""
    reading = reading or Reading()
    found = [
        _read(body, replace(reading, native=native), naming, modified, piece)
        for native in (True, False)
    ]
    native, arrow = found
    if isinstance(native, Parsed) and isinstance(arrow, Parsed):
        for name in ("container", "format", "layouts", "layout", "records", "rejected", "first"):
            assert getattr(native, name) == getattr(arrow, name), name
        assert list(native.rejected) == list(arrow.rejected)
        assert native.rows.keys() == arrow.rows.keys()
        for place, aggregate in native.rows.items():
            same = arrow.rows[place]
            assert aggregate.totals == same.totals
            assert aggregate.sketches.tables == same.sketches.tables
            assert aggregate.sketches.latency == same.sketches.latency
            assert aggregate.sketches.visitors == same.sketches.visitors
            assert aggregate.sketches.paths == same.sketches.paths
        return native
    assert native == arrow
    return native


def _read(
    body: bytes, reading: Reading, naming: Naming, modified: datetime, piece: int
) -> Parsed | str:
    pieces = [body[start : start + piece] for start in range(0, len(body), piece)]
    try:
        return parse(pieces, modified, reading, naming)
    except ObjectRefused as error:
        return error.reason
