"""Reading from S3 over a real connection, to a server that breaks it."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config

from pipeline.adapters.memory import MemoryStore
from pipeline.adapters.s3 import S3Source
from pipeline.core.objects import ObjectRef
from pipeline.core.parsed import Reading
from pipeline.ingest import Ingest

BODY = gzip.compress(b"#Fields: date time\n" + b"2024-11-22\t10:00:00\n" * 200_000)
REF = ObjectRef("bucket", "logs/a.gz", etag="e1")


@contextmanager
def s3(*sent: int, seen: list[dict[str, str]] | None = None) -> Iterator[S3Source]:
    """A source on a server that sends so many bytes of the body, one number per request."""
    answers = iter(sent)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if seen is not None:
                seen.append(dict(self.headers.items()))
            self.send_response(200)
            self.send_header("Content-Length", str(len(BODY)))
            self.send_header("ETag", '"e1"')
            self.send_header("Last-Modified", "Fri, 22 Nov 2024 11:00:00 GMT")
            self.end_headers()
            self.wfile.write(BODY[: next(answers)])
            self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            """Keep the tests' output quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield S3Source(
                boto3.client(
                    "s3",
                    endpoint_url=f"http://127.0.0.1:{server.server_port}",
                    config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
                )
            )
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("sent", [0, 1, len(BODY) // 2, len(BODY) - 1])
def test_a_connection_that_drops_in_mid_body_counts_nothing(sent: int) -> None:
    """The object fails, is tried again, and is then counted once and whole."""
    store = MemoryStore()
    with s3(sent, len(BODY)) as source:
        ingest = Ingest(source, store, Reading())
        (dropped,) = ingest([REF])
        assert (dropped.state, store.sites()) == ("failed", [])
        assert "reading it from S3 failed" in dropped.reason
        (again,) = ingest([REF])
    assert (again.state, again.records) == ("committed", 200_000)
    assert store.ledger([REF])[REF].state == "committed"


def test_exactly_the_announced_version_is_read() -> None:
    """By its version where it has one, else by its etag."""
    seen: list[dict[str, str]] = []
    with s3(len(BODY), seen=seen) as source, source.open(REF) as content:
        assert content.ref.size == len(BODY)
    assert seen[0]["If-Match"] == '"e1"'
