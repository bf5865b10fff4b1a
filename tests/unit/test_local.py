"""Running the functions in Docker: the parts of it that need no Docker."""

import hashlib
import json
from typing import Any

import pytest

from demo.stack import ROOT
from local.__main__ import difference
from local.parts import BODY, KEYS, expected, lines


def test_every_line_of_the_readme_has_a_response_to_compare_with() -> None:
    """And a response that says something."""
    assert len(lines()) == 19
    assert [line for line in lines() if not expected(line)] == []


def test_the_events_tell_the_size_and_the_etag_of_the_objects() -> None:
    """The objects are the same bytes wherever they are made."""
    etag = hashlib.md5(BODY).hexdigest()  # noqa: S324 - S3's own
    for line in lines():
        with (ROOT / line[5]).open() as file:
            text = file.read().replace('\\"', '"')
        for key in KEYS:
            if f'"{key}", "size"' in text or '"eTag"' in text:
                assert f'"size": {len(BODY)}' in text
                assert etag in text


@pytest.mark.parametrize(
    ("wanted", "found", "said"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, ""),
        ({"a": {"b": [1]}}, {"a": '{"b": [1]}'}, ""),
        ({"a": {"b": [1]}}, {"a": {"b": [2]}}, "response.a.b[0] is 2, and should be 1"),
        ([{"a": 1}], [{"a": 1, "b": 2}], ""),
        ([1], [1, 2], "response is [1, 2], and should be [1]"),
        ({"a": 1}, {}, "response.a is None, and should be 1"),
        ({"a": 1}, None, "response is None, and should be {'a': 1}"),
        ([], [1], "response is [1], and should be []"),
    ],
)
def test_a_response_is_compared_key_by_key(wanted: Any, found: Any, said: str) -> None:
    """More keys than are wanted do no harm; other values do."""
    assert difference(wanted, json.loads(json.dumps(found))) == said
