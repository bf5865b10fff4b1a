"""The state of a store: what every commit must know, and nobody may overlook a change of."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from pipeline.store.generations import Generations
from pipeline.store.settings import StoreSettings


@dataclass(frozen=True, slots=True)
class State:
    """The generations and the settings; without settings, nothing was written yet.

    The version of the generations rises with every change of either.
    """

    generations: Generations = Generations()
    settings: StoreSettings | None = None

    @property
    def in_force(self) -> StoreSettings:
        """The settings; before any were written, the defaults."""
        return self.settings or StoreSettings()

    def turned(self, change: Callable[[Generations], Generations]) -> "State":
        """The state after a change of the generations."""
        return replace(self, generations=change(self.generations))

    def settled(self, settings: StoreSettings) -> "State":
        """The state with other settings."""
        return State(self.generations.again(), settings)

    def to_json(self) -> bytes:
        """The state as a document."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, document: bytes | str | None) -> "State":
        """The state in a document; without one, that of a new store."""
        return msgspec.json.decode(document, type=cls) if document else cls()
