"""Whatever is ingested, no address, cookie, query string or line is written anywhere."""

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import handlers.ingest
from pipeline.cli.app import main
from pipeline.errors import ObjectRefused
from pipeline.ingest.ingest import Ingest
from pipeline.ingest.parsed import Reading
from pipeline.ingest.reader import Reader
from pipeline.objects import ObjectRef
from pipeline.read.limits import Limits
from pipeline.schema.fields import CANONICAL, REALTIME, STANDARD
from pipeline.source.port import Content
from pipeline.source.queue import announcement
from pipeline.store.dynamodb import DynamoStore
from pipeline.store.port import Store
from pipeline.store.sqlite import SqliteStore
from pipeline.tally.visitors import Visitors
from pipeline.upkeep.archive import export
from tests.support import dynamodb_local
from tests.support.clock import FakeClock
from tests.unit.handlers.test_handlers import CONTEXT, event

MARKS = ("203.0.113.77", "2001:db8::77", "marked-cookie", "marked-query", "marked-junk")
"""An address of each kind, a cookie, a query string, and text that is no field."""
VALUES = {
    "c-ip": MARKS[0],
    "x-forwarded-for": MARKS[1],
    "cs(Cookie)": MARKS[2],
    "cs-cookie": MARKS[2],
    "cs-uri-query": MARKS[3],
    "cs-uri-stem": f"/page?{MARKS[3]}",
    "cs(Referer)": f"https://example.com/?{MARKS[3]}",
    "cs-referer": f"https://example.com/?{MARKS[3]}",
    "date": "2026-11-22",
    "time": "10:00:00",
    "timestamp": "1795341600.123",
    "timestamp(ms)": "1795341600123",
    "sc-status": "200",
    "x-edge-location": "LHR62-C2",
    "x-edge-result-type": "Hit",
    "cs-method": "GET",
    "cs-protocol": "https",
    "sc-bytes": "512",
    "time-taken": "0.1",
}
JUNK = "\t".join(MARKS)


def line(fields: list[str], **changed: str) -> bytes:
    values = VALUES | {name.replace("_", "-"): value for name, value in changed.items()}
    return "\t".join(values.get(name, "-") for name in fields).encode() + b"\n"


def with_header(*lines: bytes) -> bytes:
    return b"#Version: 1.0\n#Fields: " + STANDARD.encode() + b"\n" + b"".join(lines)


