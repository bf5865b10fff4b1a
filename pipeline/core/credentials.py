"""Whether an Authorization header opens the API."""

import base64
import binascii
from hmac import compare_digest


def opens(header: str, secret: str) -> bool:
    """Whether a header is `Bearer <secret>`, or `Basic` with any user and the secret as password.

    Compared in constant time. An empty secret opens nothing.
    """
    scheme, _, given = header.strip().partition(" ")
    offered = {"bearer": _as_it_is, "basic": _password}.get(scheme.lower(), _nothing)(given.strip())
    return bool(secret) and compare_digest(offered, secret.encode())


def _as_it_is(given: str) -> bytes:
    return given.encode("utf-8", "replace")


def _password(given: str) -> bytes:
    try:
        return base64.b64decode(given, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def _nothing(given: str) -> bytes:
    return b""
