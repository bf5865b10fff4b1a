"""docs/api.md: every route with a request and the answer that it gave, over generated traffic; and
the examples of the OpenAPI document, which are answers of the same API.

python -m demo.api_document
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import wrap
from typing import Any
from urllib.parse import parse_qs

import msgspec

from demo.traffic import SITE, objects
from pipeline.answer.cache import FINAL_TIMES, LEASE_SECONDS, REFRESH_FLOOR_SECONDS, WAIT_SECONDS
from pipeline.answer.delivery import COMPLETE, COMPLETE_THROUGH, FINAL
from pipeline.answer.health import Findings
from pipeline.answer.metrics import METRICS
from pipeline.answer.service import serve_from
from pipeline.api.app import Api
from pipeline.api.parameters import MOST_DAYS, Parameter
from pipeline.api.problems import KIND, KINDS
from pipeline.api.route import Route
from pipeline.api.routes import ROUTES
from pipeline.bootstrap import Sources
from pipeline.ingest.ingest import Ingest
from pipeline.ingest.parsed import Reading
from pipeline.ingest.reader import Reader
from pipeline.settings import Settings
from pipeline.source.files import file_ref
from pipeline.store.memory import MemoryStore
from pipeline.store.port import VISITOR_KEY_BYTES
from pipeline.tally.visitors import Visitors

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "api.md"
EXAMPLES = ROOT / "pipeline" / "api" / "docs" / "examples.json"

NOW = datetime(2026, 11, 23, 12, 20, tzinfo=UTC)
UNTIL = datetime(2026, 11, 23, 11, 58, tzinfo=UTC)
_BEGUN = {"/metrics/openapi.json": 3, "/metrics/snapshot/refresh": 3}
"""How deep into an answer it begins: the deeper, the less is shown. One of these is as long as the
API, the other as the answer before it."""

REQUESTS: dict[str, tuple[str, ...]] = {
    "/metrics/summary": ("?window=24h", "?window=yesterday&format=csv"),
    "/metrics/timeseries": (
        "?window=24h&metrics=requests,hit_ratio,time_taken_p95_ms",
        f"?window=7d&by=day&tz=Europe/London&site={SITE}&metrics=requests&compare=previous",
        "?from=2026-11-23T09:00:00Z&to=2026-11-23T12:00:00Z&format=csv",
        "?from=2026-11-23T09:00:00Z&to=2026-11-23T12:00:00Z&metrics=requests&format=openmetrics",
    ),
    "/metrics/overview": (
        "?window=24h&by=day&lists=path:misses,country&limit=1&compare=previous",
        "?window=24h&by=day&where=country:unknown&limit=1",
    ),
    "/metrics/top/{dimension}": ("?window=24h&metric=misses&limit=2",),
}
"""What is asked of the routes that have parameters."""
PROBLEMS = (
    "/metrics/top/path?limit=500",
    "/metrics/summary?from=2026-11-23T12:00:00Z&to=2026-11-23T10:00:00Z",
    "/metrics/timeseries?by=hour&window=90d&tz=Asia/Nowhere",
    "/metrics/nothing",
)


def api() -> Api:
    """The API over two days of traffic, at a moment that stands still."""
    store = MemoryStore(clock=lambda: NOW)
    reading = Reading(visitors=Visitors(bytes(VISITOR_KEY_BYTES)))
    with TemporaryDirectory() as folder:
        for each in objects(seed=2026, count=16, lines=40, until=UNTIL, hours=36):
            file = Path(folder) / Path(each.key).name
            file.write_bytes(each.body)
            Ingest(Reader(Sources(Settings()), reading), store)([file_ref(file)])
    Findings(0, 0).keep(store)
    return Api(serve_from(store, lambda: NOW, _unexpected))


def _unexpected(error: Exception) -> None:
    raise error


def written() -> str:
    """The text of docs/api.md."""
    asked = api()
    return "\n".join((*_introduction(), *_routes(asked), *_refusals(asked))) + "\n"


def _introduction() -> Iterator[str]:
    yield _wrapped(f"""\
