"""The API handler as a WSGI application: what API Gateway does in a deployment."""

import gzip
import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pipeline.api.app import other_host, without_credentials
from pipeline.api.credentials import opens
from pipeline.api.problems import problem_of
from pipeline.api.proxy import problem_response, proxy_response

HOST = "127.0.0.1"
_WORTH_GZIP = 1_000
"""Bytes of a body from which on gzip makes it smaller than a packet less."""

Answer = Callable[[Mapping[str, Any], Any], dict[str, Any]]
Environ = dict[str, Any]
Start = Callable[[str, list[tuple[str, str]]], Any]


class Gateway:
    """Answers requests as the gateway in front of `answer` would.

    With a token, every request needs it, as `Bearer` or as the password of `Basic`. A request for
    another host is refused: a page elsewhere may have had its name changed to this address.
    """

    def __init__(self, answer: Answer, token: str | None) -> None:
        self._answer = answer
        self._token = token

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """The body of a response, of which `start` gets the status and the headers (PEP 3333)."""
        headers = _headers(environ)
        try:
            response = self._response(environ, headers)
        except Exception as error:
            response = proxy_response(problem_response(problem_of(error)), {})
        body, more = _encoded(response, headers.get("ACCEPT-ENCODING", ""))
        status = HTTPStatus(response["statusCode"])
        if status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            more["Content-Length"] = str(len(body))
        start(f"{status.value} {status.phrase}", [*{**response["headers"], **more}.items()])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _response(self, environ: Environ, headers: dict[str, str]) -> dict[str, Any]:
        target = environ["REQUEST_URI"]
        host = "" if target.startswith("/") else urlsplit(target).netloc
        if not all(map(_is_of_this_machine, (host or HOST, headers.get("HOST", HOST)))):
            return other_host()
        method = environ["REQUEST_METHOD"]
        preflight = method == "OPTIONS"  # browsers send no credentials with it
        if not preflight and not self._is_open_to(headers.get("AUTHORIZATION", "")):
            return without_credentials()
        # A HEAD has the headers of a GET, the length of its body among them.
        return self._answer(_event("GET" if method == "HEAD" else method, target, headers), None)

    def _is_open_to(self, authorization: str) -> bool:
        return self._token is None or opens(authorization, self._token)


def _headers(environ: Environ) -> dict[str, str]:
    """The headers of a request, their names in capitals."""
    return {
        name.removeprefix("HTTP_").replace("_", "-"): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }


def _is_of_this_machine(host: str) -> bool:
    """Whether an authority names the loopback interface, with any port."""
    name = re.sub(r":[0-9]*$", "", host.strip().lower()).removesuffix(".")
    try:
        return name == "localhost" or ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _encoded(response: Mapping[str, Any], accept: str) -> tuple[bytes, dict[str, str]]:
    """The body as the client wants it, and the headers that say so."""
    body = response["body"].encode()
    # A response without a body has the header too: it stands for one that may have a long one.
    vary = ", ".join(filter(None, (response["headers"].get("Vary"), "Accept-Encoding")))
    if len(body) < _WORTH_GZIP or not _takes_gzip(accept):
        return body, {"Vary": vary}
    return gzip.compress(body, 5, mtime=0), {"Vary": vary, "Content-Encoding": "gzip"}


def _takes_gzip(accept: str) -> bool:
    """Whether a header `Accept-Encoding` takes gzip (RFC 9110, 12.5.3)."""
    taken = {}
    for part in accept.lower().split(","):
        name, _, weight = part.partition(";")
        taken[name.strip()] = not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight)
    return taken.get("gzip", taken.get("x-gzip", taken.get("*", False)))


def _event(method: str, target: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """The REST proxy event that API Gateway would make of a request."""
    path, _, query = target.partition("?")
    if not path.startswith("/"):
        path = urlsplit(path).path or "/"
    values = parse_qs(query, keep_blank_values=True)
    return {
        "httpMethod": method,
        "path": path,
        "headers": headers,
        "queryStringParameters": {name: given[-1] for name, given in values.items()} or None,
        "multiValueQueryStringParameters": values or None,
        "requestContext": {"stage": "local", "path": path},
        "body": None,
        "isBase64Encoded": False,
    }
