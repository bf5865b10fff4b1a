"""The document of the API is what the API answers."""

from pathlib import Path

from demo.api_document import written
from pipeline.api.routes import ROUTES

ROOT = Path(__file__).parents[3]


def test_every_answer_in_the_document_is_the_apis_own() -> None:
    """Asked again, each request has the same answer, to the byte."""
    text = (ROOT / "docs" / "api.md").read_text()
    assert text == written(), "write it anew: python -m demo.api_document docs/api.md"
    assert all(f"## `{path}`" in text for path in ROUTES)
