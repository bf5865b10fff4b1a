"""Matrices of integers as bytes that compress well: of each row, all lowest bytes, then all second
ones, and so on. (The byte shuffle of Blosc and HDF5.)

Most of the numbers of a row are small, so its upper planes are runs of zeros. Planes above those
that the largest number needs are left out.
"""

import numpy as np

from pipeline.arrays import Integers

_BYTES = 8


def pack(matrix: Integers) -> bytes:
    """The bytes of a matrix of integers from 0 to 2⁶³-1."""
    rows, columns = matrix.shape
    width = (int(matrix.max(initial=0)).bit_length() + 7) // 8
    octets = np.ascontiguousarray(matrix, "<i8").view(np.uint8).reshape(rows, columns, _BYTES)
    return octets[:, :, :width].transpose(0, 2, 1).tobytes()


def unpack(packed: bytes, rows: int, columns: int) -> Integers:
    """The matrix that was packed. Raises ValueError for bytes of no such matrix."""
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
