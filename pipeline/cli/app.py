"""The commands as one program; errors become exit codes in `main`."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from threading import current_thread, main_thread
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from pipeline.cli.archive_commands import archiving
from pipeline.cli.audit_commands import auditing
from pipeline.cli.console import complain
from pipeline.cli.counting_commands import counting_commands
from pipeline.cli.delivery_commands import delivering
from pipeline.cli.exits import FAILED, INTERRUPTED, OK, READER_GONE, TERMINATED, exit_code
from pipeline.cli.ledger_commands import keeping
from pipeline.cli.rebuild_commands import repairing
from pipeline.cli.report_command import reporting
from pipeline.cli.serve_command import serving
from pipeline.cli.settings_command import settling
from pipeline.cli.status_command import diagnosing
from pipeline.cli.summary_commands import summing
from pipeline.cli.version import show_version

GROUPS = {
    "Count and look": ("ingest", "report", "summary", "series", "serve", "inspect"),
    "Keep a store": (*("objects", "audit", "rebuild", "export", "import", "settings"),),
    "CloudFront and AWS": ("attach", "detach", "status", "backfill"),
}
"""Every command, in the order and under the headings of the help."""

app = typer.Typer(
    help="CloudFront access logs into an exact, always-current traffic summary.",
    epilog="First: edgetally report logs/ -o report.html --open",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for named, part in (("objects", keeping), ("rebuild", repairing)):
    app.add_typer(part, name=named)
for part in (
    counting_commands,
    summing,
    auditing,
    archiving,
    settling,
    delivering,
    reporting,
    diagnosing,
    serving,
):
    app.add_typer(part)


@app.callback()
def edgetally(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the version, and what a report of a bug should say.",
            callback=show_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """CloudFront access logs into an exact, always-current traffic summary."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 something could not be counted or read,
    2 a wrong option or setting, 3 something to choose, 4 a bug, 130 interrupted, 141 nobody reads
    on, 143 terminated."""
    typed = list(sys.argv[1:] if argv is None else argv)
    if sys.stdout is None:  # as Python starts where somebody has closed it
        complain("edgetally: standard output is closed")
        return FAILED
    _never_fail_to_print()
    if typed[:1] in ([], ["help"]):
        typed = [*typed[1:], "--help"]
    with _terminating() as was_terminated:
        code = _flushed(_run(typed))
    if code == INTERRUPTED:
        complain("edgetally: terminated" if was_terminated() else "edgetally: interrupted")
        return TERMINATED if was_terminated() else INTERRUPTED
    return code


def _run(typed: Sequence[str]) -> int:
    try:
        command()(args=list(typed), prog_name="edgetally")
    except SystemExit as end:  # how Typer ends: commands, usage errors and Ctrl-C alike
        # A reader that has seen enough, such as `head`, is no failure of ours.
        closed = isinstance(end.__context__, BrokenPipeError)
        return READER_GONE if closed else int(end.code or OK)
    except Exception as error:
        return exit_code(error, typed)
    return OK


def _flushed(code: int) -> int:
    """The exit code, once everything that was printed has been taken."""
    try:
        sys.stdout.flush()
    except OSError as error:
        # Python would try again at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return READER_GONE
        return exit_code(OSError(error.errno, error.strerror, "standard output"))
    return code


def _never_fail_to_print() -> None:
    """Let characters that the encoding of a terminal or a pipe lacks be escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def command() -> TyperGroup:
    """The program, its commands in groups, with help whose paragraphs fit any width."""
    program = get_command(app)
    assert isinstance(program, TyperGroup)  # noqa: S101 - a Typer with several commands is one
    grouped = {name: heading for heading, names in GROUPS.items() for name in names}
    program.commands = {name: program.commands[name] for name in grouped}
    for name, each in program.commands.items():
        each.rich_help_panel = grouped[name]  # type: ignore[attr-defined]
        _unwrap(each)
    return program


def _unwrap(command: Any) -> None:
    """Make each paragraph of a help one line: the terminal wraps it, not the source."""
    paragraphs = (command.help or "").split("\n\n")
    command.help = "\n\n".join(" ".join(each.split()) for each in paragraphs)
    for inner in getattr(command, "commands", {}).values():
        _unwrap(inner)


@contextmanager
def _terminating() -> Iterator[Callable[[], bool]]:
    """Let SIGTERM end a command as Ctrl-C does, so that the terminal gets its cursor back."""
    seen: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        raise KeyboardInterrupt

    if current_thread() is not main_thread():  # signals are for that one alone
        yield lambda: False
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield lambda: bool(seen)
    finally:
        signal.signal(signal.SIGTERM, before)
