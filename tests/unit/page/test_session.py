"""Sessions of the page: only the secret begins one, and nothing else lengthens it."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import digest

import pytest

from pipeline.page.session import COOKIE, LASTS, has_session, new_cookie

NOW = datetime(2026, 11, 27, 9, 12, tzinfo=UTC)
SECRET = "a-secret"


def token(secret: str = SECRET, now: datetime = NOW) -> str:
    """The value of a new session's cookie."""
    return new_cookie(secret, now).partition(";")[0].partition("=")[2]


def test_a_session_lasts_twelve_hours() -> None:
    """It is one among other cookies, and over to the second."""
    cookies = f"other=1; {COOKIE}={token()}; {COOKIE}x=2"
    assert has_session(cookies, SECRET, NOW)
    assert has_session(cookies, SECRET, NOW + LASTS - timedelta(seconds=1))
    assert not has_session(cookies, SECRET, NOW + LASTS)
    assert timedelta(hours=12) == LASTS


def test_another_secret_ends_every_session() -> None:
    """No secret at all has none, though its signature is that of nothing."""
    assert not has_session(f"{COOKIE}={token()}", "another", NOW)
    assert not has_session(f"{COOKIE}={token('')}", "", NOW)


def test_a_cookie_is_for_this_host_and_no_script() -> None:
    """By its name and its attributes; its signature is not made with the secret itself."""
    cookie = new_cookie(SECRET, NOW)
    name, *attributes = cookie.split("; ")
    assert name.startswith("__Host-")
    assert attributes == ["Max-Age=43200", "Path=/", "Secure", "HttpOnly", "SameSite=Lax"]
    until = token().partition(".")[0]
    assert digest(SECRET.encode(), until.encode(), sha256).hex() not in cookie


def forged() -> list[str]:
    """Values that are no session: each changes one part of a real one."""
    until, _, signature = token().partition(".")
    later = str(int(until) + 1)
    other = signature[:-1] + ("0" if signature[-1] != "0" else "1")
    return [
        *("", ".", until, f"{until}.", f".{signature}", f"{later}.{signature}"),
        *(f"{until}.{other}", f"{until}.{signature[:-1]}", f"{until}.{signature}0"),
        *(f"+{until}.{signature}", f"{until}.{signature.upper()}", f"{until} .{signature}"),
        *(f"{until}.{signature}.{signature}", f"٣{until}.{signature}", f"-1.{signature}"),
        *(f'"{until}.{signature}"', "9" * 5000 + "." + signature, f"{until}.{'é' * 64}"),
    ]


@pytest.mark.parametrize("value", forged(), ids=range(len(forged())))
def test_a_forged_session_is_none(value: str) -> None:
    """Whatever part of it was changed."""
    assert not has_session(f"{COOKIE}={value}", SECRET, NOW)


def test_a_session_has_its_own_name() -> None:
    """A cookie of another name, or in another case, is not it."""
    for name in ("edgetally", "__host-edgetally", "__Secure-edgetally", f"x{COOKIE}"):
        assert not has_session(f"{name}={token()}", SECRET, NOW)
