"""A page behind a gateway's stage `/v1`, for browsers."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

STAGE = "/v1"
Answer = Callable[[Mapping[str, Any], Any], dict[str, Any]]


@contextmanager
def staged(answer: Answer) -> Iterator[str]:
    """The address of the page, while it is served. Outside of its stage there is nothing."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            event = {
                "httpMethod": self.command,
                "path": path.removeprefix(STAGE) or "/",
                "headers": dict(self.headers.items()),
                "multiValueQueryStringParameters": parse_qs(query) or None,
                "requestContext": {"path": path},
                "body": body.decode(),
            }
            response = answer(event, None) if path.startswith(STAGE) else _NOTHING
            self.send_response(response["statusCode"])
            for name, value in response["headers"].items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(response["body"].encode())

        do_POST = do_GET  # noqa: N815 - its name there

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}{STAGE}"
        finally:
            server.shutdown()
            thread.join()


_NOTHING: dict[str, Any] = {"statusCode": 404, "headers": {}, "body": "outside of the stage"}