# The API

Made by running it (`python -m demo.api_document`): each request below was asked, each
answer is what came, shortened where it says `…`. The same for programs is `/metrics/openapi.json`,
and to read in a browser `/metrics/docs`.

Every route is a GET (a HEAD has its headers) and wants the secret, as `Authorization: Bearer …` or
as the password of `Basic`. On a laptop, `edgetally serve` has the same routes at http://127.0.0.1:8080.

- **Windows.** `from` (inclusive) and `to` (exclusive) in RFC 3339 or epoch seconds, or as a day,
  which is its first moment in the zone `tz`: `from=2026-11-01&to=2026-12-01` is November. Or
  `window` by a name; 24 hours by default. Rows are hours: a window is widened to whole ones, and
  `meta.query` says what was used. At most {MOST_DAYS} days. Days, weeks and months are UTC's or,
  with `tz`, those of a zone whose days begin at a full UTC hour.
- **Envelope.** `meta` says what was asked, when it was computed (`generated_at`), how far it is
  complete, whether it was `cached`, what is approximate and what sampled; `data` is the answer;
  `next_cursor` leads to the next page. If rows have changed since the first page, a page says so:
  `meta.changed`, or the header `Edgetally-Changed` of formats without an envelope.
  `compare=previous` adds `compare`: the same figures for the window before (as many hours, days or
  months), and the change of each; `compare=year` for the same dates of the year before.
- **Completeness.** A bucket is `complete` when {COMPLETE}. It is `final` when {FINAL}.
  `meta.complete_through` is {COMPLETE_THROUGH}.
- **Formats.** `format=json`, `csv`, `ndjson`, `openmetrics`, or the header `Accept`; 406
  with the media types there are if it takes none of them. A cell that a spreadsheet would take for
  a formula has an apostrophe before it.
- **Caching.** An answer is computed once in 300 seconds, by one request at a time: the others have
  the older one at once (`meta.stale`), or wait, if there is none, up to {WAIT_SECONDS:.0f} seconds.
  If that request dies, another may compute the answer after {LEASE_SECONDS} seconds. The answer of
  a window that ended 26 hours ago is kept {FINAL_TIMES} times as long, unless a rebuild switches
  its rows. `ETag` is weak, a digest of the answer without `generated_at`, `cached` and `stale`:
  send it as `If-None-Match`, and the answer is an empty 304 until its content has changed. A
  forced refresh computes nothing within {REFRESH_FLOOR_SECONDS} seconds.
