"""The limits of one object."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one object. No object that CloudFront delivers comes near them.

    `max_inflated` bytes; `max_ratio` of inflated to compressed bytes, looked at once
    `ratio_from` bytes are inflated (deflate cannot exceed 1,032, which is what a bomb aims at:
    zlib's "Technical Details"); `max_line` bytes; `max_hours` distinct hours; `max_parquet` bytes
    of a Parquet object, which is held in memory.
    """

    max_inflated: int = 16 << 30
    max_ratio: int = 900
    ratio_from: int = 64 << 20
    max_line: int = 1 << 20
    max_hours: int = 1000
    max_parquet: int = 256 << 20
