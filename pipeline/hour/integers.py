"""Integers as bits: blocks of sixteen, each as wide as its largest (frame of reference).

Counts of one table differ by orders of magnitude, and neighbours in the right order are alike. So
a width for every few of them costs little, and no integer takes much more than its own bits.
"""

import numpy as np
import numpy.typing as npt

from pipeline.arrays import Integers

BLOCK = 16
"""Integers of a block, which is then a whole number of octets."""

_WIDEST = 56  # with 7 bits of shift the widest that a window of 8 octets holds; else it takes all
_MASKS = np.array([(1 << width) - 1 for width in range(65)], np.uint64)


def zigzag(values: Integers) -> Integers:
    """0, -1, 1, -2 as 0, 1, 2, 3. The largest ones become negative: all 64 bits are used."""
    zigzagged: Integers = (values << 1) ^ (values >> 63)
    return zigzagged


def unzigzag(values: Integers) -> Integers:
    """The integers that `zigzag` turned into these."""
    unsigned = values.view(np.uint64)
    return (unsigned >> np.uint64(1)).view(np.int64) ^ -(values & 1)


def pack_integers(values: Integers) -> bytes:
    """The widths of the blocks, then the bits of the integers."""
    blocks = np.zeros((-(-len(values) // BLOCK), BLOCK), np.uint64)
    blocks.reshape(-1)[: len(values)] = values.view(np.uint64)
    largest = np.bitwise_or.reduce(blocks, axis=1)
    widths = np.frexp(largest.astype(np.float64))[1].astype(np.int64)
    widths[widths > _WIDEST] = 64
    starts = _starts(np.repeat(widths, BLOCK))
    octets = (blocks.reshape(-1) << (starts & 7).view(np.uint64)).astype("<u8").view(np.uint8)
    bits = np.zeros(_size(widths) + 8, np.uint8)
    for place in range(8):  # neighbours share an octet, and never a bit of it
        np.add.at(bits, (starts >> 3) + place, octets[place::8])
    packed: bytes = widths.astype(np.uint8).tobytes() + bits[:-8].tobytes()
    return packed


def unpack_integers(packed: bytes, count: int) -> Integers:
    """The integers that `pack_integers` packed. Raises ValueError for other bytes."""
    blocks = -(-count // BLOCK)
    widths = np.frombuffer(packed[:blocks], np.uint8).astype(np.int64)
    size = _size(widths)
    if len(packed) != blocks + size or widths.max(initial=0) > 64:
        raise ValueError(f"{len(packed)} bytes are not {count} integers")
    each = np.repeat(widths, BLOCK)[:count]
    starts = _starts(each)
    windows: npt.NDArray[np.uint64] = np.ndarray(
        (size + 1,), "<u8", packed[blocks:] + bytes(8), strides=(1,)
    )
    values = windows.take(starts >> 3)
    values >>= (starts & 7).view(np.uint64)
    values &= _MASKS.take(each)
    return values.view(np.int64)


def _starts(widths: Integers) -> Integers:
    """The bit in which each integer begins."""
    starts: Integers = np.cumsum(widths) - widths
    return starts


def _size(widths: Integers) -> int:
    """The octets of blocks of these widths."""
    return int(widths.sum()) * (BLOCK // 8)
