"""Crawlers: what in a user agent tells each, its name, and its group.

Names and patterns are those of the public list `crawler-user-agents`. The tables here correct the
list where it takes people's browsers for crawlers, and add the crawlers that it lacks. Both are
data, not code: to add a crawler, add a line to `_MORE`.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec
from typing import Any, NamedTuple

from pipeline.schema import tools

SEARCH, AI_TRAINING, AI_ASSISTANT, AI_SEARCH = "search", "AI training", "AI assistant", "AI search"
SEO, MONITORING, PREVIEW = "SEO", "monitoring", "preview or feed"
TOOL, OTHER_GROUP = "library or scanner", "other"
GROUPS = (
    SEARCH,
    AI_TRAINING,
    AI_ASSISTANT,
    AI_SEARCH,
    SEO,
    MONITORING,
    PREVIEW,
    TOOL,
    OTHER_GROUP,
)

_ASSISTANTS = frozenset(
    "ChatGPT-User Claude-User Perplexity-User PerplexityUser MistralAI-User Amzn-User IsonAI-User"
    " DuckAssistBot Google-NotebookLM kagi-fetcher Gemini-Deep-Research Devin linkReader"
    " meta-externalfetcher Manus-User Google-Agent GoogleAgent-Mariner".split()
)
"""Crawlers that fetch a page because a person asked an assistant about it."""

_ANSWERING = frozenset(
    "OAI-SearchBot PerplexityBot Claude-SearchBot AISearchBot Amzn-SearchBot AzureAI-SearchBot"
    " Aranet-SearchBot LinkupBot PhindBot TavilyBot iaskspider iAskBot ZanistaBot Anomura"
    " atlassian-bot KendraBot ShapBot Cloudflare-AutoRAG LinerBot Google-CloudVertexBot".split()
)
"""Crawlers that keep the index of an assistant or of an AI search engine."""

_BY_TAG = {
    "ai-crawler": AI_TRAINING,
    "search-engine": SEARCH,
    "monitoring": MONITORING,
    "social-preview": PREVIEW,
    "feed-reader": PREVIEW,
    "http-library": TOOL,
    "scanner": TOOL,
    "browser-automation": TOOL,
    "seo": SEO,
}
"""The group of each of the list's tags; the first of these that a crawler has is its own."""

_GENERAL = frozenset({"http-library", "browser-automation"})
"""Tags of programs that others build upon: a name of its own beside them says more."""

_LESS = 1000
"""How much less the name of such a program says."""

_STRICTER = {
    r"AP3A\.240617\.008": "",  # a build of Android 15 that millions of phones have
    r"Code\/1\.": "",  # an editor with a browser inside
    r"Fluid": "",  # a browser
    r"Sogou": r"(?i:Sogou[a-z -]*spider)",  # a browser and an input method have this name too
    r"Sonic": r"; Sonic\/|RankSonic",  # ViewSonic
    r"Butterfly": r"Butterfly\/",  # HTC Butterfly
    r"Fever": r"^Fever\/",
    r"Podimo": r"^Podimo.*\+http",  # its app on phones
    r"NewsBlur": r"NewsBlur (?:Feed|Page|Content|Favicon)",
    r"Viber": r"^Viber$",  # its app shows pages in a browser of its own
    r"008\/": r"^008\/",
    r"WhatsApp": r"^WhatsApp(?:\/\S+(?: [A-Za-z])?)?$",  # the app itself says more
    r"Chirp|gotosocial": r"gotosocial",
    r"Expanse": r"Expanse, a Palo Alto",
    r"Tumblr\/": r"^Tumblr\/",
    r"Notion\/": r"^Notion\/",
    r"okhttp": r"^okhttp",  # an app names itself before it
    r"axios": r"^axios",
    r"Trove": r"\bTrove(?:bot|\/)",
    r"Overcast\/": r"^Overcast\/.*(?:\+http|subscribers)",
    r"PocketCasts\/": r"^PocketCasts\/.*(?:Feed|\+http)",
    r"coccoc": r"(?:^|[\s.])(?:image)?coccoc(?:bot|[\s/;)]|$)",  # coc_coc_browser
    r"RED\/": r"^RED\/",
    r"Make\/": r"^Make\/",
    r"Operator\/": r"\bOperator\/",
}
"""A stricter pattern for one of the list's that people's agents match as well; "" for none."""

