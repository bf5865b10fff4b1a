"""How long the functions take to start, and how large they are: a part of docs/performance.md.

Processor time, not the clock: on a busy machine it tells more. Ratios are of medians of runs in
turn.

    python -m benchmarks.cold [--rounds N] [--before REVISION]
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import boto3

from pipeline.store.dynamodb import DynamoStore
from tests.support import dynamodb_local
from tests.support.api import count

ROOT = Path(__file__).parent.parent
FUNCTIONS = ("ingest", "summaries", "audit", "authorizer")
IMPORTS = {"summaries": 250, "authorizer": 150, "ingest": 550}
"""Milliseconds of processor time that the import of a function may take, where boto3 takes 140."""
BOTO3 = 140
FIRST_REQUEST = 0.4
"""A first request, over the same in the packages of before."""
SIZE = 250
"""MB that AWS unzips at most.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

FIRST = """
import json, types
from handlers.summaries import handler
context = types.SimpleNamespace(
    function_name="f", memory_limit_in_mb=1024, invoked_function_arn="a", aws_request_id="r",
    function_version="1", get_remaining_time_in_millis=lambda: 29_000,
)
with open({event!r}) as file:
    answer = handler(json.load(file), context)
assert answer["statusCode"] == 200, answer
"""


def cpu(command: list[str], environment: Mapping[str, str]) -> float:
    """The milliseconds of processor time of a process and of its threads."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{command[-1]} failed:\n{done.stderr}")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return 1000 * spent


def in_turn(runs: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The median of each run, one after the other in every round."""
    for each in runs.values():
        each()  # files are read into memory
    found = [{name: each() for name, each in runs.items()} for _ in range(rounds)]
    return {name: statistics.median(each[name] for each in found) for name in runs}


def package(function: str, folder: Path, tree: Path = ROOT) -> Path:
    """The package of a function of a source tree, for this machine's Python."""
    own = tree / "requirements" / f"{function}.txt"
    requirements = own if own.exists() else tree / "requirements" / "summaries.txt"
    subprocess.run(
        ["sh", "requirements/package.sh", requirements.relative_to(tree), folder],
        cwd=tree,
        env={**os.environ, "ARCHITECTURE": "local"},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder


def tree_of(revision: str, folder: Path) -> Path:
    """The files of a revision, with this tree's environment, which has pip."""
    folder.mkdir()
    archive = subprocess.check_output(["git", "archive", revision], cwd=ROOT)
    subprocess.run(["tar", "-x"], cwd=folder, input=archive, check=True)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def imports(packages: Mapping[str, Path], rounds: int) -> None:
    """Print what importing each function takes, in its package, beside boto3."""

    def importing(module: str, folder: Path) -> Callable[[], float]:
        return lambda: started(f"import {module}", folder)

    runs = {name: importing(f"handlers.{name}", packages[name]) for name in FUNCTIONS}
    runs["nothing"] = importing("sys", packages["audit"])
    runs["boto3"] = importing("boto3", Path(boto3.__file__).parent.parent)
    found = in_turn(runs, rounds)
    beside = found["boto3"] - found["nothing"]
    print("\n| import, same run | over boto3, at most | measured | ms beside ms |")
    print("|---|---|---|---|")
    for name in FUNCTIONS:
        spent = found[name] - found["nothing"]
        most = f"{IMPORTS[name] / BOTO3:.2f}" if name in IMPORTS else ""
        print(f"| {name} | {most} | {spent / beside:.2f} | {spent:.0f} beside {beside:.0f} |")


def started(code: str, folder: Path, **variables: str) -> float:
    """What a fresh process takes that has this package and nothing else, and cannot write to it."""
    environment = {
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_REGION": "eu-west-2",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "POWERTOOLS_METRICS_NAMESPACE": "cold",
        **variables,
    }
    return cpu([sys.executable, "-S", "-c", code], environment)


def first_requests(packages: Mapping[str, Path], rounds: int) -> None:
    """Print what the start and the first request take, in each of some packages."""
    code = FIRST.format(event=str(ROOT / "events" / "summaries-snapshot-refresh.json"))
    with dynamodb_local.running() as endpoint:
        client = dynamodb_local.client(endpoint)
        table = dynamodb_local.new_table(client)
        count(DynamoStore(client, table), lambda: datetime.now(UTC), "a")
        store = f"dynamodb://{table}?endpoint={endpoint}"

        def run(folder: Path) -> Callable[[], float]:
            return lambda: started(code, folder, EDGETALLY_STORE=store)

        found = in_turn({name: run(folder) for name, folder in packages.items()}, rounds)
    now = found["now"]
    print("\n| start and first request, same run | at most | measured | ms beside ms |")
    print("|---|---|---|---|")
    for name, spent in found.items():
        if name != "now":
            most = FIRST_REQUEST if name == "as before" else ""
            print(f"| over {name} | {most} | {now / spent:.2f} | {now:.0f} beside {spent:.0f} |")


def without_bytecode(package: Path, folder: Path) -> Path:
    """A copy of a package as pip makes it."""
    subprocess.run(["cp", "-R", package, folder], check=True)
    for each in folder.rglob("*.pyc"):
        each.unlink()
    return folder


def megabytes(folder: Path) -> float:
    """The size of all files, as AWS counts it."""
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file()) / 1e6


def main() -> None:
    """Build, measure and print the tables."""
    parser = argparse.ArgumentParser(description="how long the functions take to start")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--before", help="also measure the summaries of this revision")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        packages = {each: package(each, folder / each) for each in FUNCTIONS}
        print(f"| package | MB, at most {SIZE} |\n|---|---|")
        for each, made in packages.items():
            print(f"| {each} | {megabytes(made):.0f} |")
        imports(packages, chosen.rounds)
        beside = {"now": packages["summaries"]}
        beside["no bytecode"] = without_bytecode(packages["summaries"], folder / "plain")
        if chosen.before:
            tree = tree_of(chosen.before, folder / "tree")
            beside["as before"] = package("summaries", folder / "before", tree)
        first_requests(beside, chosen.rounds)


if __name__ == "__main__":
    main()
