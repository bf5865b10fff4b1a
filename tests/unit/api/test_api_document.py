"""The document of the API is what the API answers."""

import msgspec

from demo.api_document import DOCUMENT, EXAMPLES, UNTIL, api, examples, written
from demo.traffic import Truth, objects
from pipeline.api.routes import ROUTES


def test_every_answer_in_the_document_is_the_apis_own() -> None:
    """Asked again, each request has the same answer, to the byte."""
    text = DOCUMENT.read_text()
    assert text == written(), "write it again: python -m demo.api_document"
    assert all(f"## `{path}`" in text for path in ROUTES)


def test_the_document_is_of_what_its_generator_wrote() -> None:
    """The answers in it are not only the API's own: they are the truth about the traffic."""
    logs = objects(seed=2026, count=16, lines=40, until=UNTIL, hours=36)
    truth = sum((log.truth for log in logs), Truth())
    event = {"httpMethod": "GET", "path": "/metrics/summary"}
    event |= {"queryStringParameters": {"window": "7d"}}  # type: ignore[dict-item]
    summary = msgspec.json.decode(api()(event, None)["body"])["data"]
    assert summary["total_records"] == truth.records == 16 * 40
    assert summary["bytes_sent"] == truth.bytes_sent
    assert summary["status_codes"] == dict(truth.status)
    assert summary["result_types"] == dict(truth.result_types)
    assert {each["path"]: each["count"] for each in summary["top_paths"]} == dict(
        sorted(truth.paths.items(), key=lambda entry: (-entry[1], entry[0]))[:20]
    )


def test_every_example_is_the_apis_own() -> None:
    """The examples of the OpenAPI document are answers of the same API."""
    assert EXAMPLES.read_bytes() == examples(), "write it again: python -m demo.api_document"
