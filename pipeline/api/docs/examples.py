"""Answers as they look, for the OpenAPI document: made up, and shortened."""

from typing import Any

from pipeline.answer.summary import LISTED

Example = dict[str, Any]


def _enveloped(data: Any, query: Example, next_cursor: str | None = None) -> Example:
    return {
        "meta": {
            "query": query,
            "generated_at": "2026-11-08T09:20:04Z",
            "complete_through": "2026-11-08T00:00:00Z",
            "approximate": {},
            "sampling": {},
            "cached": False,
            "stale": False,
        },
        "data": data,
        "next_cursor": next_cursor,
    }


_WINDOW: Example = {
    "from": "2026-11-07T22:00:00Z",
    "to": "2026-11-08T00:00:00Z",
    "tz": "UTC",
    "site": ["E2EXAMPLE"],
}
_ENTRY: Example = {
    "value": "/index.html",
    "requests": 4,
    "bytes": 4096,
    "hits": 3,
    "misses": 1,
    "errors_4xx": 0,
    "errors_5xx": 0,
    "mean_time_ms": 12.5,
}
_SUMMARY: Example = {
    "total_records": 4,
    "log_files_read": 1,
    "time_range": "2026-11-07T22:10:00Z/2026-11-07T22:59:30Z",
    "status_breakdown": {"2xx": 4},
    "edge_locations": ["LHR61-C2"],
    "cache_hit_rate": 75.0,
    "cache_hit_rate_cacheable": 75.0,
    "byte_hit_rate": 75.0,
    "top_paths": [{"path": "/index.html", "count": 4}],
    "bytes_sent": 4096,
    "bytes_received": 1200,
    "status_codes": {"200": 4},
    "result_types": {"Hit": 3, "Miss": 1},
    "methods": {"GET": 4},
    "top_missed_paths": [_ENTRY],
    "top_error_paths": [],
    "latency_ms": {
        "time_taken": {
            "requests": 4,
            "p50": 10.0,
            "p75": 12.0,
            "p90": 20.0,
            "p95": 20.0,
            "p99": 20.0,
            "max": 20.0,
            "mean": 12.5,
            "relative_error": 0.01,
        }
    },
    "unique_visitors": {"estimate": 3, "relative_error": 0.0163},
    "unique_paths": {"estimate": 1, "relative_error": 0.0163},
    "rejected_lines": {"total": 0, "by_reason": {}},
    "approximate": {},
    "sampling": {},
    **{key: [] for key in LISTED},
    "paths": [_ENTRY],
}
_BUCKETS: list[Example] = [
    {
        "start": "2026-11-07T22:00:00Z",
        "end": "2026-11-07T23:00:00Z",
        "complete": True,
        "requests": 4,
        "hit_ratio": 0.75,
    },
    {
        "start": "2026-11-07T23:00:00Z",
        "end": "2026-11-08T00:00:00Z",
        "complete": True,
        "requests": 0,
        "hit_ratio": 0.0,
    },
]

ANSWERS: dict[str, Example] = {
    "summary": _enveloped(_SUMMARY, _WINDOW),
    "timeseries": _enveloped(
        _BUCKETS, _WINDOW | {"by": "hour", "metrics": ["requests", "hit_ratio"]}
    ),
    "top": _enveloped(
        [_ENTRY | {"hit_ratio": 0.75}],
        _WINDOW | {"dimension": "path", "metric": "requests", "limit": 20},
    ),
    "sites": _enveloped([{"site": "E2EXAMPLE", "sampling_percent": 100}], {})
    | {"meta": _enveloped(None, {})["meta"] | {"complete_through": None}},
    "snapshot": _SUMMARY | {"_cached_at": 1_794_129_604},
    "refresh": _SUMMARY | {"_cached_at": 1_794_129_604},
    "cache_status": {"exists": True, "age_seconds": 7, "ttl_seconds": 300, "fresh": True},
    "health": {
        "health_status": [
            {"name": "store", "status": "ok", "value": 1, "detail": "1 site can be read"}
        ],
        "snapshot_time": "2026-11-08T09:20:04+00:00",
        "_cached_at": 1_794_129_604,
    },
}
"""An answer of each route that has one, by the route's name."""
