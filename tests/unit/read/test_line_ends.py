"""Lines end with LF, CRLF or CR, mixed in any way, and with nothing else."""

import gzip
import itertools
import json

import pytest

from pipeline.errors import ObjectRefused
from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.ingest.parse import parse
from pipeline.ingest.parsed import Parsed, Reading
from pipeline.read.limits import Limits
from pipeline.read.line_ends import lines_of_cr, unix_line_ends
from tests.unit.read.test_cases import FIELDS, MODIFIED, REQUEST, parsed, values

HEADER = ["#Version: 1.0", f"#Fields: {' '.join(FIELDS)}"]
LINE = "\t".join(REQUEST.values())
MARK = b"\xef\xbb\xbf"
ENDS = ["\n", "\r\n", "\r"]


def joined(lines: list[str], ends: tuple[str, ...]) -> bytes:
    """The lines with these ends, in turn."""
    return "".join(
        f"{line}{end}" for line, end in zip(lines, itertools.cycle(ends), strict=False)
    ).encode()


@pytest.mark.parametrize(
    "ends", [*itertools.product(ENDS, repeat=3), *itertools.product(ENDS, repeat=2)]
)
@pytest.mark.parametrize("head", [HEADER, []])
def test_any_line_ends_are_read(ends: tuple[str, ...], head: list[str]) -> None:
    """Alone and mixed, with a header and without."""
    body = joined([*head, *[LINE] * 5], ends)
    for chunks in (
        [body],
        [body[:100], body[100:]],
        [body[place : place + 7] for place in range(0, len(body), 7)],
    ):
        found = parse(chunks, MODIFIED, Reading())
        assert (found.records, found.rejected) == (5, {}), ends
        assert values(merge(found.hours.values()), "path") == {"/a": 5}


@pytest.mark.parametrize("end", ENDS)
def test_json_lines_have_any_line_ends_too(end: str) -> None:
    """And so have the lines of an array."""
    rows = [json.dumps(REQUEST)] * 3
    assert parsed(joined(rows, (end,))).records == 3
    assert parsed(f"[{end}{f',{end}'.join(rows)}{end}]".encode()).records == 3


def test_lines_that_end_with_cr_are_read_in_blocks() -> None:
    """A whole file of them is no line that is too long."""
    body = joined([*HEADER, *[LINE] * 2000], ("\r",))
    limits = Limits(max_line=4096)
    found = parse([gzip.compress(body)], MODIFIED, Reading(limits=limits))
    assert (found.records, found.rejected) == (2000, {})


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\x1e"])
def test_no_other_character_ends_a_line(character: str) -> None:
    """It is a part of the path, in every format."""
    row = REQUEST | {"cs-uri-stem": f"/a{character}b"}
    text = "\n".join([*HEADER, "\t".join(row.values()), ""])
    for body in (text.encode(), json.dumps(row, ensure_ascii=False).encode()):
        assert values(whole_of(parsed(body)), "path") == {f"/a{character}b": 1}


@pytest.mark.parametrize("end", ["\x85", "\u2028", "\u2029", "\x0b", "\x0c", "\x1e"])
def test_lines_that_end_with_another_character_are_refused(end: str) -> None:
    """The whole object would be one comment, and counted as empty."""
    body = f"{end.join([*HEADER, LINE, LINE])}{end}".encode()
    for each in (body, f"{HEADER[0]}\n{HEADER[1]}{end}{LINE}{end}".encode()):
        with pytest.raises(ObjectRefused, match="its lines end with .*: save it with LF"):
            parsed(each)
    with pytest.raises(ObjectRefused):
        parsed(end.join([LINE, LINE]).encode())


def whole_of(found: Parsed) -> HourlyAggregate:
    return merge(found.hours.values())


def test_a_cr_inside_a_value_is_a_part_of_it() -> None:
    """As there is no line on both of its sides; CloudFront would have written it so."""
    row = REQUEST | {"cs-uri-stem": "/a\rb"}
    body = "\n".join([*HEADER, "\t".join(row.values()), LINE, ""]).encode()
    found = whole_of(parsed(body))
    assert values(found, "path") == {"/a%0Db": 1, "/a": 1}


@pytest.mark.parametrize("before", ["\n", "", "\r\n", "\r"])
def test_a_byte_order_mark_between_two_files_is_no_part_of_a_line(before: str) -> None:
    """Concatenated files each have theirs, and the last line of one may lack its end."""
    one = "\n".join([*HEADER, LINE, LINE]).encode()
    body = MARK + one + before.encode() + MARK + one + b"\n"
    assert parsed(body).records == parsed(gzip.compress(body)).records == 4
    headless = f"{LINE}\n{LINE}".encode()
    body = MARK + headless + before.encode() + MARK + headless
    found = parsed(body)
    assert (found.records, found.rejected) == (4, {})
    rows = json.dumps(REQUEST).encode()
    assert parsed(MARK + rows + before.encode() + MARK + rows).records == 2


def test_an_object_of_marks_and_ends_is_empty() -> None:
    """And loses nothing, because it has nothing."""
    found = parsed(MARK + b"\r\r\n" + MARK + b"\n\r")
    assert (found.records, found.rejected) == (0, {})


def test_text_without_cr_passes_as_it_is() -> None:
    """Nearly all text has none, and copying it would take time."""
    block = f"{LINE}\n".encode()
    assert unix_line_ends(block) is block
    assert b"".join(lines_of_cr([block, block])) == 2 * block


def test_a_cr_at_the_end_of_the_first_bytes_may_be_half_a_line_end() -> None:
    """The LF comes in the next chunk."""
    assert b"".join(lines_of_cr([b"a" * (64 << 10), b"\r", b"\nb\n"])).endswith(b"a\r\nb\n")


def test_what_no_line_end_can_mend_is_refused() -> None:
    """Never 0 records and success."""
    body = joined(["x"] * 5, ("\r",))
    with pytest.raises(ObjectRefused):
        parsed(body)
