"""The API handler behind a small HTTP server on this machine."""

import logging
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pipeline.core.credentials import opens

HOST = "127.0.0.1"
logger = logging.getLogger(__name__)

Answer = Callable[[Mapping[str, Any], Any], dict[str, Any]]


def make_server(answer: Answer, port: int, token: str | None) -> ThreadingHTTPServer:
    """A server on the loopback interface that answers as API Gateway would; port 0 is a free one.

    With a token, every request needs it, as `Bearer` or as the password of `Basic`.
    """

    class Handler(BaseHTTPRequestHandler):
        server_version = "edgetally"
        sys_version = ""

        def _serve(self) -> None:
            if token and not opens(self.headers.get("Authorization", ""), token):
                self._send(401, {"WWW-Authenticate": 'Basic realm="edgetally"'}, "")
                return
            response = answer(_event(self.command, self.path, dict(self.headers.items())), None)
            headers = dict(response.get("headers") or {})
            for name, values in (response.get("multiValueHeaders") or {}).items():
                headers[name] = ", ".join(values)
            self._send(response["statusCode"], headers, response["body"] or "")

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _serve  # noqa: N815 - names that http.server looks for

        def _send(self, status: int, headers: Mapping[str, str], text: str) -> None:
            body = text.encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            logger.info(format, *args)

    return ThreadingHTTPServer((HOST, port), Handler)


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
