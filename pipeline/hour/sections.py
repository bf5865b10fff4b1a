"""Tables, histograms and sets ⇄ the bytes of their sections: all of a row that needs numpy.

A table is stored by columns: its values in order, then one column of integers per measure.
"""

import msgspec
import numpy as np

from pipeline.hour import planes
from pipeline.hour.heavy_hitters import Table
from pipeline.hour.histogram import BUCKETS, Histogram
from pipeline.hour.hyperloglog import LARGEST, REGISTERS, Uniques
from pipeline.hour.packing import CodecError, pack, unpack
from pipeline.hour.vector import MEASURES, Vector


class _Table(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    values: list[str]
    counts: bytes
    other: Vector
    bound: int
    cuts: bytes
    """What was taken from the counter of each value: its requests less its weight."""


class _Histogram(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    first: int
    size: int
    counts: bytes
    sum_us: int
    max_us: int


def pack_table(table: Table) -> bytes:
    """The section of a table."""
    order = sorted(range(len(table)), key=table.values.__getitem__)
    cuts = (table.counts[0] - table.weights)[np.newaxis, order]
    return pack(
        _Table(
            [table.values[place] for place in order],
            planes.pack(table.counts[:, order]),
            table.other,
            table.bound,
            planes.pack(cuts) if table.bound else b"",
        )
    )


def unpack_table(section: bytes) -> Table:
    """The table of a section. Raises CodecError."""
    raw = unpack(section, _Table)
    size = len(raw.values)
    try:
        counts = planes.unpack(raw.counts, MEASURES, size)
        weights = counts[0] - planes.unpack(raw.cuts, 1, size)[0] if raw.bound else None
    except ValueError as error:
        raise CodecError(f"the columns of a table do not fit together ({error})") from error
    return Table(raw.values, counts, raw.other, raw.bound, weights)


def pack_histogram(histogram: Histogram) -> bytes:
    """The section of a histogram."""
    filled = np.flatnonzero(histogram.counts)
    first, end = (int(filled[0]), int(filled[-1]) + 1) if len(filled) else (0, 0)
    counts = planes.pack(histogram.counts[np.newaxis, first:end])
    return pack(_Histogram(first, end - first, counts, histogram.sum_us, histogram.max_us))


def unpack_histogram(section: bytes) -> Histogram:
    """The histogram of a section. Raises CodecError."""
    raw = unpack(section, _Histogram)
    counts = np.zeros(BUCKETS, np.int64)
    try:
        if raw.first < 0 or raw.size < 0 or raw.first + raw.size > BUCKETS:
            raise ValueError(f"no buckets {raw.first} to {raw.first + raw.size}")
        counts[raw.first : raw.first + raw.size] = planes.unpack(raw.counts, 1, raw.size)[0]
    except ValueError as error:
        raise CodecError(f"a histogram is damaged ({error})") from error
    return Histogram(counts, raw.sum_us, raw.max_us)


def pack_uniques(uniques: Uniques) -> bytes:
    """The section of a set."""
    return pack(uniques.registers.tobytes())


def unpack_uniques(section: bytes) -> Uniques:
    """The set of a section. Raises CodecError."""
    registers = np.frombuffer(unpack(section, bytes), np.uint8)
    if len(registers) != REGISTERS or registers.max() > LARGEST:
        raise CodecError("the registers of a set are damaged")
    return Uniques(registers)
