"""Lines → columns: odd values, and the equality of the two ways through Arrow."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.read.layout import Layout, header_layout, listed_layout
from pipeline.read.records import CLOCK, EARLIEST_US, Rows, numbers, rows_of, words
from pipeline.read.tabbed import read_lines
from pipeline.schema.dimensions import ABSENT, agent, path, plain, status
from pipeline.schema.fields import (
    BYTES_SENT,
    CANONICAL,
    PATH,
    REALTIME,
    STANDARD,
    STATUS,
    TIME_TAKEN,
    VIEWER_HOST,
    canonical_sets,
)
from tests.support.examples import examples

LATEST = int(datetime(2026, 11, 24, tzinfo=UTC).timestamp() * 1_000_000)
LAYOUT = Layout(("date", "time", "sc-bytes", "time-taken", "cs-uri-stem", "sc-status"), "a test")


def rows(*lines: bytes, layout: Layout = LAYOUT) -> Rows:
    return rows_of(read_lines(b"".join(line + b"\n" for line in lines), layout), LATEST)


def read(found: Rows) -> list[list[Any]]:
    """What is counted of the rows: times, numbers, and values by their place."""
    measures = [numbers(found.table, name).tolist() for name in (BYTES_SENT, TIME_TAKEN)]
    named = [words(found.table, name) for name in (PATH, STATUS)]
    return [
        found.table.column(CLOCK).to_pylist(),
        *measures,
        *([values[code] for code in codes] for codes, values in named),
    ]


def one(line: bytes) -> dict[str, object]:
    (row,) = rows(line).table.to_pylist()
    return dict(row)


@pytest.mark.parametrize(
    ("logged", "number"),
    [
        (b"0", 0),
        (b"123", 123),
        (b"1000000000000", 10**12),
        (b"1000000000001", None),
        (b"-", None),
        (b"", None),
        (b"-1", None),
        (b"NaN", None),
        (b"inf", None),
        (b"1e999", None),
        (b"9" * 40, None),
        (b"0x10", None),
        (b"twelve", None),
        (b'"', None),
    ],
)
def test_a_number_is_read_or_left_out(logged: bytes, number: int | None) -> None:
    """A nonsense number costs the measure, not the line."""
    found = rows(b"2026-11-23\t10:00:00\t%s\t0.5\t/\t200" % logged)
    assert numbers(found.table, BYTES_SENT).tolist() == [-1 if number is None else number]


@examples(300)
@given(
    st.text('0123456789-:.eE+ xNaninf"', max_size=12).map(str.encode),
    st.sampled_from([0, 1, 2, 3]),
)
def test_a_value_is_read_the_same_alone_and_beside_a_damaged_line(
    value: bytes, column: int
) -> None:
    """The typed reading and the mending one agree on every value."""
    fields = [b"2026-11-23", b"10:00:00", b"7", b"0.5", b"/", b"200"]
    fields[column] = value
    line = b"\t".join(fields)
    alone, beside = rows(line), rows(line, b"short")
    assert read(beside) == read(alone)
    assert beside.rejected["too_few_fields"] == alone.rejected["too_few_fields"] + 1


@pytest.mark.parametrize(
    ("day", "clock", "reason"),
    [
        (b"1970-01-01", b"00:00:00", "out_of_range_timestamp"),
        (b"2008-11-17", b"23:59:59", "out_of_range_timestamp"),
        (b"9999-12-31", b"00:00:00", "out_of_range_timestamp"),
        (b"2026-11-24", b"00:00:01", "out_of_range_timestamp"),
        (b"2026-13-01", b"00:00:00", "bad_timestamp"),
        (b"-", b"-", "bad_timestamp"),
        (b"yesterday", b"00:00:00", "bad_timestamp"),
        (b"2026-11-23", b"24:00:00", "bad_timestamp"),
    ],
)
def test_a_line_without_a_sensible_time_is_rejected(day: bytes, clock: bytes, reason: str) -> None:
    """It is counted under its reason, and its neighbours are counted."""
    result = rows(b"%s\t%s\t1\t1\t/\t200" % (day, clock), b"2008-11-18\t00:00:00\t1\t1\t/\t200")
    assert result.rejected == {reason: 1}
    assert result.table.column(CLOCK).to_pylist() == [EARLIEST_US]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"/a\x00b", "/a\x00b"),
        (b'/say"hello', '/say"hello'),
        (b"/caf\xc3\xa9", "/café"),
        (b"/bad\xff\xfe", "/bad%FF%FE"),
        (b"/a\rb", "/a%0Db"),
        (b"/%2520", "/%2520"),
    ],
)
def test_odd_bytes_stay_in_their_field(line: bytes, expected: str) -> None:
    """NUL, quotes, CR and invalid UTF-8 neither split a line nor lose it."""
    result = rows(b"2026-11-23\t10:00:00\t1\t1\t" + line + b"\t200")
    assert result.rejected == {}
    assert result.table.column(PATH).to_pylist() == [expected]


@pytest.mark.parametrize("end", [b"", b"\t", b"\t\t", b"\textra\tfields", b"\r"])
def test_what_follows_the_fields_does_not_matter(end: bytes) -> None:
    """A stray TAB, later fields or CRLF do not cost the line."""
    assert one(b"2026-11-23\t10:00:00\t5\t1\t/\t200" + end)[STATUS] == "200"


def test_fields_behind_the_needed_ones_may_be_missing() -> None:
    """A line cut in a field that nobody counts is counted."""
    layout = Layout(("date", "time", "sc-status", "cs(Cookie)", "c-port"), "a test")
    result = rows(b"2026-11-23\t10:00:00\t200", b"2026-11-23\t10:00:00\t200\t-", layout=layout)
    assert result.table.num_rows == 2
    assert result.rejected == {}


def test_absent_fields_are_columns_all_the_same() -> None:
    """A layout without a field gives that field's absent value."""
    table = rows(b"1795370000", layout=Layout(("timestamp",), "a test")).table
    codes, values = words(table, PATH)
    assert (codes.tolist(), values) == ([0], [ABSENT])
    assert numbers(table, BYTES_SENT).tolist() == [-1]


