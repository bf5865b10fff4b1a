"""A short run of the fuzzers, and what the long ones found."""

import gzip
import io
import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ObjectRefused
from pipeline.ingest.parse import parse
from tests.fuzz.check import MODIFIED, READING, check
from tests.support.examples import examples
from tests.support.samples import DATA

FOUND = sorted((Path(__file__).parent / "found").glob("*"))
TEXTS = [
    gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    for path in sorted(DATA.iterdir())
    if not (body := path.read_bytes()).startswith(b"PAR1")
]
ODD = [b"\t", b"\n", b"\r", b"\0", b'"', b"#", b"#Fields: date time\n", b"-", b"{", b"}{", b"\xff"]


def mutated(seed: int) -> bytes:
    """A real text with some bytes replaced, removed, doubled or put elsewhere."""
    rng = random.Random(seed)
    text = rng.choice(TEXTS)[: rng.choice([300, 2000, 20_000])]
    for _ in range(rng.randrange(1, 12)):
        at, length = rng.randrange(len(text) + 1), rng.randrange(40)
        piece = rng.choice([*ODD, rng.randbytes(3), text[at : at + length], b""])
        text = text[:at] + piece + text[at + rng.choice([0, len(piece), length]) :]
    return text


@examples(400)
@given(st.binary(max_size=300))
def test_any_bytes_are_counted_rejected_or_refused(body: bytes) -> None:
    """As they are, as the inside of a gzip, and behind a header."""
    check(body)
    check(gzip.compress(body))
    check(b"#Fields: date time cs-uri-stem\n" + body)


@examples(600)
@given(st.integers(0, 2**40))
def test_real_lines_with_odd_bytes_lose_nothing(seed: int) -> None:
    """Every line of a mutated sample is a record or rejected, or the object is refused."""
    text = mutated(seed)
    check(text)


VALUES = {
    "date": st.sampled_from(["2026-11-22", "2026-11-23", "2026-02-30", "-"]),
    "time": st.sampled_from(["10:00:00", "23:59:59", "24:00:00"]),
    "sc-status": st.sampled_from(["200", "101", "000", "404", "503", "-", "x"]),
    "cs-uri-stem": st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"])),
    "x-edge-result-type": st.sampled_from(["Hit", "Miss", "RefreshHit", "Error", ""]),
    "sc-bytes": st.one_of(st.integers(0, 10**13).map(str), st.sampled_from(["-", "", "1e3"])),
    "time-taken": st.one_of(st.floats(0, 2 * 10**7).map(str), st.sampled_from(["-", "0.010"])),
    "cs(Referer)": st.sampled_from(["https://a.example/x?y", "b.example:80/z", "-", "junk"]),
    "x-host-header": st.sampled_from(["www.example.com", "WWW.example.com:443", "-"]),
    "c-ip": st.sampled_from(["192.0.2.1", "2001:db8::1", "-"]),
}
rows = st.lists(st.fixed_dictionaries(VALUES), min_size=1, max_size=8)


def parquet(table: list[dict[str, str]]) -> bytes:
    body = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(table), body)
    return body.getvalue()


@examples(150)
@given(rows)
def test_the_same_records_give_the_same_rows_in_every_format(table: list[dict[str, str]]) -> None:
    """As lines, JSON and Parquet: all are counted alike, or all are refused."""
    lines = "".join("\t".join(row[name] for name in VALUES) + "\n" for row in table)
    bodies = (
        f"#Fields: {' '.join(VALUES)}\n{lines}".encode(),
        "".join(json.dumps(row) + "\n" for row in table).encode(),
        parquet(table),
    )
    results: list[tuple[object, object]] = []
    for body in bodies:
        try:
            found = parse([body], MODIFIED, READING)
            results.append((found.hours, found.rejected))
        except ObjectRefused:
            results.append(({}, {}))
    assert results[0] == results[1] == results[2]


def test_most_mutated_samples_are_still_read() -> None:
    """The fuzzer does not only look at refusals."""
    read = sum(check(mutated(seed)) for seed in range(300))
    assert read > 120


@pytest.mark.parametrize("found", FOUND, ids=lambda path: path.name)
def test_what_a_fuzzer_found_stays_mended(found: Path) -> None:
    """Each input that once broke something."""
    check(found.read_bytes())
