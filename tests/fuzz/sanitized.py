"""The kernel alone on damaged lines, in buffers that end where the text does.

`make sanitize` runs it with libraries that stop at the first bad access. Whatever was fed, each
line is counted, odd or empty, and the counts of every column add up to the totals.
"""

import ctypes
import random
import sys
import time
from collections import Counter

from pipeline.read.layout import Layout, header_layout
from pipeline.tally.native import library
from pipeline.tally.native.kernel import Counted, Kernel
from pipeline.tally.visitors import Visitors
from tests.fuzz.mutated import mutated
from tests.support.odd_logs import odd_log

LATEST_US = 1_800_000_000_000_000


def fed(kernel: Kernel, loaded: ctypes.CDLL, text: bytes) -> tuple[int, int, list[Counted]]:
    """The odd lines of a text, all its lines, and the counts taken on the way."""
    loaded.malloc.restype = ctypes.c_void_p
    buffer = loaded.malloc(ctypes.c_size_t(len(text)))
    ctypes.memmove(buffer, text, len(text))
    start, lines = ctypes.c_uint32(0), ctypes.c_uint32(0)
    odd = 0
    taken: list[Counted] = []
    while start.value < len(text):
        at = ctypes.byref(start), ctypes.byref(lines)
        state = loaded.kernel_feed(kernel.state, buffer, len(text), *at)
        found = ctypes.POINTER(library.OddLine)()
        count = loaded.kernel_odd(kernel.state, ctypes.byref(found))
        for each in found[:count]:
            assert each.start + each.length <= len(text)
            assert b"\n" not in text[each.start : each.start + each.length]
        odd += count
        assert state in (library.DONE, library.FULL)
        if state == library.FULL:
            taken += kernel.take()
    loaded.free(ctypes.c_void_p(buffer))
    return odd, lines.value, taken


def check(kernel: Kernel, loaded: ctypes.CDLL, text: bytes) -> int:
    """Feed a text and take its counts: the number of lines counted."""
    odd, lines, taken = fed(kernel, loaded, text)
    taken += kernel.take()
    counted = 0
    for each in taken:
        totals = each.aggregate.totals
        counted += totals.requests
        for name, table in each.aggregate.sketches.tables.items():
            assert tuple(table.counts.sum(axis=1)) == totals.counts, name
        assert (
            sum(sum(slots.bytes) for slots in totals.five_minutes.values()) == totals.counts.bytes
        )
    texts = text.split(b"\n")
    assert lines == len(texts) - (not texts[-1])
    assert counted + odd == sum(map(bool, texts))
    return counted


def long_log(seed: int) -> bytes:
    """An odd log long enough for the kernel to have more to do than Python has."""
    return odd_log(seed, lines=3000)


def layout_of(text: bytes) -> Layout | None:
    """The layout that a header of a text declares, if the kernel can be fed its lines."""
    layouts = map(header_layout, (line for line in text.split(b"\n") if line.startswith(b"#")))
    return next((layout for layout in layouts if layout and layout.has_clock), None)


def main() -> None:
    """Feed each library in turn for so many seconds."""
    seconds, files = float(sys.argv[1]), sys.argv[2:]
    rng = random.Random(seed := time.time_ns())
    print(f"seed {seed}")
    ends = time.monotonic() + seconds
    done: Counter[str] = Counter()
    while time.monotonic() < ends:
        library.FILE = rng.choice(files)
        library.load.cache_clear()
        loaded = library.load()
        assert loaded, f"{library.FILE} cannot be loaded"
        text = rng.choice([long_log, mutated])(rng.randrange(2**40))
        if layout := layout_of(text):
            field = rng.choice(["", "viewer_host", "distribution"])
            kernel = Kernel(layout, LATEST_US, Visitors(rng.randbytes(rng.randrange(65))), field)
            for _ in range(rng.randrange(1, 4)):
                cut = rng.randrange(len(text) + 1)
                done[library.FILE] += check(kernel, loaded, text[cut:])
            kernel.close()
    for file, counted in sorted(done.items()):
        print(f"{counted:,} lines counted by {file}")


if __name__ == "__main__":
    main()