def bodies() -> dict[str, bytes]:
    """Objects of every kind that is refused, or of which lines are; and some that are not."""
    standard, realtime = STANDARD.split(), REALTIME.split()
    good = line(standard)
    record = json.dumps(VALUES).encode()
    parquet, untimed = io.BytesIO(), io.BytesIO()
    pq.write_table(pa.table({name: [value] * 99 for name, value in VALUES.items()}), parquet)
    pq.write_table(pa.table({"c-ip": [MARKS[0]], MARKS[1]: [MARKS[2]]}), untimed)
    found = {
        "good": with_header(good * 3),
        "without time": b"#Fields: c-ip cs-cookie\n" + JUNK.encode() + b"\n",
        "fields that are values": f"#Fields: date time {MARKS[0]}\n".encode() + good,
        "too few fields": with_header(good, JUNK.encode() + b"\n", MARKS[0].encode() + b"\n"),
        "bad times": with_header(good, line(standard, date=MARKS[0], time=MARKS[1])),
        "late times": with_header(good, line(standard, date="2099-01-01")),
        "only bad lines": with_header(JUNK.encode() + b"\n"),
        "too long": with_header(good, JUNK.encode() * 3000 + b"\n", good),
        "not UTF-8": with_header(good, b"\xff\xfe" + JUNK.encode() + b"\xff\n"),
        "many hours": with_header(
            *(line(standard, date=f"2026-10-{day:02}", c_ip=MARKS[0]) for day in range(1, 29))
        ),
        "JSON": record + b"\n",
        "JSON of other logs": json.dumps({"clientIp": MARKS[0], "cookie": MARKS[2]}).encode(),
        "JSON and others": record + b"\n" + record[:-9] + b"\n" + JUNK.encode() + b"\n",
        "JSON times": json.dumps(VALUES | {"date": MARKS[0], "timestamp(ms)": MARKS[0]}).encode(),
        "cut JSON": record[:-1],
        "Parquet": parquet.getvalue(),
        "cut Parquet": parquet.getvalue()[:-40],
        "broken Parquet": parquet.getvalue().replace(b"Hit", b"\xff\xff\xff"),
        "Parquet without time": untimed.getvalue(),
        "text": JUNK.encode() + b"\n",
        "twice compressed": gzip.compress(with_header(good)),
        "real-time": line(realtime) * 3,
    }
    # Without a header, with an address in place of a field that tells one layout from another.
    for name in ("timestamp", "sc-status", "cs-method", "x-edge-location", "x-edge-result-type"):
        for number, mark in enumerate(MARKS[:2]):
            found[f"real-time {name} {number}"] = line(realtime, **{name: mark})
    for name in ("sc-bytes", "time-taken", "time-to-first-byte", "sc-content-len"):
        found[f"real-time {name}"] = line(realtime, **{name: MARKS[0]})
    for place in range(0, len(CANONICAL.split()), 7):
        fields = CANONICAL.split()
        found[f"shifted {place}"] = line(fields[place:] + fields[:place])
    zipped = {name: gzip.compress(body) for name, body in found.items() if "Parquet" not in name}
    cut = {f"cut {name}": body[:-6] for name, body in zipped.items() if "real-time" not in name}
    return found | {f"zipped {name}": body for name, body in zipped.items()} | cut


class Bodies:
    """A bucket of these objects; "bug" raises an error that quotes a line."""

    def __init__(self, of: dict[str, bytes]) -> None:
        self.of = of

    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[Content]:
        if ref.key == "bug":
            raise ValueError(JUNK)
        if ref.key == "refused":
            raise ObjectRefused("its bytes are damaged")
        yield Content(ref, datetime(2026, 11, 23, tzinfo=UTC), [self.of[ref.key]])


