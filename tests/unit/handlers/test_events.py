"""Every envelope is understood, and whatever is not fails by itself."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import handlers.ingest
from handlers.events import announced
from pipeline.ingest.ingest import Ingest
from pipeline.ingest.parsed import Reading
from pipeline.ingest.reader import Reader
from pipeline.objects import ObjectRef
from pipeline.store.memory import MemoryStore
from tests.support.sources import BodySource
from tests.unit.handlers.test_handlers import CONTEXT, event

BODY = b"#Fields: date time sc-status\n2026-11-22\t10:00:00\t200\n"
GOOD = ["good 1.gz", "good 2.gz"]


def record(key: Any = "k.gz", bucket: Any = "b", **named: Any) -> dict[str, Any]:
    """A record of S3 with these values."""
    return {
        "eventSource": "aws:s3",
        "eventVersion": "2.1",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": bucket}, "object": {"key": key, **named}},
    }


def body(*records: Any) -> str:
    return json.dumps({"Records": records})


@pytest.fixture
def deliver(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[list[str], set[str]]]:
    """Delivers bodies as messages to a fresh function: the numbers of the messages that failed,
    and the keys of the objects that were counted."""

    def invoke(*bodies: Any) -> tuple[list[str], set[str]]:
        store = MemoryStore()
        source = BodySource(dict.fromkeys(GOOD, BODY), datetime(2026, 11, 23, tzinfo=UTC))
        ingest = Ingest(Reader(source, Reading()), store)
        monkeypatch.setattr(handlers.ingest, "configured", lambda: ingest)
        records = [
            {"messageId": str(number), "eventSource": "aws:sqs", "body": each}
            for number, each in enumerate(bodies)
        ]
        answer = handlers.ingest.handler({"Records": records}, CONTEXT)
        counted = {entry.ref.key for entry in store.objects() if entry.state == "committed"}
        return [each["itemIdentifier"] for each in answer["batchItemFailures"]], counted

    return invoke


POISON: list[Any] = [
    body(record(size=float("inf"))),
    body(record(size="x")),
    body(record(size=-1)),
    body(record(size=2**64)),
    body(record(size=True)),
    body(record(eTag={"a": 1})),
    body(record(eTag=["a"])),
    body(record(eTag=5)),
    body(record(eTag="e" * 2000)),
    body(record(versionId=5)),
    body(record(sequencer=7)),
    body(record("\ud800.gz")),
    body(record("")),
    body(record("%00.gz")),
    body(record("%ED%A0%80.gz")),
    body(record("%ff.gz")),
    body(record("k" * 2000)),
    body(record("%E2%98%83" * 400)),
    body(record(bucket={"a": 1})),
    body(record(bucket="\udfff")),
    body(record(bucket="")),
    body(record() | {"s3": 3}),
    body(record() | {"eventVersion": None}),
    body(record(), 7),
    '{"source":"aws.s3","detail-type":"Object Created"}',
    '{"source":"aws.s3","detail-type":"Object Created","detail":{"bucket":{"name":"b"},'
    '"object":{"key":"\\ud800"}}}',
    '{"source":"aws.s3","detail-type":"Object Created","detail":{"bucket":{"name":"b"},'
    '"object":{"key":"k","size":Infinity}}}',
    '{"requestPayload":{"requestPayload":{"Records":[]}}}',
    "[" * 100_000,
    "[" * 900 + "]" * 900,
    '{"a":' * 900 + "1" + "}" * 900,
    "null",
    "",
    None,
    5,
    {"Records": []},
    b"\xff".decode("latin-1"),
]


@pytest.mark.parametrize("poison", POISON, ids=range(len(POISON)))
def test_a_poison_message_fails_alone(
    deliver: Callable[..., tuple[list[str], set[str]]], poison: Any
) -> None:
    """Its neighbours are counted, and it is delivered again."""
    good = [body(record(key)) for key in GOOD]
    assert deliver(good[0], poison, good[1]) == (["1"], set(GOOD))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["aws:s3", "aws.s3", "Object Created", "2.1", "\ud800", "\0", "%ff"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=3)
            | st.sampled_from(
                ["Records", "eventSource", "s3", "source", "detail", "requestPayload", "Event"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a document where a value is."""
    pairs = document.items() if isinstance(document, dict) else enumerate(document)
    for name, value in pairs:
        yield document, name
        if isinstance(value, dict | list):
            yield from places(value)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(value="\ud800", where=45, bridged=False, data=b"")
