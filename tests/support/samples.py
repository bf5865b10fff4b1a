"""The project's own sample of every format, under tests/data: the same forty requests each.

python -m tests.support.samples    writes them anew
"""

import gzip
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.generate import FORMATS, Request, realtime, requests
from pipeline.schema.fields import CANONICAL, REALTIME, STANDARD, canonical_sets

DATA = Path(__file__).parent.parent / "data"
REQUESTS = list(requests(seed=7, count=40, seconds=7200))
PLAIN_FIELDS = ["sc-status", "timestamp(ms)", "cs-method", "cs-uri-stem", "sc-bytes"]


def lines(names: Sequence[str], found: Sequence[Request]) -> bytes:
    """TAB-separated lines of these fields."""
    return b"".join(
        "\t".join(each.get(name, "-") for name in names).encode() + b"\n" for each in found
    )


def _early_standard(count: int) -> bytes:
    return lines(STANDARD.split()[:count], REQUESTS)


def _concatenated() -> bytes:
    """Two objects put together, as `cat *.gz` does: headers in mid-file, with other fields."""
    first, second = STANDARD.split()[:24], STANDARD.split()[:33][::-1]
    return b"".join(
        gzip.compress(
            b"#Version: 1.0\n#Fields: " + " ".join(names).encode() + b"\n" + body, mtime=0
        )
        for names, body in (
            (first, lines(first, REQUESTS[:20])),
            (second, lines(second, REQUESTS[20:])),
        )
    )


def _tab_header() -> bytes:
    names = STANDARD.split()[:26]
    header = "#Fields:\t" + "\t".join(names) + "\n"
    return header.encode() + lines(names, REQUESTS).replace(b"\n", b"\r\n")


def _typed_json() -> bytes:
    numbers = {"sc-status", "sc-bytes", "cs-bytes", "time-taken", "timestamp(ms)", "c-port"}

    def typed(name: str, value: str) -> str | int | float:
        if name not in numbers:
            return value
        return int(value) if value.isdecimal() else float(value)

    keys = [*STANDARD.split()[:33], "timestamp(ms)"]
    rows = ({key: typed(key, each[key]) for key in keys if key in each} for each in REQUESTS)
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _firehose_json() -> bytes:
    """Real-time fields as JSON, one object after the other without a line end."""
    keys = [name for name in CANONICAL.split() if name in realtime(REQUESTS[0])]
    found = map(realtime, REQUESTS)
    return "".join(json.dumps({key: each[key] for key in keys}) for each in found).encode()


def _canonical(count: int) -> bytes:
    return lines(canonical_sets()[count], [realtime(each) for each in REQUESTS])


def _canonical_order_of_default() -> bytes:
    place = CANONICAL.split().index
    names = sorted(REALTIME.split(), key=place)
    return lines(names, [realtime(each) for each in REQUESTS])


SAMPLES: dict[str, Callable[[], bytes]] = {
    **{
        f"v1-{count}-fields-without-header.log": partial(_early_standard, count)
        for count in (12, 15, 18, 19, 23, 24, 26, 33)
    },
    "v1-33-fields.gz": lambda: FORMATS["v1"](REQUESTS),
    "v1-tab-header-crlf.log": _tab_header,
    "v1-concatenated.gz": _concatenated,
    "v2-w3c.gz": lambda: FORMATS["v2-w3c"](REQUESTS),
    "v2-plain.log": lambda: lines(PLAIN_FIELDS, REQUESTS),
    "v2-json.gz": lambda: FORMATS["v2-json"](REQUESTS),
    "v2-json-typed.ndjson": _typed_json,
    "v2-parquet.parquet": lambda: FORMATS["v2-parquet"](REQUESTS),
    "realtime-27-fields.gz": lambda: FORMATS["realtime-default"](REQUESTS),
    "realtime-27-fields-canonical-order.tsv": _canonical_order_of_default,
    **{
        f"realtime-canonical-{count}-fields.tsv": partial(_canonical, count)
        for count in (40, 43, 45, 46, 49, 64, 67, 69)
    },
    "realtime-firehose.json": _firehose_json,
}


def main() -> None:
    """Write every sample."""
    DATA.mkdir(exist_ok=True)
    for name, make in SAMPLES.items():
        (DATA / name).write_bytes(make())


if __name__ == "__main__":
    main()
