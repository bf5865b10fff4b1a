"""Two weeks of traffic of one site, made from a seed: days and nights, a flood of misses, a burst
of errors, crawlers. The pictures of the page and its tests are made of it."""

import gzip
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from math import cos, pi

FIELDS = (
    "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) "
    "cs(User-Agent) x-edge-result-type x-host-header cs-protocol cs-bytes time-taken ssl-protocol "
    "x-edge-response-result-type cs-protocol-version time-to-first-byte "
    "x-edge-detailed-result-type sc-content-type c-country cache-behavior-path-pattern"
).split()
DAYS = 14

# Path, weight, content type, behaviour, bytes, share of hits.
_PAGES = (
    ("/", 12, "text/html", "Default (*)", 18_000, 0.85),
    ("/assets/site.4b7d02.css", 13, "text/css", "/assets/*", 29_000, 0.985),
    ("/assets/app.8f3c1e.js", 13, "text/javascript", "/assets/*", 61_000, 0.985),
    ("/assets/text.woff2", 7, "font/woff2", "/assets/*", 27_000, 0.98),
    ("/assets/sprite.svg", 5, "image/svg+xml", "/assets/*", 9_000, 0.98),
    ("/api/weather", 6, "application/json", "/api/*", 1_900, 0.35),
    ("/api/search", 5, "application/json", "/api/*", 2_100, 0.3),
    ("/api/comments", 4, "application/json", "/api/*", 2_000, 0.2),
    ("/favicon.ico", 4, "image/x-icon", "Default (*)", 4_000, 0.98),
    ("/feed.xml", 2, "text/xml", "Default (*)", 24_000, 0.9),
)
_ARTICLES = ("text/html", "Default (*)", 16_000, 0.74)
_IMAGES = ("image/webp", "/img/*", 92_000, 0.92)
_EDGES = {
    "FRA56-P4": 31, "FRA60-P9": 22, "MUC50-P2": 11, "TXL50-P3": 10, "FRA2-C1": 8, "HAM50-P1": 6,
    "DUS51-P1": 5, "AMS58-P3": 3, "ZRH55-P1": 2, "IAD89-P1": 2,
}  # fmt: skip
_COUNTRIES = {
    "DE": 71, "US": 7, "AT": 6, "CH": 5, "GB": 3, "NL": 3, "FR": 2, "PL": 1.3, "IT": 1, "DK": 0.7,
}  # fmt: skip
_REFERRERS = {
    "-": 37, "https://www.example.com/": 35, "https://www.google.com/": 13,
    "https://news.google.com/": 5, "https://www.bing.com/": 2, "https://duckduckgo.com/": 1.6,
    "https://www.reddit.com/r/a": 1.5, "https://chatgpt.com/": 1.2, "https://t.co/x": 0.8,
}  # fmt: skip
_BROWSERS = (
    "Mozilla/5.0%20(Windows%20NT%2010.0;%20Win64;%20x64)%20AppleWebKit/537.36%20(KHTML,%20like%20"
    "Gecko)%20Chrome/141.0.0.0%20Safari/537.36",
    "Mozilla/5.0%20(iPhone;%20CPU%20iPhone%20OS%2026_0%20like%20Mac%20OS%20X)%20AppleWebKit/605.1"
    ".15%20(KHTML,%20like%20Gecko)%20Version/26.0%20Mobile/15E148%20Safari/604.1",
    "Mozilla/5.0%20(Linux;%20Android%2016;%20Pixel%209)%20AppleWebKit/537.36%20(KHTML,%20like%20"
    "Gecko)%20Chrome/141.0.0.0%20Mobile%20Safari/537.36",
    "Mozilla/5.0%20(Macintosh;%20Intel%20Mac%20OS%20X%2010_15_7)%20AppleWebKit/605.1.15%20(KHTML,"
    "%20like%20Gecko)%20Version/26.0%20Safari/605.1.15",
    "Mozilla/5.0%20(X11;%20Linux%20x86_64;%20rv:145.0)%20Gecko/20100101%20Firefox/145.0",
)
_CRAWLERS = {
    "meta-externalagent/1.1%20(+https://developers.facebook.com/docs/sharing/webmasters/)": 30,
    "Mozilla/5.0%20(compatible;%20Googlebot/2.1;%20+http://www.google.com/bot.html)": 20,
    "Mozilla/5.0%20(compatible;%20GPTBot/1.3;%20+https://openai.com/gptbot)": 16,
    "Mozilla/5.0%20(compatible;%20ClaudeBot/1.0;%20+claudebot@anthropic.com)": 11,
    "Mozilla/5.0%20(compatible;%20bingbot/2.0;%20+http://www.bing.com/bingbot.htm)": 9,
    "Mozilla/5.0%20(compatible;%20Applebot/0.1;%20+http://www.apple.com/go/applebot)": 6,
    "CCBot/2.0%20(https://commoncrawl.org/faq/)": 4,
}


