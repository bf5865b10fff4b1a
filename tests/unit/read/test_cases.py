"""Inputs that once gave a wrong figure, a silent loss or a misleading message."""

import bz2
import gzip
import io
import json
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import ObjectRefused
from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.ingest.parse import parse
from pipeline.ingest.parsed import Parsed, Reading
from pipeline.read.layout import listed_layout
from pipeline.schema.fields import CANONICAL, STANDARD, normalised

MODIFIED = datetime(2026, 11, 23, tzinfo=UTC)
ADDRESS = "203.0.113.77"
REQUEST = {
    "date": "2026-11-22",
    "time": "10:00:00",
    "x-edge-location": "FRA56-P4",
    "sc-bytes": "1000",
    "c-ip": ADDRESS,
    "cs-method": "GET",
    "cs(Host)": "d111111abcdef8.cloudfront.net",
    "cs-uri-stem": "/a",
    "sc-status": "200",
    "cs(Referer)": "https://news.example/x",
    "cs(User-Agent)": "curl/8.5.0",
    "cs-uri-query": "-",
    "cs(Cookie)": "-",
    "x-edge-result-type": "Hit",
    "x-edge-request-id": "Yg8Jkq0pTm3dZtqVn5u7Xw2Rb4sC6fHhJ9LkPzQvWcEoAiSyDxFg0A==",
    "x-host-header": "www.example.com",
    "cs-protocol": "https",
    "cs-bytes": "120",
    "time-taken": "0.010",
    "x-forwarded-for": "-",
    "ssl-protocol": "TLSv1.3",
    "ssl-cipher": "TLS_AES_128_GCM_SHA256",
    "x-edge-response-result-type": "Hit",
    "cs-protocol-version": "HTTP/2.0",
    "fle-status": "-",
    "fle-encrypted-fields": "-",
    "c-port": "40000",
    "time-to-first-byte": "0.009",
    "x-edge-detailed-result-type": "Hit",
    "sc-content-type": "text/html",
    "sc-content-len": "700",
    "sc-range-start": "-",
    "sc-range-end": "-",
}
FIELDS = list(REQUEST)
AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


def parsed(body: bytes, *layouts: str, modified: datetime = MODIFIED) -> Parsed:
    configured = tuple(listed_layout(fields, "ours") for fields in layouts)
    return parse([body[:9], body[9:]], modified, Reading(configured))


def whole(body: bytes) -> HourlyAggregate:
    return merge(parsed(body).hours.values())


def lines(fields: list[str], count: int = 3, delimiter: str = "\t") -> bytes:
    """Lines of these fields, without a header."""
    line = delimiter.join(REQUEST.get(name, "DE") for name in fields)
    return f"{line}\n".encode() * count


def with_header(body: bytes, fields: list[str] = FIELDS) -> bytes:
    return f"#Version: 1.0\n#Fields: {' '.join(fields)}\n".encode() + body


def json_text(*changes: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(REQUEST | change).encode() + b"\n" for change in changes)


def parquet(columns: dict[str, Any]) -> bytes:
    body = io.BytesIO()
    pq.write_table(pa.table(columns), body)
    return body.getvalue()


def values(found: HourlyAggregate, dimension: str) -> dict[str, int]:
    entries = found.sketches.tables[dimension].entries.items()
    return {value: vector.requests for value, vector in entries}


# A layout is taken only if every column looks like itself


@pytest.mark.parametrize("place", range(3, len(FIELDS)))
def test_a_field_too_many_in_any_place_is_noticed(place: int) -> None:
    """33 chosen fields, the country among them and the last one not, are not the standard 33."""
    shifted = [*FIELDS[:place], "c-country", *FIELDS[place:-1]]
    with pytest.raises(ObjectRefused, match="does not look like one") as refused:
        parsed(lines(shifted))
    assert ADDRESS not in str(refused.value)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, value in REQUEST.items()
        if value != "-" and not name.endswith("result-type") and name not in ("date", "time")
    ],
)
def test_two_fields_in_each_others_place_are_noticed(name: str) -> None:
    """Here a field and the result type, which no other field looks like."""
    other = "x-edge-result-type"
    if name in ("cs(Referer)", "cs(User-Agent)", "x-host-header", "cs(Host)"):
        other = "time-taken"  # any text may be one of these
    swapped = [{name: other, other: name}.get(each, each) for each in FIELDS]
    with pytest.raises(ObjectRefused, match="does not look like one"):
        parsed(lines(swapped))


