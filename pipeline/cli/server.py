"""The API handler behind a small HTTP server on this machine."""

import logging
import re
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

from pipeline.api.app import other_host, without_credentials
from pipeline.api.credentials import opens

HOST = "127.0.0.1"
_NAMES = frozenset({HOST, "localhost", "[::1]"})
logger = logging.getLogger(__name__)

Answer = Callable[[Mapping[str, Any], Any], dict[str, Any]]
Respond = Callable[[str, str, dict[str, str]], dict[str, Any]]


class _Server(ThreadingHTTPServer):
    request_queue_size = 256  # as many may come at once as a gateway lets through


def make_server(answer: Answer, port: int, token: str | None) -> ThreadingHTTPServer:
    """A server on the loopback interface that answers as API Gateway would; port 0 is a free one.

    With a token, every request needs it, as `Bearer` or as the password of `Basic`. A request for
    another host is refused: a page elsewhere may have had its name changed to this address.
    """

    def respond(method: str, target: str, headers: dict[str, str]) -> dict[str, Any]:
        if not _is_of_this_machine(headers.get("Host")):
            return other_host()
        preflight = method == "OPTIONS"  # browsers send no credentials with it
        if token and not preflight and not opens(headers.get("Authorization", ""), token):
            return without_credentials()
        return answer(_event(method, target, headers), None)

    return _Server((HOST, port), partial(_Handler, respond))


def _is_of_this_machine(host: str | None) -> bool:
    """Whether a header `Host` names the loopback interface, with any port; none at all will do."""
    name = (host or HOST).strip().lower()
    return re.sub(r":[0-9]*$", "", name) in _NAMES


class _Handler(BaseHTTPRequestHandler):
    """Serves every method, so that the API says which there are."""

    server_version = "edgetally"
    sys_version = ""
    timeout = 30

    def __init__(self, respond: Respond, *connection: Any) -> None:
        self._respond = respond
        super().__init__(*connection)

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        response = self._respond(self.command, self.path, dict(self.headers.items()))
        status, body = response["statusCode"], response["body"].encode()
        self.send_response(status)
        for name, value in response["headers"].items():
            self.send_header(name, value)
        empty = status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
        if not empty and self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        logger.info(format, *args)


def _event(method: str, target: str, headers: dict[str, str]) -> dict[str, Any]:
    """The REST proxy event that API Gateway would make of a request."""
    url = urlsplit(target)
    query = parse_qs(url.query, keep_blank_values=True)
    return {
        "httpMethod": method,
        "path": url.path,
        "headers": headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "requestContext": {"stage": "local", "path": url.path},
        "body": None,
        "isBase64Encoded": False,
    }
