"""Logs from a seed, with everything in their lines that a kernel could count wrong."""

import random

USUAL = {
    "date": ["2026-11-22"] * 8 + ["2026-11-21", "2026-02-30", "2026-1-1", "1999-01-01", "-", ""],
    "time": ["10:00:00", "10:59:59", "11:00:00"] * 5 + ["12:30:01", "24:00:00", "1:2:3", "-", "x"],
    "timestamp": ["1795341600.123", "1795341600", "1795345200.999999"] * 4
    + ["1795341600123", "1.795e9", "-", "", "2026-11-22T10:00:00Z", "0", "1795341600.1234567"],
    "timestamp(ms)": ["1795341600123", "1795345200000"] * 5 + ["-", "1795341600123.5", "x", "17"],
    "sc-bytes": ["1000", "0", "007", "-", "", "999999999999", "1000000000001", "12.0", "-5", "1e3"],
    "cs-bytes": ["120", "-", "", "99999999999999999999", "+7", " 8", "3"],
    "time-taken": [
        "0.010",
        "0.010",
        "301.5",
        "90000.25",
        "-",
        "",
        "10000000",
        "10000000.000001",
        "0.0000001",
        ".5",
        "5.",
        "1.2.3",
        "nan",
        "12345678901.5",
        "00.10",
        "7",
        "123456789012345",
    ],
    "time-to-first-byte": ["0.001", "12.000001", "-", "x", "0"],
    "origin-fbl": ["0.2", "-"],
    "origin-lbl": ["0.3", "-", "0.30"],
    "sc-status": [
        "200",
        "200",
        "404",
        "503",
        "101",
        "000",
        "0",
        "-",
        "",
        "20",
        "99",
        "1000",
        "abc",
    ],
    "cs-method": ["GET", "POST", "HEAD", "OPTIONS", "-", "", "get"],
    "cs-protocol": ["https", "wss", "ws", "-", ""],
    "x-edge-result-type": ["Hit", "RefreshHit", "Miss", "Error", "LimitExceeded", "-", "", "hit"],
    "x-edge-response-result-type": ["Hit", "Error", "-"],
    "x-edge-detailed-result-type": ["Hit", "OriginDnsError"],
    "cs-uri-stem": [
        "/",
        "/a",
        "/a?x",
        "?x",
        "",
        "-",
        "/é",
        "/" + "p" * 14,
        "/" + "p" * 15,
        "/" + "p" * 16,
        "/" + "q" * 4094,
        "/" + "q" * 4095,
        "/" + "q" * 4096,
        "/\x00",
        "/a b",
    ],
    "cs(User-Agent)": [
        "curl/8.5.0",
        "-",
        "",
        "Mozilla/5.0%20(compatible;%20Googlebot/2.1)",
        "a" * 17,
    ],
    "cs(Referer)": ["-", "", "https://news.example/x", "http://[::1]/"],
    "c-ip": ["203.0.113.7", "203.0.113.8", "2001:db8::1", "-", ""],
    "x-host-header": ["www.example.com", "WWW.example.com.", "b.example", "-", "c.example:443", ""],
    "x-edge-location": ["FRA56-P4", "LHR62-C3"],
    "cs-protocol-version": ["HTTP/2.0"],
    "ssl-protocol": ["TLSv1.3", "-"],
    "sc-content-type": ["text/html", "text/html;%20charset=utf-8", "-", "TEXT/HTML"],
    "c-country": ["DE", "-"],
    "cache-behavior-path-pattern": ["*"],
    "primary-distribution-id": ["EMLARXS9EXAMPLE", "E2EXAMPLE2EXAM", "-"],
    "cs-uri-query": ["-", "a=\t", "x" * 70],
    "unknown": ["-", "\N{SNOWMAN}"],
}
"""Values of fields: plain ones, absent ones, and such as only the Arrow path may judge."""

CLOCKS = (["date", "time"], ["timestamp"], ["timestamp(ms)"], ["date", "time", "timestamp(ms)"])
ODD_BYTES = (
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\r",
    b"\xef\xbb\xbf",
    b"\xc0\x80",
)


def odd_log(seed: int, *, lines: int = 60) -> bytes:
    """An object with one or two headers and lines of their fields, from one in fifty odd to all."""
    rng = random.Random(seed)
    text = b""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        text += _segment(rng, rng.randrange(1, lines))
    return text if rng.random() < 0.7 else text.rstrip(b"\n")


def _segment(rng: random.Random, lines: int) -> bytes:
    others = [name for name in USUAL if name not in {"date", "time", "timestamp", "timestamp(ms)"}]
    fields = [*rng.choice(CLOCKS), "cs-uri-stem", "sc-status"]
    fields += rng.sample(others, rng.randrange(len(others)))
    fields = list(dict.fromkeys(fields))
    if rng.random() < 0.5:
        rng.shuffle(fields)
    oddness = rng.choice([0.0, 0.001, 0.02, 0.3])
    made = [f"#Version: 1.0\n#Fields: {' '.join(fields)}\n".encode()]
    made += [_line(rng, fields, oddness) for _ in range(lines)]
    return b"".join(made)


def _line(rng: random.Random, fields: list[str], oddness: float) -> bytes:
    values = [
        rng.choice(USUAL[name]) if rng.random() < oddness else rng.choice(USUAL[name][:3])
        for name in fields
    ]
    line = "\t".join(values).encode()
    if rng.random() < oddness:
        at = rng.randrange(len(line) + 1)
        line = line[:at] + rng.choice(ODD_BYTES) + line[at:]
    if rng.random() < oddness / 2:
        line = rng.choice([b"", line[: len(line) // 2], line + b"\tmore", b"#" + line, b"\t" * 400])
    return line + rng.choice([b"\n"] * 20 + [b"\n\n"])
