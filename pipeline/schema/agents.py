"""What a user agent says of the viewer: browser, operating system, class of device, crawler.

The regular expressions are those of the uap-core project, by way of ua-parser; crawlers that have
a name in `crawlers.py` go by that.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from pipeline.schema.crawlers import CRAWLERS

if TYPE_CHECKING:
    from ua_parser.core import Result

OTHER = "Other"
"""What ua-parser calls that which it does not know."""

_LONGEST = 1000
"""Characters of an agent that are looked at; genuine ones are rarely over 300."""

_NAMED = re.compile(
    "|".join(re.escape(name) for name in sorted(CRAWLERS, key=len, reverse=True)), re.IGNORECASE
)
_NAMES = {name.lower(): name for name in CRAWLERS}

_CRAWLER = "Spider"  # ua-parser's family of device
_TV = re.compile(
    r"\bTV\b|SmartTV|SMART-TV|Roku|Chromecast|HbbTV|AFT[A-Z]|BRAVIA|tvOS|Web0S", re.IGNORECASE
)
_TABLET = re.compile(r"iPad|Tablet|Kindle|Silk/|PlayBook", re.IGNORECASE)
_CONSOLE = re.compile(r"PlayStation|Xbox|Nintendo", re.IGNORECASE)
_MOBILE = re.compile(r"Mobile|iPhone|iPod|Opera Mini|Windows Phone", re.IGNORECASE)
_DESKTOP = re.compile(r"Windows NT|Macintosh|X11|CrOS|Linux (x86_64|i686)", re.IGNORECASE)


class Viewer(NamedTuple):
    """What an agent says of its viewer. `crawler` is "" for people's browsers and for tools."""

    browser: str
    operating_system: str
    device: str
    crawler: str


@lru_cache(maxsize=8192)
def viewer(agent: str) -> Viewer:
    """The viewer that a logged agent (its spaces and the like percent-encoded) stands for."""
    # Imported where it is used: the functions that serve summaries have no ua-parser.
    import ua_parser

    text = unquote(agent[:_LONGEST], errors="replace")
    found = ua_parser.parse(text)
    browser = found.user_agent.family if found.user_agent else OTHER
    crawler = _crawler(text, found, browser)
    return Viewer(
        browser,
        found.os.family if found.os else OTHER,
        "crawler" if crawler else _device(text),
        crawler,
    )


def _crawler(text: str, found: "Result", browser: str) -> str:
    if named := _NAMED.search(text):
        return _NAMES[named[0].lower()]
    is_crawler = found.device is not None and found.device.family == _CRAWLER
    return browser if is_crawler else ""


def _device(text: str) -> str:
    """desktop, mobile, tablet, tv, console or other. An Android that does not say `Mobile` is a
    tablet, as Google asks of browsers:
    https://developer.chrome.com/docs/multidevice/user-agent#chrome-for-android-user-agent"""
    if _TV.search(text):
        return "tv"
    if _CONSOLE.search(text):
        return "console"
    mobile = _MOBILE.search(text) is not None
    if _TABLET.search(text) or ("Android" in text and not mobile):
        return "tablet"
    if mobile:
        return "mobile"
    return "desktop" if _DESKTOP.search(text) else "other"
