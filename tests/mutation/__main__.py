"""Run the tests of a room on a sample of its mutants: `python -m tests.mutation`.

A mutant that no test notices is printed. The exit code is 1 unless docs/mutants.md has it, as
`file: old → new`, with the reason. With `--holes` the mutants are faults of before, and the state
machine must find each; with `--slips` they are slips that no test noticed once.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.mutation.changes import Change, changes
from tests.mutation.holes import HOLES, Hole
from tests.mutation.slips import SLIPS

ROOT = Path(__file__).parents[2]
FAILED = 1  # pytest's exit code when a test failed, and nothing else was wrong
COPIED = ("pipeline", "handlers", "tests", "demo", "benchmarks", "docs", "events", "local")
COPIED_FILES = ("pyproject.toml", "template.yaml", "Makefile", "README.md", "CONTRIBUTING.md")
FAST = ("-m", "not slow")
QUICK = ("--timeout=60", "--hypothesis-profile=quick")
LONG = ("--timeout=0", "--hypothesis-profile=thorough")
"""For the machine: it fails by what it finds, and not because it takes long."""


@dataclass(frozen=True, slots=True)
class Room:
    """Modules, by patterns, and the tests that must notice when one of them changes."""

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]
    options: tuple[str, ...] = QUICK


ROOMS = (
    Room("ingest", ("pipeline/ingest/*.py",), ("tests/unit/ingest", "tests/contract", *FAST)),
    Room("store", ("pipeline/store/*.py",), ("tests/unit/store", "tests/contract", *FAST)),
    Room(
        "dynamodb",
        ("pipeline/store/dynamodb/*.py",),
        (
            "tests/contract/test_store.py",
            "tests/contract/test_dynamodb_faults.py",
            "-k",
            "dynamodb",
        ),
    ),
    Room("source", ("pipeline/source/*.py",), ("tests/unit/source", "tests/unit/cli", *FAST)),
    Room(
        "upkeep",
        ("pipeline/upkeep/*.py",),
        ("tests/contract", "tests/unit/cli", *FAST),
    ),
    Room("handlers", ("handlers/*.py",), ("tests/unit/handlers", *FAST)),
    Room("answer", ("pipeline/answer/*.py",), ("tests/unit/answer", "tests/unit/api", *FAST)),
    Room("api", ("pipeline/api/*.py",), ("tests/unit/api", "tests/unit/answer", *FAST)),
    Room("cli", ("pipeline/cli/*.py", "pipeline/bootstrap.py"), ("tests/unit/cli", *FAST)),
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of a module of a room."""

    room: Room
    file: str
    change: Change

    def __str__(self) -> str:
        old, new = (" ".join(text.split()) for text in (self.change.old, self.change.new))
        return f"{self.file}: {old} → {new}"


