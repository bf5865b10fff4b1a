"""Whether an Authorization header opens the API."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Literal

from pipeline.errors import SettingError

SECRET_SECONDS = 60
"""How long a function keeps the secret in memory: a changed secret works after this and the
gateway's own cache of answers."""

Standing = Literal["open", "over", "unknown"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """The secret that opens the API, and while it is being replaced the one before, until a
    time."""

    secret: str
    previous: str = ""
    previous_until: datetime | None = None

    @classmethod
    def of(cls, text: str) -> "Credentials":
        """The credentials in the stored text: the secret as it is, or a JSON object with `secret`,
        `previous` and `previous_until` (RFC 3339). Raises SettingError."""
        if not text.lstrip().startswith("{"):
            return cls(text)
        try:
            document = json.loads(text)
            until = document.get("previous_until")
            moment = None if until is None else datetime.fromisoformat(until)
            if moment is not None and moment.tzinfo is None:
                raise ValueError("previous_until has no offset from UTC")
            credentials = cls(document["secret"], document.get("previous", ""), moment)
            if not all(
                isinstance(text, str) for text in (credentials.secret, credentials.previous)
            ):
                raise TypeError("secret and previous must be text")
        except (ValueError, TypeError, KeyError) as error:
            # The secret's text is not repeated: this goes to a log.
            raise SettingError(
                "EDGETALLY_API_SECRET",
                "the secret is a JSON object, but not one with secret, previous and "
                f"previous_until (RFC 3339): {type(error).__name__}",
            ) from None
        return credentials

    def standing(self, header: str, at: datetime) -> Standing:
        """'open' for a valid secret, 'over' for the previous one after its time, else 'unknown'."""
        current, before = opens(header, self.secret), opens(header, self.previous)
        if current:
            return "open"
        if not before:
            return "unknown"
        return "open" if self.previous_until is not None and at < self.previous_until else "over"


def opens(header: str, secret: str) -> bool:
    """Whether a header is `Bearer <secret>`, or `Basic` with any user and the secret as password.

    Compared in constant time. An empty secret opens nothing.
    """
    scheme, _, value = header.strip().partition(" ")
    offered = {"bearer": _as_it_is, "basic": _password}.get(scheme.lower(), _nothing)(value.strip())
    return bool(secret) and compare_digest(offered, secret.encode())


def _as_it_is(value: str) -> bytes:
    return value.encode("utf-8", "replace")


def _password(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def _nothing(value: str) -> bytes:
    return b""
