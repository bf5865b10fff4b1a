"""The arithmetic: bytes in, mergeable aggregates out. No I/O, no clock, no environment."""
