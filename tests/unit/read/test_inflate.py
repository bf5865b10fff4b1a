"""Bytes: members, truncation, damage, bombs."""

import gzip
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ObjectRefused
from pipeline.read.blocks import Block, LineBlocks
from pipeline.read.inflate import Inflated
from pipeline.read.limits import Limits

TEXT = b"".join(b"line %d of the text\n" % n for n in range(2000))
BODY = gzip.compress(TEXT, mtime=0)


def text_of(*chunks: bytes, limits: Limits | None = None) -> bytes:
    return b"".join(Inflated(chunks, limits or Limits()))


@given(st.lists(st.binary(max_size=400), min_size=1, max_size=5), st.integers(1, 50))
def test_members_add_up_however_the_chunks_are_cut(texts: list[bytes], size: int) -> None:
    """The text of several members is theirs in a row, wherever members and chunks end."""
    body = b"".join(gzip.compress(text) for text in texts)
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    assert text_of(*chunks) == b"".join(texts)


@pytest.mark.parametrize("missing", [1, 4, 8, 9, len(BODY) // 2, len(BODY) - 3])
def test_a_truncated_object_is_refused(missing: int) -> None:
    """Cut by a byte, inside the trailer or in the middle: refused, and said to be truncated."""
    with pytest.raises(ObjectRefused, match="truncated: .* inside member 1"):
        text_of(BODY[:-missing])


def test_a_second_member_that_is_truncated_is_refused() -> None:
    """The first member alone is not the object."""
    with pytest.raises(ObjectRefused, match="inside member 2"):
        text_of(BODY + BODY[:-5])


@pytest.mark.parametrize("position", range(10, len(BODY), 97))
def test_a_flipped_bit_is_refused(position: int) -> None:
    """The checksum finds what inflating does not."""
    damaged = bytearray(BODY)
    damaged[position] ^= 4
    with pytest.raises(ObjectRefused, match="member 1"):
        text_of(bytes(damaged))


def test_a_wrong_length_is_refused() -> None:
    """The length in the trailer is checked too."""
    damaged = bytearray(BODY)
    damaged[-1] ^= 1
    with pytest.raises(ObjectRefused, match="damaged gzip in member 1"):
        text_of(bytes(damaged))


def test_zeros_behind_the_last_member_are_padding() -> None:
    """Tools that write blocks pad them."""
    assert text_of(BODY + bytes(1000)) == TEXT


def test_anything_else_behind_a_member_is_refused() -> None:
    """It may have been log lines."""
    with pytest.raises(ObjectRefused, match="bytes that are not gzip follow its member 1"):
        text_of(BODY + b"2026-11-23\t10:00:00\n")


@pytest.mark.parametrize("body", [b"", b"x", b"plain text\n"])
def test_what_is_not_gzip_is_text(body: bytes) -> None:
    """Magic bytes decide, not the name."""
    assert text_of(body) == body


def test_an_empty_member_is_an_empty_text() -> None:
    """An empty gzip is no error."""
    assert text_of(gzip.compress(b"")) == b""


def test_a_bomb_is_refused_early() -> None:
    """A ratio that no log reaches ends the reading, before the whole of it is inflated."""
    bomb = gzip.compress(bytes(256 << 20))
    sizes: list[int] = []
    with pytest.raises(ObjectRefused, match="900 times its size.*EDGETALLY_MAX_INFLATE_RATIO"):
        sizes.extend(len(text) for text in Inflated([bomb], Limits()))
    seen = sum(sizes)
    assert seen <= Limits().max_ratio * len(bomb) + (1 << 20) < 256 << 20


def test_the_inflated_size_is_bounded() -> None:
    """The limit is named, and how to raise it."""
    with pytest.raises(ObjectRefused, match="1,000 bytes.*EDGETALLY_MAX_INFLATED_BYTES"):
        text_of(BODY, limits=Limits(max_inflated=1000))


@given(
    st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b""))), st.integers(1, 40)
)
def test_blocks_end_at_line_ends_and_lose_nothing(lines: list[bytes], size: int) -> None:
    """Blocks are whole lines, and together they are the text."""
    text = b"\n".join(lines)
    blocks = list(LineBlocks([text[n : n + size] for n in range(0, len(text), size)], 1024, 64))
    assert b"".join(block.text for block in blocks) == text
    assert all(block.text.endswith(b"\n") for block in blocks[:-1])
    assert not any(block.too_long for block in blocks)


@given(st.integers(0, 10**6), st.integers(1, 300))
def test_only_lines_over_the_limit_are_left_out(seed: int, size: int) -> None:
    """Whatever the pieces, a line is kept if and only if it is within the limit."""
    rng = random.Random(seed)
    lines = [b"x" * rng.choice([0, 5, 99, 100, 101, 102, 500]) for _ in range(rng.randrange(30))]
    text = b"".join(line + b"\n" for line in lines)
    blocks = LineBlocks([text[n : n + size] for n in range(0, len(text), size)], 100, 256)
    kept: list[bytes] = []
    too_long: list[int] = []
    for block in blocks:
        too_long += [len(kept) + number for number in block.too_long]
        kept += block.text.split(b"\n")[:-1]
    assert kept == [line if len(line) <= 100 else b"" for line in lines]
    assert too_long == [n for n, line in enumerate(lines, 1) if len(line) > 100]


def test_a_line_without_end_is_held_in_bounded_memory() -> None:
    """What is longer than a line may be is dropped while it streams by."""
    blocks = LineBlocks((b"x" * 1000 for _ in range(100_000)), 10_000, 50_000)
    assert list(blocks) == [Block(b"", (1,))]
