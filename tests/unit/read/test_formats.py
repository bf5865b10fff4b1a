"""Every format: the project's own samples, the public ones, and what tells layouts apart."""

import gzip
import io
import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.generate import FORMATS, realtime, requests
from pipeline.answer.summarizing import summarize
from pipeline.cli.app import main
from pipeline.errors import ObjectRefused
from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.ingest.parse import parse
from pipeline.ingest.parsed import Parsed, Reading
from pipeline.read.layout import listed_layout
from pipeline.read.limits import Limits
from pipeline.schema.fields import CANONICAL, REALTIME, STANDARD, canonical_sets
from tests.support.examples import examples
from tests.support.oracle import Count, assert_same
from tests.support.samples import DATA, PLAIN_FIELDS, REQUESTS, SAMPLES, lines

MODIFIED = datetime(2026, 11, 23, tzinfo=UTC)
PLAIN = Reading((listed_layout(" ".join(PLAIN_FIELDS), "plain"),))
CORPUS = (
    Path(os.environ["EDGETALLY_CORPUS"]).resolve() if "EDGETALLY_CORPUS" in os.environ else None
)


def parsed(body: bytes, reading: Reading = PLAIN, modified: datetime = MODIFIED) -> Parsed:
    return parse([body[:1000], body[1000:]], modified, reading)


def assert_counted(found: Parsed, count: Count) -> None:
    """Every line is counted, and every hour is the oracle's."""
    assert found.records == count.records == count.lines
    assert found.rejected == {}
    assert {hour for _, hour in count.hours} == set(found.hours)
    for (_, hour), expected in count.hours.items():
        assert_same(found.hours[hour], expected)


def sample_rows(name: str) -> list[dict[str, str]]:
    """The requests of a sample, with the fields that it carries."""
    if name.startswith("realtime"):
        count = next((int(part) for part in name.split("-") if part.isdecimal()), 69)
        carried = REALTIME.split() if count == 27 else canonical_sets()[count]
        return [
            {key: value for key, value in realtime(each).items() if key in carried}
            for each in REQUESTS
        ]
    if name.startswith("v2-plain"):
        return [{key: each[key] for key in PLAIN_FIELDS} for each in REQUESTS]
    if name.startswith("v2"):
        added = "c-country cache-behavior-path-pattern origin-fbl origin-lbl".split()
        keys = {*STANDARD.split(), "timestamp(ms)", *([] if "typed" in name else added)}
        return [{key: value for key, value in each.items() if key in keys} for each in REQUESTS]
    width = next((int(part) for part in name.split("-") if part.isdecimal()), 26)
    rows = []
    for position, each in enumerate(REQUESTS):
        if "concatenated" in name:
            width = 24 if position < 20 else 33
        rows.append({key: each[key] for key in STANDARD.split()[:width] if key in each})
    return rows


@pytest.mark.parametrize("name", SAMPLES)
def test_our_sample_of_every_format_equals_the_oracle(name: str) -> None:
    """Each of the forty requests is counted as a plain loop over them counts it."""
    count = Count()
    count.add_rows(sample_rows(name), "any", MODIFIED)
    assert_counted(parsed((DATA / name).read_bytes()), count)


def test_every_sample_file_is_one_of_ours() -> None:
    """Nothing lies in tests/data that is not made by the project."""
    assert {path.name for path in DATA.iterdir()} == set(SAMPLES)


# Without a header, the oracle has to be told the fields.
HEADERLESS = {
    "synthetic-19-fields-headerless-crlf.gz": STANDARD.split()[:19],
    "canonical-45-fields.tsv": [n for n in CANONICAL.split()[:46] if n != "s-ip"],
}


def corpus() -> Iterator[Path]:
    """The public samples; one that says how to get them where they are absent."""
    if CORPUS is None:
        return
    yield from (path for path in sorted(CORPUS.glob("*/*")) if path.is_file())


