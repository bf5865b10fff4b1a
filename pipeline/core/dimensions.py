"""What a table is kept for: one line per dimension."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

from pipeline.core.fields import (
    EDGE_LOCATION,
    METHOD,
    PATH,
    RESULT_TYPE,
    STATUS,
    USER_AGENT,
    VIEWER_HOST,
)

ABSENT = "-"
"""How CloudFront writes an empty field, and the value under which absent fields are counted."""

_STATUS = re.compile(r"0|[0-9]{3}")
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Dimension:
    """A table of every hour: which field it counts, and how large it may grow.

    `cap` is the number of distinct values up to which the table is exact, `max_bytes` the room
    its values may take, `clean` turns a logged value into the value that is counted.
    """

    name: str
    field: str
    cap: int
    max_bytes: int
    clean: Callable[[str], str]


def plain(value: str) -> str:
    """The value as logged; one longer than 4,096 characters is cut and marked with its hash."""
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


def agent(value: str) -> str:
    """A user agent as it is logged today. From 2013 to 2019 its spaces were encoded twice; an
    agent that is logged so has no singly encoded space."""
    if "%2520" in value and "%20" not in value:
        value = value.replace("%25", "%")
    return plain(value)


# A status has at most 1,001 values, so its table is always exact. CloudFront has more than 700
# edge locations, so 250 would lose some of a busy site's.
DIMENSIONS: dict[str, Dimension] = {
    dimension.name: dimension
    for dimension in (
        Dimension("path", PATH, 1000, 96_000, path),
        Dimension("edge_location", EDGE_LOCATION, 1000, 16_000, plain),
        Dimension("status", STATUS, 1001, 8_000, status),
        Dimension("method", METHOD, 250, 8_000, plain),
        Dimension("result_type", RESULT_TYPE, 250, 8_000, plain),
        Dimension("host", VIEWER_HOST, 250, 8_000, plain),
        Dimension("user_agent", USER_AGENT, 250, 40_000, agent),
    )
}
