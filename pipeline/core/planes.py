"""Columns of integers as bytes that compress well: all lowest bytes, then all second ones, ….

Most numbers of a column are small, so its upper planes are runs of zeros; planes that are nothing
but zeros are left out. (The byte shuffle of Blosc and HDF5.)
"""

import numpy as np

from pipeline.core.top import Integers

_BYTES = 8


def pack(column: Integers) -> bytes:
    """The bytes of a column of integers from 0 to 2⁶³-1."""
    planes = column.astype("<i8").view(np.uint8).reshape(len(column), _BYTES).T
    used = np.flatnonzero(planes.any(axis=1))
    return planes[: int(used[-1]) + 1 if len(used) else 0].tobytes()


def unpack(packed: bytes, size: int) -> Integers:
    """The column of `size` integers that was packed. Raises ValueError for other bytes."""
    planes, rest = divmod(len(packed), size) if size else (0, len(packed))
    if rest or planes > _BYTES:
        raise ValueError(f"{len(packed)} bytes are no {size} integers")
    column = np.zeros((size, _BYTES), np.uint8)
    column[:, :planes] = np.frombuffer(packed, np.uint8).reshape(planes, size).T
    integers: Integers = column.view("<i8").reshape(size).astype(np.int64, copy=False)
    if size and integers.min() < 0:
        raise ValueError("an integer is beyond 63 bits")
    return integers
