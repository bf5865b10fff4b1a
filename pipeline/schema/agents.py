"""User agent → viewer: browser, operating system, class of device, crawler.

Browsers and systems are told by the regular expressions of the uap-core project, by way of
ua-parser; crawlers by those of `crawlers.py`, and devices by those of `devices.py`.
"""

from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from pipeline.schema.crawlers import crawlers, generic
from pipeline.schema.devices import DEVICES, OTHER_DEVICE

if TYPE_CHECKING:
    from ua_parser.regex import Resolver

OTHER = "Other"
"""The family of a browser or system that ua-parser does not know."""

_LONGEST = 1000
"""Characters of an agent that are looked at; genuine ones are rarely over 300."""

NOT_OF_EVERYONE = frozenset({"browser", "crawler"})
"""Dimensions that some viewers have no value of: a crawler has no browser, a person no crawler."""

_CRAWLER = "crawler"


class Viewer(NamedTuple):
    """The viewer that an agent stands for.

    `crawler` is "" for people's browsers and apps. `browser` is "" for a crawler, which is none.
    """

    browser: str
    operating_system: str
    device: str
    crawler: str


@lru_cache(maxsize=8192)
def viewer(agent: str) -> Viewer:
    """Return the viewer of a logged agent, whose spaces and the like are percent-encoded."""
    clients, devices = _resolvers()
    text = unquote(agent[:_LONGEST], errors="replace")
    client, system = clients.ua.extract(text), clients.os.extract(text)
    family = client.family if client else OTHER
    system_family = system.family if system else OTHER
    crawler = family if client and client.major == _CRAWLER else generic(text)
    if crawler:
        return Viewer("", system_family, _CRAWLER, crawler)
    device = devices.ua.extract(text)
    return Viewer(family, system_family, device.family if device else OTHER_DEVICE, "")


@cache
def _resolvers() -> "tuple[Resolver, Resolver]":
    """Compile the patterns of clients (crawlers, then browsers) and systems, and of devices."""
    # Imported where they are used: the functions that serve summaries have no ua-parser.
    from ua_parser.core import Matcher, UserAgent
    from ua_parser.lazy import UserAgentMatcher
    from ua_parser.loaders import load_lazy_builtins
    from ua_parser.regex import Resolver

    browsers, systems, _ = load_lazy_builtins()
    clients: list[Matcher[UserAgent]] = [
        UserAgentMatcher(crawler.pattern, crawler.name, _CRAWLER) for crawler in crawlers()
    ]
    devices: list[Matcher[UserAgent]] = [
        UserAgentMatcher(pattern, name) for name, pattern in DEVICES
    ]
    return Resolver(([*clients, *browsers], systems, [])), Resolver((devices, [], []))
