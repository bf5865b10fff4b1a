"""The picture in the README: `edgetally summary` over generated traffic, as SVG.

python -m demo.picture docs/summary.svg
"""

import io
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from demo.traffic import objects
from pipeline.answer.summarizing import window_summary
from pipeline.bootstrap import Sources
from pipeline.cli.show_summary import show
from pipeline.hours import Window
from pipeline.ingest.ingest import Ingest
from pipeline.ingest.parsed import Reading
from pipeline.ingest.reader import Reader
from pipeline.settings import Settings
from pipeline.source.files import file_ref
from pipeline.store.memory import MemoryStore

UNTIL = datetime(2026, 11, 23, 11, 58, tzinfo=UTC)


def main(target: Path) -> None:
    """Ingest generated objects from a folder and draw their summary."""
    store = MemoryStore()
    with TemporaryDirectory() as folder:
        for each in objects(seed=2026, count=20, lines=500, until=UNTIL, hours=3):
            file = Path(folder) / Path(each.key).name
            file.write_bytes(each.body)
            Ingest(Reader(Sources(Settings()), Reading()), store)([file_ref(file)])
    console = Console(record=True, width=112, highlight=False, file=io.StringIO())
    show(window_summary(store, Window()), console)
    picture = console.export_svg(title="edgetally summary --hours 24")
    # Without the web font: a picture in a README loads nothing from elsewhere.
    picture = re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL)
    target.write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
