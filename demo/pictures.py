"""The pictures of the page in docs/, taken of a report about two weeks of generated traffic.

python -m demo.pictures    needs Chromium
"""

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from demo.fortnight import hours
from pipeline.cli.app import main as edgetally

DOCS = Path(__file__).parents[1] / "docs"
UNTIL = datetime(2026, 11, 27, 9, 12, tzinfo=UTC)
LINES = 400
"""Requests of a usual hour at noon."""

_QUIET = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars"
).split()
_DARK = "--blink-settings=preferredColorScheme=0"
PICTURES = {
    "report.png": (1400, 1500, False),
    "report-dark.png": (1400, 1500, True),
    "report-phone.png": (500, 1500, False),
}
"""Each picture's width and height in pixels, and whether it is dark. Chromium's window is at least
500 pixels wide."""


def main() -> None:
    """Make a report, and take every picture of it."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("Chromium is missing: apt-get install chromium")
    with TemporaryDirectory() as folder:
        logs, report = Path(folder) / "logs", Path(folder) / "report.html"
        logs.mkdir()
        for name, body in hours(7, UNTIL, LINES):
            (logs / name).write_bytes(body)
        options = ["--from", "2026-11-20T10:00Z", "--tz", "Europe/Berlin", "-o", str(report)]
        if edgetally(["report", str(logs), *options, "--title", "www.example.com"]):
            raise SystemExit("no report was made")
        for name, (width, height, is_dark) in PICTURES.items():
            command = [
                *(chromium, *_QUIET, f"--user-data-dir={folder}/{name}.profile"),
                *([_DARK] if is_dark else []),
                *(f"--window-size={width},{height}", f"--screenshot={DOCS / name}"),
                report.as_uri(),
            ]
            subprocess.run(command, check=True, capture_output=True, timeout=120)
            print(DOCS / name)


if __name__ == "__main__":
    main()
