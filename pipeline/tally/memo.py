"""A bounded memo for a pure function of one string."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

SIZE = 32_768
"""Values that are remembered. All are forgotten when there are as many: a flood of new values then
costs as much as without a memo, and ordinary traffic never comes so far."""


class Memo(dict[str, T]):
    """`memo[value]` is `function(value)`, computed once while the value is remembered."""

    def __init__(self, function: Callable[[str], T], size: int = SIZE) -> None:
        super().__init__()
        self._function = function
        self._size = size

    def __missing__(self, value: str) -> T:
        if len(self) >= self._size:
            self.clear()
        self[value] = result = self._function(value)
        return result