def hours(seed: int, until: datetime, lines: int) -> Iterator[tuple[str, bytes]]:
    """A log object for each hour of the two weeks that end at `until`: its name and its bytes.
    `lines` is the number of requests of a usual hour at noon."""
    rng = random.Random(seed)  # noqa: S311 - a repeatable demo, not a secret
    hour = until.replace(minute=0, second=0, microsecond=0) - timedelta(hours=24 * DAYS - 1)
    while hour <= until:
        part = min(1.0, (until - hour).total_seconds() / 3600)
        rows = [
            _line(rng, hour, part, _age(hour, until))
            for _ in range(_count(rng, hour, until, lines))
        ]
        header = f"#Version: 1.0\n#Fields: {' '.join(FIELDS)}\n"
        name = f"E2EXAMPLE1DEMO.{hour:%Y-%m-%d-%H}.{rng.randbytes(4).hex()}.gz"
        yield name, gzip.compress((header + "".join(rows)).encode(), mtime=0)
        hour += timedelta(hours=1)


def _age(hour: datetime, until: datetime) -> int:
    """How many hours ago it was."""
    return int((until - hour).total_seconds() // 3600)


def _count(rng: random.Random, hour: datetime, until: datetime, lines: int) -> int:
    daily = 0.55 - 0.45 * cos(2 * pi * (hour.hour - 3) / 24)
    growth = 1 - 0.006 * _age(hour, until) / 24
    burst = {14: 1.9, 15: 2.3, 13: 1.5}.get(_age(hour, until), 1.0)
    part = min(1.0, (until - hour).total_seconds() / 3600)
    return round(lines * daily * growth * burst * part * rng.uniform(0.94, 1.06))


def _line(rng: random.Random, hour: datetime, part: float, age: int) -> str:
    row = dict.fromkeys(FIELDS, "-")
    moment = hour + timedelta(seconds=3600 * part * rng.random())
    path, (kind, behaviour, size, hits) = _page(rng)
    crawler = rng.random() < (0.11 if age % 24 in (3, 4) else 0.05)
    agents = _CRAWLERS if crawler else dict.fromkeys(_BROWSERS, 1)
    result, detail, status = _result(rng, hits * (0.6 if crawler else 1), age)
    if status == "404" and 66 <= age <= 69:
        path = "/wp-login.php"
    size = size if status == "200" else 400
    seconds = rng.lognormvariate(-3.1 if result == "Hit" else -1.6, 0.7)
    if 45 <= age <= 46 and result == "Miss":
        seconds *= 14
    address = f"192.0.{rng.randrange(2, 5)}.{rng.randrange(256)}"
    row |= {
        "date": f"{moment:%Y-%m-%d}", "time": f"{moment:%H:%M:%S}", "c-ip": address,
        "x-edge-location": _one(rng, _EDGES), "sc-bytes": str(round(size * rng.uniform(0.8, 1.2))),
        "cs-method": "POST" if rng.random() < 0.014 else "GET", "cs-uri-stem": path,
        "cs(Host)": "d111111abcdef8.cloudfront.net", "sc-status": status,
        "cs(Referer)": _one(rng, _REFERRERS), "cs(User-Agent)": _one(rng, agents),
        "x-edge-result-type": result, "x-edge-response-result-type": result,
        "x-edge-detailed-result-type": detail, "cs-bytes": str(rng.randrange(200, 900)),
        "x-host-header": "api.example.com" if kind == "application/json" else "www.example.com",
        "cs-protocol": "http" if result == "Redirect" else "https",
        "time-taken": f"{seconds:.3f}", "time-to-first-byte": f"{seconds * 0.8:.3f}",
        "ssl-protocol": "-" if result == "Redirect" else _one(rng, {"TLSv1.3": 94, "TLSv1.2": 6}),
        "cs-protocol-version": _one(rng, {"HTTP/2.0": 54, "HTTP/3.0": 33, "HTTP/1.1": 13}),
        "sc-content-type": kind, "c-country": _one(rng, _COUNTRIES),
        "cache-behavior-path-pattern": behaviour.replace(" ", "%20"),
    }  # fmt: skip
    return "\t".join(row.values()) + "\n"


def _page(rng: random.Random) -> tuple[str, tuple[str, str, int, float]]:
    kind = rng.random()
    if kind < 0.56:
        page = rng.choices(_PAGES, [each[1] for each in _PAGES])[0]
        return page[0], page[2:]
    number = int(rng.paretovariate(0.8)) % 4000
    if kind < 0.78:
        return f"/articles/{number}.html", _ARTICLES
    return f"/img/{number}.webp", _IMAGES


def _result(rng: random.Random, hits: float, age: int) -> tuple[str, str, str]:
    if 126 <= age <= 129:  # the cache was emptied
        hits *= 0.35
    if 66 <= age <= 69 and rng.random() < 0.25:
        return "Error", "Error", "404"
    if age == 45 and rng.random() < 0.12:
        return "Error", "OriginConnectError", rng.choice(("502", "504"))
    if rng.random() < 0.008:
        return "Error", "Error", rng.choice(("404", "404", "403"))
    if rng.random() < 0.006:
        return "Redirect", "Redirect", "301"
    if rng.random() < hits:
        if rng.random() < 0.08:
            return "RefreshHit", "RefreshHit", "304"
        return "Hit", "OriginShieldHit" if rng.random() < 0.07 else "Hit", "200"
    return "Miss", "MissGeneratedResponse" if rng.random() < 0.1 else "Miss", "200"


def _one(rng: random.Random, weights: dict[str, float] | dict[str, int]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]
