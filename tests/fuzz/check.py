"""What must hold for any bytes at all."""

import gzip
import re
from dataclasses import replace
from datetime import UTC, datetime

from pipeline.errors import ObjectRefused
from pipeline.hour import codec
from pipeline.ingest.parse import parse
from pipeline.ingest.parsed import Reading
from pipeline.read.layout import listed_layout
from pipeline.read.limits import Limits
from pipeline.read.records import REASONS
from tests.support.engines import read_by_both
from tests.support.samples import PLAIN_FIELDS

MODIFIED = datetime(2026, 11, 23, tzinfo=UTC)
READING = Reading(
    (listed_layout(" ".join(PLAIN_FIELDS), "plain"),),
    Limits(max_inflated=4 << 20, max_line=4096, max_hours=50),
)


def data_lines(text: bytes) -> tuple[int, int]:
    """How many lines of a text have to be counted or rejected, at least and at most: a lone CR, or
    a byte-order mark, may end a line or be a part of it."""
    text = text.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").removesuffix(b"\r")
    lines = [re.split(rb"\r|\xef\xbb\xbf", line) for line in text.split(b"\n")]
    data = [sum(bool(part) and not part.startswith(b"#") for part in parts) for parts in lines]
    return sum(map(bool, data)), sum(data)


def check(body: bytes) -> bool:
    """Parse the bytes; whether they were read. Raises AssertionError when a line is lost, and
    whatever else than a refusal the parser raises."""
    try:
        found = parse([body[:7], body[7:]], MODIFIED, replace(READING, native=False))
    except ObjectRefused:
        assert isinstance(read_by_both(body, READING), str)
        return False
    read_by_both(body, READING)
    for hour in found.hours.values():
        assert codec.decode(codec.encode(hour)) == hour
    assert found.records == sum(hour.totals.requests for hour in found.hours.values())
    assert set(found.first) == set(+found.rejected) <= set(REASONS)
    if found.container == "Parquet":
        return True
    text = gzip.decompress(body) if found.container != "plain text" else body
    lines = found.records + sum(found.rejected.values())
    if found.format == "json":  # lines of white space are no lines there, objects may share one
        assert lines <= data_lines(text.replace(b"}{", b"}\n{"))[1]
        assert lines >= sum(line.lstrip().startswith(b"{") for line in text.split(b"\n"))
    else:
        least, most = data_lines(text)
        assert least <= lines <= most
    return True
