"""What a pure function gave for the values it has seen."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

SIZE = 32_768
"""Values that are kept. When as many are known, all are forgotten: a flood of new values then
costs what it would without, and ordinary traffic never gets there."""


class Memo(dict[str, T]):
    """`memo[value]` is `function(value)`, computed once while it is remembered."""

    def __init__(self, function: Callable[[str], T], size: int = SIZE) -> None:
        super().__init__()
        self._function = function
        self._size = size

    def __missing__(self, value: str) -> T:
        if len(self) >= self._size:
            self.clear()
        self[value] = result = self._function(value)
        return result
