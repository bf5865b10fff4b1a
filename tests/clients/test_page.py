"""The readable page, in a browser."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pipeline.api.docs.openapi import document
from pipeline.api.docs.page import page
from pipeline.api.routes import ROUTES
from tests.clients.conftest import Served
from tests.support.dynamodb_local import skip_or_fail

QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --enable-logging=stderr "
    "--virtual-time-budget=2000 --dump-dom"
).split()
COMPLAINTS = ("violates the following Content Security Policy", "Refused to")


@pytest.fixture(scope="module")
def chromium() -> str:
    """The browser."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        skip_or_fail("Chromium is missing: apt-get install chromium")
    assert found is not None
    return found


def visit(chromium: str, folder: Path, url: str) -> tuple[str, str]:
    """What a page became in the browser, and what the browser said of it."""
    done = subprocess.run(
        [chromium, *QUIET, f"--user-data-dir={folder}", url],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout, done.stderr


@contextmanager
def serving(body: bytes, policy: str) -> Iterator[str]:
    """A page with another policy than its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def test_the_page_is_shown_under_its_own_policy(
    served: Served, chromium: str, tmp_path: Path
) -> None:
    """Its style is applied and nothing of it is refused; under a policy that allows no style, this
    browser does complain."""
    host = served.url.removeprefix("http://")
    url = f"http://anyone:{served.token}@{host}/metrics/docs"
    shown, said = visit(chromium, tmp_path / "own", url)
    assert "GET /metrics/timeseries" in shown
    assert not [complaint for complaint in COMPLAINTS if complaint in said], said
    with serving(page(document(ROUTES)), "default-src 'none'") as other:
        shown, said = visit(chromium, tmp_path / "other", other)
    assert "GET /metrics/timeseries" in shown
    assert [complaint for complaint in COMPLAINTS if complaint in said], said
