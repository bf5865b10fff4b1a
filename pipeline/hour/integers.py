"""Integers as bits: blocks of sixteen, each as wide as its largest (frame of reference).

Counts of one table differ by orders of magnitude, and neighbours in the right order are alike. So
a width for every few of them costs little, and no integer takes much more than its own bits.
"""

import numpy as np
import numpy.typing as npt

from pipeline.arrays import Integers

BLOCK = 16
"""Integers of a block, which is then a whole number of octets."""

_PLACES = np.arange(BLOCK, dtype=np.int64)
_WIDEST = 56  # with 7 bits of shift the widest that a window of 8 octets holds; else it takes all
_MASKS = np.array([(1 << width) - 1 for width in range(65)], np.uint64)


def zigzag(values: Integers) -> Integers:
    """0, -1, 1, -2 as 0, 1, 2, 3. The largest ones become negative: all 64 bits are used."""
    zigzagged: Integers = (values << 1) ^ (values >> 63)
    return zigzagged


def unzigzag(values: Integers) -> Integers:
    """The integers that `zigzag` turned into these."""
    signs = values & 1
    np.negative(signs, out=signs)
    signs ^= (values.view(np.uint64) >> np.uint64(1)).view(np.int64)
    return signs


def pack_integers(values: Integers) -> bytes:
    """The widths of the blocks, then the bits of the integers."""
    blocks = np.zeros((-(-len(values) // BLOCK), BLOCK), np.uint64)
    blocks.reshape(-1)[: len(values)] = values.view(np.uint64)
    largest = np.bitwise_or.reduce(blocks, axis=1)
    widths = np.frexp(largest.astype(np.float64))[1].astype(np.int64)
    widths[widths > _WIDEST] = 64
    bits = _bits(blocks.reshape(-1), _starts(widths).reshape(-1), int(widths.sum()) * BLOCK)
    packed: bytes = widths.astype(np.uint8).tobytes() + bits
    return packed


def unpack_integers(packed: bytes, count: int) -> Integers:
    """The integers that `pack_integers` packed. Raises ValueError for other bytes."""
    blocks = -(-count // BLOCK)
    widths = np.frombuffer(packed[:blocks], np.uint8).astype(np.int64)
    size = int(widths.sum()) * (BLOCK // 8)
    if len(packed) != blocks + size or widths.max(initial=0) > 64:
        raise ValueError(f"{len(packed)} bytes are not {count} integers")
    windows: npt.NDArray[np.uint64] = np.ndarray(
        (size + 1,), "<u8", packed[blocks:] + bytes(8), strides=(1,)
    )
    starts = _starts(widths)
    values = windows.take(starts >> 3)
    starts &= 7
    values >>= starts.view(np.uint64)
    values &= _MASKS[widths][:, np.newaxis]
    return values.view(np.int64).reshape(-1)[:count]


def _starts(widths: Integers) -> Integers:
    """The bit in which each integer of blocks of these widths begins: a row per block."""
    before = (np.cumsum(widths) - widths) * BLOCK
    starts: Integers = before[:, np.newaxis] + widths[:, np.newaxis] * _PLACES
    return starts


def _bits(values: npt.NDArray[np.uint64], starts: Integers, size: int) -> bytes:
    """The values in `size` bits, each from its start."""
    words = np.zeros(size // 64 + 2, "<u8")
    word, shift = starts >> 6, (starts & 63).view(np.uint64)
    first = np.flatnonzero(np.diff(word, prepend=-1))
    words[word[first]] = np.bitwise_or.reduceat(values << shift, first) if size else 0
    # The upper bits of a value go to the next word. A shift by 64 bits is not defined, two are.
    upper = values >> (np.uint64(63) - shift) >> np.uint64(1)
    crossing = np.flatnonzero(upper)
    words[word[crossing] + 1] |= upper[crossing]
    return words.tobytes()[: size // 8]
