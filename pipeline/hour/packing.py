"""Tables, histograms and sets ⇄ the bytes of their sections.

A table is stored by columns: its values in order, the requests of each, and its other measures
less the table's mean for so many requests, the busiest values first. Such numbers are most of a
row, and take little more than the bits that the mean does not tell.
"""

import zlib
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from pipeline.arrays import Integers
from pipeline.hour.heavy_hitters import Table
from pipeline.hour.histogram import BUCKETS, Histogram
from pipeline.hour.hyperloglog import LARGEST, REGISTERS, Registers, Uniques
from pipeline.hour.integers import pack_integers, unpack_integers, unzigzag, zigzag
from pipeline.hour.section import LATENCY, TABLE, UNIQUE, CodecError, pack, unpack
from pipeline.hour.sketches import Sketches
from pipeline.hour.vector import MEASURES, Vector

_FEW_REGISTERS = 1024
"""Filled registers of a set up to which it is stored as a list of them."""

_FEW_VALUES = 8
"""Values of a table up to which nothing is subtracted from its measures."""

_SHIFT = 16
"""The binary digits of a mean per request behind its point."""


class _Table(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    values: str | list[str]
    """Joined by line ends; a list if one of them has a line end, or if there are none."""
    units: list[int]
    """The greatest common divisor of each measure: logs have whole milliseconds."""
    means: list[int]
    """The mean of each measure but the requests, per request; empty if nothing is subtracted."""
    shift: int
    counts: bytes
    """The measures in their units, less the means, and the cuts if `bound` is not 0.

    A value's cut is `bound` less what was taken from its Misra-Gries counter.
    """
    other: Vector
    bound: int


class _Sparse(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    size: int
    gaps: bytes
    registers: bytes


_SET: Any = bytes | _Sparse


class _Histogram(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    first: int
    size: int
    counts: bytes
    sum_us: int
    max_us: int


def pack_sketches(sketches: Sketches) -> dict[str, bytes]:
    """The sections of the sketches by name, in the order of their names."""
    sets = {"visitors": sketches.visitors, "paths": sketches.paths}
    sections = {
        **{TABLE + name: _pack_table(table) for name, table in sketches.tables.items()},
        **{LATENCY + name: _pack_histogram(times) for name, times in sketches.latency.items()},
        **{UNIQUE + name: _pack_uniques(each) for name, each in sets.items() if each is not None},
    }
    return dict(sorted(sections.items()))


def unpack_sketches(sections: Mapping[str, bytes]) -> Sketches:
    """The sketches of these sections. Raises CodecError."""

    def named(kind: str) -> dict[str, bytes]:
        return {
            section.removeprefix(kind): raw
            for section, raw in sections.items()
            if section.startswith(kind)
        }

    sets = {name: _unpack_uniques(raw) for name, raw in named(UNIQUE).items()}
    return Sketches(
        tables={name: _unpack_table(raw) for name, raw in named(TABLE).items()},
        latency={name: _unpack_histogram(raw) for name, raw in named(LATENCY).items()},
        visitors=sets.get("visitors"),
        paths=sets.get("paths"),
    )


def _pack_table(table: Table) -> bytes:
    order = sorted(range(len(table)), key=table.values.__getitem__)
    counts = table.counts[:, order]
    cuts = table.bound - (counts[0] - table.weights[order])
    units = np.maximum(np.gcd.reduce(counts, axis=1, initial=0), 1)
    units[0] = 1
    counts //= units[:, np.newaxis]
    means, shift = _means(counts)
    if means:
        rest = counts[1:] - _expected(counts[0], means, shift)
        counts[1:] = zigzag(rest[:, _busiest_first(counts[0])])
    packed = np.vstack([counts, cuts]) if table.bound else counts
    return pack(
        _Table(
            _joined([table.values[place] for place in order]),
            units.tolist(),
            means,
            shift,
            pack_integers(packed.reshape(-1)),
            table.other,
            table.bound,
        )
    )


def _unpack_table(section: bytes) -> Table:
    raw = unpack(section, _Table)
    values = raw.values.split("\n") if isinstance(raw.values, str) else raw.values
    rows = MEASURES + (raw.bound > 0)
    try:
        packed = unpack_integers(raw.counts, rows * len(values)).reshape(rows, len(values))
        counts = packed[:MEASURES]
        if raw.means:
            rest = _expected(counts[0], raw.means, raw.shift)
            rest[:, _busiest_first(counts[0])] += unzigzag(counts[1:])
            counts[1:] = rest
        counts *= np.array(raw.units, np.int64)[:, np.newaxis]
    except (ValueError, OverflowError) as error:
        raise CodecError(f"the columns of a table do not fit together ({error})") from error
    if counts.min(initial=0) < 0:
        raise CodecError("a count of a table is negative")
    weights = counts[0] - raw.bound + packed[MEASURES] if raw.bound else None
    return Table(values, counts, raw.other, raw.bound, weights)


def _joined(values: list[str]) -> str | list[str]:
    text = "\n".join(values)  # compresses better than a list
    return text if values and text.count("\n") == len(values) - 1 else values


def _means(counts: Integers) -> tuple[list[int], int]:
    """The mean per request of each measure but the requests, in units of 2^-shift.

    None of a few values, which would not be smaller for it, nor if 64 bits are too few.
    """
    if counts.shape[1] <= _FEW_VALUES or int(counts.max()) * counts.shape[1] >= 2**62:
        return [], 0
    requests, *sums = counts.sum(axis=1).tolist()
    shift = min(_SHIFT, 62 - max(sums).bit_length())
    return [(total << shift) // max(1, requests) for total in sums], shift


def _expected(requests: Integers, means: list[int], shift: int) -> Integers:
    """Each measure but the requests if it were the mean: a row per measure."""
    expected: Integers = np.array(means, np.int64)[:, np.newaxis] * requests >> shift
    return expected


def _busiest_first(requests: Integers) -> Integers:
    return np.argsort(-requests, kind="stable")


def _pack_histogram(histogram: Histogram) -> bytes:
    filled = np.flatnonzero(histogram.counts)
    first, end = (int(filled[0]), int(filled[-1]) + 1) if len(filled) else (0, 0)
    counts = pack_integers(histogram.counts[first:end])
    return pack(_Histogram(first, end - first, counts, histogram.sum_us, histogram.max_us))


def _unpack_histogram(section: bytes) -> Histogram:
    raw = unpack(section, _Histogram)
    counts = np.zeros(BUCKETS, np.int64)
    try:
        if raw.first < 0 or raw.size < 0 or raw.first + raw.size > BUCKETS:
            raise ValueError(f"no buckets {raw.first} to {raw.first + raw.size}")
        counts[raw.first : raw.first + raw.size] = unpack_integers(raw.counts, raw.size)
    except ValueError as error:
        raise CodecError(f"a histogram is damaged ({error})") from error
    return Histogram(counts, raw.sum_us, raw.max_us)


def _pack_uniques(uniques: Uniques) -> bytes:
    filled = np.flatnonzero(uniques.registers)
    if len(filled) > _FEW_REGISTERS:
        return pack(uniques.registers.tobytes(), strategy=zlib.Z_HUFFMAN_ONLY)  # nothing repeats
    gaps = np.diff(filled, prepend=0)
    members = uniques.registers[filled].astype(np.int64)
    return pack(_Sparse(len(filled), pack_integers(gaps), pack_integers(members)))


def _unpack_uniques(section: bytes) -> Uniques:
    raw: bytes | _Sparse = unpack(section, _SET)
    registers = _filled(raw) if isinstance(raw, _Sparse) else np.frombuffer(raw, np.uint8)
    if len(registers) != REGISTERS or registers.max() > LARGEST:
        raise CodecError("the registers of a set are damaged")
    return Uniques(registers)


def _filled(raw: _Sparse) -> Registers:
    registers = np.zeros(REGISTERS, np.uint8)
    try:
        places = np.cumsum(unpack_integers(raw.gaps, raw.size))
        registers[places] = unpack_integers(raw.registers, raw.size)
    except (ValueError, IndexError) as error:
        raise CodecError(f"the registers of a set are damaged ({error})") from error
    return registers
