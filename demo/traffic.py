"""Log objects as CloudFront delivers them, made from a seed, with the exact truth about them."""

import gzip
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

SITE = "E2EXAMPLE1DEMO"

EDGES = ("LHR62-C3", "FRA56-P4", "IAD89-P1", "NRT57-P2", "SYD62-P1", "GRU3-C2")
PATHS = ("/", "/index.html", "/app.js", "/app.css", "/logo.svg", "/api/cart", "/api/search")
AGENTS = (
    "Mozilla/5.0%20(Windows%20NT%2010.0;%20Win64;%20x64)%20AppleWebKit/537.36",
    "Mozilla/5.0%20(iPhone;%20CPU%20iPhone%20OS%2026_0%20like%20Mac%20OS%20X)",
    "Mozilla/5.0%20(compatible;%20GPTBot/1.3;%20+https://openai.com/gptbot)",
)
# Result type, status, share: a site as sites are.
OUTCOMES = (
    ("Hit", "200", 60),
    ("RefreshHit", "304", 8),
    ("Miss", "200", 24),
    ("Miss", "404", 4),
    ("Error", "502", 2),
    ("Error", "000", 2),
)
_STANDARD = "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status"
STANDARD_FIELDS = (
    f"{_STANDARD} cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type "
    "x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for "
    "ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status "
    "fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type "
    "sc-content-type sc-content-len sc-range-start sc-range-end"
)


@dataclass
class Truth:
    """What was written: counted while it is made, by nothing but counters."""

    records: int = 0
    bytes_sent: int = 0
    status: Counter[str] = field(default_factory=Counter)
    result_types: Counter[str] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)
    edges: Counter[str] = field(default_factory=Counter)
    paths: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "Truth") -> "Truth":
        return Truth(
            self.records + other.records,
            self.bytes_sent + other.bytes_sent,
            self.status + other.status,
            self.result_types + other.result_types,
            self.methods + other.methods,
            self.edges + other.edges,
            self.paths + other.paths,
        )


@dataclass(frozen=True)
class LogObject:
    """One log object: its key, its gzipped bytes, and the truth about its lines."""

    key: str
    body: bytes
    truth: Truth


def objects(seed: int, count: int, lines: int, until: datetime, hours: int) -> Iterator[LogObject]:
    """`count` objects of `lines` lines each, spread evenly over the hours that end at `until`.

    Every second one is a real-time object (27 fields, no header), the others are standard logs.
    """
    rng = random.Random(seed)  # noqa: S311 - a repeatable demo, not a secret
    first = until.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours - 1)
    step = (until - first) / count
    for number in range(count):
        moment = first + step * number
        make = _realtime if number % 2 else _standard
        yield make(rng, moment, step, lines)


@dataclass(frozen=True)
class _Request:
    moment: datetime
    edge: str
    size: int
    method: str
    path: str
    status: str
    result_type: str
    seconds: float
    agent: str


def _requests(
    rng: random.Random, moment: datetime, step: timedelta, lines: int, truth: Truth
) -> Iterator[_Request]:
    for _ in range(lines):
        result_type, status, _share = rng.choices(OUTCOMES, [each[2] for each in OUTCOMES])[0]
        page = f"/articles/{int(rng.paretovariate(0.8))}.html"
        request = _Request(
            moment + step * rng.random(),
            rng.choice(EDGES),
            rng.randrange(300, 90_000),
            rng.choices(("GET", "HEAD", "POST"), (94, 2, 4))[0],
            rng.choice((*PATHS, page)),
            status,
            result_type,
            rng.lognormvariate(-3, 1),
            rng.choice(AGENTS),
        )
        truth.records += 1
        truth.bytes_sent += request.size
        truth.status[request.status] += 1
        truth.result_types[request.result_type] += 1
        truth.methods[request.method] += 1
        truth.edges[request.edge] += 1
        truth.paths[request.path] += 1
        yield request


def _realtime(rng: random.Random, moment: datetime, step: timedelta, lines: int) -> LogObject:
    truth = Truth()
    text = "".join(
        f"{each.moment.timestamp():.3f}\t{each.status}\t{each.size}\t{each.method}\t"
        f"{each.path}\t-\thttps\tHTTP/2.0\ttext/html\t-\t{each.agent}\t-\t{each.edge}\t"
        f"{each.result_type}\t{each.result_type}\t{rng.randbytes(20).hex()}\t"
        f"{each.seconds:.3f}\t{each.seconds:.3f}\t-\t-\tTLSv1.3\tTLS_AES_128_GCM_SHA256\t"
        f"*/*\tgzip\twww.example.com\t-\t-\n"
        for each in _requests(rng, moment, step, lines, truth)
    )
    folder = moment.astimezone(UTC).strftime("year=%Y/month=%m/day=%d")
    name = f"logs-1-{moment:%Y-%m-%d-%H-%M-%S}-{rng.randbytes(8).hex()}.gz"
    return LogObject(
        f"cloudfront-realtime/{folder}/{name}", gzip.compress(text.encode(), mtime=0), truth
    )


def _standard(rng: random.Random, moment: datetime, step: timedelta, lines: int) -> LogObject:
    truth = Truth()
    text = f"#Version: 1.0\n#Fields: {STANDARD_FIELDS}\n" + "".join(
        f"{each.moment:%Y-%m-%d}\t{each.moment:%H:%M:%S}\t{each.edge}\t{each.size}\t"
        f"192.0.2.{rng.randrange(256)}\t{each.method}\td111111abcdef8.cloudfront.net\t"
        f"{each.path}\t{each.status}\t-\t{each.agent}\t-\t-\t{each.result_type}\t"
        f"{rng.randbytes(20).hex()}\twww.example.com\thttps\t{rng.randrange(99, 999)}\t"
        f"{each.seconds:.3f}\t-\tTLSv1.3\tTLS_AES_128_GCM_SHA256\t{each.result_type}\t"
        f"HTTP/2.0\t-\t-\t{rng.randrange(1024, 65536)}\t{each.seconds:.3f}\t"
        f"{each.result_type}\ttext/html\t-\t-\t-\n"
        for each in _requests(rng, moment, step, lines, truth)
    )
    name = f"cloudfront/{SITE}.{moment:%Y-%m-%d-%H}.{rng.randbytes(4).hex()}.gz"
    return LogObject(name, gzip.compress(text.encode(), mtime=0), truth)
