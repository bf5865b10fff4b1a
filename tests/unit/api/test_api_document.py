"""The document of the API is what the API answers."""

from demo.api_document import DOCUMENT, EXAMPLES, examples, written
from pipeline.api.routes import ROUTES


def test_every_answer_in_the_document_is_the_apis_own() -> None:
    """Asked again, each request has the same answer, to the byte."""
    text = DOCUMENT.read_text()
    assert text == written(), "write it again: python -m demo.api_document"
    assert all(f"## `{path}`" in text for path in ROUTES)


def test_every_example_is_the_apis_own() -> None:
    """The examples of the OpenAPI document are answers of the same API."""
    assert EXAMPLES.read_bytes() == examples(), "write it again: python -m demo.api_document"
