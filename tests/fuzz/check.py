"""What must hold for any bytes at all."""

import gzip
from datetime import UTC, datetime

from pipeline.errors import ObjectRefused
from pipeline.hour import codec
from pipeline.ingest.parse import parse
from pipeline.ingest.parsed import Reading
from pipeline.read.layout import listed_layout
from pipeline.read.limits import Limits
from pipeline.read.records import REASONS
from tests.support.samples import PLAIN_FIELDS

MODIFIED = datetime(2026, 11, 23, tzinfo=UTC)
READING = Reading(
    (listed_layout(" ".join(PLAIN_FIELDS), "plain"),),
    Limits(max_inflated=4 << 20, max_line=4096, max_hours=50),
)


def data_lines(text: bytes) -> int:
    """How many lines of a text have to be counted or rejected."""
    text = text.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").removesuffix(b"\r")
    lines = text.split(b"\n")
    return sum(bool(line) and not line.startswith(b"#") for line in lines)


def check(body: bytes) -> bool:
    """Parse the bytes; whether they were read. Raises AssertionError when a line is lost, and
    whatever else than a refusal the parser raises."""
    try:
        found = parse([body[:7], body[7:]], MODIFIED, READING)
    except ObjectRefused:
        return False
    for hour in found.hours.values():
        assert codec.decode(codec.encode(hour)) == hour
    assert found.records == sum(hour.totals.requests for hour in found.hours.values())
    assert set(found.first) == set(+found.rejected) <= set(REASONS)
    if found.container == "Parquet":
        return True
    text = gzip.decompress(body) if found.container != "plain text" else body
    lines = found.records + sum(found.rejected.values())
    if found.format == "json":  # lines of white space are no lines there, objects may share one
        assert lines <= data_lines(text.replace(b"}{", b"}\n{"))
        assert lines >= sum(line.lstrip().startswith(b"{") for line in text.split(b"\n"))
    else:
        assert lines == data_lines(text)
    return True
