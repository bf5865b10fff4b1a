"""The requests on a connection: RFC 9112 is kept, and every refusal is in our own words.

Waitress forgives a missing Host, a version that is none, and an unclear length.
"""

import re
from http import HTTPStatus

from typing_extensions import override
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.utilities import BadRequest

from pipeline.api.problems import Problem

MOST_BYTES = 64 << 10
"""Of a request's head, and of its body, which nothing reads."""

_REASONS = {
    400: "a line of the request's head, or a length in it, is not as RFC 9112 has it",
    413: f"a request's body has fewer than {MOST_BYTES:,} bytes; no route reads one",
    431: f"a request's head has fewer than {MOST_BYTES:,} bytes",
    500: "an error on our side; it was logged",
    501: "the only transfer encoding of a request is chunked",
}
"""The refusals that Waitress finds, by their status."""
_LINE = re.compile(rb"[^ ]+ (/|\*|[A-Za-z][A-Za-z0-9+.-]*://)[^ ]* HTTP/([0-9])\.([0-9])")
_HOST = re.compile(r"[-A-Za-z0-9._~%!$&'()*+,;=:\[\]]*")


class WireRequest(HTTPRequestParser):  # type: ignore[misc] # Waitress has no types
    """A request, or the bytes of one that is refused."""

    path = ""  # of a refused request, for Waitress's log
    _problem: Problem | None = None

    @property
    def problem(self) -> Problem:
        """The reason of a refused request."""
        status = HTTPStatus(self.error.code)
        return self._problem or Problem(status, _REASONS[status])

    def refuse(self, status: HTTPStatus, detail: str) -> None:
        """Make it a refused request."""
        self._problem = Problem(status, detail)
        self.error = BadRequest(detail)
        self.completed = True

    @override
    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if self.completed:
            self.expect_continue = False  # nothing is waited for
        return consumed

    @override
    def parse_header(self, header_plus: bytes) -> None:
        line, _, fields = header_plus.partition(b"\r\n")
        match = _LINE.fullmatch(line.rstrip())
        if match is None:
            raise self._refusal(
                "the first line of a request is a method, a path and HTTP/1.1, a space between them"
            )
        if match[2] != b"1":
            version = f"HTTP/{match[2].decode()}.{match[3].decode()}"
            detail = f"this server speaks HTTP/1.1, not {version}"
            raise self._refusal(detail, HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
        # A later minor version is answered as the latest that there is (RFC 9110, 2.5).
        minor = min(int(match[3]), 1)
        self._check_names(minor, fields)
        try:
            super().parse_header(match[0][:-1] + f"{minor}\r\n".encode() + fields)
        except (ParsingError, ValueError) as error:  # of urlsplit, which Waitress lets through
            raise self._refusal(_REASONS[400]) from error
        if not _HOST.fullmatch(self.headers.get("HOST", "")):
            raise self._refusal("the header Host is a name, or a name, a colon and a port")

    def _check_names(self, minor: int, fields: bytes) -> None:
        names = [field.partition(b":")[0].lower() for field in fields.split(b"\r\n")]
        hosts = names.count(b"host")
        if hosts > 1 or (minor and not hosts):
            raise self._refusal(f"a request has one header Host, and this one has {hosts}")
        # Another server between may take another end for the request's: RFC 9112, 6.1 and 6.3.
        if b"transfer-encoding" in names and (not minor or b"content-length" in names):
            raise self._refusal("Transfer-Encoding is of HTTP/1.1, and without a Content-Length")

    def _refusal(self, detail: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> ParsingError:
        self._problem = Problem(status, detail)
        return ParsingError(detail)