@pytest.mark.slow
@pytest.mark.skipif(CORPUS is None, reason="EDGETALLY_CORPUS=folder of public samples is not set")
def test_public_samples_are_all_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Every row of every public sample is counted, and equals the oracle's, by command too."""
    seen = 0
    everything = Count()
    for path in corpus():
        body = path.read_bytes()
        text = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
        count = Count()
        now = datetime.now(UTC)
        if text.startswith(b"{"):
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
            count.add_rows(rows, "any", now)
            everything.add_rows(rows, path.name, now)
        else:
            count.add(text, "any", HEADERLESS.get(path.name, []), now)
            everything.add(text, path.name, HEADERLESS.get(path.name, []), now)
        assert count.records, path.name
        assert_counted(parse([body], now, Reading()), count)
        (tmp_path / f"{seen}-{path.name}").write_bytes(body)
        seen += 1
    assert seen >= 18
    monkeypatch.chdir(tmp_path.parent)
    inspected, ingested, summed = by_command(tmp_path, monkeypatch, capsys)
    assert sum(each["records"] for each in inspected) == everything.records
    assert (ingested["committed"], ingested["records"]) == (seen, everything.records)
    assert_summed(summed, everything)


def by_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[list[Any], Any, Any]:
    """What `inspect`, `ingest` and `summary` print of a folder."""
    monkeypatch.setenv("EDGETALLY_PLAIN_FIELDS", ",".join(PLAIN_FIELDS))
    monkeypatch.setenv("EDGETALLY_STORE", "sqlite:///formats.db")
    answers = []
    for arguments in (["inspect", str(folder)], ["ingest", str(folder)], ["summary"]):
        assert main([*arguments, "--json"]) == 0
        answers.append(json.loads(capsys.readouterr().out))
    return answers[0], answers[1], answers[2]


