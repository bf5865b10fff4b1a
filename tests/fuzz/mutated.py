"""Real texts with odd bytes in them."""

import gzip
import random

from tests.support.samples import DATA

TEXTS = [
    gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    for path in sorted(DATA.iterdir())
    if not (body := path.read_bytes()).startswith(b"PAR1")
]
ODD = [b"\t", b"\n", b"\r", b"\0", b'"', b"#", b"#Fields: date time\n", b"-", b"{", b"}{", b"\xff"]


def mutated(seed: int) -> bytes:
    """A real text with some bytes replaced, removed, doubled or put elsewhere."""
    rng = random.Random(seed)
    text = rng.choice(TEXTS)[: rng.choice([300, 2000, 20_000])]
    for _ in range(rng.randrange(1, 12)):
        at, length = rng.randrange(len(text) + 1), rng.randrange(40)
        piece = rng.choice([*ODD, rng.randbytes(3), text[at : at + length], b""])
        text = text[:at] + piece + text[at + rng.choice([0, len(piece), length]) :]
    return text
