"""The version, and the facts about an installation that a report of a bug should have."""

import platform
import sqlite3
from importlib.metadata import PackageNotFoundError, version

import typer

from pipeline import __version__
from pipeline.cli.console import out

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
        f"SQLite {sqlite3.sqlite_version}, {engines}",
    )
    for line in lines:
        out.print(line, markup=False, soft_wrap=True)
    raise typer.Exit


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"
