"""The compiled kernel: its functions, and the structures that it shares with Python."""

import ctypes
from ctypes import POINTER, c_char_p, c_int32, c_int64, c_uint32, c_uint64, c_void_p
from functools import cache

import numpy as np

from pipeline.errors import SettingError
from pipeline.hour.five_minutes import SLOTS_PER_HOUR
from pipeline.hour.hyperloglog import REGISTERS
from pipeline.hour.vector import MEASURES

ABI = 1
"""The number of these structures and functions: kernel.c has the same."""

FILE = __file__.removesuffix("library.py") + "libkernel.so"
"""The library, which `make .venv/ready` builds, and `requirements/package.sh` for the functions."""

MOST_FIELDS, MOST_COLUMNS, MOST_BUCKETS = 512, 32, 2048
DONE, FULL = 0, 1
MILLIS_CLOCK, DATE_CLOCK, SECONDS_CLOCK = range(3)
HIT, MISS, FAILURE, ERROR_4XX, ERROR_5XX = 1, 2, 4, 8, 16
SWITCHED, UNSAID, UPGRADE, CACHEABLE, NO_ADDRESS = 32, 64, 128, 256, 512

_TIMES, _HISTOGRAMS, _HOURS = 6, 7, 25


class Known(ctypes.Structure):
    """A value of a column whose meaning (`flags`) is known."""

    _fields_ = (("text", c_char_p), ("length", c_uint32), ("flags", c_uint32))


class Column(ctypes.Structure):
    """A field whose values are told apart."""

    _fields_ = (
        ("known", POINTER(Known)),
        ("prefix", c_char_p),
        ("known_count", c_uint32),
        ("prefix_length", c_uint32),
        ("field", c_uint32),
        ("usual_flags", c_uint32),
        ("is_counted", c_uint32),
        ("is_hashed", c_uint32),
    )


class Plan(ctypes.Structure):
    """All that the kernel knows of a log. Its pointers must outlive the kernel."""

    _fields_ = (
        ("earliest_us", c_int64),
        ("latest_us", c_int64),
        ("seeds", c_uint64 * 3),
        ("no_agent", c_uint64),
        ("key", c_char_p),
        ("lower", c_void_p),
        ("first", c_void_p),
        *((name, c_uint32) for name in ("cells", "cell_shift", "cell_of_1", "buckets")),
        ("key_length", c_uint32),
        ("width", c_uint32),
        *((name, c_uint32) for name in ("clock", "clock_field", "clock_field_2")),
        ("flags", c_uint32),
        ("columns", c_uint32),
        ("measures", c_int32 * _TIMES),
        *((name, c_int32) for name in ("address", "agent", "group")),
        ("column", Column * MOST_COLUMNS),
    )


class OddLine(ctypes.Structure):
    """A line that is not plain: its place in the text, and its number in the text, from 0."""

    _fields_ = (("start", c_uint32), ("length", c_uint32), ("line", c_uint32))


PLACE = np.dtype(
    [
        *((name, "i8") for name in ("hour", "group")),
        ("totals", "i8", MEASURES),
        *((name, "i8") for name in ("received", "cacheable", "cacheable_hits", "sessions")),
        *((name, "i8") for name in ("first_us", "last_us", "visits")),
        ("slots", "i8", (3, _HOURS * SLOTS_PER_HOUR)),
        ("sums", "i8", _HISTOGRAMS),
        ("maxima", "i8", _HISTOGRAMS),
        ("buckets", "i8", (_HISTOGRAMS, MOST_BUCKETS)),
        ("registers", "u1", REGISTERS),
    ]
)
"""The counts of an hour of a group."""

_FUNCTIONS: dict[str, tuple[object, tuple[object, ...]]] = {
    "new": (c_void_p, (POINTER(Plan),)),
    "free": (None, (c_void_p,)),
    "feed": (c_int32, (c_void_p, c_void_p, c_uint32, POINTER(c_uint32), POINTER(c_uint32))),
    "odd": (c_uint32, (c_void_p, POINTER(POINTER(OddLine)))),
    "places": (c_uint32, (c_void_p,)),
    "place": (c_void_p, (c_void_p, c_uint32)),
    "values": (c_uint32, (c_void_p, c_uint32, POINTER(c_void_p), POINTER(c_uint64))),
    "counts": (c_void_p, (c_void_p, c_uint32, c_uint32)),
}


@cache
def load() -> ctypes.CDLL | None:
    """The library; None where it was not built, or was built of another kernel."""
    try:
        library = ctypes.CDLL(FILE)
        return library if _is_ours(library) else None
    except (OSError, AttributeError):  # no such file, for another machine, or without a function
        return None


def is_built() -> bool:
    """Whether there is a kernel."""
    return load() is not None


def is_native(engine: str) -> bool:
    """Whether the kernel counts plain lines: by `native` it must, by `auto` it does where it is
    built, by `arrow` not. Raises SettingError if it must and is not built."""
    if engine == "native" and not is_built():
        raise SettingError(
            "EDGETALLY_ENGINE",
            "it is native, and the kernel is not built; `make .venv/ready` builds it where there "
            "is a C compiler",
        )
    return engine != "arrow" and is_built()


def _is_ours(library: ctypes.CDLL) -> bool:
    if library.kernel_abi() != ABI:
        return False
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, f"kernel_{name}")
        function.restype, function.argtypes = result, arguments
    sizes = [ctypes.sizeof(Plan), ctypes.sizeof(Column), PLACE.itemsize, ctypes.sizeof(OddLine)]
    return sizes == [library.kernel_size_of(what) for what in range(len(sizes))]