_NAMES = {
    r"[wW]get": "Wget",
    r"^curl": "curl",
    r"^LCC ": "LCC",
    r"(sistrix|SISTRIX) [cC]rawler": "SISTRIX Crawler",
    r"Ahrefs(Bot|SiteAudit)": "AhrefsBot",
    r"S[eE][mM]rushBot": "SemrushBot",
    r"Livelap[bB]ot": "LivelapBot",
    r"[pP]ingdom": "Pingdom",
    r"Bark[rR]owler": "Barkrowler",
    r"AdsBot-Google([^-]|$)": "AdsBot-Google",
    r"(^| )sentry\/": "Sentry",
    r"(^| )PTST\/": "WebPageTest",
    r"[Cc]urebot": "Curebot",
    r"BlogTraffic\/\d\.\d+ Feed-Fetcher": "BlogTraffic",
    r"[cC]laude[bB]ot": "ClaudeBot",
    r"[aA]cunetix": "Acunetix",
    r"[dD]ir[Bb]uster": "DirBuster",
    r"[mM]echanize": "Mechanize",
    r"Automaton|Newsify Feed Fetcher": "Newsify",
    r"Chirp|gotosocial": "GoToSocial",
    r"[cC]ludo": "Cludo",
    r"ContextualBot[\s\S]*outcomes\.net": "ContextualBot",
    r"Current[\s\S]*RSS Reader": "Current",
    r"Netumo|netumo": "Netumo",
    r"Spider[\s\S]*spider\.com": "spider.com",
    r"^Silk\/": "slider.com",
    r"yandex\.com\/bots": "YandexBot",
    r"pinterest\.com\/bot": "Pinterestbot",
    r"SSL Labs \(https:\/\/www\.ssllabs\.com": "SSL Labs",
    r"Riddler \(http:\/\/riddler\.io": "Riddler",
    r"Mediapartners \(Googlebot\)": "Mediapartners-Google",
    r"Optimizer\)": "Optimizer",
    r"Rigor\)": "Rigor",
    r"IDG\/EU": "IDG",
    r"sindresorhus\/got": "got",
    r"ZoteroTranslationServer\/WMF": "ZoteroTranslationServer",
    r"Sidetrade indexer bot": "Sidetrade indexer",
    r"BW\/": "BW",
    r"https:\/\/developers\.cloudflare\.com\/security-center\/": "Cloudflare Security Center",
    r"loc\.gov\/programs\/web-archiving": "Library of Congress",
}
"""The name of a crawler whose pattern is no name."""

_MORE = (
    # Each with its group, and where it is documented.
    ("YandexImages", SEARCH),  # https://yandex.com/support/webmaster
    ("facebookexternalua", PREVIEW),
    ("GoogleOther-Image", SEARCH),  # https://developers.google.com/search/docs/crawling-indexing
    ("GoogleOther-Video", SEARCH),
    ("Google-AMPHTML", SEARCH),
    ("Applebot-Extended", AI_TRAINING),  # https://support.apple.com/en-us/119829
    ("iTMS", PREVIEW),  # Apple Podcasts
    ("Amazon-Route53-Health-Check-Service", MONITORING),  # Amazon Route 53's documentation
    ("ELB-HealthChecker", MONITORING),  # Elastic Load Balancing's documentation
    ("GoogleHC", MONITORING),  # https://cloud.google.com/load-balancing/docs/health-checks
    ("kube-probe", MONITORING),  # https://kubernetes.io/docs
    ("Cloudflare-diagnostics", MONITORING),
    ("NovaAct", AI_ASSISTANT),  # https://nova.amazon.com/act
    ("Bluesky Cardyb", PREVIEW),  # the link previews of Bluesky
    ("ApacheBench", TOOL),
    ("gobuster", TOOL),
    ("Webzio-Extended", AI_TRAINING),
    ("Omgilibot", AI_TRAINING),
)

_OWN_GROUPS = {
    **dict.fromkeys(("WordPress", "Odin", "nvdorz", "Hello World", "Qualys"), TOOL),
    "AdsBot-Google": SEARCH,
}
"""The group of a crawler whose tags say something else."""

UNNAMED = "(unnamed crawler)"
"""The name of a crawler that has none: it calls itself `bot`, or `crawler`."""

_GENERIC = re.compile(
    r"\b(?!cubot)([a-z][\w.-]*)?"
    r"(?P<kind>bot|crawl(?:er)?|spider|scraper|fetcher|link ?checker|uptime|link ?preview|scanner"
    r"|synthetics?|monitor(?:ing)?|health[ -]?check(?:er|s)?|http[ -]?(?:client|lib))"
    r"(?=[/;,:)]|$|\s+\()",
    re.IGNORECASE,
)
_GENERIC_WORDS = (
    *("bot", "crawl", "spider", "scraper", "fetch", "link", "uptime"),
    *("scanner", "synthetic", "monitor", "health", "http"),
)
_MONITORING_WORDS = ("uptime", "synthetic", "monitor", "health")
_TOOL_WORDS = ("scanner", "http")


