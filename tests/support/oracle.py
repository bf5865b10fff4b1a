"""The independent count: a plain loop over the lines, sharing no code with the counting one.

It does what formats.md and the README say, in the most obvious way, with Decimal for numbers.
"""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal

from pipeline.core.aggregate import HourlyAggregate

MEASURES = ("requests", "bytes", "hits", "misses", "errors_4xx", "errors_5xx", "time_us")
DIMENSIONS = {
    "path": ["cs-uri-stem"],
    "edge_location": ["x-edge-location"],
    "status": ["sc-status"],
    "method": ["cs-method"],
    "result_type": ["x-edge-result-type"],
    "host": ["cs-host", "x-host-header"],
    "user_agent": ["cs(User-Agent)", "cs-user-agent"],
}
_OTHERS = [["sc-bytes"], ["cs-bytes"], ["time-taken"], ["timestamp(ms)"], ["date"], ["time"]]
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_EARLIEST = datetime(2008, 11, 18, tzinfo=UTC).timestamp() * 1_000_000


@dataclass
class Hour:
    """What one site's hour should hold."""

    totals: Counter[str] = field(default_factory=Counter)
    bytes_received: int = 0
    times: list[int] = field(default_factory=list)
    tables: dict[str, dict[str, Counter[str]]] = field(
        default_factory=lambda: {name: defaultdict(Counter) for name in DIMENSIONS}
    )


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
        read = [*DIMENSIONS.values(), *_OTHERS, ["timestamp"]]
        used = {next((name for name in names if name in fields), None) for names in read}
        if len(values) < max(n for n, name in enumerate(fields) if name in used) + 1:
            self.rejected["too_few_fields"] += 1
            return
        self._row(dict(zip(fields, values, strict=False)), site, latest)

    def add_rows(self, rows: list[dict[str, str]], site: str, modified: datetime) -> None:
        """Count requests that are given field by field."""
        for row in rows:
            self.lines += 1
            self._row(row, site, (modified.timestamp() + 26 * 3600) * 1_000_000)

    def _row(self, row: dict[str, str], site: str, latest: float) -> None:
        micros = _micros(row)
        if micros is None:
            self.rejected["bad_timestamp"] += 1
        elif not _EARLIEST <= micros <= latest:
            self.rejected["out_of_range_timestamp"] += 1
        else:
            self.records += 1
            self._count(self.hours[site, micros // 3_600_000_000], row, micros)

    def _count(self, hour: Hour, row: dict[str, str], micros: int) -> None:
        status = row.get("sc-status", "-")
        status = "000" if status == "0" else status
        status = status if re.fullmatch(r"[0-9]{3}", status) else "-"
        result = row.get("x-edge-result-type", "-")
        vector = Counter(
            requests=1,
            bytes=_number(row.get("sc-bytes"), 1, 10**12) or 0,
            hits=int(result in ("Hit", "RefreshHit")),
            misses=int(result == "Miss"),
            errors_4xx=int(status[0] == "4"),
            errors_5xx=int(status[0] == "5"),
            time_us=_number(row.get("time-taken"), 1_000_000, 10**7) or 0,
        )
        hour.totals.update(vector)
        hour.bytes_received += _number(row.get("cs-bytes"), 1, 10**12) or 0
        hour.times.append(micros)
        for name, sources in DIMENSIONS.items():
            value = next((row[source] for source in sources if source in row), "-") or "-"
            if name == "path":
                value = value.split("?")[0] or "-"
            if name == "user_agent" and "%2520" in value and "%20" not in value:
                value = value.replace("%25", "%")
            hour.tables[name][status if name == "status" else value].update(vector)


def assert_same(aggregate: HourlyAggregate, expected: Hour) -> None:
    """The aggregate holds exactly what the plain loop counted."""
    assert aggregate.totals._asdict() == {name: expected.totals[name] for name in MEASURES}
    assert aggregate.bytes_received == expected.bytes_received
    assert (aggregate.first_us, aggregate.last_us) == (min(expected.times), max(expected.times))
    tables = {
        name: {value: Counter(vector._asdict()) for value, vector in table.entries.items()}
        for name, table in aggregate.tables.items()
    }
    assert tables == {name: dict(table) for name, table in expected.tables.items()}


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