def test_what_is_configured_wins() -> None:
    """Though it has as many fields as a list that is known, and that fits as well."""
    ours = [*FIELDS[:24], "c-country", *FIELDS[24:-1]]
    found = parsed(lines(ours), " ".join(ours))
    assert (found.records, found.layout) == (3, "ours")
    assert values(merge(found.hours.values()), "country") == {"DE": 3}
    swapped = [{"sc-bytes": "cs-bytes", "cs-bytes": "sc-bytes"}.get(name, name) for name in FIELDS]
    counts = merge(parsed(lines(FIELDS), " ".join(swapped)).hours.values()).totals
    assert (counts.counts.bytes, counts.bytes_received) == (360, 3000)


@pytest.mark.parametrize("delimiter", [",", " ", ";", "|", "||", "::"])
def test_another_delimiter_is_told(delimiter: str) -> None:
    """With a header or without: it is never an object of no records."""
    for fields in (FIELDS, FIELDS[:9]):
        told = re.escape(f"its fields are separated by {delimiter!r} instead of TABs: choose TAB")
        with pytest.raises(ObjectRefused, match=f"^{told}"):
            parsed(with_header(lines(fields, delimiter=delimiter), fields))
    with pytest.raises(ObjectRefused, match=told):
        parsed(lines(FIELDS, delimiter=delimiter))


# An object of which nothing can be counted is a failure with reasons


def test_an_object_without_a_line_that_counts_is_refused() -> None:
    """By its reasons, with what to do, and without a value of any line."""
    early = lines(FIELDS).replace(b"2026-11-22", b"1999-01-01")
    bad = lines(FIELDS).replace(b"2026-11-22", b"yesterday!")
    with pytest.raises(ObjectRefused) as refused:
        parsed(with_header(early + bad + b"short\n"))
    said = str(refused.value)
    assert said.startswith("none of its 7 lines can be counted (")
    assert "1 × too_few_fields, first in line 9: " in said
    assert "3 × bad_timestamp, first in line 6: " in said
    assert "3 × out_of_range_timestamp, first in line 3: " in said
    assert ADDRESS not in said
    assert parsed(with_header(early + lines(FIELDS, 1))).records == 1


@pytest.mark.parametrize("year", [1970, 1980, 2008])
def test_an_impossible_file_time_says_nothing_of_the_lines(year: int) -> None:
    """Archives lose it."""
    assert (
        parsed(with_header(lines(FIELDS)), modified=datetime(year, 1, 1, tzinfo=UTC)).records == 3
    )


def test_a_possible_file_time_bounds_the_lines() -> None:
    """A line of next year is damaged."""
    with pytest.raises(ObjectRefused, match="26 hours after the object's own time"):
        parsed(with_header(lines(FIELDS)), modified=AT - timedelta(days=2))


@pytest.mark.parametrize("text", [b"\n", b"\n\n\n", b"bad\n\n", b"\nbad\n"])
def test_empty_lines_are_no_lines(text: bytes) -> None:
    """Before, between and behind others, and beside a line that is rejected."""
    found = parsed(with_header(lines(FIELDS, 1) + text + lines(FIELDS, 1) + text))
    assert found.records == 2
    assert found.rejected.total() == 2 * text.count(b"bad")


# Times of other writers


