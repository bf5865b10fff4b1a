"""The version, and the facts about an installation that a report of a bug should have."""

import platform
import sqlite3
from importlib.metadata import PackageNotFoundError, version

import typer

from pipeline import __version__
from pipeline.cli.console import out
from pipeline.environment import variable

_ENGINES = ("pyarrow", "numpy", "isal", "msgspec", "boto3", "waitress", "typer", "rich")


def show_version(wanted: bool) -> None:
    """Print the versions and end, if that is wanted."""
    if not wanted:
        return
    python = f"{platform.python_implementation()} {platform.python_version()}"
    engines = ", ".join(f"{name} {_version(name)}" for name in _ENGINES)
    lines = (
        f"edgetally {__version__}",
        f"{python}, {platform.platform()} ({platform.machine()})",
        _engine(),
        f"SQLite {sqlite3.sqlite_version}, {engines}",
    )
    for line in lines:
        out.print(line, markup=False, soft_wrap=True)
    raise typer.Exit


def _engine() -> str:
    """The engine that counts plain lines, and the reason if it is not the kernel."""
    from pipeline.tally.native.library import ABI, is_built

    if not is_built():
        return "engine arrow: the kernel is not built (`make .venv/ready` does, with a C compiler)"
    if variable("engine") == "arrow":
        return "engine arrow, as EDGETALLY_ENGINE says"
    return f"engine native, kernel {ABI}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"
