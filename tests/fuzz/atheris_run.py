"""The long run: coverage-guided, for as long as it is told (`make fuzz FUZZ_SECONDS=300`).

What breaks is written to tests/fuzz/found, where the tests pick it up as a regression case.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pipeline"]):
    from tests.fuzz.check import check
    from tests.fuzz.formats import TEXTS, WORDS, Record, check_formats, text

from tests.support.samples import DATA

FOUND = Path(__file__).parent / "found"


def one(body: bytes) -> None:
    """Any bytes: counted, rejected or refused; and records made of them: alike in every format."""
    check(body)
    check_formats(records(body))


def records(body: bytes) -> list[Record]:
    """One to four records that these bytes choose."""
    data = atheris.FuzzedDataProvider(body)
    return [record(data) for _ in range(data.ConsumeIntInRange(1, 4))]


def record(data: atheris.FuzzedDataProvider) -> Record:
    """A record: one of the usual values of each field, or any text where a field holds any."""
    usual = {name: data.PickValueInList(values) for name, values in (WORDS | TEXTS).items()}
    odd = {name: text(data.ConsumeUnicode(12)) for name in TEXTS if data.ConsumeBool()}
    return usual | odd


def main() -> None:
    """Fuzz from the project's own samples on."""
    seconds, corpus = sys.argv[1:3]
    FOUND.mkdir(exist_ok=True)
    for path in DATA.iterdir():
        (Path(corpus) / path.name).write_bytes(path.read_bytes()[:4000])
    options = [
        *(f"-max_total_time={seconds}", "-max_len=8000", "-timeout=20"),
        *("-rss_limit_mb=2048", f"-artifact_prefix={FOUND}/"),
    ]
    atheris.Setup([sys.argv[0], *options, corpus], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
