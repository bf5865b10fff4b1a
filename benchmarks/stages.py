"""Where the time of reading a log goes: `python -m benchmarks.stages`.

A run of the standard library's profiler in one thread; its own cost is small here, because few
functions are called, each on many rows.
"""

import argparse
import cProfile
import pstats
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.contestants import edgetally, warm_up
from benchmarks.generate import FORMATS, START, requests

STAGES = {
    "inflating (isal)": ["inflate.py:__iter__"],
    "lines into blocks": ["blocks.py:__iter__", "-json_lines.py:one_per_line"],
    "tokens, numbers, dictionaries (Arrow's CSV)": ["values.py:read_csv"],
    "times, and whether they make sense": ["records.py:rows_of"],
    "blocks brought together": ["tally.py:_joined"],
    "vectors of every logged value (cubes)": ["cube.py:vectors"],
    "logged values into counted ones, tables": ["tally.py:_tables", "-cube.py:vectors"],
    "latencies": ["tally.py:_latency"],
    "visitors and paths": ["tally.py:_visitors", "tally.py:_paths"],
    "the rest of the tally": [
        "tally.py:_aggregate", "-tally.py:_tables", "-tally.py:_latency",
        "-tally.py:_visitors", "-tally.py:_paths",
    ],
    "merging": ["aggregate.py:merge"],
    "encoding": ["codec.py:encode"],
}  # fmt: skip
"""Each stage by the functions whose time it is, and with a minus those whose it is not."""


def main() -> None:
    """Profile one reading and print its stages."""
    parser = argparse.ArgumentParser(description="where the time of reading a log goes")
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        path.write_bytes(FORMATS["v1"](requests(1, rows, start=START + 1800)))
        before = Path(folder) / "before"
        before.write_bytes(FORMATS["v1"](requests(7, rows // 5, start=START + 1800)))
        warm_up(before)
        profiler = cProfile.Profile()
        profiler.runcall(edgetally, path)
    stats = pstats.Stats(profiler)
    total: float = stats.total_tt  # type: ignore[attr-defined] # its stub does not know it
    seconds: dict[str, float] = {}
    for (file, _, function), found in stats.stats.items():  # type: ignore[attr-defined]
        name = f"{Path(file).name}:{function}"
        seconds[name] = seconds.get(name, 0.0) + found[3]
    table = Table("stage", "ns a row", "share")
    left = total
    for stage, functions in STAGES.items():
        spent = sum(
            -seconds[each[1:]] if each.startswith("-") else seconds[each] for each in functions
        )
        left -= spent
        table.add_row(stage, f"{1e9 * spent / rows:,.0f}", f"{100 * spent / total:.1f} %")
    table.add_row("everything else", f"{1e9 * left / rows:,.0f}", f"{100 * left / total:.1f} %")
    table.add_row("all", f"{1e9 * total / rows:,.0f}", "100 %")
    Console().print(table)


if __name__ == "__main__":
    main()
