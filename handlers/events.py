"""Events → the log objects they announce, whatever envelope they come in.

SQS messages that wrap S3 events, S3 events as they are, S3 events by EventBridge, and any of these
in the record that Lambda writes of an event it could not deliver.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, TypeVar
from urllib.parse import unquote_plus

import msgspec

from pipeline.errors import UNDECODABLE
from pipeline.objects import ObjectRef


@dataclass(frozen=True, slots=True)
class Announced:
    """The objects that one message announces.

    `message_id` is None outside of a queue. `receives` is how often the queue has handed out the
    message, and `receipt` is this delivery. `problem` says what in the message could not be
    understood, "" if all of it was.
    """

    message_id: str | None
    refs: list[ObjectRef] = field(default_factory=list)
    problem: str = ""
    receives: int = 1
    receipt: str = ""


class Unreadable(Exception):
    """A document announces nothing that can be understood. The message never quotes a value."""


_Kind = TypeVar("_Kind")
_Text = Annotated[str, msgspec.Meta(max_length=1024)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
_Size = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


class _Bucket(msgspec.Struct):
    name: _Name


class _Object(msgspec.Struct):
    key: _Name
    size: _Size = 0
    etag: _Text | None = msgspec.field(name="eTag", default=None)
    version_id: _Text | None = msgspec.field(name="versionId", default=None)
    sequencer: _Text | None = None


class _S3(msgspec.Struct):
    bucket: _Bucket
    object: _Object


class _Record(msgspec.Struct):
    source: str = msgspec.field(name="eventSource")
    version: str = msgspec.field(name="eventVersion")
    name: str = msgspec.field(name="eventName")
    s3: Any


class _BridgedObject(msgspec.Struct):
    key: _Name
    size: _Size = 0
    etag: _Text | None = None
    version_id: _Text | None = msgspec.field(name="version-id", default=None)
    sequencer: _Text | None = None


class _Bridged(msgspec.Struct):
    bucket: _Bucket
    object: _BridgedObject


def announced(event: Any) -> list[Announced]:
    """One entry for each message of a queue, or one for an event that came directly."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    if isinstance(records, list) and any(map(_is_message, records)):
        return [_message(record) for record in records]
    return [_with_objects(Announced(None), event)]


def object_ref(
    bucket: str, key: str, etag: str = "", version_id: str = "", sequencer: str = "", size: int = 0
) -> ObjectRef:
    """The object of these names. Raises Unreadable for a name that no object can have."""
    names = (bucket, key, etag, version_id, sequencer)
    if not bucket or not key:
        raise Unreadable("an object without a name")
    try:
        lengths = [len(name.encode()) for name in names]
    except UnicodeEncodeError as error:
        raise Unreadable("a name is no Unicode text") from error
    if max(lengths) > 1024 or any("\0" in name for name in names):
        raise Unreadable("a name is longer than 1,024 bytes, or has a NUL")
    return ObjectRef(bucket, key, etag, version_id, sequencer, size)


def converted(document: Any, kind: type[_Kind]) -> _Kind:
    """The document as a structure. Raises Unreadable, or msgspec's ValidationError."""
    try:
        return msgspec.convert(document, kind)
    except UnicodeEncodeError as error:  # half of a pair, which JSON can spell
        raise Unreadable("a value is no Unicode text") from error


def unquoted(key: str) -> str:
    """A key as S3 writes it in its own events and inventories, decoded. Raises Unreadable."""
    try:
        return unquote_plus(key, errors="strict")
    except UnicodeDecodeError as error:
        raise Unreadable("a key is not encoded UTF-8") from error


def _is_message(record: Any) -> bool:
    return isinstance(record, Mapping) and record.get("eventSource") == "aws:sqs"


def _message(record: Any) -> Announced:
    if not _is_message(record):
        return Announced(None, problem="a record is no message, though others are")
    message = Announced(
        str(record.get("messageId", "")),
        receives=_receives(record),
        receipt=str(record.get("receiptHandle", "")),
    )
    try:
        document = json.loads(record["body"])
    except (KeyError, TypeError, *UNDECODABLE) as error:
        return replace(message, problem=f"the body is not JSON: {type(error).__name__}")
    return _with_objects(message, document)


def _receives(record: Mapping[str, Any]) -> int:
    attributes = record.get("attributes")
    count = attributes.get("ApproximateReceiveCount") if isinstance(attributes, Mapping) else None
    return int(count) if isinstance(count, str) and count.isdecimal() and len(count) < 9 else 1


def _with_objects(message: Announced, document: Any) -> Announced:
    """The message with the objects that a document announces. They are taken even beside what
    cannot be understood: no object counts twice."""
    refs: list[ObjectRef] = []
    problems: list[str] = []
    for announcement in _announcements(document):
        try:
            refs += _refs(announcement)
        except (Unreadable, msgspec.ValidationError) as error:
            problems.append(str(error))
    return replace(message, refs=refs, problem="; ".join(dict.fromkeys(problems)))


def _announcements(document: Any) -> list[Any]:
    """The records of an S3 event, or a document that is one announcement or none at all."""
    if isinstance(document, Mapping) and "requestPayload" in document:
        document = document["requestPayload"]  # of an event that Lambda could not deliver
    if isinstance(document, Mapping) and isinstance(document.get("Records"), list):
        return list(document["Records"])
    return [document]


def _refs(document: Any) -> Iterator[ObjectRef]:
    if not isinstance(document, Mapping):
        raise Unreadable(f"an S3 event is an object, and this is {type(document).__name__}")
    if document.get("Event") == "s3:TestEvent":  # sent when a notification is configured
        return
    if document.get("source") == "aws.s3":
        yield from _from_event_bridge(document)
    elif "eventSource" in document:
        yield from _from_record(document)
    else:
        raise Unreadable("it is no S3 event: it has neither Records nor the source aws.s3")


def _from_record(document: Mapping[str, Any]) -> Iterator[ObjectRef]:
    record = converted(document, _Record)
    if record.source != "aws:s3":
        raise Unreadable("a record is not S3's")
    if not record.version.startswith("2."):
        raise Unreadable("the version of a record is not 2.x")
    if record.name.startswith("ObjectCreated:"):
        s3 = converted(record.s3, _S3)
        yield from _ref(s3.bucket.name, unquoted(s3.object.key), s3.object)


def _from_event_bridge(document: Mapping[str, Any]) -> Iterator[ObjectRef]:
    if document.get("detail-type") == "Object Created":
        detail = converted(document.get("detail"), _Bridged)
        # Unlike in S3's own events, the key is not URL-encoded here.
        yield from _ref(detail.bucket.name, detail.object.key, detail.object)


def _ref(bucket: str, key: str, found: _Object | _BridgedObject) -> Iterator[ObjectRef]:
    if not key.endswith("/"):  # a folder made in the console
        yield object_ref(
            bucket,
            key,
            found.etag or "",
            found.version_id or "",
            found.sequencer or "",
            found.size,
        )
