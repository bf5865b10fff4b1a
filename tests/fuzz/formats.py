"""The oracle of formats: the same records are counted alike as lines, JSON and Parquet."""

import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import ObjectRefused
from pipeline.ingest.parse import parse
from tests.fuzz.check import MODIFIED, READING

Record = dict[str, str]

TIMES = ["10:00:00", "23:59:59", "24:00:00", "9:00:00", "-", ""]
NUMBERS = ["0", "1000", "9" * 13, "9" * 40, "-1", "1e3", "NaN", "12.5", "+7", "1_000", "-", ""]
SECONDS = ["0.010", "0", "399.999", "86400", "20000000", "-", "", "NaN", "-0.5"]
WORDS = {
    "date": ["2026-11-22", "2026-11-23", "2026-02-30", "1999-01-01", "-"],
    "time": TIMES,
    "x-edge-location": ["FRA56-P4", "SFO5", "nowhere", "-", ""],
    "sc-bytes": NUMBERS,
    "cs-bytes": NUMBERS,
    "cs-method": ["GET", "POST", "OPTIONS", "get", "-"],
    "sc-status": ["200", "101", "000", "404", "503", "20", "200.0", "-", "x"],
    "x-edge-result-type": ["Hit", "Miss", "RefreshHit", "Error", "Other", "-", ""],
    "x-edge-response-result-type": ["Hit", "Error", "-"],
    "x-edge-detailed-result-type": ["Hit", "OriginDnsError", "-"],
    "cs-protocol": ["https", "wss", "-"],
    "cs-protocol-version": ["HTTP/2.0", "HTTP/1.1", "-"],
    "ssl-protocol": ["TLSv1.3", "-"],
    "time-taken": SECONDS,
    "time-to-first-byte": SECONDS,
    "origin-fbl": SECONDS,
    "origin-lbl": SECONDS,
    "c-country": ["DE", "-"],
    "c-ip": ["192.0.2.1", "2001:db8::1", "hidden", "-"],
    "primary-distribution-id": ["E1EXAMPLE", "E2EXAMPLE", "-"],
}
"""Values of the fields that CloudFront fills: right ones, odd ones, and none."""
TEXTS = {
    "cs-uri-stem": ["/", "/a?b=c", "/%E2%80%A8", "/caf\u00e9"],
    "cs(Referer)": ["https://a.example/x?y", "b.example:80/z", "junk", "-"],
    "cs(User-Agent)": ["curl/8.5.0", "A%2520B", "-"],
    "x-host-header": ["www.example.com", "WWW.example.com.:443", "-"],
    "sc-content-type": ["text/html;%20charset=utf-8", "-", ""],
    "cache-behavior-path-pattern": ["*", "/api/*", "-"],
}
"""Values of the fields that hold any text."""
FIELDS = [*WORDS, *TEXTS]

_NO_PART = dict.fromkeys(map(ord, "\t\n\r\ufeff"))
"""Characters that no line can have in a value."""


def text(value: str) -> str:
    """A value that a line can have as well as JSON and Parquet."""
    return value.translate(_NO_PART).encode("utf-8", "replace").decode()


def as_lines(records: Sequence[Record]) -> bytes:
    """The records behind a header."""
    lines = ("\t".join(record[name] for name in FIELDS) + "\n" for record in records)
    return f"#Fields: {' '.join(FIELDS)}\n{''.join(lines)}".encode()


def as_json(records: Sequence[Record]) -> bytes:
    """The records as JSON lines."""
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def as_array(records: Sequence[Record]) -> bytes:
    """The records as an array of JSON."""
    return json.dumps(list(records), ensure_ascii=False).encode()


def as_parquet(records: Sequence[Record]) -> bytes:
    """The records as Parquet."""
    body = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(records)), body)
    return body.getvalue()


FORMATS: tuple[Callable[[Sequence[Record]], bytes], ...] = (as_lines, as_json, as_array, as_parquet)


def counted(body: bytes) -> Any:
    """The rows of an object and its rejected lines; None if it is refused."""
    try:
        found = parse([body], MODIFIED, READING)
    except ObjectRefused:
        return None
    return found.hours, +found.rejected


def check_formats(records: Sequence[Record]) -> bool:
    """Whether the records were counted. Raises AssertionError where two formats differ."""
    first, *others = (counted(write(records)) for write in FORMATS)
    for write, other in zip(FORMATS[1:], others, strict=True):
        assert other == first, write.__name__
    return first is not None