STAMPS: dict[str, Callable[[datetime], Any]] = {
    "seconds": lambda at: f"{at.timestamp():.3f}",
    "milliseconds": lambda at: str(int(at.timestamp() * 1000)),
    "microseconds": lambda at: str(int(at.timestamp() * 1_000_000)),
    "nanoseconds": lambda at: str(int(at.timestamp()) * 1_000_000_000),
    "ISO": lambda at: f"{at:%Y-%m-%dT%H:%M:%S.000Z}",
    "ISO with an offset": lambda at: f"{at + timedelta(hours=2):%Y-%m-%dT%H:%M:%S}+02:00",
    "ISO with a space": lambda at: f"{at:%Y-%m-%d %H:%M:%S}",
}


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        *(("timestamp", kind) for kind in STAMPS),
        *(("timestamp(ms)", kind) for kind in STAMPS if "ISO" in kind or kind == "milliseconds"),
    ],
)
def test_a_time_may_be_written_in_any_usual_way(field: str, kind: str) -> None:
    """In lines, JSON and Parquet; a field of milliseconds has them, or ISO."""
    rest = {key: value for key, value in REQUEST.items() if key not in ("date", "time")}
    row = {field: STAMPS[kind](AT), **rest}
    text = f"#Fields: {' '.join(row)}\n" + "\t".join(row.values()) + "\n"
    written = (
        text.encode(),
        json.dumps(row).encode(),
        parquet({key: [value] for key, value in row.items()}),
    )
    for body in written:
        assert whole(body).totals.first_us == int(AT.timestamp() * 1_000_000)


@pytest.mark.parametrize(
    "columns",
    [
        {"timestamp": pa.array([AT], pa.timestamp("ns"))},
        {"timestamp": pa.array([AT], pa.timestamp("ms", "UTC"))},
        {"timestamp": pa.array([int(AT.timestamp())], pa.int64())},
        {"timestamp_ms": pa.array([AT], pa.timestamp("us"))},
        {"timestamp_ms": pa.array([int(AT.timestamp() * 1000)], pa.int64())},
        {
            "date": pa.array([AT.date()], pa.date32()),
            "time": pa.array([AT.time()], pa.time64("us")),
        },
        {"date": pa.array([AT], pa.timestamp("s")), "time": pa.array([AT], pa.timestamp("s"))},
    ],
)
def test_a_time_of_parquet_may_have_any_type(columns: dict[str, pa.Array]) -> None:
    """Glue writes INT96, others moments, dates and numbers."""
    found = whole(parquet({**columns, "cs-uri-stem": ["/"], "sc-status": pa.array([200])}))
    assert found.totals.first_us == int(AT.timestamp() * 1_000_000)


def test_int96_is_a_moment() -> None:
    """The oldest type of a moment in Parquet, which Glue and Spark write."""
    body = io.BytesIO()
    table = pa.table({"timestamp": pa.array([AT], pa.timestamp("ns")), "sc_status": ["200"]})
    pq.write_table(table, body, use_deprecated_int96_timestamps=True)
    assert whole(body.getvalue()).totals.requests == 1


# Names of other writers


def renamed(rename: Callable[[str], str]) -> dict[str, str]:
    return {rename(key): value for key, value in REQUEST.items()}


ATHENA = {
    "x-edge-location": "location", "sc-bytes": "bytes", "c-ip": "request_ip",
    "cs-method": "method", "cs(Host)": "host", "cs-uri-stem": "uri", "sc-status": "status",
    "cs(Referer)": "referrer", "cs(User-Agent)": "user_agent", "cs-uri-query": "query_string",
    "cs(Cookie)": "cookie", "x-edge-result-type": "result_type", "x-edge-request-id": "request_id",
    "x-host-header": "host_header", "cs-protocol": "request_protocol", "cs-bytes": "request_bytes",
    "x-edge-response-result-type": "response_result_type", "cs-protocol-version": "http_version",
}  # fmt: skip


def underscored(name: str) -> str:
    return name.replace("(", "_").replace(")", "").replace("-", "_")


RENAMES: dict[str, Callable[[str], str]] = {
    "as logged": str,
    "underscored": lambda name: underscored(name).lower(),
    "capitals": str.upper,
    "underscored capitals": lambda name: (
        name.replace("(", "_").replace(")", "").replace("-", "_").upper()
    ),
    "Athena": lambda name: ATHENA.get(name, name.replace("-", "_")),
}


@pytest.mark.parametrize("kind", RENAMES)
def test_names_may_be_spelled_in_any_usual_way(kind: str) -> None:
    """The same counts in lines, JSON and Parquet, whichever writer named the fields."""
    expected = whole(with_header(lines(FIELDS, 1)))
    row = renamed(RENAMES[kind])
    header = f"#Fields: {' '.join(row)}\n".encode()
    for body in (
        header + lines(FIELDS, 1),
        json.dumps(row).encode(),
        parquet({key: [value] for key, value in row.items()}),
    ):
        assert whole(body) == expected
    assert values(expected, "host") == {"www.example.com": 1}


