"""Reading from S3 over a real connection, to a server that breaks it."""

import gc
import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config

from pipeline.errors import ObjectGone, ObjectUnavailable
from pipeline.ingest.ingest import Ingest
from pipeline.ingest.parsed import Reading
from pipeline.ingest.reader import Reader
from pipeline.objects import ObjectRef
from pipeline.source.s3 import S3Source
from pipeline.store.memory import MemoryStore

BODY = gzip.compress(b"#Fields: date time\n" + b"2024-11-22\t10:00:00\n" * 200_000)
REF = ObjectRef("bucket", "logs/a.gz", etag="e1")


@contextmanager
def s3(
    *sent: int,
    etag: str = "e1",
    seen: list[dict[str, str]] | None = None,
    ranges: bool = True,
    error: tuple[int, str] | None = None,
) -> Iterator[S3Source]:
    """A source on a server that breaks each answer off after so many bytes, one number per
    request. From the second request on, the object has this etag. Without `ranges` every answer
    is the whole object; an `error` is every answer."""
    answers = iter(sent)
    asked: list[dict[str, str]] = [] if seen is None else seen

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(dict(self.headers.items()) | {"path": self.path})
            current = etag if len(asked) > 1 else "e1"
            if error:
                self.fail(*error)
                return
            if self.headers.get("If-Match", f'"{current}"') != f'"{current}"':
                self.fail(412, "PreconditionFailed")
                return
            asks_range = ranges and "Range" in self.headers
            start = int(self.headers["Range"][6:-1]) if asks_range else 0
            rest = BODY[start:]
            self.send_response(206 if asks_range else 200)
            if asks_range:
                self.send_header("Content-Range", f"bytes {start}-{len(BODY) - 1}/{len(BODY)}")
            self.send_header("Content-Length", str(len(rest)))
            self.send_header("ETag", f'"{current}"')
            self.send_header("Last-Modified", "Fri, 22 Nov 2024 11:00:00 GMT")
            self.end_headers()
            self.wfile.write(rest[: next(answers)])
            self.close_connection = True

        def fail(self, status: int, code: str) -> None:
            body = f"<Error><Code>{code}</Code></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            """Keep the tests' output quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{server.server_port}",
            config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
        )
        try:
            yield S3Source(client)
        finally:
            client.close()
            server.shutdown()
            thread.join()
            gc.collect()  # an answer that was left open makes this very test fail


@pytest.mark.parametrize("sent", [0, 1, len(BODY) // 2, len(BODY) - 1])
def test_a_connection_that_drops_in_mid_body_is_resumed_where_it_dropped(sent: int) -> None:
    """What arrived is not asked for again, and the object counts once and whole."""
    store = MemoryStore()
    seen: list[dict[str, str]] = []
    with s3(sent, len(BODY), seen=seen) as source:
        (outcome,) = Ingest(Reader(source, Reading()), store)([REF])
    assert (outcome.state, outcome.records) == ("committed", 200_000)
    assert (seen[1]["Range"], seen[1]["If-Match"]) == (f"bytes={sent}-", '"e1"')


def test_a_connection_that_keeps_dropping_counts_nothing() -> None:
    """It is given up, fails alone, and is counted when it comes again."""
    store = MemoryStore()
    with s3(1000, *[0] * 5, len(BODY)) as source:
        ingest = Ingest(Reader(source, Reading()), store)
        (dropped,) = ingest([REF])
        assert (dropped.state, store.meta().sites) == ("failed", ())
        assert "reading it from S3 failed" in dropped.reason
        (again,) = ingest([REF])
    assert (again.state, again.records) == ("committed", 200_000)


def test_an_object_that_is_overwritten_while_it_is_read_counts_nothing() -> None:
    """The rest of another content is not put behind the beginning of the first."""
    with s3(1000, len(BODY), etag="e2") as source:
        (outcome,) = Ingest(Reader(source, Reading()), MemoryStore())([REF])
    assert outcome.state == "failed"
    assert "overwritten since the event" in outcome.reason


def test_a_connection_that_drops_often_is_resumed_as_long_as_something_arrives() -> None:
    """Only breaks without a byte in between are counted."""
    seen: list[dict[str, str]] = []
    with s3(*[500] * 9, len(BODY), seen=seen) as source:
        (outcome,) = Ingest(Reader(source, Reading()), MemoryStore())([REF])
    assert (outcome.state, outcome.records) == ("committed", 200_000)
    assert [each["Range"] for each in seen[1:]] == [f"bytes={500 * n}-" for n in range(1, 10)]


def test_a_rest_that_begins_at_the_beginning_is_not_taken() -> None:
    """Some servers answer with the whole object: its beginning would count twice."""
    with s3(1000, len(BODY), ranges=False) as source:
        (outcome,) = Ingest(Reader(source, Reading()), MemoryStore())([REF])
    assert outcome.state == "failed"
    assert "S3 did not resume it" in outcome.reason


def test_exactly_the_announced_etag_is_read() -> None:
    """Where the event names no version."""
    seen: list[dict[str, str]] = []
    with s3(len(BODY), seen=seen) as source, source.open(REF) as content:
        assert content.ref.size == len(BODY)
        assert b"".join(content.chunks) == BODY
    assert seen[0]["If-Match"] == '"e1"'
    assert "versionId" not in seen[0]["path"]


def test_exactly_the_announced_version_is_read() -> None:
    """Also the rest of it, after a connection broke."""
    seen: list[dict[str, str]] = []
    versioned = ObjectRef("bucket", "logs/a.gz", etag="e1", version_id="v 7")
    with s3(1000, len(BODY), seen=seen) as source, source.open(versioned) as content:
        assert b"".join(content.chunks) == BODY
    assert ["versionId=v%207" in each["path"] for each in seen] == [True, True]


def test_an_event_without_an_etag_is_counted_under_that_of_the_object() -> None:
    """The ledger then knows which content it was."""
    store = MemoryStore()
    with s3(len(BODY)) as source:
        Ingest(Reader(source, Reading()), store)([ObjectRef("bucket", "logs/a.gz")])
    (entry,) = store.objects()
    assert (entry.ref.etag, entry.ref.size) == ("e1", len(BODY))


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        ((404, "NoSuchKey"), ObjectGone, "gone from the bucket"),
        ((404, "NoSuchVersion"), ObjectGone, "that version is gone"),
        ((404, "NoSuchBucket"), ObjectGone, "bucket does not exist"),
        ((412, "PreconditionFailed"), ObjectGone, "overwritten since"),
        ((403, "AccessDenied"), ObjectUnavailable, "lacks s3:GetObject"),
        ((400, "InvalidArgument"), ObjectUnavailable, "S3 refused it"),
    ],
)
def test_what_is_gone_is_told_from_what_may_come_back(
    error: tuple[int, str], kind: type[Exception], reason: str
) -> None:
    """Another try gives the same answer only for what is gone."""
    with (
        s3(error=error) as source,
        pytest.raises(ObjectUnavailable, match=reason) as raised,
        source.open(REF),
    ):
        pass
    assert type(raised.value) is kind
