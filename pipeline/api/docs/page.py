"""The OpenAPI document as a page to read: one file without scripts, that loads nothing."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from html import escape
from typing import Any

import msgspec

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: #1668c7; }
@media (prefers-color-scheme: dark) { :root { --accent: #79b8ff; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1 { margin-bottom: 0; }
h2 { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 1rem; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
h2 code { font-size: 1.1rem; }
pre { background: var(--soft); padding: .75rem; overflow: auto; max-height: 24rem; }
a { color: var(--accent); }
nav ul { columns: 2; padding-left: 1.2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem;
  border-bottom: 1px solid var(--line); }
td:first-child { white-space: nowrap; }
td code { overflow-wrap: anywhere; }
@media (max-width: 40rem) { nav ul { columns: 1; } }
"""
POLICY = (
    "default-src 'none'; "
    f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page's Content-Security-Policy: its own style, and nothing else."""


def page(document: Mapping[str, Any]) -> bytes:
    """The page of an OpenAPI document."""
    operations = [(path, item["get"]) for path, item in document["paths"].items()]
    links = "".join(
        f'<li><a href="#{escape(operation["operationId"])}"><code>{escape(path)}</code></a></li>'
        for path, operation in operations
    )
    info = document["info"]
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style></head><body>",
            f"<h1>{escape(info['title'])} API</h1>",
            f"<p>Version {escape(info['version'])} · {escape(info['summary'])} · "
            '<a href="openapi.json">OpenAPI document</a></p>',
            _prose(info["description"]),
            f"<nav><ul>{links}</ul></nav>",
            *(_section(path, operation) for path, operation in operations),
            "<h2>Objects</h2>",
            *(_object(name, schema) for name, schema in document["components"]["schemas"].items()),
            "</body></html>\n",
        )
    ).encode()


def _section(path: str, operation: Mapping[str, Any]) -> str:
    rows = [
        (
            f"<code>{escape(parameter['name'])}</code>",
            escape(f"{parameter['in']}{', required' if parameter.get('required') else ''}"),
            _allowed(parameter["schema"]),
            escape(parameter["description"]),
        )
        for parameter in operation["parameters"]
    ]
    parameters = _table(("parameter", "in", "values", ""), rows) if rows else ""
    content = operation["responses"]["200"]["content"]
    forms = ", ".join(f"<code>{escape(name)}</code>" for name in content)
    example = content.get("application/json", {}).get("example")
    return "".join(
        (
            f'<h2 id="{escape(operation["operationId"])}"><code>GET {escape(path)}</code></h2>',
            f"<p>{escape(operation['summary'])} Answers with {forms}.</p>",
            parameters,
            _details("Example", example) if example else "",
        )
    )


def _object(name: str, schema: Mapping[str, Any]) -> str:
    rows = [
        (f"<code>{escape(member)}</code>", _allowed(inner), escape(inner.get("description", "")))
        for member, inner in schema.get("properties", {}).items()
    ]
    table = _table(("member", "values", ""), rows)
    text = _prose(schema.get("description", ""))
    title = f"<summary><code>{escape(name)}</code></summary>"
    return f'<details id="{escape(name)}">{title}{text}{table}</details>'


def _allowed(schema: Mapping[str, Any]) -> str:
    """The values that a schema allows, in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{escape(name)}">{escape(name)}</a>'
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(map(_allowed, schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_allowed(schema['items'])}"
    limits = [
        f"{word} {schema[key]}"
        for key, word in (("minimum", "from"), ("maximum", "to"))
        if key in schema
    ]
    words = [schema.get("format") or schema.get("type") or "anything", *limits]
    if isinstance(inner := schema.get("additionalProperties"), Mapping):
        return f"object of {_allowed(inner)}"
    return escape(" ".join(words))


def _table(names: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _details(title: str, value: Any) -> str:
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return f"<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>"


def _prose(text: str) -> str:
    """Paragraphs and lists of plain text, with `code` in it."""
    blocks = []
    for block in text.split("\n\n"):
        lines = block.splitlines()
        items = [line[2:] for line in lines if line.startswith("- ")]
        words = " ".join(line for line in lines if not line.startswith("- "))
        blocks.append(f"<p>{_code(words)}</p>" if words else "")
        if items:
            blocks.append(f"<ul>{''.join(f'<li>{_code(item)}</li>' for item in items)}</ul>")
    return "".join(blocks)


def _code(text: str) -> str:
    """Text in which every other piece between backticks is code."""
    pieces = map(escape, text.split("`"))
    return "".join(
        f"<code>{piece}</code>" if place % 2 else piece for place, piece in enumerate(pieces)
    )
