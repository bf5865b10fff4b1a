"""Log lines that would run, load or turn round something in a page that took them for more than
text."""

from demo.fortnight import FIELDS
from pipeline.read.fitting import ROWS

HOSTILE = (
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    '"><img src=x onerror=alert(1)>',
    "</style><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "%E2%80%AEevil",
    "/a%00b%07%1B[31m",
    "/" + "é" * 4096,
    "' onmouseover='alert(1)",
    "]]>&lt;b&gt;",
)
HOSTILE_FIELDS = tuple(name for name in FIELDS if name not in ("date", "time"))


def line(values: dict[str, str]) -> str:
    """A line of a log with some values."""
    row = dict.fromkeys(FIELDS, "-") | {
        "date": "2026-11-24",
        "time": "10:00:00",
        "sc-status": "200",
        "sc-bytes": "100",
        "x-edge-result-type": "Hit",
        "time-taken": "0.1",
        "cs-method": "GET",
    }
    return "\t".join((row | values).values()) + "\n"


def log(lines: str) -> str:
    """A log of lines."""
    return f"#Version: 1.0\n#Fields: {' '.join(FIELDS)}\n{lines}"


def hostile_log(*fields: str) -> str:
    """A log with every hostile value in each of these fields, behind as many lines as a reader
    looks at to see that the names fit the columns."""
    values = [value.replace(" ", "%20") for value in HOSTILE]
    hostile = "".join(line({field: value}) for field in fields for value in values)
    return log(ROWS * line({}) + hostile)
