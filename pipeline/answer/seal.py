"""Bytes that are kept with a digest, so that damaged ones are noticed."""

from hashlib import blake2b

_DIGEST_BYTES = 16


def sealed(body: bytes) -> bytes:
    """The bytes to keep."""
    return _digest(body) + body


def unsealed(kept: bytes) -> bytes | None:
    """The body of what `sealed` returned; None for any other bytes."""
    digest, body = kept[:_DIGEST_BYTES], kept[_DIGEST_BYTES:]
    return body if digest == _digest(body) else None


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=_DIGEST_BYTES).digest()
