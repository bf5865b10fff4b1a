"""The server on this machine, as its clients see it."""

import gzip
import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from pipeline.cli import server as server_module
from pipeline.cli.server import MOST_CONNECTIONS, THREADS, Server, make_server

LONG = "answered, at some length; " * 100
LAST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
HUGE = "more than the system keeps of what nobody reads; " * 100_000


def answered(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """An answer to anything: the event."""
    if event["path"] == "/bug":
        raise RuntimeError("a bug")
    body = {"": event["path"], "empty": "", "long": LONG, "huge": HUGE}[
        event["path"][1:].partition("/")[0]
    ]
    return {"statusCode": 200, "headers": {"Vary": "Accept"}, "body": body}


def echoed(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """The event itself."""
    return {"statusCode": 200, "headers": {}, "body": json.dumps(event)}


@contextmanager
def serving(
    answer: Callable[[Mapping[str, Any], Any], dict[str, Any]] = answered, token: str | None = None
) -> Iterator[Server]:
    server = make_server(answer, 0, token)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()


class Got:
    """A response: status, headers and body."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()


def ask(
    server: Server, target: str = "/", method: str = "GET", host: str = "localhost", **more: str
) -> Got:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": host, **more}.items():
            connection.putheader(name, value)
        connection.endheaders()
        return Got(connection.getresponse())
    finally:
        connection.close()


def said(server: Server, *parts: bytes) -> bytes:
    """The answer to bytes on a connection, until its end."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
        heard = b""
        while chunk := connection.recv(65536):
            heard += chunk
    return heard


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:8080", 200),
        ("localhost:8080", 200),
        ("LocalHost", 200),
        ("[::1]:8080", 200),
        ("localhost.", 200),
        ("localhost.:8080", 200),
        ("127.1.2.3", 200),
        ("[0:0:0:0:0:0:0:1]", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example.", 421),
        ("127.0.0.1, evil.example", 400),
        ("10.0.0.1", 421),
        ("[::2]", 421),
        ("", 421),
        ("localhost@evil.example:80", 400),
        ("localhost/", 400),
        ("local host", 400),
    ],
)
def test_only_names_of_this_machine_are_served(host: str, status: int) -> None:
    """A page elsewhere whose name leads here would otherwise read everything."""
    with serving() as server:
        got = ask(server, host=host)
        assert got.status == status
        assert (got.body == b"/") == (status == 200)
        if status == 421:
            assert json.loads(got.body)["allowed"] == ["localhost", "127.0.0.1", "[::1]"]
        if host and status != 400:
            assert ask(server, f"http://{host}/").status == status


def test_an_event_has_the_path_and_the_query_as_they_were_sent() -> None:
    """Nothing is decoded before the routes do it, and a path of two slashes is no host."""
    with serving(echoed) as server:
        event = json.loads(ask(server, "//metrics/top/a%2Fb%20c?site=E1&site=E2&x=&y=%2B").body)
        assert event["path"] == "//metrics/top/a%2Fb%20c"
        query = {"site": ["E1", "E2"], "x": [""], "y": ["+"]}
        assert event["multiValueQueryStringParameters"] == query
        assert json.loads(ask(server, "http://localhost/a?b=c").body)["path"] == "/a"


def test_a_head_has_the_headers_of_a_get() -> None:
    """Its length among them, and no body."""
    with serving() as server:
        for more in ({}, {"Accept-Encoding": "gzip"}):
            get, head = (ask(server, "/long", method, **more) for method in ("GET", "HEAD"))
            assert (head.status, head.body) == (200, b"")
            differing = {"Date", "Connection"}
            assert {k: v for k, v in get.headers.items() if k not in differing} == {
                k: v for k, v in head.headers.items() if k not in differing
            }
            assert int(head.headers["Content-Length"]) == len(get.body)


@pytest.mark.parametrize(
    ("accept", "zipped"),
    [
        ("gzip", True),
        ("br, GZip;q=0.5", True),
        ("*", True),
        ("x-gzip", True),
        ("*;q=0.1, gzip; q=0", False),
        ("gzip;q=0.000", False),
        ("identity", False),
        ("", False),
    ],
)
def test_a_body_is_compressed_for_a_client_that_takes_it(accept: str, zipped: bool) -> None:
    """A short one is not; caches learn of both that it matters."""
    with serving() as server:
        got = ask(server, "/long", **{"Accept-Encoding": accept})
        assert got.headers["Vary"] == "Accept, Accept-Encoding"
        assert got.headers["Content-Encoding"] == ("gzip" if zipped else None)
        assert (gzip.decompress(got.body) if zipped else got.body).decode() == LONG
        assert len(got.body) < len(LONG) / 5 or not zipped
        short = ask(server, "/", **{"Accept-Encoding": accept})
        assert (short.body, short.headers["Vary"]) == (b"/", "Accept, Accept-Encoding")


def test_a_connection_serves_many_requests() -> None:
    """HTTP/1.1: it stays open, and requests that come together are answered in their order."""
    with serving() as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        for target in ("/", "/long", "/empty"):
            connection.request("GET", target)
            response = connection.getresponse()
            assert (response.version, response.status) == (11, 200)
            response.read()
            assert not response.will_close
        connection.close()
        heard = said(server, b"GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3, LAST)
        assert heard.count(b"HTTP/1.1 200 OK") == 4
        assert heard.endswith(b"\r\n\r\n/")


@pytest.mark.parametrize("status", [204, 304])
def test_a_response_without_a_body_keeps_its_connection(status: int) -> None:
    """It has no length to tell, and its connection serves the next request."""
    headers = {"Vary": "Accept", "ETag": 'W/"x"'}
    with serving(lambda *_: {"statusCode": status, "headers": headers, "body": ""}) as server:
        heard = said(server, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2, LAST)
        first, second, last = heard.split(b"\r\n\r\n")[:3]
        assert first.startswith(f"HTTP/1.1 {status}".encode())
        assert b"Connection" not in first + second
        assert b"Vary: Accept, Accept-Encoding" in first
        assert b"Content-Length" not in first
        assert b"Connection: close" in last


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET http://localhost/ HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nhost: localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nHost: localhost\r\nHOST: localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\n\r\n", 200),
        (b"GET / HTTP/1.7\r\nHost: localhost\r\nConnection: close\r\n\r\n", 200),
        (b"GET / HTTP/1.7\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / http/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET / HTTP/11.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"get / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", 505),
        (b"GET / HTTP/0.9\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
    ],
)
def test_a_request_is_as_the_standard_has_it(sent: bytes, status: int) -> None:
    """One Host, a version that is spoken, and one end: RFC 9112."""
    with serving() as server:
        first = said(server, sent).partition(b"\r\n")[0]
        assert first.split()[1] == str(status).encode()


def test_a_request_that_waits_for_a_signal_needs_none_without_a_body() -> None:
    """It is answered at once, and a refused one is not told to go on."""
    waiting = b"GET / HTTP/1.1\r\nExpect: 100-continue\r\nConnection: close\r\n"
    with serving() as server:
        assert said(server, waiting + b"Host: localhost\r\n\r\n").startswith(b"HTTP/1.1 200")
        assert b" 400 " in said(server, waiting + b"\r\n").partition(b"\r\n")[0]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"rubbish\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nContent-Length: many\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nX: a\nb\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: odd\r\n\r\n", 501),
        (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nnone\r\n",
            400,
        ),
        (b"POST / HTTP/1.0\r\nContent-Length: 100000000\r\n\r\n", 413),
        (b"GET / HTTP/1.0\r\nX: " + b"x" * 65_600 + b"\r\n\r\n", 431),
        (b"GET /bug HTTP/1.0\r\n\r\n", 500),
        (b"GET http://[ HTTP/1.0\r\n\r\n", 400),
    ],
)
def test_every_error_is_a_problem_document(
    sent: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where the bytes are no request, and where the handler has a bug; none of it is in the
    words of a library."""
    with serving() as server:
        head, _, body = said(server, sent).partition(b"\r\n\r\n")
        assert f" {status} ".encode() in head.partition(b"\r\n")[0]
        assert b"application/problem+json" in head
        assert json.loads(body)["status"] == status
        assert not re.search(
            "max_|URI|Bad|Invalid|Malformed|start line", json.loads(body)["detail"]
        )
        assert [record.name for record in caplog.records] == (
            ["pipeline.api.problems"] if status == 500 else []
        )


def test_a_token_opens_every_route() -> None:
    """Without it the answer is 401, and a preflight needs none."""
    with serving(token="secret") as server:
        assert ask(server).status == 401
        assert ask(server, Authorization="Bearer wrong").status == 401
        assert ask(server, Authorization="Bearer secret").status == 200
        assert ask(server, method="OPTIONS").status == 200


def test_slow_clients_do_not_keep_others_waiting(caplog: pytest.LogCaptureFixture) -> None:
    """As many as there may be, each in the middle of a request: another is answered meanwhile, and
    nothing is said of it."""
    with serving() as server, ExitStack() as stack:
        address = ("127.0.0.1", server.port)
        slow = [
            stack.enter_context(socket.create_connection(address, timeout=10))
            for _ in range(2 * MOST_CONNECTIONS)
        ]
        for connection in slow:
            connection.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        assert ask(server).status == 200
        assert not caplog.records


@pytest.mark.parametrize(
    ("sent", "heard"),
    [
        (b"", b""),
        (b"GET", b"HTTP/1.1 408 Request Timeout"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"HTTP/1.1 408 Request Timeout"),
        (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx",
            b"HTTP/1.1 408 Request Timeout",
        ),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"HTTP/1.1 200 OK"),
    ],
)
def test_a_request_that_does_not_end_is_told_so(
    sent: bytes, heard: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """408, before its connection is closed; a connection that says nothing is only closed."""
    monkeypatch.setattr(server_module, "PATIENCE_SECONDS", 1)
    with serving() as server:
        assert said(server, sent).partition(b"\r\n")[0] == heard


def test_a_request_must_arrive_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that sends a byte now and then is not waited for."""
    monkeypatch.setattr(server_module, "PATIENCE_SECONDS", 1)
    with (
        serving() as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=10) as slow,
    ):
        slow.sendall(b"GET / HTTP/1.1\r\n")
        slow.settimeout(0.1)
        began = time.monotonic()
        while time.monotonic() < began + 10:
            try:
                slow.sendall(b"X")
                if slow.recv(1):  # of the answer that it is too late
                    break
            except TimeoutError:
                continue
            except OSError:  # reset: closed with a byte of ours unread
                break
        assert 1 <= time.monotonic() - began < 8


def test_a_client_that_does_not_read_holds_no_thread() -> None:
    """More of them than there are threads, each with an answer that waits to be read."""
    with serving() as server, ExitStack() as stack:
        for _ in range(2 * THREADS):
            deaf = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            deaf.sendall(b"GET /huge HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert ask(server).status == 200
