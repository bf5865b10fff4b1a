"""The API handler behind a small HTTP server on this machine."""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pipeline.api.app import without_credentials
from pipeline.api.credentials import opens

HOST = "127.0.0.1"
logger = logging.getLogger(__name__)

Answer = Callable[[Mapping[str, Any], Any], dict[str, Any]]


class _Server(ThreadingHTTPServer):
    request_queue_size = 256  # as many may come at once as a gateway lets through


def make_server(answer: Answer, port: int, token: str | None) -> ThreadingHTTPServer:
    """A server on the loopback interface that answers as API Gateway would; port 0 is a free one.

    With a token, every request needs it, as `Bearer` or as the password of `Basic`.
    """

    class Handler(BaseHTTPRequestHandler):
        server_version = "edgetally"
        sys_version = ""
        timeout = 30

        def __getattr__(self, name: str) -> Callable[[], None]:
            """Every method is served, so that the API says which there are."""
            if name.startswith("do_"):
                return self._serve
            raise AttributeError(name)

        def _serve(self) -> None:
            preflight = self.command == "OPTIONS"  # browsers send no credentials with it
            authorization = self.headers.get("Authorization", "")
            if token and not preflight and not opens(authorization, token):
                response = without_credentials()
            else:
                event = _event(self.command, self.path, dict(self.headers.items()))
                response = answer(event, None)
            self._send(response["statusCode"], response["headers"], response["body"])

        def _send(self, status: int, headers: Mapping[str, str], text: str) -> None:
            body = text.encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            logger.info(format, *args)

    return _Server((HOST, port), Handler)


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
