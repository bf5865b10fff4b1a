"""Tables, histograms and sets ⇄ the bytes of their sections.

A table is stored by columns: its values in order, then a matrix with a row per measure. Matrices
are stored as byte planes (the byte shuffle of Blosc and HDF5): of each row all lowest bytes, then
all second ones, and so on. Most numbers are small, so the upper planes are runs of zeros.
"""

from collections.abc import Mapping

import msgspec
import numpy as np

from pipeline.arrays import Integers
from pipeline.hour.heavy_hitters import Table
from pipeline.hour.histogram import BUCKETS, Histogram
from pipeline.hour.hyperloglog import LARGEST, REGISTERS, Uniques
from pipeline.hour.section import LATENCY, TABLE, UNIQUE, CodecError, pack, unpack
from pipeline.hour.sketches import Sketches
from pipeline.hour.vector import MEASURES, Vector

_BYTES = 8


class _Table(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    values: list[str]
    counts: bytes
    other: Vector
    bound: int
    cuts: bytes
    """The requests of each value less its Misra-Gries counter; empty if `bound` is 0."""


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
    cuts = (table.counts[0] - table.weights)[np.newaxis, order]
    return pack(
        _Table(
            [table.values[place] for place in order],
            pack_matrix(table.counts[:, order]),
            table.other,
            table.bound,
            pack_matrix(cuts) if table.bound else b"",
        )
    )


def _unpack_table(section: bytes) -> Table:
    raw = unpack(section, _Table)
    size = len(raw.values)
    try:
        counts = unpack_matrix(raw.counts, MEASURES, size)
        weights = counts[0] - unpack_matrix(raw.cuts, 1, size)[0] if raw.bound else None
    except ValueError as error:
        raise CodecError(f"the columns of a table do not fit together ({error})") from error
    return Table(raw.values, counts, raw.other, raw.bound, weights)


def _pack_histogram(histogram: Histogram) -> bytes:
    filled = np.flatnonzero(histogram.counts)
    first, end = (int(filled[0]), int(filled[-1]) + 1) if len(filled) else (0, 0)
    counts = pack_matrix(histogram.counts[np.newaxis, first:end])
    return pack(_Histogram(first, end - first, counts, histogram.sum_us, histogram.max_us))


def _unpack_histogram(section: bytes) -> Histogram:
    raw = unpack(section, _Histogram)
    counts = np.zeros(BUCKETS, np.int64)
    try:
        if raw.first < 0 or raw.size < 0 or raw.first + raw.size > BUCKETS:
            raise ValueError(f"no buckets {raw.first} to {raw.first + raw.size}")
        counts[raw.first : raw.first + raw.size] = unpack_matrix(raw.counts, 1, raw.size)[0]
    except ValueError as error:
        raise CodecError(f"a histogram is damaged ({error})") from error
    return Histogram(counts, raw.sum_us, raw.max_us)


def _pack_uniques(uniques: Uniques) -> bytes:
    return pack(uniques.registers.tobytes())


def _unpack_uniques(section: bytes) -> Uniques:
    registers = np.frombuffer(unpack(section, bytes), np.uint8)
    if len(registers) != REGISTERS or registers.max() > LARGEST:
        raise CodecError("the registers of a set are damaged")
    return Uniques(registers)


def pack_matrix(matrix: Integers) -> bytes:
    """The byte planes of integers from 0 to 2⁶³-1, without planes that are all zero at the top."""
    rows, columns = matrix.shape
    width = (int(matrix.max(initial=0)).bit_length() + 7) // 8
    octets = np.ascontiguousarray(matrix, "<i8").view(np.uint8).reshape(rows, columns, _BYTES)
    return octets[:, :, :width].transpose(0, 2, 1).tobytes()


def unpack_matrix(packed: bytes, rows: int, columns: int) -> Integers:
    """The matrix of these byte planes. Raises ValueError if they are not of that shape."""
    cells = rows * columns
    width, rest = divmod(len(packed), cells) if cells else (0, len(packed))
    if rest or width > _BYTES:
        raise ValueError(f"{len(packed)} bytes are no {rows} × {columns} integers")
    octets = np.zeros((rows, columns, _BYTES), np.uint8)
    planes = np.frombuffer(packed, np.uint8).reshape(rows, width, columns)
    for place in range(width):  # one by one is twice as fast as transposing all of them
        octets[:, :, place] = planes[:, place]
    matrix: Integers = octets.view("<i8").reshape(rows, columns).astype(np.int64, copy=False)
    if width == _BYTES and matrix.min() < 0:
        raise ValueError("an integer is beyond 63 bits")
    return matrix
