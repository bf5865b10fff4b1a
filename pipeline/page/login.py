"""The login of the deployed page: the API's secret → a session."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pipeline.api.credentials import Credentials
from pipeline.api.problems import Problem
from pipeline.page.session import has_session, new_cookie

MOST_BYTES = 1024
"""A longer body is no secret."""
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Login:
    """The login of those who may see the page. `credentials` reads the secret, and `refuse` is
    called for every wrong one: it tells the operator, and takes its time."""

    credentials: Callable[[], Credentials]
    clock: Callable[[], datetime]
    refuse: Callable[[], None]

    def has_session(self, headers: Mapping[str, str]) -> bool:
        """Whether a request has a session."""
        secret = self.credentials().secret
        return has_session(headers.get("cookie", ""), secret, self.clock())

    def enter(self, event: Mapping[str, Any], headers: Mapping[str, str]) -> str | None:
        """The cookie for the secret in a form; None if it is not the secret. Raises Problem."""
        check_sender(headers)
        offered, now = _secret_of(event, headers), self.clock()
        credentials = self.credentials()
        if credentials.standing(f"Bearer {offered}", now) != "open":
            self.refuse()
            return None
        return new_cookie(credentials.secret, now)


def check_sender(headers: Mapping[str, str]) -> None:
    """Raises Problem unless a form was sent by a page of this host.

    Browsers say so themselves (Fetch Metadata), behind a proxy too; others name the page's origin.
    """
    site, host = headers.get("sec-fetch-site"), headers.get("host", "")
    is_own = site == "same-origin"
    if site is None:
        is_own = bool(host) and urlsplit(headers.get("origin", "")).netloc.lower() == host.lower()
    if not is_own:
        raise Problem(HTTPStatus.FORBIDDEN, "the form was not sent by this page; open it again")


def _secret_of(event: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    if not headers.get("content-type", "").lower().startswith(_FORM):
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send the secret as {_FORM}")
    body = event.get("body") or ""
    if not isinstance(body, str) or len(body) > 2 * MOST_BYTES:
        raise _too_long()
    try:
        text = base64.b64decode(body).decode() if event.get("isBase64Encoded") else body
        fields = parse_qs(text, max_num_fields=4)
    except (binascii.Error, ValueError):
        raise Problem(HTTPStatus.BAD_REQUEST, "the form cannot be read") from None
    if len(text.encode()) > MOST_BYTES:
        raise _too_long()
    return fields.get("secret", [""])[-1]


def _too_long() -> Problem:
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a form has at most {MOST_BYTES} bytes")
