"""Numbers of things in words."""


def number_of(count: int, noun: str) -> str:
    """A number of things: `1 object`, `2,000 objects`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