def test_the_host_of_standard_fields_with_a_timestamp_is_the_viewers() -> None:
    """With `_` in their names they are spelled as real-time ones, whose hosts are the other way
    round; a domain of CloudFront's is told by its value."""
    rest = {key: value for key, value in REQUEST.items() if key not in ("date", "time")}
    names = {key: normalised(key) for key in rest}
    row = {"timestamp": str(int(AT.timestamp()))} | {names[key]: rest[key] for key in rest}
    realtime = row | {"cs_host": "www.example.com", "x_host_header": "d1.cloudfront.net"}
    direct = row | {"cs_host": "d1.cloudfront.net", "x_host_header": "d1.cloudfront.net"}
    for each, host in (
        (row, "www.example.com"),
        (realtime, "www.example.com"),
        (direct, "d1.cloudfront.net"),
        (row | {"x_host_header": "-"}, "d111111abcdef8.cloudfront.net"),
    ):
        for body in (json.dumps(each).encode(), parquet({key: [each[key]] for key in each})):
            assert values(whole(body), "host") == {host: 1}


def test_the_host_of_real_time_fields_is_the_viewers_in_any_spelling() -> None:
    """There `cs-host` is what the viewer asked for, and `x-host-header` is not."""
    rest = {key: value for key, value in REQUEST.items() if key not in ("date", "time", "cs(Host)")}
    row = {"timestamp": f"{AT.timestamp():.3f}", "cs-host": "www.shop.example", **rest}
    row["x-host-header"] = "d222222abcdef8.cloudfront.net"
    for rename in (str, RENAMES["underscored"], str.upper):
        body = json.dumps({rename(key): value for key, value in row.items()}).encode()
        assert values(whole(body), "host") == {"www.shop.example": 1}


@pytest.mark.parametrize("name", ["http_status", "StatusCode"])
def test_a_status_of_an_unknown_name_is_not_an_unknown_status(name: str) -> None:
    """The object is refused, and the name is told."""
    row = {name if key == "sc-status" else key: value for key, value in REQUEST.items()}
    for body in (
        with_header(lines(FIELDS), list(row)),
        json.dumps(row).encode(),
        parquet({key: [value] for key, value in row.items()}),
    ):
        with pytest.raises(ObjectRefused, match=f"no field sc_status, and unknown ones: {name}"):
            parsed(body)


def test_a_choice_of_known_fields_is_counted() -> None:
    """What the logs do not have is known to be missing."""
    few = ["date", "time", "cs-method", "cs-uri-stem", "sc-status", "x-host-header"]
    found = whole(with_header(lines(few), few)).totals
    assert found.requests == 3
    missing = ("sc_bytes", "time_taken", "x_edge_result_type", "c_ip")
    assert not any(map(found.has, missing))


# Bytes and containers


def test_bytes_that_are_not_utf_8_are_percent_encoded_in_parquet_too() -> None:
    """As in text."""
    raw = pa.array([b"/ok", b"/caf\xe9", b"/caf\xc3\xa9"], pa.binary())
    times = {"date": ["2026-11-22"] * 3, "time": ["10:00:00"] * 3, "sc_status": ["200"] * 3}
    for paths in (raw, pa.Array.from_buffers(pa.string(), 3, raw.buffers())):
        found = whole(parquet({**times, "cs_uri_stem": paths}))
        assert values(found, "path") == {"/ok": 1, "/caf%E9": 1, "/café": 1}


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    """An editor may have put it there."""
    mark = b"\xef\xbb\xbf"
    for body in (with_header(lines(FIELDS)), lines(FIELDS), json_text({}, {}, {})):
        assert parsed(mark + body).records == parsed(gzip.compress(mark + body)).records == 3


ENDIAN = ["", "-le", "-be"]
"""With a byte-order mark, and without."""


def archived(write: Callable[[io.BytesIO], None]) -> bytes:
    body = io.BytesIO()
    write(body)
    return body.getvalue()


def zipped(body: io.BytesIO) -> None:
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("log", lines(FIELDS))


