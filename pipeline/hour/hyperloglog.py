"""The number of distinct members of a set: HyperLogLog with 4,096 registers.

Flajolet, Fusy, Gandouet, Meunier: "HyperLogLog", 2007; the estimate is Ertl's, without bias at
any size and without tables ("New cardinality estimation algorithms for HyperLogLog sketches",
2017, arXiv:1702.01284, algorithm 6). Its correction for full registers is left out: with 64 bits
none is ever full.

Equal sets give equal registers, in whatever order and however often their members came. (Apache
DataSketches was tried: the bytes of its unions depend on the order of updates, and it takes
updates one at a time, see docs/performance.md.)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from math import log, sqrt
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Hashes: TypeAlias = npt.NDArray[np.uint64]
Registers: TypeAlias = npt.NDArray[np.uint8]

INDEX_BITS = 12
REGISTERS = 1 << INDEX_BITS
RELATIVE_ERROR = 1.04 / sqrt(REGISTERS)
"""The standard error of an estimate: about two thirds of them are closer."""

_REST_BITS = 64 - INDEX_BITS
LARGEST = _REST_BITS + 1
"""The largest value of a register."""


def hash_of(text: str, key: bytes = b"") -> int:
    """64 well-mixed bits of a text; with a key, only its holder can compute them."""
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "little")


def mixed(hashes: Hashes) -> Hashes:
    """Each of the hashes with its bits mixed again (the finaliser of SplitMix64: Steele, Lea,
    Flood: "Fast splittable pseudorandom number generators", 2014)."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))


@dataclass(frozen=True, slots=True, eq=False)
class Uniques:
    """A set of hashes. It tells only its size, within `RELATIVE_ERROR`."""

    registers: Registers

    @classmethod
    def of(cls, hashes: Hashes) -> "Uniques":
        """The set of these hashes."""
        places = (hashes >> np.uint64(_REST_BITS)).astype(np.int64)
        rest = (hashes & np.uint64((1 << _REST_BITS) - 1)).astype(np.float64)
        # The exponent of a float64 is the place of the highest bit; of 0.5 it is -1, so that no
        # bit at all counts as one place below the lowest.
        highest = (np.maximum(rest, 0.5).view(np.int64) >> 52) - 1023
        registers = np.zeros(REGISTERS, np.uint8)
        np.maximum.at(registers, places, (_REST_BITS - highest).astype(np.uint8))
        return cls(registers)

    def estimate(self) -> int:
        """The estimated number of distinct members."""
        counts = np.bincount(self.registers, minlength=LARGEST + 1).tolist()
        z = 0.0
        for register in range(LARGEST, 0, -1):
            z = 0.5 * (z + counts[register])
        z += REGISTERS * _sigma(counts[0] / REGISTERS)
        return round(REGISTERS * REGISTERS / (2 * log(2) * z))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Uniques):
            return NotImplemented
        return bool(np.array_equal(self.registers, other.registers))

    __hash__ = None  # type: ignore[assignment] # compared by content, which is not hashed


def merge_uniques(sets: Iterable[Uniques | None]) -> Uniques | None:
    """The union of the sets; None if there is no set."""
    registers = [each.registers for each in sets if each is not None]
    return Uniques(np.maximum.reduce(registers)) if registers else None


def _sigma(x: float) -> float:
    """Ertl's correction for registers that are 0; infinite if all of them are."""
    y, z, before = 1.0, x, -1.0
    while z != before:
        x, before = x * x, z
        z += x * y
        y += y
    return z
