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
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher, WSGITask

from pipeline.api.proxy import problem_response, proxy_response
from pipeline.cli.gateway import HOST, Answer, Gateway
from pipeline.cli.wire import MOST_BYTES, WireRequest

THREADS = 8
"""Requests that are answered at one time."""
MOST_CONNECTIONS = 100
"""Connections at one time; others wait to be accepted. macOS gives a process 256 files."""
PATIENCE_SECONDS = 10
"""The time for a request to arrive, and for a connection to wait for the next one."""
_IN_A_CROWD_SECONDS = 1
"""The same while others wait to be accepted."""


class _Response(WSGITask):  # type: ignore[misc] # Waitress has no types
    """A response; one that has no body needs no length for its connection to stay open."""

    @override
    def set_close_on_finish(self) -> None:
        ends = self.request.headers.get("CONNECTION", "").lower() == "close"
        if self.has_body or ends or self.version != "1.1":
            super().set_close_on_finish()


class _Refusal(ErrorTask):  # type: ignore[misc]
    """The answer to bytes that are no request."""

    @override
    def execute(self) -> None:
        problem = self.request.problem
        response = proxy_response(problem_response(problem), {})
        body = response["body"].encode()
        self.status = f"{problem.status.value} {problem.status.phrase}"
        self.response_headers.extend(response["headers"].items())
        self.version = "1.1"  # ours: that of the bytes may be none
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Connection(HTTPChannel):  # type: ignore[misc]
    """A connection on which a part of a request is no sign of life, so that a client that sends
    a byte a second is not waited for."""

    last_activity: float
    request: WireRequest | None
    parser_class = WireRequest
    task_class = _Response
    error_task_class = _Refusal

    @override
    def handle_read(self) -> None:
        unfinished, since = self.request, self.last_activity
        super().handle_read()
        if unfinished is not None and self.request is unfinished:
            self.last_activity = since

    def give_up(self) -> None:
        """Wait no longer: a request of which a part has come is answered, silence is not."""
        with self.requests_lock:
            late, self.request = self.request, None
            if late is None:
                self.will_close = True
                return
            late.refuse(HTTPStatus.REQUEST_TIMEOUT, "the rest of the request did not come in time")
            self.requests.append(late)
            self.server.add_task(self)

    @override
    def handle_close(self) -> None:
        # Bytes that were not read would make the system reset the connection, and the client lose
        # the answer that says why.
        with suppress(OSError):
            for _ in range(MOST_BYTES // self.adj.recv_bytes):
                if not (self.socket and self.socket.recv(self.adj.recv_bytes)):
                    break
        super().handle_close()


class Server(TcpWSGIServer):  # type: ignore[misc]
    """A server on the loopback interface, until `stop` is called or an exception comes."""

    channel_class = _Connection
    _ends = False

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
                connection.give_up()

    def serve(self) -> None:
        """Answer requests; the last ones are answered before the end."""
        try:
            while not self._ends:
                wasyncore.loop(1, self.adj.asyncore_use_poll, self._map, count=1)
        finally:
            self.task_dispatcher.shutdown(timeout=2)
            self._close()

    def stop(self) -> None:
        """End `serve` from another thread."""
        self._ends = True
        self.trigger.pull_trigger()

    def _close(self) -> None:
        # After the threads: a trigger pulled when closed would write into a file that is another's.
        for connection in list(self.active_channels.values()):
            connection.handle_close()
        wasyncore.close_all(self._map)


def make_server(answer: Answer, port: int, token: str | None) -> Server:
    """A server that answers as API Gateway would; port 0 is a free one. Raises OSError for a port
    that cannot be used."""
    # That requests wait, or that there are as many connections as there may be, is no news.
    logging.getLogger("waitress").setLevel(logging.ERROR)
    listening = socket.create_server((HOST, port))
    adjustments = Adjustments(
        sockets=[listening],
        ident="edgetally",
        threads=THREADS,
        connection_limit=MOST_CONNECTIONS,
        cleanup_interval=_IN_A_CROWD_SECONDS,
        max_request_header_size=MOST_BYTES,
        max_request_body_size=MOST_BYTES,
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