def tarred(body: io.BytesIO) -> None:
    with tarfile.open(fileobj=body, mode="w") as archive:
        entry = tarfile.TarInfo("log")
        entry.size = len(lines(FIELDS))
        archive.addfile(entry, io.BytesIO(lines(FIELDS)))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (archived(zipped), "a ZIP archive"),
        (archived(tarred), "a tar archive"),
        (gzip.compress(archived(tarred)), "a tar archive"),
        (bz2.compress(lines(FIELDS)), "compressed with bzip2"),
        (lzma.compress(lines(FIELDS)), "compressed with xz"),
        (b"\x28\xb5\x2f\xfd" + bytes(40), "compressed with zstd"),
        (lzma.compress(lines(FIELDS), format=lzma.FORMAT_ALONE), "compressed with LZMA"),
        *((zlib.compress(lines(FIELDS), level), "compressed with zlib") for level in (1, 6, 9)),
        *((lines(FIELDS).decode().encode(f"utf-16{end}"), "text in UTF-16") for end in ENDIAN),
        *((lines(FIELDS).decode().encode(f"utf-32{end}"), "text in UTF-32") for end in ENDIAN),
        *((json_text({}).decode().encode(f"utf-16{end}"), "text in UTF-16") for end in ENDIAN),
        (b"<?xml version='1.0'?><Error/>", "a page of HTML or XML"),
    ],
)
def test_another_kind_of_file_is_refused_by_what_it_is(body: bytes, kind: str) -> None:
    """And never with the advice to set a list of fields."""
    with pytest.raises(ObjectRefused, match=f"is {kind}, not a log: ") as refused:
        parsed(body)
    assert "EDGETALLY" not in str(refused.value)


def test_gzip_round_parquet_or_gzip_is_read() -> None:
    """Firehose compresses what CloudWatch Logs has compressed."""
    table = parquet({key: [value] for key, value in REQUEST.items()})
    assert parsed(gzip.compress(table)).records == 1
    assert parsed(gzip.compress(gzip.compress(with_header(lines(FIELDS))))).records == 3


def test_an_array_of_json_is_read() -> None:
    """In one line or many."""
    rows = [REQUEST, REQUEST | {"cs-uri-stem": "/[}"}, REQUEST]
    for indent in (None, 2):
        assert parsed(json.dumps(rows, indent=indent).encode()).records == 3
    with pytest.raises(ObjectRefused, match="a damaged JSON array"):
        parsed(json.dumps(rows).encode()[:-5])


def test_arrays_of_json_in_lines_are_read() -> None:
    """One of each batch, as a transform may write them."""
    row = json.dumps([REQUEST, REQUEST])
    assert parsed(f"{row}\n{row}\n".encode()).records == 4
    assert parsed(f"{row}{row}".encode()).records == 4


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (json.dumps(json.dumps(REQUEST)), "its lines are texts of JSON: deliver the objects"),
        (json.dumps([[REQUEST]]), "is a JSON array of arrays, and requests are objects: deliver"),
        (json.dumps([REQUEST])[:-9], "is a damaged JSON array ("),
        ("[" * 100_000, "is a damaged JSON array ("),
        (
            json.dumps({"Records": [REQUEST]}),
            "holds its records in an array, as",
        ),
        (json.dumps({"records": [{"data": "x"}]}), "holds its records in an array, as files"),
        (
            json.dumps(REQUEST | {"sc-status": ["200"]}),
            "an array or object as the value",
        ),
        (json.dumps(REQUEST | {"cs-uri-stem": {"a": 1}}), "an array or object as the value"),
    ],
)
def test_json_of_another_shape_is_refused_by_what_it_is(text: str, told: str) -> None:
    """With what to do, and without a value."""
    with pytest.raises(ObjectRefused, match=re.escape(told)) as refused:
        parsed(text.encode())
    assert ADDRESS not in str(refused.value)


def test_a_nested_value_costs_its_own_line() -> None:
    """Its neighbours are counted; and nothing is nested in a field that is not counted."""
    nested = {"x-forwarded-for": ["a"], "cs-headers": {"a": 1}}
    found = parsed(json_text({}, {"sc-status": ["200"]}, {"sc-bytes": {}}, nested))
    assert (found.records, found.rejected) == (2, {"bad_json": 2})


