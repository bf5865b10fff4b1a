"""Sessions: a time in a cookie, signed under a key that is made of the API's secret.

There is nothing to look up, and another secret ends every session. The key is HKDF-SHA-256 of the
secret (RFC 5869, one block), so a cookie tells nothing of the secret itself.
"""

import re
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest, digest

COOKIE = "__Host-edgetally"
"""Browsers take a cookie of this name only with Secure, for this host and for all of its paths."""
LASTS = timedelta(hours=12)
_PURPOSE = b"edgetally session"
_SHAPE = re.compile(r"([0-9]{1,12})\.([0-9a-f]{64})", re.ASCII)


def new_cookie(secret: str, now: datetime) -> str:
    """The header `Set-Cookie` of a session that begins."""
    until = str(int((now + LASTS).timestamp()))
    return _cookie(f"{until}.{_signature(secret, until)}", int(LASTS.total_seconds()))


def no_cookie() -> str:
    """The header `Set-Cookie` that ends a session in the browser."""
    return _cookie("", 0)


def has_session(cookies: str, secret: str, now: datetime) -> bool:
    """Whether a header `Cookie` holds a session that is not over. An empty secret has none."""
    pairs = (part.strip().partition("=") for part in cookies.split(";"))
    return bool(secret) and any(
        name == COOKIE and _is_valid(value, secret, now) for name, _, value in pairs
    )


def _cookie(value: str, seconds: int) -> str:
    return f"{COOKIE}={value}; Max-Age={seconds}; Path=/; Secure; HttpOnly; SameSite=Lax"


def _is_valid(token: str, secret: str, now: datetime) -> bool:
    parts = _SHAPE.fullmatch(token)
    if parts is None:
        return False
    is_ours = compare_digest(_signature(secret, parts[1]), parts[2])
    return is_ours and now.timestamp() < int(parts[1])


def _signature(secret: str, until: str) -> str:
    key = digest(digest(b"", secret.encode(), sha256), _PURPOSE + b"\x01", sha256)
    return digest(key, until.encode(), sha256).hex()
