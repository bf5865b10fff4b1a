"""Events → the log objects they announce, whatever envelope they come in.

SQS messages that wrap S3 events, S3 events as they are, and S3 events by EventBridge.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from pipeline.objects import ObjectRef


@dataclass(frozen=True, slots=True)
class Announced:
    """The objects that one message announces. `message_id` is None outside of a queue; `problem`
    says what in it could not be understood, and is "" when all of it was."""

    message_id: str | None
    refs: list[ObjectRef] = field(default_factory=list)
    problem: str = ""


class _Unreadable(Exception):
    """A document that is no S3 event."""


def announced(event: Any) -> list[Announced]:
    """One entry per message of a queue, or one for an event that came directly."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    if isinstance(records, list) and any(map(_is_message, records)):
        return [_message(record) for record in records]
    return [_document(None, event)]


def _is_message(record: Any) -> bool:
    return isinstance(record, Mapping) and record.get("eventSource") == "aws:sqs"


def _message(record: Any) -> Announced:
    message_id = str(record.get("messageId", ""))
    try:
        return _document(message_id, json.loads(record["body"]))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        return Announced(message_id, problem=f"the body is not JSON: {type(error).__name__}")


def _document(message_id: str | None, document: Any) -> Announced:
    """What can be understood is taken, even beside what cannot: counting it twice is impossible."""
    refs: list[ObjectRef] = []
    try:
        refs.extend(_refs(document))
    except _Unreadable as error:
        return Announced(message_id, refs, str(error))
    return Announced(message_id, refs)


def _refs(document: Any) -> Iterator[ObjectRef]:
    if not isinstance(document, Mapping):
        raise _Unreadable(f"an S3 event is an object, and this is {type(document).__name__}")
    if document.get("Event") == "s3:TestEvent":  # sent when a notification is configured
        return
    if document.get("source") == "aws.s3":
        yield from _from_event_bridge(document)
        return
    records = document.get("Records")
    if not isinstance(records, list):
        raise _Unreadable("it is no S3 event: it has neither Records nor the source aws.s3")
    unreadable: list[str] = []
    for record in records:
        try:
            yield from _from_record(record)
        except _Unreadable as error:
            unreadable.append(str(error))
    if unreadable:
        raise _Unreadable("; ".join(unreadable))


def _from_record(record: Any) -> Iterator[ObjectRef]:
    try:
        if record["eventSource"] != "aws:s3":
            raise _Unreadable(f"a record from {record['eventSource']!r} is not S3's")
        if not str(record["eventVersion"]).startswith("2."):
            raise _Unreadable(f"event version {record['eventVersion']!r} is not 2.x")
        if not record["eventName"].startswith("ObjectCreated:"):
            return
        found = record["s3"]["object"]
        yield from _ref(record["s3"]["bucket"]["name"], unquote_plus(found["key"]), found)
    except (KeyError, TypeError, AttributeError) as error:
        raise _Unreadable(f"a record is incomplete: {type(error).__name__} {error}") from error


def _from_event_bridge(document: Mapping[str, Any]) -> Iterator[ObjectRef]:
    try:
        if document["detail-type"] != "Object Created":
            return
        found = document["detail"]["object"]
        # Unlike in S3's own events, the key is not URL-encoded here.
        yield from _ref(document["detail"]["bucket"]["name"], found["key"], found)
    except (KeyError, TypeError, AttributeError) as error:
        raise _Unreadable(f"the event is incomplete: {type(error).__name__} {error}") from error


def _ref(bucket: str, key: str, found: Mapping[str, Any]) -> Iterator[ObjectRef]:
    if key.endswith("/"):  # a folder made in the console
        return
    yield ObjectRef(
        bucket,
        key,
        etag=found.get("eTag") or found.get("etag") or "",
        version_id=found.get("versionId") or found.get("version-id") or "",
        sequencer=found.get("sequencer") or "",
        size=int(found.get("size") or 0),
    )
