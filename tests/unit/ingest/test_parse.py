"""Whole objects against the oracle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ObjectRefused
from pipeline.ingest.parse import parse
from pipeline.ingest.parsed import Parsed, Reading
from pipeline.read.limits import Limits
from tests.support.examples import examples
from tests.support.lines import FIELDS, MODIFIED, MadeObject, made_objects
from tests.support.oracle import Count, assert_same

SITE = "any"


def parsed(text: bytes, reading: Reading | None = None) -> Parsed:
    return parse([text], MODIFIED, reading or Reading())


def counted(text: bytes) -> Count:
    count = Count()
    count.add(text, SITE, FIELDS, MODIFIED)
    return count


@examples(60)
@given(st.integers(0, 10**9))
def test_objects_of_any_layout_equal_a_plain_loop_over_their_lines(seed: int) -> None:
    """Every hour, total and table entry of an odd object is what a plain loop counts."""
    made = made_objects(seed, 1, lines=120)[0]
    expected = counted(made.text)
    try:
        result = parse([made.body], MODIFIED, Reading())
    except ObjectRefused:  # without a header, and too few lines to tell its layout: see below
        assert not made.text.startswith(b"#")
        assert expected.lines < 8
        return
    assert result.records == expected.records
    assert result.rejected == +expected.rejected
    assert expected.lines == result.records + sum(result.rejected.values())
    held = {hour: each for hour, each in result.hours.items() if each.totals.requests}
    assert set(held) == {hour for _, hour in expected.hours}
    for hour, aggregate in held.items():
        assert_same(aggregate, expected.hours[SITE, hour])


@given(cuts=st.lists(st.integers(1, 60), min_size=1, max_size=40))
@examples(30)
def test_chunks_may_be_cut_anywhere(cuts: list[int]) -> None:
    """How the bytes arrive makes no difference."""
    body = made_objects(7, 1)[0].body
    chunks, start = [], 0
    for cut in cuts:
        chunks.append(body[start : start + cut])
        start += cut
    chunks.append(body[start:])
    assert parse(chunks, MODIFIED, Reading()) == parse([body], MODIFIED, Reading())


def test_an_object_is_counted_in_the_first_of_its_hours_that_a_window_has() -> None:
    """Each hour says which hour the object touched before it."""
    lines = b"".join(b"2026-11-22\t%02d:00:00\n" % hour for hour in (3, 9, 4))
    hours = parsed(b"#Fields: date time\n" + lines).hours
    first, second, third = sorted(hours)
    assert [dict(hours[hour].totals.objects) for hour in (first, second, third)] == [
        {-1: 1},
        {first: 1},
        {second: 1},
    ]


@pytest.mark.parametrize(
    "text", [b"", b"#Version: 1.0\n", b"#Version: 1.0\n#Fields: date time\n\n"]
)
def test_an_object_without_lines_is_an_object_of_no_records(text: bytes) -> None:
    """It is counted as an object in the hour of its own time."""
    result = parsed(text)
    assert result.records == 0
    assert [dict(each.totals.objects) for each in result.hours.values()] == [{-1: 1}]


def test_rejected_lines_are_kept_with_the_first_hour() -> None:
    """The hour of the object's other lines says what was not counted, and why."""
    good, early = b"2026-11-22\t10:00:00\t200\n", b"1970-01-01\t00:00:00\t200\n"
    text = b"#Fields: date time sc-status\n" + good + b"rubbish\n" + early + b"-\t-\t-\n"
    result = parsed(text)
    reasons = {"too_few_fields": 1, "out_of_range_timestamp": 1, "bad_timestamp": 1}
    assert result.records == 1
    assert result.rejected == reasons
    assert [each.totals.rejected for each in result.hours.values()] == [reasons]


def test_a_header_without_a_time_is_refused() -> None:
    """Lines without a time belong to no hour."""
    with pytest.raises(ObjectRefused, match="no time field"):
        parsed(b"#Fields: sc-status cs-method\n200\tGET\n")


def test_an_object_of_too_many_hours_is_refused() -> None:
    """The limit is named, and how to raise it."""
    lines = b"".join(b"2026-11-22\t%02d:00:00\n" % hour for hour in range(4))
    reading = Reading(limits=Limits(max_hours=3))
    with pytest.raises(ObjectRefused, match="more than 3 hours.*EDGETALLY_MAX_HOURS"):
        parsed(b"#Fields: date time\n" + lines, reading)


def test_one_odd_line_does_not_change_how_its_neighbours_are_read() -> None:
    """A block that has to be mended gives the same as one that has not."""
    clean = made_objects(3, 12, lines=200)
    tidy = next(each for each in clean if each.text.startswith(b"#") and len(each.text) > 3000)
    fields = len(tidy.text.split(b"\n")[1].split()) - 1
    # Lines of one field: rejected, but they force the whole block through the mending path.
    spoilt = MadeObject(tidy.key, tidy.text + (b"x\n" if fields > 1 else b""))
    whole, mended = parsed(tidy.text), parsed(spoilt.text)
    assert mended.records == whole.records
    for hour, aggregate in whole.hours.items():
        assert mended.hours[hour].sketches.tables == aggregate.sketches.tables
        assert mended.hours[hour].totals.counts == aggregate.totals.counts
