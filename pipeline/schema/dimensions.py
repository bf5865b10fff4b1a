"""The dimensions: each is a table of every hour, and one line here."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeAlias

from pipeline.schema.agents import Viewer, viewer
from pipeline.schema.fields import (
    CACHE_BEHAVIOR,
    CONTENT_TYPE,
    COUNTRY,
    DETAILED_RESULT_TYPE,
    EDGE_LOCATION,
    HTTP_VERSION,
    METHOD,
    PATH,
    PROTOCOL,
    REFERRER,
    RESPONSE_RESULT_TYPE,
    RESULT_TYPE,
    STATUS,
    TLS_VERSION,
    USER_AGENT,
    VIEWER_HOST,
)

ABSENT = "-"
"""CloudFront writes an empty field so. Absent fields are counted under it."""

MAX_PATHS, MAX_VALUES = 1000, 250
"""The caps of tables of paths and of other values, unless settings say otherwise."""

NO_HOST = "(no host)"
"""The referrer of a request whose referrer names no host."""

_SCHEME = re.compile(r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//")
_PORT = re.compile(r"(?<!:):[0-9]*$")
_HOST = re.compile(r"\[[0-9a-f:.]+\]|[\w-]{1,63}(\.[\w-]{1,63})*")
_STATUS = re.compile(r"0|[0-9]{3}")
_LONGEST = 4096
_VALUE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Dimension:
    """A table of every hour: the field it counts, its values, and its size.

    `listed` is its key in the summary, "" if it is summarised in another way. `clean` turns a
    logged value into the counted one, and is called once per distinct value. `value_bytes` is the
    room (in UTF-8) that a value takes on average in a full table. A table is exact up to `cap`
    distinct values; None leaves that to the settings.
    """

    name: str
    listed: str
    field: str
    clean: Callable[[str], str]
    cap: int | None = None
    value_bytes: int = _VALUE_BYTES


Caps: TypeAlias = Mapping[str, int]
"""The cap of each dimension's table, by the dimension's name."""


def plain(value: str) -> str:
    """The value as logged. Above 4,096 characters it is cut and marked with its hash."""
    if len(value) <= _LONGEST:
        return value or ABSENT
    digest = blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{value[:_LONGEST]}…{digest}"


def path(value: str) -> str:
    """The path without its query string, which real-time logs append to `cs-uri-stem`."""
    return plain(value.partition("?")[0])


def status(value: str) -> str:
    """A status of three digits (`000` included; a JSON number 0 is that); else absent."""
    return value.zfill(3) if _STATUS.fullmatch(value) else ABSENT


def host(value: str) -> str:
    """A host in lower case, without port and final dot."""
    return plain(_PORT.sub("", value.lower()).removesuffix("."))


def referrer(value: str) -> str:
    """The host of a referrer. Nothing of its user, path or query is kept: what is neither a URL
    nor a host counts as `(no host)`."""
    if value in ("", ABSENT):
        return ABSENT
    rest = _SCHEME.sub("", value, count=1)
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0].lower()
    if rest != value:
        authority = authority.rpartition("@")[2]
    name = _PORT.sub("", authority).removesuffix(".")
    is_host = _HOST.fullmatch(name) and (rest != value or "." in name or name == "localhost")
    return name if is_host else NO_HOST


def content_type(value: str) -> str:
    """A media type in lower case without its parameters (`text/html;%20charset=utf-8`)."""
    return plain(value.partition(";")[0].replace("%20", " ").strip().lower())


def agent(value: str) -> str:
    """A user agent as it is logged today. From 2013 to 2019 its spaces were encoded twice: then it
    has no singly encoded space."""
    if "%2520" in value and "%20" not in value:
        value = value.replace("%25", "%")
    return value


def browser(value: str) -> str:
    """The family of the browser, or of another client such as `curl`."""
    return plain(_viewer(value).browser)


def operating_system(value: str) -> str:
    """The family of the viewer's operating system."""
    return plain(_viewer(value).operating_system)


def device(value: str) -> str:
    """The class of the viewer's device: desktop, mobile, tablet, tv, console, crawler, other."""
    return plain(_viewer(value).device)


def crawler(value: str) -> str:
    """The name of the crawler; absent for other viewers."""
    return plain(_viewer(value).crawler)


def _viewer(value: str) -> Viewer:
    return viewer(agent(value)) if plain(value) != ABSENT else _NOBODY


_NOBODY = Viewer(ABSENT, ABSENT, ABSENT, ABSENT)

# A status has at most 1,001 values, so its table is always exact. CloudFront has more than 700
# edge locations, so 250 would lose some of a busy site's.
DIMENSIONS: dict[str, Dimension] = {
    dimension.name: dimension
    for dimension in (
        Dimension("path", "paths", PATH, path, value_bytes=80),
        Dimension("referrer", "referrers", REFERRER, referrer),
        Dimension("host", "hosts", VIEWER_HOST, host),
        Dimension("edge_location", "", EDGE_LOCATION, plain, 1000, 12),
        Dimension("country", "countries", COUNTRY, plain, value_bytes=8),
        Dimension("status", "", STATUS, status, 1001, 3),
        Dimension("method", "", METHOD, plain),
        Dimension("result_type", "", RESULT_TYPE, plain),
        Dimension("response_result_type", "response_result_types", RESPONSE_RESULT_TYPE, plain),
        Dimension("detailed_result_type", "detailed_result_types", DETAILED_RESULT_TYPE, plain),
        Dimension("protocol", "protocols", PROTOCOL, plain),
        Dimension("http_version", "http_versions", HTTP_VERSION, plain),
        Dimension("tls_version", "tls_versions", TLS_VERSION, plain),
        Dimension("content_type", "content_types", CONTENT_TYPE, content_type),
        Dimension("cache_behavior", "cache_behaviors", CACHE_BEHAVIOR, plain),
        Dimension("browser", "browsers", USER_AGENT, browser),
        Dimension("operating_system", "operating_systems", USER_AGENT, operating_system),
        Dimension("device", "devices", USER_AGENT, device),
        Dimension("crawler", "crawlers", USER_AGENT, crawler),
    )
}


def caps(max_paths: int = MAX_PATHS, max_values: int = MAX_VALUES) -> dict[str, int]:
    """The cap of every table, from the cap of the paths and that of tables without their own."""
    own = {name: dimension.cap or max_values for name, dimension in DIMENSIONS.items()}
    return own | {"path": max_paths}


DEFAULT_CAPS: Caps = caps()

NO_CAPS: Caps = dict.fromkeys(DIMENSIONS, 2**31)
"""Caps for tables that keep every value."""
