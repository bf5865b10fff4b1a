"""The layout of lines without a header: more than half of the first lines must be plausible."""

import pytest

from pipeline.errors import ObjectRefused
from pipeline.read.detect import choose_layout
from pipeline.schema.fields import STANDARD

FIELDS = STANDARD.split()
VALUES = {"date": "2026-11-22", "time": "10:00:00", "sc-status": "200", "cs-method": "GET"}
GOOD = "\t".join(VALUES.get(name, "-") for name in FIELDS).encode() + b"\n"
BAD = b"\t".join([b"?"] * len(FIELDS)) + b"\n"


@pytest.mark.parametrize(("good", "bad"), [(1, 0), (2, 1), (101, 99), (101, 500)])
def test_more_than_half_of_the_first_lines_make_a_layout(good: int, bad: int) -> None:
    """Of the first two hundred."""
    assert choose_layout(GOOD * good + BAD * bad, ()).fields == tuple(FIELDS)


@pytest.mark.parametrize(("good", "bad"), [(1, 1), (100, 100), (1, 2), (0, 1)])
def test_half_of_the_lines_do_not(good: int, bad: int) -> None:
    """It is as likely that the others are right."""
    with pytest.raises(ObjectRefused, match="fit no known layout"):
        choose_layout(GOOD * good + BAD * bad, ())
