"""A short run of the fuzzers, and what the long ones found."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import formats
from tests.fuzz.check import check
from tests.fuzz.formats import check_formats
from tests.fuzz.mutated import mutated
from tests.support.examples import examples

FOUND = sorted((Path(__file__).parent / "found").glob("*"))


@examples(400)
@given(st.binary(max_size=300))
def test_any_bytes_are_counted_rejected_or_refused(body: bytes) -> None:
    """As they are, as the inside of a gzip, and behind a header."""
    check(body)
    check(gzip.compress(body))
    check(b"#Fields: date time cs-uri-stem\n" + body)


@examples(600)
@given(st.integers(0, 2**40))
def test_real_lines_with_odd_bytes_lose_nothing(seed: int) -> None:
    """Every line of a mutated sample is a record or rejected, or the object is refused."""
    text = mutated(seed)
    check(text)


def texts(usual: list[str]) -> st.SearchStrategy[str]:
    """Any text, and the usual ones more often."""
    return st.one_of(st.sampled_from(usual), st.text(max_size=20).map(formats.text))


RECORDS = st.lists(
    st.fixed_dictionaries(
        {name: st.sampled_from(values) for name, values in formats.WORDS.items()}
        | {name: texts(values) for name, values in formats.TEXTS.items()}
    ),
    min_size=1,
    max_size=8,
)


@examples(150)
@given(RECORDS)
def test_the_same_records_give_the_same_rows_in_every_format(
    records: list[formats.Record],
) -> None:
    """As lines, JSON, an array and Parquet: all are counted alike, or all are refused."""
    check_formats(records)


def test_most_records_are_counted() -> None:
    """The oracle does not only compare refusals."""
    usual = {name: values[0] for name, values in (formats.WORDS | formats.TEXTS).items()}
    odd = [usual | {name: value} for name, values in formats.WORDS.items() for value in values]
    assert check_formats([usual, usual])
    assert sum(check_formats([record, usual, usual]) for record in odd) == len(odd)


def test_most_mutated_samples_are_still_read() -> None:
    """The fuzzer does not only look at refusals."""
    read = sum(check(mutated(seed)) for seed in range(300))
    assert read > 120


@pytest.mark.parametrize("found", FOUND, ids=lambda path: path.name)
def test_what_a_fuzzer_found_stays_mended(found: Path) -> None:
    """Each input that once broke something."""
    check(found.read_bytes())