class Crawler(NamedTuple):
    """A crawler's name, the pattern (of the `regex` crate) that tells it, and its group."""

    name: str
    pattern: str
    group: str


@cache
def crawlers() -> tuple[Crawler, ...]:
    """Return all known crawlers; of those that match an agent, the first is meant."""
    own = [(len(crawler.name) - _LESS * (crawler.group == TOOL), crawler) for crawler in _own()]
    listed = [
        (_specific(entry["pattern"], entry["tags"]), _listed(entry["pattern"], entry["tags"]))
        for entry in _published()
        if _STRICTER.get(entry["pattern"]) != ""
    ]
    ordered = sorted([*own, *listed], key=lambda ranked: ranked[0], reverse=True)
    return tuple(crawler for _, crawler in ordered)


def _published() -> list[dict[str, Any]]:
    """The list of the package `crawler-user-agents`. It is read here, because the package itself
    reads it in the encoding of the locale, which may not be UTF-8."""
    found = find_spec("crawleruseragents")
    folders = found and found.submodule_search_locations
    assert found  # noqa: S101 - it is a requirement
    assert folders  # noqa: S101 - and a package
    assert isinstance(found.loader, SourceFileLoader)  # noqa: S101
    content = found.loader.get_data(f"{folders[0]}/crawler-user-agents.json")
    listed: list[dict[str, Any]] = json.loads(content)
    return listed


def _own() -> Iterator[Crawler]:
    """The crawlers and tools that the list lacks."""
    for name, its_group in _MORE:
        yield Crawler(name, re.escape(name), its_group)
    for table, its_group in (
        (tools.LIBRARIES, TOOL),
        (tools.SCANNERS, TOOL),
        (tools.MONITORS, MONITORING),
    ):
        for name in tools.names(table):
            yield Crawler(name, rf"^{re.escape(name)}(?:[/;,]|$| \(| -| v?\d)", its_group)
    for name, (pattern, is_monitor) in tools.PATTERNS.items():
        yield Crawler(name, pattern, MONITORING if is_monitor else TOOL)


@cache
def _groups() -> dict[str, str]:
    return {crawler.name: crawler.group for crawler in crawlers()}


@cache
def _spellings() -> dict[str, str]:
    return {crawler.name.lower(): crawler.name for crawler in crawlers()}


def group(name: str) -> str:
    """Return the group of a crawler by its name; if the name is in no list, by the words in it."""
    if name in _groups():
        return _groups()[name]
    lowered = name.lower()
    if any(word in lowered for word in _MONITORING_WORDS):
        return MONITORING
    return TOOL if any(word in lowered for word in _TOOL_WORDS) else OTHER_GROUP


def generic(text: str) -> str:
    """Return the name of a crawler that no pattern tells, by words such as `bot`; "" if none is.

    A listed crawler that spells itself in another case goes by its listed name.
    """
    lowered = text.lower()
    if not any(word in lowered for word in _GENERIC_WORDS):
        return ""
    match = _GENERIC.search(text)
    if match is None:
        return ""
    return _spellings().get(match[0].lower(), match[0]) if match[1] else UNNAMED


def _listed(pattern: str, tags: list[str]) -> Crawler:
    name = _NAMES.get(pattern) or _plain(pattern)
    return Crawler(name, _STRICTER.get(pattern, pattern), _group_of(name, tags))


def _plain(pattern: str) -> str:
    """The name that a pattern spells: without anchors and escapes, and without a final slash."""
    return re.sub(r"\\(.)", r"\1", pattern.strip("^$")).rstrip("/ ;-(").strip()


def _group_of(name: str, tags: list[str]) -> str:
    if name in _OWN_GROUPS:
        return _OWN_GROUPS[name]
    if name in _ASSISTANTS:
        return AI_ASSISTANT
    if name in _ANSWERING:
        return AI_SEARCH
    return next((group for tag, group in _BY_TAG.items() if tag in tags), OTHER_GROUP)


def _specific(pattern: str, tags: list[str]) -> int:
    """How much a pattern says: longer ones more, and those of general programs least."""
    return len(pattern) - _LESS * (not _GENERAL.isdisjoint(tags))
