"""The server on this machine."""

import http.client
import threading
from typing import Any

import pytest

from pipeline.cli.server import make_server


def answered(event: Any, context: Any) -> dict[str, Any]:
    """An answer to anything."""
    return {"statusCode": 200, "headers": {}, "body": "answered"}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:8080", 200),
        ("localhost:8080", 200),
        ("LocalHost", 200),
        ("[::1]:8080", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost@evil.example:80", 421),
    ],
)
def test_only_names_of_this_machine_are_served(host: str, status: int) -> None:
    """A page elsewhere whose name leads here would otherwise read everything."""
    with make_server(answered, 0, None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
            connection.putrequest("GET", "/", skip_host=True)
            connection.putheader("Host", host)
            connection.endheaders()
            response = connection.getresponse()
            assert response.status == status
            assert (response.read() == b"answered") == (status == 200)
            connection.close()
        finally:
            server.shutdown()
            thread.join()
