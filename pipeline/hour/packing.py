"""Tables, histograms and sets ⇄ the bytes of their sections.

Tables of few values lie side by side in one section, and each larger one in a section of its own:
what a section costs to read is the same for one table and for twenty. So do all histograms.

A table is stored by columns: its values in order, the requests of each, and its other measures
less the mean for so many requests, the busiest values first. Such numbers are most of a row, and
take little more than the bits that the mean does not tell.
"""

import zlib
from collections.abc import Mapping, Sequence
from itertools import accumulate, chain, pairwise
from typing import Any

import msgspec
import numpy as np

from pipeline.arrays import Integers
from pipeline.hour.heavy_hitters import Table
from pipeline.hour.histogram import BUCKETS, Histogram
from pipeline.hour.hyperloglog import LARGEST, REGISTERS, Registers, Uniques
from pipeline.hour.integers import pack_integers, unpack_integers, unzigzag, zigzag
from pipeline.hour.section import LATENCY, TABLE, TABLES, UNIQUE, CodecError, pack, unpack
from pipeline.hour.sketches import Sketches
from pipeline.hour.vector import MEASURES, Vector

_FEW_VALUES = 32
"""Values of a table up to which it shares a section with others."""

_FEW_REGISTERS = 1024
"""Filled registers of a set up to which it is stored as a list of them."""

_SHIFT = 16
"""The binary digits of a mean per request behind its point."""

_TIME = Vector._fields.index("time_us")
_MILLISECOND = 1000


