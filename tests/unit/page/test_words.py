"""Figures, changes and values as people read them."""

import pytest

from pipeline.page import words
from pipeline.page.text import shortened, shown
from pipeline.page.words import NBSP, Figure


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (words.count(0), "0"),
        (words.count(9_999_999), "9,999,999"),
        (words.count(12_345_678), "12.3 M"),
        (words.count(None), "–"),
        (words.size(0), "0 B"),
        (words.size(999), "999 B"),
        (words.size(999_999), "1.0 MB"),
        (words.size(27_234_000_000), "27.2 GB"),
        (words.size(782_600_000), "783 MB"),
        (words.rate(714_000), "714 kbit/s"),
        (words.time(0.4), "0.4 ms"),
        (words.time(298.4), "298 ms"),
        (words.time(27_000), "27.0 s"),
        (words.percent(0.8331), "83.3 %"),
        (words.percent(0.00001), "<0.1 %"),
        (words.percent(0, 2), "0.00 %"),
        (words.share(1, 0), "–"),
    ],
)
def test_a_figure_is_short_and_has_its_unit(figure: Figure, text: str) -> None:
    """A no-break space stands before the unit."""
    assert str(figure) == text.replace(" ", NBSP)


def test_a_figure_that_was_cut_has_its_exact_value() -> None:
    """Others need none."""
    assert words.count(12_345_678).exact == "12,345,678"
    assert words.size(27_234_000_000).exact == "27,234,000,000 bytes"
    assert not words.count(12).exact
    assert not words.size(12).exact


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (1076, 1000, "↑ +7.6 %"),
        (990, 1000, "↓ −1.0 %"),
        (1000, 1000, "0.0 %"),
        (10_000, 1000, "↑ +900.0 %"),
        (15_000, 1000, "↑ ×15"),
        (5, 0, "new"),
        (0, 0, "–"),
        (None, 5, "–"),
    ],
)
def test_a_change_has_an_arrow_a_sign_and_a_number(now: int | None, before: int, text: str) -> None:
    """None of them if nothing changed; a value that was not there before is new."""
    assert words.growth(now, before).replace(NBSP, " ") == text


def test_a_ratio_changes_by_points() -> None:
    """Not by percent of percent."""
    assert words.points(0.833, 0.843).replace(NBSP, " ") == "↓ −1.0 pt"
    assert words.points(0.5, None) == "–"


def test_a_value_is_shown_decoded_with_escapes_for_what_does_not_show() -> None:
    """Control characters, and those that turn the text round, are visible."""
    assert shown("/a%20b/%C3%BC") == "/a b/ü"
    assert shown("/%E2%80%AEgpj.exe") == "/\\u202egpj.exe"
    assert shown("a%00b%0Ac") == "a\\x00b\\nc"
    assert shown("%FF") == "�"


def test_a_long_value_is_cut_in_its_middle() -> None:
    """Its beginning and its end tell the most."""
    text = shortened("/a" + "x" * 100 + "/z.html")
    assert len(text) == 64
    assert text.startswith("/ax")
    assert text.endswith("/z.html")
    assert shortened("short") == "short"