@pytest.fixture(params=["sqlite", "dynamodb"])
def kept(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Any:
    """A store, and a function that returns everything that is in it, as it is stored."""
    if request.param == "sqlite":
        store: Store = SqliteStore(tmp_path / "store.db", clock=clock)
        return store, lambda: [path.read_bytes() for path in tmp_path.iterdir()]
    client = request.getfixturevalue("dynamodb")
    table = dynamodb_local.new_table(client)

    def items() -> list[bytes]:
        pages = client.get_paginator("scan").paginate(TableName=table)
        return [
            value if isinstance(value, bytes) else str(value).encode()
            for page in pages
            for item in page["Items"]
            for attribute in item.values()
            for value in attribute.values()
        ]

    return DynamoStore(client, table, clock=clock), items


def unpacked(raw: bytes) -> Iterator[bytes]:
    """The bytes, and everything that is compressed in them."""
    yield raw
    for start in range(len(raw)):
        if (
            raw[start] & 0x0F == 8
            and raw[start : start + 2]
            and not (int.from_bytes(raw[start : start + 2]) % 31)
        ):
            try:
                yield zlib.decompressobj().decompress(raw[start:])
            except zlib.error:
                continue


def marked(written: Iterator[bytes]) -> list[str]:
    return sorted({mark for text in written for mark in MARKS if mark.encode() in text})


def test_nothing_that_tells_a_person_is_written(
    kept: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In no row, ledger entry, log, metric, export, or answer of the function."""
    store, stored = kept
    objects = bodies()
    reading = Reading(limits=Limits(max_line=4096, max_hours=20), visitors=Visitors(b"k" * 32))
    ingest = Ingest(Reader(Bodies(objects), reading), store)
    monkeypatch.setattr(handlers.ingest, "configured", lambda: ingest)
    refs = [ObjectRef("b", key, "e") for key in [*objects, "bug", "refused"]]
    records = [
        {"messageId": str(place), "eventSource": "aws:sqs", "body": announcement(ref)}
        for place, ref in enumerate(refs)
    ]
    poison = [
        json.dumps({"Records": [{"eventSource": MARKS[0], "eventVersion": JUNK, "s3": JUNK}]}),
        json.dumps({"Records": [{"eventSource": "aws:s3", "eventVersion": MARKS[1]}]}),
        JUNK,
    ]
    records += [
        {"messageId": f"poison {place}", "eventSource": "aws:sqs", "body": body}
        for place, body in enumerate(poison)
    ]
    handle = handlers.ingest.handler
    written = [json.dumps(handle({"Records": records}, CONTEXT)) for _ in range(2)]
    tasks = event("ingest-batch-2")
    tasks["tasks"] = [
        {"taskId": str(place), "s3Key": ref.key.replace(" ", "+"), "s3Bucket": "b2"}
        for place, ref in enumerate(refs)
    ]
    written.append(json.dumps(handle(tasks, CONTEXT)))
    written += [caplog.text, *(str(record.__dict__) for record in caplog.records)]
    written += ["".join(capsys.readouterr()), *map(str, store.objects())]
    exported = b"".join(export(store, reading.caps))
    everything = [*stored(), *(text.encode() for text in written), exported]
    states = {entry.ref.key: entry.state for entry in store.objects() if entry.ref.bucket == "b"}
    assert len(states) == len(refs)
    assert sum(state == "failed" for state in states.values()) > 30
    assert sum(state == "committed" for state in states.values()) > 20
    assert b"a bug in edgetally, please report it: ValueError" in b"".join(everything)
    assert b"example.com" in b"".join(text for raw in everything for text in unpacked(raw))
    assert marked(text for raw in everything for text in unpacked(raw)) == []


@pytest.mark.parametrize(
    "command",
    [
        *(["inspect", "logs"], ["inspect", "logs", "--json"]),
        *(["ingest", "logs"], ["ingest", "logs", "--json"]),
        *(
            ["report", "logs", "-o", "-", "--format", form]
            for form in ("html", "json", "csv", "md")
        ),
    ],
    ids=" ".join,
)
def test_nothing_that_tells_a_person_is_printed(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By no command that reads logs, of whatever lines and names of fields."""
    monkeypatch.chdir(tmp_path)
    for name, value in {"STORE": "sqlite:///s.db", "MAX_LINE_BYTES": "4096"}.items():
        monkeypatch.setenv(f"EDGETALLY_{name}", value)
    monkeypatch.setenv("COLUMNS", "1000")
    (tmp_path / "logs").mkdir()
    named = {"odd names": f"#Fields: {STANDARD} {' '.join(MARKS)}\n".encode() + JUNK.encode()}
    named["odd names and a line"] = named["odd names"] + b"\n" + line(STANDARD.split())
    for place, body in enumerate([*bodies().values(), *named.values()]):
        (tmp_path / "logs" / str(place)).write_bytes(body)
    assert main(command) == 1
    printed = "".join(capsys.readouterr()).encode()
    assert len(printed) > 5_000
    assert marked(iter([printed])) == []


def test_the_search_finds_what_is_written_raw_or_compressed() -> None:
    """Else its silence would say nothing."""
    packed = b"row" + zlib.compress(MARKS[0].encode()) + b"row"
    assert marked(unpacked(packed)) == [MARKS[0]]
    assert marked(unpacked(MARKS[1].encode())) == [MARKS[1]]


def test_the_file_of_a_store_is_its_owners_alone(tmp_path: Path) -> None:
    """What helps to tell one visitor from another is in it."""
    SqliteStore(tmp_path / "store.db").visitor_key()
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}
