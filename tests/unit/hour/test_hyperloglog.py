"""Numbers of different ones: the laws, and the estimate against the truth."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.hour.hyperloglog import RELATIVE_ERROR, Uniques, hash_of, merge_uniques, mixed
from pipeline.tally.visitors import Visitors
from tests.support.oracle import registers

members = st.lists(st.integers(0, 2**64 - 1), max_size=60)


def of(hashes: list[int]) -> Uniques:
    return Uniques.of(np.array(hashes, np.uint64))


@given(members)
def test_registers_are_what_bit_strings_say(hashes: list[int]) -> None:
    """The longest run of zeros behind the first twelve bits, found one hash at a time."""
    special = [0, 1, 2**52 | 1, 2 << 52, 3 << 52 | 2, 2**52 - 1, 2**64 - 1]
    assert of(hashes + special).registers.tobytes() == registers({*hashes, *special})


@given(members, members, members)
def test_merging_is_union(a: list[int], b: list[int], c: list[int]) -> None:
    """To the bit, in any order and grouping, however often a member comes."""
    whole = of(sorted({*a, *b, *c}))
    assert merge_uniques([of(a), of(b), of(c)]) == whole
    assert merge_uniques([of(c), merge_uniques([of(b), of(a), of(b)]), None]) == whole
    assert (merge_uniques([]), merge_uniques([None, None])) == (None, None)


@pytest.mark.parametrize("size", [0, 1, 2, 5, 10, 50, 100, 500, 1000, 3000, 10**4, 10**5, 10**6])
def test_an_estimate_is_within_three_standard_errors(size: int) -> None:
    """At every size, for twenty sets; and on average far closer."""
    errors = []
    for seed in range(20):
        hashes = mixed(np.arange(size, dtype=np.uint64) + np.uint64(seed << 40))
        estimate = Uniques.of(hashes).estimate()
        errors.append((estimate - size) / max(1, size))
    assert max(map(abs, errors)) <= 3 * RELATIVE_ERROR
    assert abs(sum(errors) / len(errors)) <= 3 * RELATIVE_ERROR / 20**0.5


def test_texts_are_hashed_well_enough() -> None:
    """Texts that differ in little are as different as any."""
    hashes = [hash_of(f"/article-{n}.html") for n in range(20_000)]
    assert abs(of(hashes).estimate() - 20_000) <= 3 * RELATIVE_ERROR * 20_000


def test_sets_are_equal_by_their_members() -> None:
    """Sets compare by content, and with nothing else."""
    assert of([1]) != of([2**63])
    assert of([1]) != "a set"


def visitors(key: bytes, seen: list[tuple[str, str]]) -> list[int]:
    """The hashes of addresses with agents."""
    addresses, agents = sorted({a for a, _ in seen}), sorted({b for _, b in seen})
    found = Visitors(key).hashes(
        np.array([addresses.index(a) for a, _ in seen], np.int32),
        addresses,
        np.array([agents.index(b) for _, b in seen], np.int32),
        agents,
    )
    return [int(each) for each in found.tolist()]


def test_a_visitor_is_an_address_with_an_agent_under_a_key() -> None:
    """Another address, agent or key is another visitor; the same ones are the same."""
    seen = [("192.0.2.1", "A"), ("192.0.2.2", "A"), ("192.0.2.1", "B"), ("192.0.2.1", "A")]
    a, b, c, again = visitors(b"key", seen)
    assert a == again
    assert len({a, b, c}) == 3
    assert not {a, b, c} & set(visitors(b"other", seen))


def test_a_line_without_an_address_has_no_visitor() -> None:
    """Neither `-` nor an empty field is anyone's address."""
    assert visitors(b"key", [("-", "A"), ("", "B")]) == []
    assert len(visitors(b"key", [("-", "A"), ("192.0.2.1", "B")])) == 1


def test_swapping_address_and_agent_is_another_visitor() -> None:
    """The two are hashed apart before they are added."""
    (one,) = visitors(b"key", [("x", "y")])
    (other,) = visitors(b"key", [("y", "x")])
    assert one != other


def test_mixing_keeps_hashes_apart() -> None:
    """It is a bijection: random hashes never meet."""
    rng = random.Random(1)
    hashes = np.array([rng.getrandbits(64) for _ in range(10_000)], np.uint64)
    assert len(set(mixed(hashes).tolist())) == 10_000


def test_hashes_are_what_they_have_always_been() -> None:
    """They are part of what is stored: another hash would count everyone twice."""
    assert hash_of("/index.html") == 0xB4C16D008041F3E6
    assert hash_of("192.0.2.1", b"key") == 0x748D0FD50F884A2E
    assert hash_of("/\ud800") == 0xC66693C6B9D74891
    # The first two numbers that SplitMix64 gives for the seed 0.
    seeds = np.array([0x9E3779B97F4A7C15, 0x3C6EF372FE94F82A], np.uint64)
    assert mixed(seeds).tolist() == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]


def test_registers_that_are_full_are_estimated_too() -> None:
    """No such set can come of any number of members, but a row could say so."""
    assert Uniques(np.full(4096, 53, np.uint8)).estimate() > 2**60