def test_what_other_writers_take_for_json_is_read() -> None:
    """NaN, infinity and half a surrogate pair are no values, and cost no line."""
    text = json_text({"time-taken": float("nan"), "sc-bytes": float("inf")}, {}).decode()
    found = whole(text.encode())
    assert (found.totals.requests, found.totals.counts.timed) == (2, 1)
    assert found.totals.counts.bytes == 1000
    for half in ("\\ud800", "\\udfff x"):
        found = whole(json_text({"cs-uri-stem": "/HALF"}).replace(b"HALF", half.encode()))
        assert found.totals.requests == 1


def test_a_record_of_cloudwatch_needs_no_name_of_its_group() -> None:
    """Nor an order of its keys: its first key tells what it is."""
    events = [{"id": "1", "timestamp": 1, "message": json.dumps(REQUEST)}]
    for record in (
        {"messageType": "DATA_MESSAGE", "owner": "1", "logEvents": events},
        {"logEvents": events * 50, "logGroup": "g", "messageType": "DATA_MESSAGE"},
        {"owner": "1", "logStream": "s", "logEvents": events},
    ):
        assert parsed(json.dumps(record).encode()).records == len(record["logEvents"])


def test_objects_behind_one_another_may_hold_braces() -> None:
    """Wherever a stream put no line end between them."""
    body = json_text({"cs-uri-stem": "/x}{y"}, {"cs-uri-stem": '/x}{"y'}, {}).replace(b"\n", b"")
    found = whole(gzip.compress(body))
    assert values(found, "path") == {"/x}{y": 1, '/x}{"y': 1, "/a": 1}


def envelope(kind: str, *messages: str) -> bytes:
    events = [{"id": str(n), "timestamp": 1, "message": text} for n, text in enumerate(messages)]
    record = {"messageType": kind, "owner": "1", "logGroup": "g", "logStream": "s"}
    return json.dumps(record | {"subscriptionFilters": ["f"], "logEvents": events}).encode()


def test_records_of_a_cloudwatch_subscription_are_read() -> None:
    """Objects or lines, whether or not a line end is between records; control records hold none."""
    one, tabbed = json.dumps(REQUEST), lines(FIELDS, 1).decode()
    check = envelope("CONTROL_MESSAGE", "CWL CONTROL MESSAGE: Checking health of destination")
    records = [check, envelope("DATA_MESSAGE", one, one), envelope("DATA_MESSAGE", one)]
    assert parsed(b"".join(records)).records == 3
    assert parsed(gzip.compress(b"\n".join(records))).records == 3
    assert parsed(envelope("DATA_MESSAGE", *[tabbed] * 5)).records == 5


def test_an_export_of_cloudwatch_logs_is_read() -> None:
    """Each line begins with the time of its event."""
    stamp = b"2026-11-22T10:00:01.123Z "
    for text in (json_text({}, {}, {}), lines(FIELDS)):
        assert (
            parsed(b"".join(stamp + line for line in text.splitlines(keepends=True))).records == 3
        )


def test_all_71_fields_of_real_time_logs_are_known() -> None:
    """In CloudFront's order, whatever a configuration lists."""
    row = REQUEST | {"timestamp": f"{AT.timestamp():.3f}", "cs-host": "www.shop.example"}
    body = "\t".join(row.get(name, "-") for name in CANONICAL.split()) + "\n"
    found = parsed(body.encode() * 3)
    assert found.layout == "real-time, all 71 fields in CloudFront's order"
    assert values(merge(found.hours.values()), "host") == {"www.shop.example": 3}
    chosen = ["timestamp", "sc-status", "cs-uri-stem", "c-ip", "viewer-request-log-data"]
    delivered = sorted(chosen, key=CANONICAL.split().index)
    part = "\t".join(row.get(name, "note") for name in delivered) + "\n"
    assert parsed(part.encode() * 3, " ".join(chosen)).records == 3


def test_the_standard_fields_are_those_of_the_sample() -> None:
    """The request above has the 33 fields of a standard log, in order."""
    assert STANDARD.split()[:33] == FIELDS