def test_times_are_exact_to_the_microsecond() -> None:
    """A float's rounding does not move a time or a duration."""
    table = rows(b"1671005351.148\t0.042", layout=Layout(("timestamp", "time-taken"), "a")).table
    assert table.column(CLOCK).to_pylist() == [1_671_005_351_148_000]
    assert numbers(table, TIME_TAKEN).tolist() == [42_000]


def test_only_blank_lines_give_no_rows() -> None:
    """A block that holds nothing is no error."""
    assert rows(b"x").table.num_rows == 0
    assert isinstance(rows(b"x").table, pa.Table)


def test_values_are_cleaned_as_the_field_wants() -> None:
    """A path loses its query, a status that is none becomes absent, a long value is marked."""
    assert (path("/a?b=1"), path("?x"), path("/a")) == ("/a", ABSENT, "/a")
    found = [status(value) for value in ("200", "000", "0", "20", "abc", "2000")]
    assert found == ["200", "000", "000", "-", "-", "-"]
    assert plain("") == ABSENT
    first, second = plain("x" * 5000), plain("x" * 5001)
    assert first != second
    assert len(first) < 4200


def test_header_fields_may_be_separated_by_anything_white() -> None:
    """Spaces and TABs are both seen in the wild; other # lines declare nothing."""
    for line in (b"#Fields: date time sc-status\n", b"#Fields:\tdate\ttime\tsc-status\r\n"):
        layout = header_layout(line)
        assert layout is not None
        assert layout.fields == ("date", "time", "sc-status")
    assert header_layout(b"#Version: 1.0\n") is None
    assert header_layout(b"#\n") is None


def test_the_known_lists_have_the_counts_they_are_known_by() -> None:
    """27 by default, 35 standard ones, 71 in CloudFront's order, and every earlier "all"."""
    counts = [len(fields.split()) for fields in (REALTIME, STANDARD, CANONICAL)]
    assert counts == [27, 35, 71]
    assert sorted(canonical_sets()) == [40, 43, 45, 46, 49, 64, 67, 69, 71]
    assert listed_layout("timestamp, sc-status,cs-method", "").fields == (
        "timestamp",
        "sc-status",
        "cs-method",
    )


def test_an_agent_is_one_whatever_year_it_was_logged_in() -> None:
    """From 2013 to 2019 spaces were encoded twice; a modern agent may contain %20 itself."""
    assert agent("Mozilla/5.0%2520(X11;%2520Linux)") == "Mozilla/5.0%20(X11;%20Linux)"
    assert agent("Mozilla/5.0%20(X11)") == "Mozilla/5.0%20(X11)"
    assert agent("odd%20agent%2520") == "odd%20agent%2520"


def test_the_host_is_the_viewers_in_every_format() -> None:
    """Real-time logs have it in cs-host, standard logs in x-host-header."""
    realtime = Layout(("timestamp", "cs-host", "x-host-header"), "a test")
    standard = Layout(("timestamp", "cs(Host)", "x-host-header"), "a test")
    line = b"1795370000\tfirst\tsecond"
    assert rows(line, layout=realtime).table.column(VIEWER_HOST).to_pylist() == ["first"]
    assert rows(line, layout=standard).table.column(VIEWER_HOST).to_pylist() == ["second"]


@pytest.mark.parametrize("millis", [b"-5", b"nan", b"9" * 20, b"-", b"x", b"1795428000000"])
def test_a_senseless_precise_time_gives_way_to_the_next(millis: bytes) -> None:
    """The same in a block that had to be mended and in one that had not."""
    layout = Layout(("timestamp(ms)", "date", "time", "sc-status"), "a test")
    line = millis + b"\t2026-11-23\t10:00:00\t200"
    for found in (rows(line, layout=layout), rows(line, b"short", layout=layout)):
        assert found.table.column(CLOCK).to_pylist() == [1_795_428_000_000_000]


def test_the_first_rejected_line_of_each_reason_is_known() -> None:
    """By its number, blank lines counted, whether the block had to be mended or not."""
    good, early = b"2026-11-23\t10:00:00\t1\t1\t/\t200", b"1999-01-01\t10:00:00\t1\t1\t/\t200"
    plain_block = rows(good, b"", early, b"-\t-\t1\t1\t/\t200", early)
    assert plain_block.first == {"out_of_range_timestamp": 3, "bad_timestamp": 4}
    mended = rows(good, b"", b"short", early)
    assert mended.first == {"too_few_fields": 3, "out_of_range_timestamp": 4}
