"""Who a line is from, as a number that only the holder of the key could link to anyone.

A visitor is a client IP with a user agent. Both are hashed under the deployment's key as soon as
they are read; the address goes no further than this module.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pipeline.core.dimensions import ABSENT
from pipeline.core.memo import Memo
from pipeline.core.uniques import Hashes, hash_of, mixed


class Visitors:
    """Hashes visitors under `key` (up to 64 bytes)."""

    def __init__(self, key: bytes) -> None:
        self._addresses = Memo(lambda address: hash_of(address, key))
        self._agents = Memo(lambda agent: hash_of(f"agent {agent}", key))

    def hashes(self, addresses: pa.DictionaryArray, agents: pa.DictionaryArray) -> pa.Array:
        """A uint64 per row for its address and agent, null where there is no address."""
        named = addresses.dictionary.to_pylist()
        absent = np.array([address in ("", ABSENT) for address in named], bool)
        codes = addresses.indices.to_numpy()
        hashes = (
            _looked_up(self._addresses, named)[codes]
            + _looked_up(self._agents, agents.dictionary.to_pylist())[agents.indices.to_numpy()]
        )
        return pa.array(mixed(hashes), pa.uint64(), mask=absent[codes])


def _looked_up(memo: Memo[int], values: Sequence[str]) -> Hashes:
    return np.fromiter(map(memo.__getitem__, values), np.uint64, len(values))