def main() -> int:
    """Run a sample; print how many mutants were noticed, and the others."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--each", type=int, default=6, help="mutants of each room")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--room", choices=[room.name for room in ROOMS], action="append")
    parser.add_argument("--holes", metavar="WORDS", nargs="?", const="", help="those with WORDS")
    parser.add_argument("--slips", metavar="WORDS", nargs="?", const="", help="those with WORDS")
    options = parser.parse_args()
    for words, faults, how in ((options.holes, HOLES, LONG), (options.slips, SLIPS, QUICK)):
        if words is not None:
            chosen = [fault for fault in faults if words in fault.name]
            return _find(chosen, (*how, f"--hypothesis-seed={options.seed}"))
    rooms = [room for room in ROOMS if not options.room or room.name in options.room]
    sample = [mutant for room in rooms for mutant in _sample(room, options.each, options.seed)]
    unchanged = [Mutant(room, "README.md", Change(0, 0, 0, "", "")) for room in rooms]
    began = time.monotonic()
    with _copies(2) as copies, ThreadPoolExecutor(2) as pool:
        tried = list(pool.map(lambda mutant: _is_noticed(mutant, copies), unchanged + sample))
    broken, noticed = tried[: len(rooms)], tried[len(rooms) :]
    if any(broken):
        names = [room.name for room, fails in zip(rooms, broken, strict=True) if fails]
        print(f"these tests fail without a mutant: {', '.join(names)}")
        return 2
    survivors = [mutant for mutant, seen in zip(sample, noticed, strict=True) if not seen]
    for room in rooms:
        of_room = [
            seen for mutant, seen in zip(sample, noticed, strict=True) if mutant.room is room
        ]
        print(f"{room.name:10} {sum(of_room):3} of {len(of_room)} noticed")
    print(f"seed {options.seed}: {sum(noticed)} of {len(sample)} noticed", end=" ")
    print(f"in {time.monotonic() - began:.0f} s")
    known = (ROOT / "docs" / "mutants.md").read_text()
    unknown = [mutant for mutant in survivors if f"`{mutant}`" not in known]
    for mutant in unknown:
        print(f"line {mutant.change.line}: `{mutant}`")
    return 1 if unknown else 0


def _find(faults: Sequence[Hole], how: tuple[str, ...]) -> int:
    """Run the tests of each fault, and print how long it took to find; the exit code."""
    mutants = [
        Mutant(
            Room(fault.name, (), fault.tests, how),
            fault.file,
            fault.change((ROOT / fault.file).read_text()),
        )
        for fault in faults
    ]
    with _copies(2) as copies, ThreadPoolExecutor(2) as pool:
        tried = list(pool.map(lambda mutant: _timed(mutant, copies), mutants))
    known = (ROOT / "docs" / "mutants.md").read_text()
    unknown = 0
    for mutant, (code, seconds) in zip(mutants, tried, strict=True):
        unknown += code != FAILED and mutant.room.name not in known
        found = "found" if code == FAILED else f"NOT FOUND (exit code {code})"
        print(f"{found} in {seconds:4.0f} s: {mutant.room.name}")
    print(f"{sum(code == FAILED for code, _ in tried)} of {len(tried)} found")
    return 1 if unknown else 0


def _timed(mutant: Mutant, copies: "SimpleQueue[Path]") -> tuple[int | None, float]:
    began = time.monotonic()
    return _exit_code(mutant, copies), time.monotonic() - began


def _sample(room: Room, count: int, seed: int) -> list[Mutant]:
    every = [
        Mutant(room, str(file.relative_to(ROOT)), change)
        for pattern in room.modules
        for file in sorted(ROOT.glob(pattern))
        for change in changes(file.read_text())
    ]
    return random.Random(f"{seed} {room.name}").sample(every, min(count, len(every)))


@contextmanager
def _copies(count: int) -> Iterator["SimpleQueue[Path]"]:
    """Copies of the project, of which each run of tests has one for itself."""
    copies: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            copy = Path(folder) / str(number)
            for name in COPIED:
                ignored = shutil.ignore_patterns("__pycache__", "node_modules")
                shutil.copytree(ROOT / name, copy / name, ignore=ignored)
            for name in COPIED_FILES:
                shutil.copy(ROOT / name, copy / name)
            modules = "tests/support/dynamodb_local/node_modules"
            if (ROOT / modules).exists():
                (copy / modules).symlink_to(ROOT / modules)
            copies.put(copy)
        yield copies


def _is_noticed(mutant: Mutant, copies: "SimpleQueue[Path]") -> bool:
    """Whether a test fails, or never ends, with the mutant in place."""
    return _exit_code(mutant, copies) != 0


def _exit_code(mutant: Mutant, copies: "SimpleQueue[Path]") -> int | None:
    """The exit code of pytest with the mutant in place, None if it never ends."""
    copy = copies.get()
    file = copy / mutant.file
    text = file.read_text()
    file.write_text(mutant.change.of(text))
    options = ("-q", "-x", "-p", "no:cacheprovider", *mutant.room.options)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *mutant.room.tests],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=600,
        )
    except subprocess.TimeoutExpired:
        return None
    finally:
        file.write_text(text)
        copies.put(copy)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