def test_every_sample_by_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`inspect` says what would be counted, `ingest` counts it, and `summary` has the sums."""
    inspected, ingested, summed = by_command(DATA, monkeypatch, capsys)
    assert [each["records"] for each in inspected] == [40] * len(SAMPLES)
    assert not any(each["refused"] or each["rejected"] for each in inspected)
    assert (ingested["committed"], ingested["records"]) == (len(SAMPLES), 40 * len(SAMPLES))
    count = Count()
    for name in SAMPLES:
        count.add_rows(sample_rows(name), "any", MODIFIED)
    assert_summed(summed, count)


def assert_summed(summed: Any, count: Count) -> None:
    """The summary's sums are the oracle's."""
    status: Counter[str] = Counter()
    for hour in count.hours.values():
        for value, vector in hour.tables["status"].items():
            status["unknown" if value == "-" else value] += vector["requests"]
    assert summed["total_records"] == count.records
    assert summed["bytes_sent"] == sum(hour.totals["bytes"] for hour in count.hours.values())
    # The oracle does not know which logs have the field: the summary tells those requests apart.
    told = Counter(summed["status_codes"]) + Counter(unknown=summed["lacking"].get("sc_status", 0))
    assert told == status
    assert summed["rejected_lines"] == {"total": 0, "by_reason": {}}


@pytest.mark.slow
def test_the_same_requests_give_the_same_summary_in_every_format() -> None:
    """100,000 requests, six formats, one summary."""
    same = list(requests(seed=3, count=100_000))
    summaries = {}
    for name, write in FORMATS.items():
        found = parsed(write(same), Reading())
        assert (found.records, found.rejected) == (100_000, {}), name
        summaries[name] = msgspec.to_builtins(summarize(merge(found.hours.values())))
    first = summaries.pop("v2-w3c")
    assert first["total_records"] == 100_000
    # Above the table's cap a path may be undercounted, by how much depends on the batches.
    vague = {"paths", "top_paths", "top_missed_paths", "top_error_paths", "approximate"}
    # Which fields that are depends on the format, and is not what is compared here.
    vague |= {"lacking"}
    # What a format does not have.
    absent = {
        "v1": {"countries", "cache_behaviors", "latency_ms"},
        "realtime-default": {
            "countries",
            "cache_behaviors",
            "bytes_received",
            "unique_visitors",
            "detailed_result_types",
        },
    }
    for name, each in summaries.items():
        compared = first.keys() - vague - absent.get(name, set())
        assert {key: each[key] for key in compared} == {key: first[key] for key in compared}, name
        assert [p["path"] for p in each["top_paths"][:10]] == [
            p["path"] for p in first["top_paths"][:10]
        ]
    v1 = summaries["v1"]["latency_ms"]
    assert v1 == {key: first["latency_ms"][key] for key in v1}
    assert first["latency_ms"].keys() - v1.keys() == {"origin_first_byte", "origin_last_byte"}


def test_hosts_agents_and_paths_are_the_same_in_every_format() -> None:
    """Swapped hosts and the query in real-time paths are bridged."""
    tables = []
    for write in FORMATS.values():
        whole: HourlyAggregate = merge(parsed(write(REQUESTS), Reading()).hours.values())
        tables.append(
            {name: whole.sketches.tables[name] for name in ("host", "browser", "path", "referrer")}
        )
    assert set(tables[0]["host"].entries) == {"www.example.com", "shop.example.com"}
    assert [t["path"].entries.keys() for t in tables] == [tables[0]["path"].entries.keys()] * 6
    assert [t["host"].entries.keys() for t in tables] == [tables[0]["host"].entries.keys()] * 6
    assert [t["browser"].entries for t in tables] == [tables[0]["browser"].entries] * 6
    assert "www.example.com" in tables[0]["referrer"].entries
    assert [t["referrer"].entries for t in tables] == [tables[0]["referrer"].entries] * 6


# What tells layouts apart


def test_a_configured_list_in_another_order_is_found_in_cloudfronts() -> None:
    """CloudFront delivers in its own order, whatever order the list has."""
    names = ["timestamp", "x-edge-location", "sc-status", "cs-method", "cs-uri-stem", "sc-bytes"]
    configured = Reading((listed_layout(" ".join(names), "ours"),))
    delivered = sorted(names, key=CANONICAL.split().index)
    body = lines(delivered, [realtime(each) for each in REQUESTS])
    found = parsed(body, configured)
    assert (found.records, found.layout) == (40, "ours, in CloudFront's order")
    assert parsed(lines(names, [realtime(each) for each in REQUESTS]), configured).layout == "ours"


def test_a_tie_that_would_change_a_count_is_refused() -> None:
    """Two numbers that nothing tells apart may stand in either order."""
    names = ["timestamp", "cs-bytes", "sc-bytes"]
    configured = Reading((listed_layout(" ".join(names), "ours"),))
    with pytest.raises(ObjectRefused, match="plausible both as ours and as ours, in CloudFront"):
        parsed(lines(names, REQUESTS), configured)


def test_a_tie_that_changes_nothing_is_none() -> None:
    """Fields that are not counted may be in any order."""
    names = ["timestamp", "ssl-cipher", "cs-uri-query", "sc-status"]
    configured = Reading((listed_layout(" ".join(names), "ours"),))
    assert parsed(lines(names, REQUESTS), configured).layout == "ours"


def test_a_wrong_list_is_refused_with_what_contradicts_it() -> None:
    """The nearest layout, the field and the line are named, and no value: it may be an address."""
    shifted = lines([*REALTIME.split()[1:], "timestamp"], [realtime(each) for each in REQUESTS])
    with pytest.raises(ObjectRefused) as refused:
        parsed(shifted)
    said = str(refused.value)
    assert "the nearest is real-time, the default 27 fields" in said
    assert "field timestamp of line 1 does not look like one" in said
    assert not any(each["c-ip"] in said for each in REQUESTS)
    assert "EDGETALLY_REALTIME_FIELDS" in said


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (gzip.compress(gzip.compress(gzip.compress(b"date\n"))), "gzip three times"),
        (random.Random(1).randbytes(5000), "fit no known layout"),
        (
            b'{"eventTimestamp":"1","connectionId":"x"}\n',
            "unknown ones: eventTimestamp",
        ),
        (b"{not json\n", "1 × bad_json, first in line 1: not a JSON object"),
        (b"PAR1 and nothing else", "truncated Parquet"),
        (b"PAR1 and nothing else PAR1", "damaged Parquet: its directory"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "a PNG picture, not a log"),
        (b"a file of text\nwith two lines\n", "they have no TABs: choose TAB"),
    ],
)
def test_what_is_no_access_log_is_refused(body: bytes, said: str) -> None:
    """With a message that says what it looks like."""
    with pytest.raises(ObjectRefused, match=said):
        parsed(body)


# JSON


def json_lines(*rows: Any) -> bytes:
    return "".join(
        (row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows
    ).encode()


GOOD = {
    "date": "2026-11-22",
    "time": "10:00:00",
    "cs-uri-stem": "/",
    "sc-status": "200",
    "sc-bytes": "7",
}


def test_a_bad_line_of_json_is_rejected_alone() -> None:
    """Its neighbours are counted; the reason and the line are known."""
    odd = ['{"date": ', "[1]", "7", "null", '"text"', '{"a": 1} trailing']
    found = parsed(json_lines(GOOD, *odd, GOOD, GOOD | {"date": None}, {}))
    assert found.records == 2
    assert found.rejected == {"bad_json": 6, "bad_timestamp": 2}
    assert found.first == {"bad_json": 2, "bad_timestamp": 9}


@pytest.mark.parametrize(
    "row",
    [
        GOOD | {"sc-bytes": 7, "sc-status": 200},
        GOOD | {"sc-bytes": 7.0},
        GOOD | {"sc_bytes": "7", "sc-bytes": None},
        GOOD | {"unknown": {"nested": [1, {"deep": "{}"}]}},
        {"timestamp(ms)": 1795428000000, "sc-status": 200, "sc-bytes": "7"},
        {"timestamp_ms": "1795428000000", "sc_status": "200", "sc_bytes": "7"},
        GOOD | {"timestamp(ms)": "-5"},
        GOOD | {"timestamp(ms)": -5},
        {"timestamp": 1795428000.0, "sc-status": "200", "sc-bytes": "7"},
        {"timestamp": "1795428000.000", "sc-status": "200", "sc-bytes": "7"},
    ],
)
def test_values_of_json_may_be_text_or_typed(row: dict[str, Any]) -> None:
    """The request is counted with its bytes and status, alone and beside an odd one."""
    for beside in ([], [GOOD], [GOOD, {"date": 3}]):
        found = parsed(json_lines(row, *beside))
        whole = merge(found.hours.values())
        assert found.records == 1 + beside.count(GOOD)
        assert whole.totals.counts.bytes == 7 * found.records
        assert {k: v.requests for k, v in whole.sketches.tables["status"].entries.items()} == {
            "200": found.records
        }


def test_objects_may_share_lines_and_braces_may_stand_in_values() -> None:
    """Two braces in a value are not taken for two objects, beside a damaged object either."""
    odd = GOOD | {"cs-uri-stem": "/}{"}
    shared = json.dumps(GOOD).encode() * 2 + b"\n"
    assert parsed(json_lines(GOOD, odd) + shared).records == 4
    found = parsed(json_lines(GOOD, odd, "damaged") + shared)
    assert (found.records, found.rejected) == (4, {"bad_json": 1})


def test_objects_behind_one_another_are_lines_of_their_own() -> None:
    """As Firehose concatenates them, wherever the chunks are cut."""
    body = b"".join(json.dumps(GOOD).encode() for _ in range(50))
    odd = [GOOD | {"cs-uri-stem": path} for path in ("/}{", '/}{"}{"', "/{}", '/}{",', "/}")]
    both = body + b"".join(json.dumps(each).encode() for each in odd)
    for size in (1, 7, 64, 10_000):
        chunks = [both[n : n + size] for n in range(0, len(both), size)]
        assert parse(chunks, MODIFIED, Reading()).records == 55


@examples(100)
@given(st.binary(max_size=40), st.integers(0, 60))
def test_odd_bytes_in_json_lose_no_line(noise: bytes, at: int) -> None:
    """Every line that is not empty is a record or rejected."""
    row = json.dumps(GOOD).encode()
    spoilt = row[:at] + noise.replace(b"\n", b" ") + row[at:]
    body = row + b"\n" + spoilt + b"\n" + row + b"\n"
    found = parsed(body)
    lines = [line for line in body.split(b"\n") if line.strip()]
    counted = found.records + sum(found.rejected.values())
    ends = body.count(b"}{") + body.count(b"\r") + body.count(b"\xef\xbb\xbf")
    assert len(lines) <= counted <= len(lines) + ends
    assert found.records >= 2


# Parquet


def parquet(columns: dict[str, Any], **options: Any) -> bytes:
    body = io.BytesIO()
    pq.write_table(pa.table(columns), body, **options)
    return body.getvalue()


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd"])
def test_parquet_of_any_codec_and_row_groups(codec: str) -> None:
    """Whatever the writer chose."""
    columns = {"timestamp_ms": ["1795428000000"] * 100, "sc_status": ["200", None] * 50}
    found = parsed(parquet(columns, compression=codec, row_group_size=7))
    whole = merge(found.hours.values())
    assert found.records == 100
    assert {k: v.requests for k, v in whole.sketches.tables["status"].entries.items()} == {
        "200": 50,
        "-": 50,
    }


def test_typed_parquet_and_names_with_dashes_are_read_too() -> None:
    """Other writers than CloudFront type their columns."""
    moment = datetime(2026, 11, 22, 10, tzinfo=UTC)
    columns = {
        "date": pa.array([moment.date()]),
        "time": pa.array([moment.time()], pa.time32("s")),
        "sc-status": pa.array([404]),
        "sc-bytes": pa.array([12], pa.int64()),
        "time-taken": pa.array([0.25]),
    }
    (hour,) = parsed(parquet(columns)).hours.values()
    assert hour.totals.counts[:2] == (1, 12)
    assert (hour.totals.counts.errors_4xx, hour.totals.counts.time_us) == (1, 250_000)


@pytest.mark.parametrize("cut", [1, 8, 200])
def test_truncated_parquet_is_refused(cut: int) -> None:
    """Its end holds the directory: without it nothing is counted."""
    body = (DATA / "v2-parquet.parquet").read_bytes()
    with pytest.raises(ObjectRefused, match="truncated Parquet"):
        parsed(body[:-cut])


def test_damage_inside_parquet_is_refused() -> None:
    """A page that does not inflate refuses the whole object."""
    body = bytearray((DATA / "v2-parquet.parquet").read_bytes())
    body[60:400] = bytes(340)
    with pytest.raises(ObjectRefused, match="damaged Parquet"):
        parsed(bytes(body))


def test_parquet_is_bounded_too() -> None:
    """By its size in memory, and by what it says it inflates to."""
    body = (DATA / "v2-parquet.parquet").read_bytes()
    with pytest.raises(ObjectRefused, match="EDGETALLY_MAX_PARQUET_BYTES"):
        parsed(body, Reading(limits=Limits(max_parquet=1000)))
    with pytest.raises(ObjectRefused, match="EDGETALLY_MAX_INFLATED_BYTES"):
        parsed(body, Reading(limits=Limits(max_inflated=1000)))
    with pytest.raises(ObjectRefused, match="no time column"):
        parsed(parquet({"sc_status": ["200"]}))
