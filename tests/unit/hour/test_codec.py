"""Rows at rest: exact round trips, small; refused when damaged."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.full_hours import full_hour
from pipeline.hour import codec
from pipeline.hour.aggregate import HourlyAggregate, merge
from pipeline.hour.heavy_hitters import Table, merge_tables
from pipeline.hour.hyperloglog import Uniques, mixed
from pipeline.hour.integers import pack_integers, unpack_integers, unzigzag, zigzag
from pipeline.hour.section import CONTENTS
from pipeline.hour.sketches import Sketches, only
from pipeline.hour.totals import Totals
from pipeline.hour.vector import MEASURES, Vector
from pipeline.schema.dimensions import DEFAULT_CAPS, DIMENSIONS
from pipeline.store.counted import RowKey
from pipeline.store.rows import add_to_row
from tests.support.aggregates import aggregates, hour_with

KEY = RowKey("site", "hour", 0)


@given(aggregates)
def test_decoding_undoes_encoding(a: HourlyAggregate) -> None:
    """A stored row is what was stored, and equal rows are equal bytes."""
    assert codec.decode(codec.encode(a)) == a
    assert codec.encode(codec.decode(codec.encode(a))) == codec.encode(a)


integers = st.integers(0, 63).flatmap(lambda width: st.integers(-(2**width), 2**width - 1))


@given(st.lists(integers, max_size=70))
def test_packed_integers_are_exact(numbers: list[int]) -> None:
    """Integers of any 64 bits come back, however much neighbours differ."""
    array = np.array(numbers, np.int64)
    assert np.array_equal(unpack_integers(pack_integers(array), len(array)), array)
    assert np.array_equal(unzigzag(zigzag(array)), array)


@pytest.mark.parametrize(
    ("numbers", "packed"),
    [
        ([], b""),
        ([0, 0], b"\x00"),
        ([1, 0], b"\x01\x01\x00"),
        ([3, 1, 2], b"\x02\x27\x00\x00\x00"),
        ([0] * 16 + [256], b"\x00\x09\x00\x01" + bytes(16)),
        ([-1], b"\x40" + b"\xff" * 8 + bytes(120)),
    ],
)
def test_sixteen_integers_take_the_bits_of_the_largest(numbers: list[int], packed: bytes) -> None:
    """The width of each block first; this is the stored form."""
    assert pack_integers(np.array(numbers, np.int64)) == packed


def test_integers_close_to_zero_are_small_naturals() -> None:
    """So that a small difference of either sign takes few bits."""
    assert zigzag(np.array([0, -1, 1, -2, 2])).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("packed", [b"", b"\x03\x01", b"\x01\x00\x00\x00", b"\x41" + bytes(130)])
def test_bytes_that_are_not_so_many_integers_are_refused(packed: bytes) -> None:
    """Too few, too many, and a width that no integer has."""
    with pytest.raises(ValueError, match="are not 2 integers"):
        unpack_integers(packed, 2)


def table(values: list[str], rng: random.Random, bits: int) -> Table:
    """A table with the largest counts that its total allows, or smaller ones."""
    return Table.of(
        {
            value: Vector(*(rng.getrandbits(rng.randrange(bits)) for _ in range(MEASURES)))
            for value in values
        },
        Vector(7),
        5,
        dict.fromkeys(values, 0),
    )


@given(
    st.lists(st.text(max_size=3), unique=True, max_size=30),
    st.integers(1, 63),
    st.randoms(use_true_random=False),
)
def test_tables_of_any_numbers_come_back(values: list[str], bits: int, rng: random.Random) -> None:
    """Few and many values, with line ends in them, and counts up to 2⁶³-1."""
    hour = hour_with(tables={"path": table(values, rng, bits)})
    assert codec.decode(codec.encode(hour)) == hour


@given(aggregates, st.sets(st.sampled_from(sorted(frozenset.union(*CONTENTS.values())))))
def test_a_reader_gets_the_wanted_sketches_alone(a: HourlyAggregate, wanted: set[str]) -> None:
    """Whether a table has a section of its own or shares one."""
    got = codec.decode(codec.encode(a), frozenset(wanted))
    assert got == HourlyAggregate(a.totals, only(frozenset(wanted), a.sketches))


@pytest.mark.parametrize("values", [0, 32, 33, 300])
def test_a_wanted_table_is_found_beside_others(values: int) -> None:
    """Tables of few values share a section, and a larger one has its own."""
    rng = random.Random(values)
    tables = {
        "path": table([f"/{n}" for n in range(values)], rng, 40),
        "browser": table(["Firefox", "Chrome"], rng, 40),
    }
    row = codec.encode(hour_with(tables=tables))
    assert ("table:path" in codec._row(row).sections) == (values > 32)
    for name in tables:
        assert codec.decode(row, frozenset({name})).sketches.tables == {name: tables[name]}


@given(st.sampled_from([0, 1, 2, 1023, 1024, 1025, 4000]), st.integers(0, 99))
def test_sets_of_few_and_of_many_come_back(members: int, seed: int) -> None:
    """A few filled registers are stored as a list of them."""
    hashes = mixed(np.random.default_rng(seed).integers(0, 2**63, members).astype(np.uint64))
    uniques = Uniques.of(hashes)
    row = codec.encode(HourlyAggregate(Totals(Vector(1)), Sketches(visitors=uniques)))
    assert codec.decode(row).sketches.visitors == uniques
    assert members > 2 or len(row) < 80


def test_what_an_old_row_did_not_note_is_unknown_not_nothing() -> None:
    """Merged with a newer row, its requests are in `other`, and the bound says so."""
    old = hour_with(Vector(7, 70))
    new = hour_with(Vector(5), tables={"browser": Table.of({"Firefox": Vector(5)})})
    merged = merge([old, new]).sketches.tables["browser"]
    assert merged.entries == {"Firefox": Vector(5)}
    assert (merged.other, merged.bound) == (old.totals.counts, old.totals.requests)


@pytest.mark.parametrize("section", ["table:moon", "latency:moon", "moon"])
def test_a_section_of_a_newer_edgetally_is_not_dropped(section: str) -> None:
    """Writing the row again would lose it: the row is refused."""
    row = codec._row(codec.encode(HourlyAggregate()))
    row.sections[section] = b""
    with pytest.raises(codec.CodecError, match=f"'{section}' is unknown"):
        codec.decode(codec._encoder.encode(row))


def test_an_unknown_version_is_named() -> None:
    """A row of a newer edgetally is not guessed at."""
    with pytest.raises(codec.CodecError, match="version 9, and this edgetally reads 3"):
        codec.decode(b"\x92\x09\x80")


@given(st.binary(max_size=60), st.integers(0, 400))
def test_damaged_bytes_are_refused(noise: bytes, at: int) -> None:
    """Whatever happens to a row, it is read as it was or not at all."""
    hour = hour_with(Vector(5), tables={"browser": Table.of({"Firefox": Vector(5)})})
    row = codec.encode(hour)
    damaged = row[:at] + noise + row[at + len(noise) :]
    try:
        assert codec.decode(damaged) == hour
    except codec.CodecError as error:
        assert str(error)  # noqa: PT017 - either way is right


def hostile_hour(seed: int, values: int) -> HourlyAggregate:
    """As many long random values in every table, with large random counts, as anyone could send."""
    rng = random.Random(seed)

    def table() -> Table:
        return Table.of(
            {
                rng.randbytes(30).hex(): Vector(*(rng.getrandbits(44) for _ in range(MEASURES)))
                for _ in range(values)
            }
        )

    busy = full_hour(seed)
    tables = {
        name: merge_tables([table()], DEFAULT_CAPS[name], DEFAULT_CAPS[name] * each.value_bytes)
        for name, each in DIMENSIONS.items()
    }
    return HourlyAggregate(busy.totals, replace(busy.sketches, tables=tables))


def test_a_row_stays_below_300_kb_whatever_comes_in() -> None:
    """Random values and counts everywhere: what does not fit is pruned, as the bounds say."""
    first = add_to_row(KEY, None, hostile_hour(1, 2000), DEFAULT_CAPS)
    row = add_to_row(KEY, first, hostile_hour(2, 2000), DEFAULT_CAPS)
    assert len(row) <= 300_000
    stored = codec.decode(row)
    assert all(table.bound > 0 for table in stored.sketches.tables.values())
    again = add_to_row(KEY, row, hostile_hour(3, 2000), dict.fromkeys(DIMENSIONS, 5000))
    assert len(again) <= 300_000


def test_a_row_that_no_store_takes_is_not_encoded() -> None:
    """The limit is met here, and not in the middle of a commit."""
    rng = random.Random(1)
    huge = Table.of({rng.randbytes(2000).hex(): Vector(1) for _ in range(250)})
    with pytest.raises(codec.TooLarge, match="exceeds 300,000"):
        codec.encode(hour_with(Vector(250), tables={"path": huge}))
