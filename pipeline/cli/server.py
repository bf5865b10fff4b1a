"""The server on this machine: Waitress in front of the API handler.

Waitress, because the handler is synchronous, and because one thread of it reads all requests and
writes all responses: a client that is slow, or never ends, holds a connection and no thread. It is
one wheel without dependencies: https://docs.pylonsproject.org/projects/waitress/
"""

import logging
import socket
from contextlib import suppress
from http import HTTPStatus

from typing_extensions import override
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher

from pipeline.api.problems import Problem
from pipeline.api.proxy import problem_response, proxy_response
from pipeline.cli.gateway import HOST, Answer, Gateway

THREADS = 8
"""Requests that are answered at one time."""
MOST_CONNECTIONS = 100
"""Connections at one time; others wait to be accepted. macOS gives a process 256 files."""
PATIENCE_SECONDS = 10
"""The time for a request to arrive, and for a connection to wait for the next one."""
_IN_A_CROWD_SECONDS = 1
"""The same while others wait to be accepted."""
_MOST_BYTES = 64 << 10
"""Of a request's header, and of its body, which nothing reads."""


class _Refusal(ErrorTask):  # type: ignore[misc] # Waitress has no types
    """The answer to bytes that are no request."""

    @override
    def execute(self) -> None:
        error = self.request.error
        problem = Problem(HTTPStatus(error.code), f"{error.reason}: {error.body}")
        response = proxy_response(problem_response(problem), {})
        body = response["body"].encode()
        self.status = f"{problem.status.value} {problem.status.phrase}"
        self.response_headers.extend(response["headers"].items())
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Request(HTTPRequestParser):  # type: ignore[misc]
    """A request, which may be an address that is none."""

    @override
    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # of urlsplit, which Waitress lets through
            raise ParsingError("Bad URI") from error


class _Connection(HTTPChannel):  # type: ignore[misc]
    """A connection on which a part of a request is no sign of life, so that a client that sends
    a byte a second is not waited for."""

    last_activity: float
    parser_class = _Request
    error_task_class = _Refusal

    @override
    def handle_read(self) -> None:
        unfinished, since = self.request, self.last_activity
        super().handle_read()
        if unfinished is not None and self.request is unfinished:
            self.last_activity = since

    @override
    def handle_close(self) -> None:
        # Bytes that were not read would make the system reset the connection, and the client lose
        # the answer that says why.
        with suppress(OSError):
            for _ in range(_MOST_BYTES // self.adj.recv_bytes):
                if not (self.socket and self.socket.recv(self.adj.recv_bytes)):
                    break
        super().handle_close()


class Server(TcpWSGIServer):  # type: ignore[misc]
    """A server on the loopback interface, until `stop` is called or an exception comes."""

    channel_class = _Connection

    @property
    def port(self) -> int:
        """The port."""
        return int(self.effective_port)

    @override
    def maintenance(self, now: float) -> None:
        in_a_crowd = len(self._map) >= self.adj.connection_limit
        patience = _IN_A_CROWD_SECONDS if in_a_crowd else PATIENCE_SECONDS
        for connection in self.active_channels.values():
            if not connection.requests and connection.last_activity < now - patience:
                connection.will_close = True

    def serve(self) -> None:
        """Answer requests; the last ones are answered before the end."""
        try:
            wasyncore.loop(timeout=1, map=self._map, use_poll=self.adj.asyncore_use_poll)
        finally:
            self.task_dispatcher.shutdown(timeout=2)
            self._close()

    def stop(self) -> None:
        """End `serve` from another thread."""
        self.trigger.pull_trigger(self._close)

    def _close(self) -> None:
        for connection in list(self.active_channels.values()):
            connection.handle_close()
        wasyncore.close_all(self._map)


def make_server(answer: Answer, port: int, token: str | None) -> Server:
    """A server that answers as API Gateway would; port 0 is a free one. Raises OSError for a port
    that cannot be used."""
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # that requests wait is no news
    listening = socket.create_server((HOST, port))
    adjustments = Adjustments(
        sockets=[listening],
        ident="edgetally",
        threads=THREADS,
        connection_limit=MOST_CONNECTIONS,
        cleanup_interval=_IN_A_CROWD_SECONDS,
        max_request_header_size=_MOST_BYTES,
        max_request_body_size=_MOST_BYTES,
        asyncore_use_poll=True,
        clear_untrusted_proxy_headers=True,
    )
    dispatcher = ThreadedTaskDispatcher()
    dispatcher.set_thread_count(adjustments.threads)
    return Server(
        Gateway(answer, token),
        {},
        _sock=listening,
        bind_socket=False,
        dispatcher=dispatcher,
        adj=adjustments,
        sockinfo=(listening.family, listening.type, listening.proto, listening.getsockname()),
    )
