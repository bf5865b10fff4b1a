"""The independent count: a plain loop over the lines, sharing no code with the counting one.

It does what formats.md and the README say, in the most obvious way, with Decimal for numbers.
"""

import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from hashlib import blake2b

from pipeline.hour.aggregate import HourlyAggregate
from pipeline.schema.agents import viewer

MEASURES = ("requests", "bytes", "hits", "misses", "errors_4xx", "errors_5xx", "time_us", "timed")
DIMENSIONS = {
    "path": ["cs-uri-stem"],
    "referrer": ["cs(Referer)", "cs-referer"],
    "edge_location": ["x-edge-location"],
    "country": ["c-country"],
    "status": ["sc-status"],
    "method": ["cs-method"],
    "result_type": ["x-edge-result-type"],
    "response_result_type": ["x-edge-response-result-type"],
    "detailed_result_type": ["x-edge-detailed-result-type"],
    "protocol": ["cs-protocol"],
    "http_version": ["cs-protocol-version"],
    "tls_version": ["ssl-protocol"],
    "content_type": ["sc-content-type"],
    "cache_behavior": ["cache-behavior-path-pattern"],
    "host": ["cs-host", "x-host-header"],
    **{
        key: ["cs(User-Agent)", "cs-user-agent"]
        for key in ["browser", "operating_system", "device", "crawler"]
    },
}
LATENCIES = {
    "time_taken": "time-taken",
    "time_to_first_byte": "time-to-first-byte",
    "origin_first_byte": "origin-fbl",
    "origin_last_byte": "origin-lbl",
}
FIELDS = {
    **{sources[0].replace("-", "_"): sources for sources in DIMENSIONS.values()},
    **{source.replace("-", "_"): [source] for source in LATENCIES.values()},
    **{name.replace("-", "_"): [name] for name in ("sc-bytes", "cs-bytes", "c-ip")},
    "cache_behavior": DIMENSIONS["cache_behavior"],
    "viewer_host": DIMENSIONS["host"],
    "user_agent": DIMENSIONS["browser"],
    "referrer": DIMENSIONS["referrer"],
}
for _spelled in ("cache_behavior_path_pattern", "cs_host", "cs(User_Agent)", "cs(Referer)"):
    del FIELDS[_spelled]
"""The counted fields by the name that the code knows them by."""
NEEDED = {
    *("timestamp(ms)", "date", "time", "timestamp", "sc-bytes", "cs-bytes", "time-taken"),
    *("sc-status", "cs-method", "cs-uri-stem", "x-edge-location", "x-edge-result-type"),
}
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_EARLIEST = datetime(2008, 11, 18, tzinfo=UTC).timestamp() * 1_000_000


@dataclass
class Hour:
    """What one site's hour should hold."""

    totals: Counter[str] = field(default_factory=Counter)
    bytes_received: int = 0
    cacheable: int = 0
    cacheable_hits: int = 0
    times: list[int] = field(default_factory=list)
    tables: dict[str, dict[str, Counter[str]]] = field(
        default_factory=lambda: {name: defaultdict(Counter) for name in DIMENSIONS}
    )
    latency: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    visitors: set[tuple[str, str]] = field(default_factory=set)
    lacking: Counter[str] = field(default_factory=Counter)
    slots: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


