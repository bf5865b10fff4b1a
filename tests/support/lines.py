"""Log lines and objects made from a seed, in random layouts, with all kinds of oddities."""

import gzip
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.schema.fields import REALTIME

BASE = int(datetime(2026, 11, 22, 22, 0, tzinfo=UTC).timestamp())
"""Lines lie in the hours around this moment, which is close to the end of a day."""

MODIFIED = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
"""The time of the made objects themselves."""

FIELDS = REALTIME.split()
STANDARD = (
    "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) "
    "cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header "
    "cs-protocol cs-bytes time-taken x-edge-response-result-type ssl-protocol cs-protocol-version "
    "sc-content-type time-to-first-byte c-country cache-behavior-path-pattern origin-lbl"
).split()


@dataclass(frozen=True)
class MadeObject:
    """A made log object: its key, its plain text and its gzipped bytes."""

    key: str
    text: bytes

    @property
    def body(self) -> bytes:
        """The gzipped text, in two members, cut anywhere."""
        middle = len(self.text) // 3
        return gzip.compress(self.text[:middle], mtime=0) + gzip.compress(
            self.text[middle:], mtime=0
        )


def made_objects(seed: int, count: int, lines: int = 40) -> list[MadeObject]:
    """Objects of random layouts: real-time without header, and headers of any fields and order."""
    rng = random.Random(seed)
    return [_object(rng, number, rng.randrange(lines)) for number in range(count)]


def _object(rng: random.Random, number: int, lines: int) -> MadeObject:
    if rng.random() < 0.3:
        rows = b"".join(_line(rng, FIELDS) for _ in range(lines))
        return MadeObject(f"cloudfront-realtime/year=2026/made-{number}.gz", rows)
    fields = random_fields(rng)
    separator = rng.choice([" ", "\t"])
    header = f"#Version: 1.0\n#Fields: {separator.join(fields)}\n".encode()
    body = header + b"".join(_line(rng, fields) for _ in range(lines))
    if rng.random() < 0.2:  # concatenated: another header, other fields, in mid-file
        fields = random_fields(rng)
        body += f"#Fields: {' '.join(fields)}\n".encode()
        body += b"".join(_line(rng, fields) for _ in range(lines))
    site = rng.choice(["E1EXAMPLE", "E2EXAMPLE"])
    return MadeObject(f"logs/{site}.2026-11-22-23.{number:08x}.gz", body)


def random_fields(rng: random.Random) -> list[str]:
    """A field list in any order that has a clock, and most of the fields that are counted."""
    clock = rng.choice([["date", "time"], ["timestamp"], ["timestamp(ms)"]])
    others = [name for name in STANDARD if name not in ("date", "time") and rng.random() < 0.9]
    fields = [*clock, *others, *(["origin-fbl"] if rng.random() < 0.5 else [])]
    rng.shuffle(fields)
    return fields


def _line(rng: random.Random, fields: list[str]) -> bytes:
    second = BASE + rng.randrange(4 * 3600)
    values = [_value(rng, name, second) for name in fields]
    if rng.random() < 0.03:
        values.append("")  # a stray trailing TAB
    if rng.random() < 0.02:
        values = values[: rng.randrange(1, len(values) + 1)]
    end = "\r\n" if rng.random() < 0.02 else "\n"
    line = ("\t".join(values) + end).encode()
    return line.replace(b"/odd", b"/o\xffd") if rng.random() < 0.5 else line


def _value(rng: random.Random, field: str, second: int) -> str:
    if rng.random() < 0.01:
        return rng.choice(["-", "", "nonsense", '"', "NaN", "-5", "9" * 40])
    make = _VALUES.get(field)
    if make:
        return make(rng, second)
    return rng.choice(["-", "text", "https", "a b"]) if field in _FREE else "-"


def _path(rng: random.Random, second: int) -> str:
    page = f"/p{rng.randrange(60)}"
    path = rng.choice(["/", "/a.html", "/b%20c", '/q"uote', "/odd", page])
    return path + ("?x=1" if rng.random() < 0.1 else "")


AGENTS = [
    *("curl/8", "A%20B", "A%2520B", "A%2520B%20C", "-"),
    "Mozilla/5.0%20(compatible;%20GPTBot/1.2;%20+https://openai.com/gptbot)",
    "Mozilla/5.0%2520(iPhone;%2520CPU%2520iPhone%2520OS%252010_0)%2520Mobile/14",
]
REFERRERS = [
    "-",
    "https://A.example/x?y",
    "http://u:p@b.example:8080#z",
    "android-app://c/",
    "junk",
]

_FREE = {"cs-uri-query", "cs(Cookie)", "cs-accept", "cs-accept-encoding"}
"""Fields of any text; others without a value here are absent, or they would not look like one."""

_VALUES: dict[str, Callable[[random.Random, int], str]] = {
    "date": lambda rng, second: f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d}",
    "time": lambda rng, second: f"{datetime.fromtimestamp(second, UTC):%H:%M:%S}",
    "timestamp": lambda rng, second: f"{second}.{rng.randrange(1000):03d}",
    "timestamp(ms)": lambda rng, second: str(second * 1000 + rng.randrange(1000)),
    "sc-status": lambda rng, _: rng.choice(["200", "200", "200", "304", "404", "503", "000"]),
    "sc-bytes": lambda rng, _: str(rng.randrange(100_000)),
    "cs-bytes": lambda rng, _: str(rng.randrange(100_000)),
    "time-taken": lambda rng, _: f"{rng.random():.3f}",
    "cs-method": lambda rng, _: rng.choice(["GET", "GET", "HEAD", "POST"]),
    "cs-uri-stem": _path,
    "cs-protocol": lambda rng, _: rng.choice(["http", "https"]),
    "cs(User-Agent)": lambda rng, _: rng.choice(AGENTS),
    "c-ip": lambda rng, _: f"192.0.2.{rng.randrange(9)}",
    "cs(Referer)": lambda rng, _: rng.choice(REFERRERS),
    "cs-referer": lambda rng, _: rng.choice(REFERRERS),
    "x-host-header": lambda rng, _: rng.choice(["www.example.com", "WWW.Example.com", "-"]),
    "sc-content-type": lambda rng, _: rng.choice(["text/html;%20charset=utf-8", "image/PNG", "-"]),
    **dict.fromkeys(
        ["time-to-first-byte", "origin-fbl", "origin-lbl"],
        lambda rng, _: rng.choice(["-", "0.000", f"{rng.expovariate(3):.3f}"]),
    ),
    "x-edge-location": lambda rng, _: rng.choice(["LHR62-C3", "FRA56-P4", "IAD89-P1"]),
    "x-edge-result-type": lambda rng, _: rng.choice(["Hit", "Hit", "Miss", "RefreshHit", "Error"]),
}
