"""The same requests, from a seed, written in every format that CloudFront delivers.

python -m benchmarks.generate --format v2-json --count 100000 --seed 1 requests.json.gz
"""

import argparse
import gzip
import io
import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.schema.fields import CANONICAL, REALTIME, STANDARD

START = int(datetime(2026, 11, 22, 21, 30, tzinfo=UTC).timestamp())
SITE = "E2EXAMPLE2BENCH"

Request = dict[str, str]
"""A request's fields by their names in standard logs; real-time names beside them."""

_CITIES = ("LHR62-C3", "FRA56-P4", "IAD89-P1", "NRT57-P2", "SYD62-P1", "GRU3-C2")
_MORE_CITIES = ("SEA900-P3", "CDG52-P1", "SIN2-P8", "HEL50-P2", "YVR52-P238", "DFW3")
_REFERRERS = (
    "-",
    *(f"https://www.example.com/section-{n}/" for n in range(40)),
    *("https://www.google.com/", "https://www.bing.com/search", "https://news.example.org/a?b=c"),
)
_RESULTS = ("Hit", "Hit", "Hit", "Hit", "RefreshHit", "Miss", "Miss", "Error", "Redirect")
_STATUSES = {"Error": ("404", "502", "000", "403"), "Redirect": ("301",), "RefreshHit": ("304",)}


_DESKTOP = "Mozilla/5.0%20({})%20AppleWebKit/537.36%20(KHTML,%20like%20Gecko)%20"
_SYSTEMS = ("Windows%20NT%2010.0;%20Win64;%20x64", "X11;%20Linux%20x86_64")
_PHONES = ("Linux;%20Android%2014;%20Pixel%208", "Linux;%20Android%2013;%20SM-S918B")
_IPHONE = (
    "Mozilla/5.0%20(iPhone;%20CPU%20iPhone%20OS%2017_{}%20like%20Mac%20OS%20X)%20AppleWebKit/"
    "605.1.15%20(KHTML,%20like%20Gecko)%20Version/17.{}%20Mobile/15E148%20Safari/604.1"
)
_FIREFOX = "Mozilla/5.0%20(X11;%20Linux%20x86_64;%20rv:{0}.0)%20Gecko/20100101%20Firefox/{0}.0"
_TOOLS = (
    "Mozilla/5.0%20AppleWebKit/537.36%20(KHTML,%20like%20Gecko;%20compatible;%20GPTBot/1.2;"
    "%20+https://openai.com/gptbot)",
    "Mozilla/5.0%20AppleWebKit/537.36%20(KHTML,%20like%20Gecko;%20compatible;%20ClaudeBot/1.0;"
    "%20+claudebot@anthropic.com)",
    "Mozilla/5.0%20(compatible;%20Googlebot/2.1;%20+http://www.google.com/bot.html)",
    "Mozilla/5.0%20(compatible;%20bingbot/2.0;%20+http://www.bing.com/bingbot.htm)",
    "CCBot/2.0%20(https://commoncrawl.org/faq/)",
    "curl/8.5.0",
    "python-requests/2.32.3",
    "-",
)


def agents(count: int = 200) -> list[str]:
    """Agents as they are logged: browsers on desktops and phones, crawlers and tools."""
    browsers = [
        agent
        for version in range(70, 130)
        for agent in (
            *(
                f"{_DESKTOP.format(each)}Chrome/{version}.0.0.0%20Safari/537.36"
                for each in _SYSTEMS
            ),
            *(
                f"{_DESKTOP.format(each)}Chrome/{version}.0.0.0%20Mobile%20Safari/537.36"
                for each in _PHONES
            ),
            _IPHONE.format(version % 10, version),
            _FIREFOX.format(version),
        )
    ]
    return [*_TOOLS, *browsers[: count - len(_TOOLS)]]


def requests(
    seed: int, count: int, seconds: int = 3600, start: int = START, distinct_paths: int = 20_000
) -> Iterator[Request]:
    """Requests spread over a time: Zipf paths, 200 agents, 12 edge locations."""
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    paths = [f"/section-{n % 40}/article-{n}.html" for n in range(distinct_paths)]
    weights = [1 / (n + 1) for n in range(distinct_paths)]
    everyone = agents()
    for path in rng.choices(paths, weights, k=count):
        yield request(rng, path, rng.choice(everyone), start + rng.randrange(seconds))


