"""Names are believed only where their columns look like them: in a header, JSON and Parquet."""

import gzip
import itertools
import json
import random

import pytest

from pipeline.errors import ObjectRefused
from pipeline.ingest.parse import parse_unless_small
from pipeline.ingest.parsed import Reading
from pipeline.tally.naming import Naming
from tests.unit.read.test_cases import (
    ADDRESS,
    FIELDS,
    MODIFIED,
    REQUEST,
    lines,
    parquet,
    parsed,
    values,
    whole,
    with_header,
)

ODD_VALUES = ["-", "", "nonsense", '"', "NaN", "-5", "9" * 40, "1e3", "٣", "a b", "True"]
KINDS = {
    "number": ("sc-bytes", "cs-bytes", "c-port", "sc-content-len", "sc-status"),
    "time": ("time-taken", "time-to-first-byte"),
    "word": ("x-edge-result-type", "x-edge-response-result-type", "x-edge-detailed-result-type"),
    "host": ("cs(Host)", "x-host-header"),
    "text": ("cs(Referer)", "cs(User-Agent)", "x-edge-request-id", "x-host-header", "cs(Host)"),
    "hidden": ("c-ip", "cs(User-Agent)", "x-edge-request-id"),
    "address": ("cs-uri-stem", "cs(Referer)"),
    "what viewers and origins send": ("cs(User-Agent)", "cs(Referer)", "sc-content-type"),
    "of any letters": ("x-edge-request-id", "sc-content-type"),
}
"""Fields whose values may look alike."""


def alike(one: str, other: str) -> bool:
    return any(one in names and other in names for names in KINDS.values())


LOGGED = [name for name, value in REQUEST.items() if value != "-" and name not in ("date", "time")]
PAIRS = [
    (one, other)
    for one, other in itertools.combinations(LOGGED, 2)
    if not alike(one, other) and not {one, other} <= {*KINDS["host"], *KINDS["text"]}
]


def refusal(body: bytes) -> str:
    with pytest.raises(ObjectRefused) as refused:
        parsed(body)
    return str(refused.value)


@pytest.mark.parametrize("rows", [1, 3, 60])
@pytest.mark.parametrize("missing", [name for name in LOGGED if name in FIELDS[3:20]])
def test_a_header_without_the_name_of_a_column_is_refused(missing: str, rows: int) -> None:
    """All names behind it are shifted by one."""
    header = [name for name in FIELDS if name != missing]
    body = with_header(lines(FIELDS, rows), header)
    for each in (body, gzip.compress(body)):
        said = refusal(each)
        assert "does not look like one" in said
        assert ADDRESS not in said


@pytest.mark.parametrize("place", range(3, 20))
def test_a_header_with_a_name_too_many_is_refused(place: int) -> None:
    """As a new field that the lines do not have."""
    header = [*FIELDS[:place], "c-country", *FIELDS[place:]]
    assert "does not look like one" in refusal(with_header(lines(FIELDS), header))


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_names_in_each_others_place_are_refused(one: str, other: str) -> None:
    """The reason names one of them."""
    header = [{one: other, other: one}.get(name, name) for name in FIELDS]
    said = refusal(with_header(lines(FIELDS), header))
    assert said.startswith((f"its field {one} does", f"its field {other} does"))


@pytest.mark.parametrize(
    ("one", "other"),
    [("sc-status", "sc-bytes"), ("cs-method", "cs-uri-stem"), ("x-edge-location", "time-taken")],
)
def test_two_names_in_each_others_place_are_refused_in_every_format(one: str, other: str) -> None:
    """A table of Glue, for one, has the names of someone's list."""
    row = REQUEST | {one: REQUEST[other], other: REQUEST[one]}
    for body in (json.dumps(row).encode(), parquet({key: [value] for key, value in row.items()})):
        assert "does not look like one in 1 of the first 1 rows" in refusal(body)