@given(value=JSON, where=st.integers(0, 99), bridged=st.booleans(), data=st.binary(max_size=9))
def test_whatever_a_message_holds_only_it_can_fail(
    deliver: Callable[..., tuple[list[str], set[str]]],
    value: Any,
    where: int,
    bridged: bool,
    data: bytes,
) -> None:
    """Any JSON in any place of an event, by itself, and bytes that are no JSON."""
    good = [body(record(key)) for key in GOOD]
    document = event("ingest-eventbridge") if bridged else {"Records": [record()]}
    found = list(places(document))
    holder, name = found[where % len(found)]
    holder[name] = value
    bodies = [good[0], json.dumps(document), json.dumps(value), good[1], data.decode("latin-1")]
    failed, counted = deliver(*bodies)
    assert set(failed) <= {"1", "2", "4"}
    assert counted == set(GOOD)


@settings(deadline=None)
@given(value=JSON)
def test_an_event_that_is_anything_is_answered_or_refused(value: Any) -> None:
    """As it came, without a queue: objects to count, or a problem."""
    for message in announced(value):
        assert all(isinstance(ref, ObjectRef) for ref in message.refs)


def test_an_event_that_lambda_could_not_deliver_is_understood() -> None:
    """Its record, in the queue of dead letters, is redriven like any message."""
    undelivered = {
        "version": "1.0",
        "timestamp": "2026-11-23T00:00:00Z",
        "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3},
        "requestPayload": {"Records": [record("a+b.gz", eTag="e")]},
        "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": "x"},
    }
    message = {"messageId": "0", "eventSource": "aws:sqs", "body": json.dumps(undelivered)}
    (found,) = announced({"Records": [message]})
    assert (found.refs, found.problem) == ([ObjectRef("b", "a b.gz", "e")], "")


@pytest.mark.parametrize(
    ("attributes", "receives"),
    [
        ({"ApproximateReceiveCount": "3"}, 3),
        ({"ApproximateReceiveCount": "many"}, 1),
        ({"ApproximateReceiveCount": "9" * 5000}, 1),
        ({}, 1),
        (None, 1),
    ],
)
def test_how_often_a_message_was_received_is_known(attributes: Any, receives: int) -> None:
    """Once, where the queue does not say."""
    message = {"eventSource": "aws:sqs", "attributes": attributes, "body": body(record())}
    assert announced({"Records": [message]})[0].receives == receives


def test_versions_etags_and_sequencers_are_kept() -> None:
    """Of S3's events and of EventBridge's: they tell which content is meant."""
    named = {"eTag": "e", "versionId": "v", "sequencer": "0A", "size": 3}
    (direct,) = announced({"Records": [record(**named)]})
    bridged = {"etag": "e", "version-id": "v", "sequencer": "0A", "size": 3}
    detail = {"bucket": {"name": "b"}, "object": {"key": "k.gz", **bridged}}
    document = {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}
    (by_event_bridge,) = announced(document)
    assert direct.refs == by_event_bridge.refs == [ObjectRef("b", "k.gz", "e", "v", "0A", 3)]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"eventVersion": "3.0"}, "the version of a record is not 2.x"),
        ({"eventSource": "aws:ses"}, "not S3's"),
        ({"s3": {}}, "missing required field `bucket`"),
        ({"s3": None}, "Expected `object`, got `null`"),
        ({"eventName": None}, "Expected `str`, got `null` - at `$.eventName`"),
    ],
)
def test_a_record_that_is_not_understood_is_a_problem_beside_good_ones(
    change: dict[str, Any], problem: str
) -> None:
    """The good records are taken, and the message is delivered again."""
    good = event("ingest-s3")["Records"][0]
    (message,) = announced({"Records": [good, good | change, good]})
    assert len(message.refs) == 2
    assert problem in message.problem


@pytest.mark.parametrize(
    ("logged", "key"),
    [("a+b", "a b"), ("a%2Bb", "a+b"), ("%E2%98%83", "☃"), ("a%252Bb", "a%2Bb"), ("x%3D1/", None)],
)
def test_keys_are_unquoted(logged: str, key: str | None) -> None:
    """In S3's events a plus is a space; a folder marker is no object."""
    document = event("ingest-s3")
    document["Records"][0]["s3"]["object"]["key"] = logged
    (message,) = announced(document)
    assert [ref.key for ref in message.refs] == ([] if key is None else [key])


def test_keys_of_event_bridge_are_plain() -> None:
    """EventBridge does not encode them."""
    document = event("ingest-eventbridge")
    document["detail"]["object"]["key"] = "a+b%2B"
    assert announced(document)[0].refs[0].key == "a+b%2B"
    document["detail-type"] = "Object Deleted"
    assert announced(document)[0].refs == []


def test_event_bridge_by_way_of_a_queue_is_understood() -> None:
    """The body of a message may be any of the envelopes."""
    body = json.dumps(event("ingest-eventbridge"))
    (message,) = announced(
        {"Records": [{"eventSource": "aws:sqs", "messageId": "m", "body": body}]}
    )
    assert (message.message_id, len(message.refs), message.problem) == ("m", 1, "")
