"""Logged values as text to read: a log line is hostile."""

from unicodedata import category
from urllib.parse import unquote

LONGEST = 64
LONGEST_TITLE = 2000

_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"})
"""Categories of characters that do not show, or that turn others round (bidi)."""


def shown(value: str) -> str:
    """A value decoded once for people, with what does not show as escapes."""
    text = unquote(value, errors="replace")
    if text.isascii() and text.isprintable():
        return text  # nearly always
    return escaped(text)


def escaped(text: str) -> str:
    """A text with what does not show as escapes."""
    return "".join(map(_escaped, text))


def shortened(text: str, longest: int = LONGEST) -> str:
    """A text without its middle, if it is too long."""
    if len(text) <= longest:
        return text
    tail = longest // 3
    return f"{text[: longest - tail - 1]}…{text[-tail:]}"


def _escaped(char: str) -> str:
    if char == "\u00ad" or category(char) in _HIDDEN:
        return char.encode("unicode_escape").decode()
    return char