def test_a_later_header_is_held_against_its_own_lines() -> None:
    """Concatenated files have several."""
    swapped = [
        {"sc-status": "sc-bytes", "sc-bytes": "sc-status"}.get(name, name) for name in FIELDS
    ]
    body = with_header(lines(FIELDS)) + with_header(lines(FIELDS), swapped)
    assert "its field sc-status does not look like one" in refusal(body)
    assert parsed(with_header(lines(FIELDS)) * 3).records == 9


def test_small_objects_are_held_against_their_header_too() -> None:
    """They are read together with others, and refused alone."""
    header = [name for name in FIELDS if name != "c-ip"]
    for rows in (1, 50):
        with pytest.raises(ObjectRefused, match="does not look like one"):
            parse_unless_small(
                [with_header(lines(FIELDS, rows), header)], MODIFIED, Reading(), Naming()
            )


@pytest.mark.parametrize("odd", ODD_VALUES)
@pytest.mark.parametrize("name", [name for name in LOGGED if name != "cs(Host)"])
def test_damage_proves_nothing_about_the_names(name: str, odd: str) -> None:
    """A value that is of no kind at all costs neither its line nor its object."""
    row = REQUEST | {name: odd}
    text = "\t".join(row.values()) + "\n"
    for body in (with_header(text.encode()), json.dumps(row).encode()):
        assert parsed(body).records == 1


@pytest.mark.parametrize("agent", ["Hit", "GET", "200", "1.5", "https", "/x", "2026-11-22"])
def test_no_viewer_can_have_an_object_refused(agent: str) -> None:
    """Its agent, its referrer and the type of what it is sent may be anything at all."""
    row = REQUEST | {"cs(User-Agent)": agent, "cs(Referer)": agent, "sc-content-type": agent}
    text = ("\t".join(row.values()) + "\n") * 20
    for body in (with_header(text.encode()), json.dumps(row).encode()):
        assert parsed(body).rejected == {}


@pytest.mark.parametrize("hidden", ["REDACTED", "203.0.113.x", "0a1b2c3d4e5f60718293", "xxx", "-"])
def test_an_address_may_be_hidden(hidden: str) -> None:
    """Many hide it before they pass logs on."""
    body = with_header(lines(FIELDS).replace(ADDRESS.encode(), hidden.encode()))
    assert parsed(body).records == 3


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("x-edge-location", "LAX-embedded-3"),
        ("cs-protocol", "http3"),
        ("ssl-protocol", "QUIC"),
        ("x-edge-result-type", "hit:shield"),
        ("cs-protocol-version", "h4"),
    ],
)
def test_a_form_that_is_new_to_us_is_counted(name: str, new: str) -> None:
    """CloudFront may come to write one in every row; names that do not fit spoil two columns."""
    row = REQUEST | {name: new}
    text = ("\t".join(row.values()) + "\n") * 20
    for body in (with_header(text.encode()), f"{json.dumps(row)}\n".encode() * 20):
        assert parsed(body).records == 20


def test_some_odd_rows_among_others_are_counted() -> None:
    """Most of the first rows decide, not one."""
    rng = random.Random(16)
    rows = [dict(REQUEST) for _ in range(40)]
    for row in rng.sample(rows, 8):
        row["sc-status"], row["sc-bytes"] = row["sc-bytes"], row["sc-status"]
    text = "".join("\t".join(row.values()) + "\n" for row in rows)
    assert values(whole(with_header(text.encode())), "status") == {"200": 32, "-": 8}


def test_a_name_that_stands_twice_is_refused_unless_its_columns_are_the_same() -> None:
    """One of them is another field's."""
    twice = [{"cs-bytes": "sc-bytes"}.get(name, name) for name in FIELDS]
    assert "names sc-bytes twice" in refusal(with_header(lines(FIELDS), twice))
    same = [*FIELDS, "sc-status"]
    assert parsed(with_header(lines(same), same)).records == 3


def test_a_header_needs_no_space() -> None:
    """`#Fields:date` is one, too."""
    body = with_header(lines(FIELDS[:9]), FIELDS[:9]).replace(b"#Fields: ", b"#FIELDS:")
    assert parsed(body).records == 3
