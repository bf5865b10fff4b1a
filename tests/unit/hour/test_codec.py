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
from pipeline.hour.packing import pack_matrix, unpack_matrix
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


@given(st.integers(0, 3), st.integers(0, 40), st.randoms(use_true_random=False))
def test_planes_are_exact(rows: int, columns: int, rng: random.Random) -> None:
    """Integers of any size from 0 to 2⁶³-1 come back."""
    matrix = np.array(
        [[rng.getrandbits(rng.randrange(64)) for _ in range(columns)] for _ in range(rows)],
        np.int64,
    ).reshape(rows, columns)
    assert np.array_equal(unpack_matrix(pack_matrix(matrix), rows, columns), matrix)


@pytest.mark.parametrize(
    ("numbers", "packed"),
    [
        ([], b""),
        ([0, 0], b""),
        ([1, 0], b"\x01\x00"),
        ([255, 1], b"\xff\x01"),
        ([256, 1], b"\x00\x01\x01\x00"),
        ([0, 2**63 - 1], b"\x00\xff" * 7 + b"\x00\x7f"),
    ],
)
def test_planes_are_as_many_as_the_largest_number_needs(numbers: list[int], packed: bytes) -> None:
    """The lowest bytes of all, then the second ones; none that are nothing but zeros."""
    matrix = np.array([numbers], np.int64)
    assert pack_matrix(matrix) == packed
    assert np.array_equal(unpack_matrix(packed, 1, len(numbers)), matrix)


@pytest.mark.parametrize(
    ("packed", "reason"), [(b"123", "no 1 × 2"), (b"\xff" * 16, "63 bits"), (b"1" * 18, "no 1 × 2")]
)
def test_bytes_that_are_no_planes_are_refused(packed: bytes, reason: str) -> None:
    """A length that does not fit, more than eight planes, and numbers that would be negative."""
    with pytest.raises(ValueError, match=reason):
        unpack_matrix(packed, 1, 2)


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