""")


def _wrapped(text: str) -> str:
    """Text with its long lines wrapped, each at the indentation of its paragraph."""
    lines: list[str] = []
    for line in text.split("\n"):
        indent = "  " if line.startswith(("- ", "  ")) else ""
        lines += wrap(line, 100, subsequent_indent=indent, break_on_hyphens=False) or [""]
    return "\n".join(lines)


def _routes(asked: Api) -> Iterator[str]:
    for path, route in ROUTES.items():
        yield f"## `{path}`"
        yield ""
        yield route.text
        yield ""
        yield from _table(route)
        for query in REQUESTS.get(path, ("",)):
            yield from _exchange(asked, path.replace("{dimension}", "path") + query)
        if route.name == "timeseries":
            yield from _metrics()


def _table(route: Route) -> Iterator[str]:
    if not route.parameters:
        return
    yield "| parameter | values | |"
    yield "|---|---|---|"
    for each in route.parameters:
        yield f"| `{each.name}` | {_values(each)} | {each.text} |"
    yield ""


def _values(parameter: Parameter) -> str:
    schema = parameter.schema.get("items", parameter.schema)
    if "enum" in schema and len(schema["enum"]) <= len(METRICS):
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return "RFC 3339 or epoch seconds"
    if schema["type"] == "integer":
        return f"1 to {schema['maximum']:,}, `{parameter.default}`"
    return f"text, `{parameter.default}`" if parameter.default else "text"


def _metrics() -> Iterator[str]:
    yield "| metric | unit | |"
    yield "|---|---|---|"
    for name, metric in METRICS.items():
        yield f"| `{name}` | {metric.unit} | {metric.text} |"
    yield ""


def _refusals(asked: Api) -> Iterator[str]:
    yield "## What cannot be answered"
    yield ""
    yield "A problem document (RFC 9457), never kept: 400 for what is not understood, 401 and 403"
    yield "without credentials or with a secret whose time is over, 404, 405, 429, 500, and 503"
    yield f"with `Retry-After`. Its `type` is `about:blank`, or `{KIND}` and one of:"
    yield ""
    for kind, text in KINDS.items():
        yield f"- `{kind}`: {text}"
    yield ""
    for target in PROBLEMS:
        yield from _exchange(asked, target)


def _exchange(api: Api, target: str) -> Iterator[str]:
    answer = _answer(api, target)
    yield "```http"
    yield f"GET {target}"
    yield ""
    yield f"HTTP/1.1 {answer['statusCode']}"
    for name in ("Content-Type", "Cache-Control", "ETag", "Retry-After"):
        if name in answer["headers"]:
            yield f"{name}: {answer['headers'][name]}"
    yield ""
    depth = _BEGUN.get(target.partition("?")[0], 0)
    yield from _shown(answer["headers"]["Content-Type"], answer["body"], depth)
    yield "```"
    yield ""


def _answer(api: Api, target: str) -> dict[str, Any]:
    path, _, query = target.partition("?")
    event = {
        "httpMethod": "GET",
        "path": path,
        "headers": {},
        "multiValueQueryStringParameters": parse_qs(query) or None,
    }
    return api(event, None)


def examples() -> bytes:
    """The text of the OpenAPI document's examples: an answer of each route that has a shape, with
    lists cut short."""
    asked = api()
    answers = {
        route.name: _shortened(msgspec.json.decode(_answer(asked, _target(path))["body"]))
        for path, route in ROUTES.items()
        if route.shape is not None
    }
    return msgspec.json.format(msgspec.json.encode(answers), indent=1) + b"\n"


def _target(path: str) -> str:
    return path.replace("{dimension}", "path") + REQUESTS.get(path, ("",))[0]


def _shortened(value: Any) -> Any:
    """A value with the first entry of each list."""
    if isinstance(value, list):
        return [_shortened(entry) for entry in value[:1]]
    if isinstance(value, dict):
        return {name: _shortened(entry) for name, entry in value.items()}
    return value


def _shown(media_type: str, body: str, depth: int) -> Iterator[str]:
    """A body as it is, but for the middle of what is long."""
    if "json" in media_type:
        cut = _cut(msgspec.json.decode(body), depth)
        text = msgspec.json.format(msgspec.json.encode(cut), indent=2).decode()
        yield text.replace('"…": "…"', "…").replace('"…"', "…")
        return
    lines = body.splitlines()
    yield from lines[:12]
    if len(lines) > 12:
        yield "…"


def _cut(value: Any, depth: int) -> Any:
    """A value with less of what is inside of it, the deeper the less."""
    if isinstance(value, list):
        shown = 2 if depth == 1 else 1
        return [*(_cut(each, depth + 1) for each in value[:shown]), *["…"] * (len(value) > shown)]
    if isinstance(value, dict):
        if depth > 4:
            return "…"
        items = list(value.items())[: 45 if depth < 3 else 9]
        shorter = {"…": "…"} if len(items) < len(value) else {}
        return {name: _cut(each, depth + 1) for name, each in items} | shorter
    return value


if __name__ == "__main__":
    EXAMPLES.write_bytes(examples())
    DOCUMENT.write_text(written())