class _Tables(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """Tables by name. The columns of the first come first."""

    values: dict[str, str | list[str]]
    """Joined by line ends; a list if one of them has a line end, or if there are none."""
    others: list[Vector]
    bounds: list[int]
    means: list[int]
    """The mean of each measure but the requests, per request."""
    shift: int
    milliseconds: bool
    """Whether times are whole milliseconds, as in most logs, and stored as such."""
    counts: bytes
    """The measures less the means, and the cuts if a bound is not 0.

    A value's cut is its table's bound less what was taken from its Misra-Gries counter.
    """


class _Sparse(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    size: int
    gaps_and_registers: bytes


_SET: Any = bytes | _Sparse


class _Histograms(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    ranges: dict[str, tuple[int, int]]
    """The first filled bucket of each, and the one behind the last."""
    sums_us: list[int]
    maxima_us: list[int]
    counts: bytes
    """The buckets of the ranges."""


def pack_sketches(sketches: Sketches) -> dict[str, bytes]:
    """The sections of the sketches by name."""
    tables = dict(sorted(sketches.tables.items()))
    few = {name: table for name, table in tables.items() if len(table) <= _FEW_VALUES}
    sets = {"visitors": sketches.visitors, "paths": sketches.paths}
    sections = {
        TABLE + name: _pack_tables({name: table})
        for name, table in tables.items()
        if name not in few
    }
    sections |= {
        UNIQUE + name: _pack_uniques(each) for name, each in sets.items() if each is not None
    }
    if few:
        sections[TABLES] = _pack_tables(few)
    if sketches.latency:
        sections[LATENCY] = _pack_histograms(dict(sorted(sketches.latency.items())))
    return sections


def unpack_sketches(sections: Mapping[str, bytes]) -> Sketches:
    """The sketches of these sections. Raises CodecError."""
    tables = (
        _unpack_tables(raw)
        for section, raw in sections.items()
        if section.startswith((TABLE, TABLES))
    )
    sets = {
        section.removeprefix(UNIQUE): _unpack_uniques(raw)
        for section, raw in sections.items()
        if section.startswith(UNIQUE)
    }
    return Sketches(
        tables=dict(chain.from_iterable(each.items() for each in tables)),
        latency=_unpack_histograms(sections[LATENCY]) if LATENCY in sections else {},
        visitors=sets.get("visitors"),
        paths=sets.get("paths"),
    )


def _pack_tables(tables: Mapping[str, Table]) -> bytes:
    orders = [sorted(range(len(table)), key=table.values.__getitem__) for table in tables.values()]
    ordered = [np.array(order, np.intp) for order in orders]
    pairs = list(zip(tables.values(), ordered, strict=True))
    counts = np.concatenate([table.counts[:, order] for table, order in pairs], axis=1)
    cuts = [table.bound - (table.counts[0] - table.weights)[order] for table, order in pairs]
    bounds = [table.bound for table in tables.values()]
    milliseconds = not (counts[_TIME] % _MILLISECOND).any()
    if milliseconds:
        counts[_TIME] //= _MILLISECOND
    means, shift = _means(counts)
    if means:
        order = _busiest_first(counts[0])
        counts[1:] = zigzag(counts[1:, order] - _expected(counts[0, order], means, shift))
    packed = np.vstack([counts, np.concatenate(cuts)]) if any(bounds) else counts
    return pack(
        _Tables(
            {
                name: _joined([table.values[place] for place in order])
                for (name, table), order in zip(tables.items(), orders, strict=True)
            },
            [table.other for table in tables.values()],
            bounds,
            means,
            shift,
            milliseconds,
            pack_integers(packed.reshape(-1)),
        )
    )


def _unpack_tables(section: bytes) -> dict[str, Table]:
    raw = unpack(section, _Tables)
    values = [each.split("\n") if isinstance(each, str) else each for each in raw.values.values()]
    ends = list(accumulate(map(len, values), initial=0))
    try:
        packed = _unpack_columns(raw, ends[-1])
        return {
            name: _table(names, packed[:, first:end], other, bound)
            for name, names, (first, end), other, bound in zip(
                raw.values, values, pairwise(ends), raw.others, raw.bounds, strict=True
            )
        }
    except (ValueError, OverflowError) as error:
        raise CodecError(f"the columns of a table do not fit together ({error})") from error


def _unpack_columns(raw: _Tables, size: int) -> Integers:
    """The measures of all values, and their cuts if a bound is not 0. Raises ValueError."""
    rows = MEASURES + any(raw.bounds)
    packed = unpack_integers(raw.counts, rows * size).reshape(rows, size)
    counts = packed[:MEASURES]
    if raw.means:
        order = _busiest_first(counts[0])
        rest = _expected(counts[0, order], raw.means, raw.shift)
        rest += unzigzag(counts[1:])
        counts[1:, order] = rest
    if raw.milliseconds:
        counts[_TIME] *= _MILLISECOND
    if counts.min(initial=0) < 0:
        raise ValueError("a count is negative")
    return packed


def _table(values: Sequence[str], columns: Integers, other: Vector, bound: int) -> Table:
    counts = columns[:MEASURES]
    weights = counts[0] - bound + columns[MEASURES] if bound else None
    return Table(values, counts, other, bound, weights)


def _joined(values: list[str]) -> str | list[str]:
    text = "\n".join(values)  # compresses better than a list
    return text if values and text.count("\n") == len(values) - 1 else values


def _means(counts: Integers) -> tuple[list[int], int]:
    """The mean per request of each measure but the requests, in units of 2^-shift.

    Empty if 64 bits are too few: then nothing is subtracted.
    """
    if int(counts.max(initial=0)) * counts.shape[1] >= 2**62:
        return [], 0
    requests, *sums = counts.sum(axis=1).tolist()
    shift = min(_SHIFT, 62 - max(sums).bit_length())
    return [(total << shift) // max(1, requests) for total in sums], shift


def _expected(requests: Integers, means: list[int], shift: int) -> Integers:
    """Each measure but the requests if it were the mean: a row per measure."""
    expected: Integers = np.multiply.outer(np.array(means, np.int64), requests)
    expected >>= shift
    return expected


def _busiest_first(requests: Integers) -> Integers:
    return np.argsort(-requests, kind="stable")


def _pack_histograms(histograms: Mapping[str, Histogram]) -> bytes:
    ranges = {name: _filled_range(times.counts) for name, times in histograms.items()}
    counts = [histograms[name].counts[first:end] for name, (first, end) in ranges.items()]
    return pack(
        _Histograms(
            ranges,
            [times.sum_us for times in histograms.values()],
            [times.max_us for times in histograms.values()],
            pack_integers(np.concatenate(counts)),
        )
    )


def _filled_range(counts: Integers) -> tuple[int, int]:
    filled = np.flatnonzero(counts)
    return (int(filled[0]), int(filled[-1]) + 1) if len(filled) else (0, 0)


def _unpack_histograms(section: bytes) -> dict[str, Histogram]:
    raw = unpack(section, _Histograms)
    ranges = list(raw.ranges.values())
    counts = np.zeros((len(ranges), BUCKETS), np.int64)
    try:
        if not all(0 <= first <= end <= BUCKETS for first, end in ranges):
            raise ValueError(f"no such buckets: {ranges}")
        ends = list(accumulate((end - first for first, end in ranges), initial=0))
        packed = unpack_integers(raw.counts, ends[-1])
        for row, (first, end), (begins, ends_at) in zip(
            counts, ranges, pairwise(ends), strict=True
        ):
            row[first:end] = packed[begins:ends_at]
        columns = zip(raw.ranges, counts, raw.sums_us, raw.maxima_us, strict=True)
        return {name: Histogram(row, total, most) for name, row, total, most in columns}
    except ValueError as error:
        raise CodecError(f"a histogram is damaged ({error})") from error


def _pack_uniques(uniques: Uniques) -> bytes:
    filled = np.flatnonzero(uniques.registers)
    if len(filled) > _FEW_REGISTERS:
        return pack(uniques.registers.tobytes(), strategy=zlib.Z_HUFFMAN_ONLY)  # nothing repeats
    members = uniques.registers[filled].astype(np.int64)
    gaps = np.diff(filled, prepend=0)
    return pack(_Sparse(len(filled), pack_integers(np.concatenate([gaps, members]))))


def _unpack_uniques(section: bytes) -> Uniques:
    raw: bytes | _Sparse = unpack(section, _SET)
    registers = _filled(raw) if isinstance(raw, _Sparse) else np.frombuffer(raw, np.uint8)
    if len(registers) != REGISTERS or registers.max() > LARGEST:
        raise CodecError("the registers of a set are damaged")
    return Uniques(registers)


def _filled(raw: _Sparse) -> Registers:
    registers = np.zeros(REGISTERS, np.uint8)
    try:
        packed = unpack_integers(raw.gaps_and_registers, 2 * raw.size)
        registers[np.cumsum(packed[: raw.size])] = packed[raw.size :]
    except (ValueError, IndexError) as error:
        raise CodecError(f"the registers of a set are damaged ({error})") from error
    return registers
