"""Visitors as numbers that only the holder of a key can link to an address.

A visitor is a client IP with a user agent. Both are hashed under the deployment's key. Only the
size of the set of hashes is kept: an address goes no further than this module.
"""

from collections.abc import Sequence

import numpy as np

from pipeline.arrays import Codes
from pipeline.hour.hyperloglog import Hashes, hash_of, mixed
from pipeline.schema.dimensions import ABSENT
from pipeline.tally.memo import Memo


class Visitors:
    """Hashes visitors under a key of up to 64 bytes."""

    AGENT = "agent "
    """The text that is hashed before an agent, so that no agent is taken for an address."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self._addresses = Memo(lambda address: hash_of(address, key))
        self._agents = Memo(lambda agent: hash_of(self.AGENT + agent, key))

    def agent(self, agent: str) -> int:
        """The hash of an agent."""
        return self._agents[agent]

    def hashes(
        self,
        address_codes: Codes,
        addresses: Sequence[str],
        agent_codes: Codes,
        agents: Sequence[str],
    ) -> Hashes:
        """The hash of address and agent of each row that has an address.

        A row's code is the place of its value among the values.
        """
        known = np.array([address not in ("", ABSENT) for address in addresses], bool)
        if not known.any():
            return np.zeros(0, np.uint64)
        hashes = (
            _looked_up(self._addresses, addresses)[address_codes]
            + _looked_up(self._agents, agents)[agent_codes]
        )
        return mixed(hashes if known.all() else hashes[known[address_codes]])


def _looked_up(memo: Memo[int], values: Sequence[str]) -> Hashes:
    return np.fromiter(map(memo.__getitem__, values), np.uint64, len(values))
