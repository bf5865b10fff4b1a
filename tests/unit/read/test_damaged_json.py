"""Whatever JSON holds, its lines are counted or rejected, or the object is refused: no bug."""

import json
from pathlib import Path

import pytest

from pipeline.cli.app import main

GOOD = {"date": "2026-11-22", "time": "10:00:00", "cs-uri-stem": "/", "sc-status": "200"}
LINE = json.dumps(GOOD)
DEEP = 100_000
LISTS = "[" * DEEP + "]" * DEEP
OBJECTS = '{"a":' * DEEP + "1" + "}" * DEEP
VALUES = {
    "nested lists": LISTS,
    "nested objects": OBJECTS,
    "unclosed": "[" * DEEP,
    "a long number": "9" * 5_000,
    "a number beyond floats": "1e999",
    "a negative one": "-1e308",
    "not a number": "NaN",
    "half a character": r'"\ud800"',
    "two halves turned round": r'"\udc00\ud800"',
    "an object": '{"a": [1]}',
    "a list": "[[1], null]",
    "true": "true",
    "an empty text": '""',
    "a NUL": r'"\u0000"',
}
KEYS = ["sc-bytes", "time-taken", "timestamp", "timestamp(ms)", "cs-uri-stem", "date", "unknown"]
BYTES = [b"\xff", b"\xed\xa0\x80", b"\x00", b"\xf8\x88\x80\x80\x80"]


def event(message: str, **changed: str) -> str:
    said = {"messageType": '"DATA_MESSAGE"', "logGroup": '"g"', **changed}
    said.setdefault("logEvents", f'[{{"id": "1", "timestamp": 1, "message": {message}}}]')
    return "{" + ", ".join(f'"{name}": {value}' for name, value in said.items()) + "}"


def wrapped() -> dict[str, bytes]:
    found = {}
    for name, value in VALUES.items():
        found[f"a line that is {name}"] = f"{LINE}\n{value}\n{LINE}\n"
        found[f"only {name}"] = f"{value}\n"
        found[f"an array with {name}"] = f"[{LINE}, {value}]"
        found[f"an array of {name}"] = f"[{value}]"
        found[f"a record with {name}"] = event(value)
        found[f"records that are {name}"] = event("", logEvents=value)
        found[f"a message that is {name}"] = event(json.dumps(f"{LINE}\n{value}"))
        found[f"an exported line with {name}"] = f"2026-11-22T10:00:00.000Z {value}\n"
        for key in KEYS:
            line = f'{LINE[:-1]}, "{key}": {value}}}'
            found[f"{key} that is {name}"] = f"{LINE}\n{line}\n"
            found[f"an array, {key} {name}"] = f"[{LINE}, {line}]"
    texts = {name: text.encode() for name, text in found.items()}
    for place, odd in enumerate(BYTES):
        for name, text in [("line", LINE), ("array", f"[{LINE}]"), ("record", event(f'"{LINE}"'))]:
            for where in (0, 1, len(text) // 2, len(text) - 1):
                body = text.encode()
                texts[f"{name} with bytes {place} at {where}"] = body[:where] + odd + body[where:]
    return texts


@pytest.mark.parametrize("command", ["inspect", "ingest"])
def test_json_of_every_damage_has_a_count_or_a_reason(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 0 or 1; no line is lost, and no reason is a bug."""
    monkeypatch.setenv("EDGETALLY_STORE", f"sqlite:///{tmp_path}/store.db")
    (tmp_path / "logs").mkdir()
    bodies = wrapped()
    for place, body in enumerate(bodies.values()):
        (tmp_path / "logs" / f"{place:04}.json").write_bytes(body)
    assert main([command, f"{tmp_path}/logs", "--json"]) == 1
    told, complaints = capsys.readouterr()
    assert "a bug" not in told + complaints
    if command == "ingest":
        figures = json.loads(told)
        assert figures["objects"] == len(bodies) == figures["committed"] + figures["failed"]
        assert figures["committed"] > len(bodies) / 3
        assert all(problem["reason"] for problem in figures["problems"])
    else:
        for name, found in zip(bodies, json.loads(told), strict=True):
            is_nothing = name.startswith("a record") and name.endswith("an empty text")
            assert found["refused"] or found["records"] or is_nothing, name
            rejected = sum(each["count"] for each in found["rejected"])
            assert found["rows"] == found["records"] + rejected, name