@dataclass
class Count:
    """What a set of objects should give: hours by (site, hour), lines counted and rejected."""

    hours: dict[tuple[str, int], Hour] = field(default_factory=lambda: defaultdict(Hour))
    records: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    lines: int = 0

    def add(self, text: bytes, site: str, default_fields: list[str], modified: datetime) -> None:
        """Count the lines of one object's text."""
        latest = (modified.timestamp() + 26 * 3600) * 1_000_000
        fields = default_fields
        for raw in text.split(b"\n"):
            line = raw.removesuffix(b"\r")
            if line.startswith(b"#"):
                words = line.decode().split()
                if words[0] == "#Fields:":
                    fields = words[1:]
            elif line:
                self.lines += 1
                self._line(_printable(line), site, fields, latest)

    def _line(self, line: str, site: str, fields: list[str], latest: float) -> None:
        values = line.split("\t")
        if len(values) < max(n for n, name in enumerate(fields) if name in NEEDED) + 1:
            self.rejected["too_few_fields"] += 1
            return
        self._row(dict(zip(fields, values, strict=False)), site, latest, set(fields))

    def add_rows(self, rows: list[dict[str, str]], site: str, modified: datetime) -> None:
        """Count requests that are given field by field."""
        for row in rows:
            self.lines += 1
            self._row(row, site, (modified.timestamp() + 26 * 3600) * 1_000_000, set(row))

    def _row(self, row: dict[str, str], site: str, latest: float, logged: set[str]) -> None:
        micros = _micros(row)
        if micros is None:
            self.rejected["bad_timestamp"] += 1
        elif not _EARLIEST <= micros <= latest:
            self.rejected["out_of_range_timestamp"] += 1
        else:
            self.records += 1
            hour = self.hours[site, micros // 3_600_000_000]
            self._count(hour, row, micros)
            hour.lacking.update(
                name for name, sources in FIELDS.items() if not logged.intersection(sources)
            )

    def _count(self, hour: Hour, row: dict[str, str], micros: int) -> None:
        status = row.get("sc-status", "-")
        status = "000" if status == "0" else status
        status = status if re.fullmatch(r"[0-9]{3}", status) else "-"
        result = row.get("x-edge-result-type", "-")
        taken = _number(row.get("time-taken"), 1_000_000, 10**7)
        is_session = status == "101" or (status == "-" and row.get("cs-protocol") in ("ws", "wss"))
        time_us = None if is_session else taken
        vector = Counter(
            requests=1,
            bytes=_number(row.get("sc-bytes"), 1, 10**12) or 0,
            hits=int(result in ("Hit", "RefreshHit")),
            misses=int(result == "Miss"),
            errors_4xx=int(status[0] == "4"),
            errors_5xx=int(status[0] == "5"),
            time_us=time_us or 0,
            timed=int(time_us is not None),
        )
        hour.totals.update(vector)
        hour.totals["sessions"] += is_session
        spread(hour, vector, micros, taken or 0)
        if is_session and taken is not None:
            hour.latency["session_time"].append(taken)
        hour.bytes_received += _number(row.get("cs-bytes"), 1, 10**12) or 0
        hour.times.append(micros)
        failed = status[0] in "45" or result in ("Error", "LimitExceeded", "CapacityExceeded")
        is_told = {"cs-method", "sc-status", "x-edge-result-type"} <= row.keys()
        if is_told and row["cs-method"] in ("GET", "HEAD", "OPTIONS") and not failed:
            hour.cacheable += 1
            hour.cacheable_hits += vector["hits"]
        for name, source in LATENCIES.items():
            time = _number(row.get(source), 1_000_000, 10**7)
            if time is None or is_session:
                continue
            hour.latency[name].append(time)
            if name == "time_taken" and vector["hits"]:
                hour.latency["time_taken_hits"].append(time)
            if name == "time_taken" and vector["misses"]:
                hour.latency["time_taken_misses"].append(time)
        agent = row.get("cs(User-Agent)", row.get("cs-user-agent", "-"))
        if row.get("c-ip", "-") not in ("", "-"):
            hour.visitors.add((row["c-ip"], agent))
        for name, sources in DIMENSIONS.items():
            value = next((row[source] for source in sources if source in row), "-") or "-"
            hour.tables[name][_value(name, value, status)].update(vector)


def spread(hour: Hour, vector: Counter[str], micros: int, taken: int) -> None:
    """Add a request to the five minutes that it ended in, and its bytes to those it took."""
    end = micros // 1_000_000
    hour.slots[end // 300].update(requests=1, errors_5xx=vector["errors_5xx"])
    if taken <= 300_000_000:
        hour.slots[end // 300]["bytes"] += vector["bytes"]
        return
    seconds = min(taken // 1_000_000, 86_400)
    for slot in range((end - seconds) // 300, end // 300 + 1):
        first, last = (
            vector["bytes"] * (min(max(at, end - seconds), end) - end + seconds) // seconds
            for at in (300 * slot, 300 * slot + 300)
        )
        hour.slots[slot]["bytes"] += last - first


def _value(dimension: str, value: str, status: str) -> str:
    """What a logged value is counted as."""
    if value == "-" and dimension != "status":
        return "-"
    match dimension:
        case "status":
            return status
        case "path":
            return value.split("?")[0] or "-"
        case "host":
            return re.sub(r"\.?(?::[0-9]*)?$", "", value.lower(), count=1)
        case "referrer":
            url = re.match(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//(?:[^/?#]*@)?([^/?#]*)", value)
            bare = re.match(r"([^/?#]*\.[^/?#]*|localhost(?::[0-9]*)?)(?:[/?#]|$)", value)
            found = url or bare
            name = re.sub(r"\.?(?::[0-9]*)?$", "", found[1].lower(), count=1) if found else ""
            return name if re.fullmatch(r"[\w-]+(\.[\w-]+)*", name) else "(no host)"
        case "content_type":
            return value.split(";")[0].replace("%20", " ").strip().lower() or "-"
        case "browser" | "operating_system" | "device" | "crawler":
            # What an agent stands for is the business of test_agents.py; here it is counted.
            if "%2520" in value and "%20" not in value:
                value = value.replace("%25", "%")
            return str(getattr(viewer(value), dimension)) or "-"
        case _:
            return value


def assert_same(aggregate: HourlyAggregate, expected: Hour) -> None:
    """The aggregate holds exactly what the plain loop counted, and of what it estimates, what its
    guarantees say."""
    totals, sketches = aggregate.totals, aggregate.sketches
    assert totals.counts._asdict() == {name: expected.totals[name] for name in MEASURES}
    assert totals.bytes_received == expected.bytes_received
    assert totals.cacheable == expected.cacheable
    assert totals.cacheable_hits == expected.cacheable_hits
    assert totals.sessions == expected.totals["sessions"]
    assert totals.lacking == expected.lacking
    slots = {
        12 * hour + place: Counter(requests=sums[0], bytes=sums[1], errors_5xx=sums[2])
        for hour, slots in totals.five_minutes.items()
        for place, sums in enumerate(zip(*slots, strict=True))
    }
    assert {at: +sums for at, sums in slots.items() if +sums} == {
        at: +sums for at, sums in expected.slots.items() if +sums
    }
    assert (totals.first_us, totals.last_us) == (min(expected.times), max(expected.times))
    tables = {
        name: {value: Counter(vector._asdict()) for value, vector in table.entries.items()}
        for name, table in sketches.tables.items()
    }
    assert tables == {name: dict(table) for name, table in expected.tables.items()}
    assert sketches.latency.keys() == expected.latency.keys()
    for name, times in expected.latency.items():
        found = sketches.latency[name]
        assert (found.requests, found.sum_us, found.max_us) == (len(times), sum(times), max(times))
        for percent in (50, 75, 90, 95, 99, 100):
            exact = percentile(times, percent)
            assert abs(found.percentile_us(percent) - exact) <= 0.01 * exact + 1e-6
    paths = {_hash(path) for path in expected.tables["path"]}
    assert sketches.paths is not None
    assert bytes(sketches.paths.registers) == registers(paths)
    if expected.visitors:
        assert sketches.visitors is not None
        visitors = {_mixed(_hash(ip) + _hash(f"agent {ua}")) for ip, ua in expected.visitors}
        assert bytes(sketches.visitors.registers) == registers(visitors)
    else:
        assert sketches.visitors is None


def percentile(times: list[int], percent: int) -> int:
    """The exact percentile by nearest rank."""
    return sorted(times)[math.ceil(percent * len(times) / 100) - 1]


def registers(hashes: set[int]) -> bytes:
    """The registers of a HyperLogLog with 12 index bits, one hash at a time."""
    found = [0] * 4096
    for each in hashes:
        bits = f"{each:064b}"
        found[int(bits[:12], 2)] = max(found[int(bits[:12], 2)], (bits[12:] + "1").index("1") + 1)
    return bytes(found)


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def _mixed(bits: int) -> int:
    bits %= 2**64
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB % 2**64
    return bits ^ (bits >> 31)


def _micros(row: dict[str, str]) -> int | None:
    """The most precise time that the row has."""
    if (micros := _number(row.get("timestamp(ms)"), 1000, 253_402_300_799_000)) is not None:
        return micros
    try:
        both = f"{row.get('date')} {row.get('time')}"
        moment = datetime.strptime(both, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        return int(moment.timestamp()) * 1_000_000
    except ValueError:
        return _number(row.get("timestamp"), 1_000_000, 253_402_300_799)


def _number(text: str | None, scale: int, largest: int) -> int | None:
    if text is None or not _NUMBER.fullmatch(text) or Decimal(text) > largest:
        return None
    return int((Decimal(text) * scale).to_integral_value(ROUND_HALF_EVEN))


def _printable(line: bytes) -> str:
    """The line as text, with bytes that are not UTF-8 percent-encoded."""
    return line.decode("utf-8", "surrogateescape").translate(
        {0xDC00 + byte: f"%{byte:02X}" for byte in range(128, 256)}
    )