def request(rng: random.Random, path: str, agent: str, second: int) -> Request:
    """A request of this path by this agent at this second."""
    moment = datetime.fromtimestamp(second, UTC)
    result = rng.choice(_RESULTS)
    domain = "d111111abcdef8.cloudfront.net"
    host = rng.choice(("www.example.com", "shop.example.com"))
    query = rng.choice(("-", "-", f"page={rng.randrange(9)}"))
    return {
        "date": f"{moment:%Y-%m-%d}",
        "time": f"{moment:%H:%M:%S}",
        "timestamp": f"{second}.000",
        "timestamp(ms)": f"{second}000",
        "x-edge-location": rng.choice(_CITIES + _MORE_CITIES),
        "sc-bytes": str(rng.randrange(300, 90_000)),
        "cs-bytes": str(rng.randrange(30, 900)),
        "c-ip": f"192.0.2.{rng.randrange(256)}",
        "cs-method": rng.choice(("GET", "GET", "GET", "HEAD", "POST")),
        "cs(Host)": domain,
        "x-host-header": host,
        "cs-uri-stem": path,
        "cs-uri-query": query,
        "sc-status": rng.choice(_STATUSES.get(result, ("200",))),
        "cs(Referer)": rng.choice(_REFERRERS),
        "cs(User-Agent)": agent,
        "x-edge-result-type": result,
        "x-edge-response-result-type": result,
        "x-edge-detailed-result-type": result,
        "x-edge-request-id": rng.randbytes(28).hex(),
        "cs-protocol": "https",
        "cs-protocol-version": rng.choice(("HTTP/2.0", "HTTP/2.0", "HTTP/3.0", "HTTP/1.1")),
        "time-taken": f"{rng.lognormvariate(-3, 1):.3f}",
        "time-to-first-byte": f"{rng.lognormvariate(-4, 1):.3f}",
        "ssl-protocol": "TLSv1.3",
        "ssl-cipher": "TLS_AES_128_GCM_SHA256",
        "sc-content-type": rng.choice(("text/html;%20charset=utf-8", "text/html", "image/png")),
        "c-port": str(rng.randrange(1024, 65536)),
        "c-country": rng.choice(("GB", "DE", "US", "JP")),
        "cache-behavior-path-pattern": "/section-1/*" if path.startswith("/section-1/") else "*",
        "origin-fbl": f"0.{second % 97:03d}" if result == "Miss" else "-",
        "origin-lbl": f"0.{second % 97 + 5:03d}" if result == "Miss" else "-",
    }


def realtime(request: Request) -> Request:
    """The request under real-time names: hosts swapped, the query string in the path."""
    query = request["cs-uri-query"]
    stem = request["cs-uri-stem"]
    return request | {
        "cs-host": request["x-host-header"],
        "x-host-header": request["cs(Host)"],
        "cs-user-agent": request["cs(User-Agent)"],
        "cs-referer": request["cs(Referer)"],
        "cs-uri-stem": stem if query == "-" else f"{stem}?{query}",
    }


def _lines(names: Sequence[str], found: Iterable[Request]) -> bytes:
    return "".join(
        "\t".join(each.get(name, "-") for name in names) + "\n" for each in found
    ).encode()


def _standard(found: Iterable[Request]) -> bytes:
    return gzip.compress(standard_text(found), 6, mtime=0)


def standard_text(found: Iterable[Request]) -> bytes:
    """Requests as the text of a standard log."""
    names = STANDARD.split()[:33]
    header = f"#Version: 1.0\n#Fields: {' '.join(names)}\n".encode()
    return header + _lines(names, found)


_ADDED = ["c-country", "cache-behavior-path-pattern", "origin-fbl", "origin-lbl"]
_V2 = ["timestamp(ms)", "DistributionId", *STANDARD.split()[2:33], *_ADDED]


def _w3c(found: Iterable[Request]) -> bytes:
    header = f"#Fields: {' '.join(_V2)}\n".encode()
    return gzip.compress(header + _lines(_V2, found), 6, mtime=0)


def _json(found: Iterable[Request]) -> bytes:
    lines = (json.dumps({name: each.get(name, "-") for name in _V2}) + "\n" for each in found)
    return gzip.compress("".join(lines).encode(), 6, mtime=0)


def _parquet(found: Iterable[Request]) -> bytes:
    rows = list(found)
    columns = {
        "_".join(
            part
            for part in name.lower().replace("(", " ").replace(")", " ").replace("-", " ").split()
        ): pa.array([each.get(name, "-") for each in rows], pa.string())
        for name in _V2
    }
    body = io.BytesIO()
    pq.write_table(pa.table(columns), body, compression="snappy", row_group_size=100_000)
    return body.getvalue()


def _realtime_default(found: Iterable[Request]) -> bytes:
    return gzip.compress(_lines(REALTIME.split(), map(realtime, found)), 6, mtime=0)


def _realtime_canonical(found: Iterable[Request]) -> bytes:
    return gzip.compress(_lines(CANONICAL.split(), map(realtime, found)), 6, mtime=0)


FORMATS: dict[str, Callable[[Iterable[Request]], bytes]] = {
    "v1": _standard,
    "v2-w3c": _w3c,
    "v2-json": _json,
    "v2-parquet": _parquet,
    "realtime-default": _realtime_default,
    "realtime-canonical": _realtime_canonical,
}


def main() -> None:
    """Write generated requests to a file."""
    parser = argparse.ArgumentParser(description="Write generated requests in a log format")
    parser.add_argument("--format", choices=FORMATS, default="v1")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("file", type=Path)
    chosen = parser.parse_args()
    chosen.file.write_bytes(FORMATS[chosen.format](requests(chosen.seed, chosen.count)))


if __name__ == "__main__":
    main()
