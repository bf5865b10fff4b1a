"""Log lines in the wrappings of other services, unwrapped: CloudWatch Logs, and JSON arrays."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain

import msgspec

from pipeline.errors import UNDECODABLE, ObjectRefused
from pipeline.read.inflate import peeked
from pipeline.read.limits import Limits

_EXPORTED = re.compile(rb"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z ", re.MULTILINE)
_LOOKED_AT = 4096


_DATA = "DATA_MESSAGE"
_FIRST_KEY = re.compile(
    rb'\s*\{\s*"(messageType|owner|logGroup|logStream|subscriptionFilters|logEvents)"\s*:'
)


class _Event(msgspec.Struct):
    message: str


class _Envelope(msgspec.Struct):
    message_type: str = msgspec.field(name="messageType", default=_DATA)
    events: list[_Event] = msgspec.field(name="logEvents", default_factory=list)


_envelopes = msgspec.json.Decoder(_Envelope)
_array_lines = msgspec.json.Decoder(list[msgspec.Raw])


def array_lines(texts: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    """The text, with the objects of a JSON array as lines. An array is held in memory."""
    head, texts = peeked(texts, _LOOKED_AT)
    if not head.lstrip().startswith(b"["):
        yield from texts
        return
    body = bytearray()
    for text in texts:
        body += text
        if len(body) > limits.max_parquet:
            raise ObjectRefused(
                f"is a JSON array of more than {limits.max_parquet:,} bytes: deliver JSON lines, "
                "or raise EDGETALLY_MAX_PARQUET_BYTES if the memory allows it"
            )
    objects = [bytes(each) for each in chain.from_iterable(_arrays(body))]
    if any(each.startswith(b"[") for each in objects):
        raise ObjectRefused(
            "is a JSON array of arrays, and requests are objects: deliver a line of JSON for each"
        )
    yield b"\n".join(re.sub(rb"\s*\n\s*", b" ", each) for each in objects)


def _arrays(body: bytes | bytearray) -> list[list[msgspec.Raw]]:
    """The array that a body is, or those that its lines are."""
    try:
        return [msgspec.json.decode(body, type=list[msgspec.Raw])]
    except UNDECODABLE as error:
        with suppress(*UNDECODABLE):
            return _array_lines.decode_lines(body)
        raise ObjectRefused(
            f"is a damaged JSON array ({error}): deliver a line of JSON for each request"
        ) from error


def is_enveloped(run: bytes) -> bool:
    """Whether lines are records of a CloudWatch Logs subscription."""
    return _FIRST_KEY.match(run) is not None


def is_exported(run: bytes) -> bool:
    """Whether lines are from an export of CloudWatch Logs: each begins with its time."""
    return _EXPORTED.match(run) is not None


def without_times(run: bytes) -> bytes:
    """Exported lines without the time that each begins with."""
    return _EXPORTED.sub(b"", run)


def messages(run: bytes) -> bytes:
    """The log lines in the records of a subscription. Raises ObjectRefused for a damaged one."""
    try:
        envelopes = _envelopes.decode_lines(run)
    except UNDECODABLE as error:
        raise ObjectRefused(f"has a damaged record of CloudWatch Logs: {error}") from error
    records = (each for each in envelopes if each.message_type == _DATA)
    lines = (event.message.rstrip("\n") for each in records for event in each.events)
    return "".join(f"{line}\n" for line in lines).encode()
