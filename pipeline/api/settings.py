"""What can be asked for, and how exact the answers are: `/metrics/settings`."""

from typing import Any

from pipeline.answer.cache import REFRESH_FLOOR_SECONDS
from pipeline.answer.calendar import BUCKETS, NAMED_WINDOWS
from pipeline.answer.metrics import DEFAULT_METRICS, METRICS, RANKED
from pipeline.answer.service import Service
from pipeline.api.parameters import BY, DEFAULT_LIMIT, METRIC, MOST_DAYS, MOST_ENTRIES, TZ
from pipeline.api.questions import DEFAULT_WINDOW, MOST_FIGURES
from pipeline.api.routes import ROUTES
from pipeline.hours import CLOCK_SKEW
from pipeline.schema.dimensions import DIMENSIONS


def described(service: Service) -> dict[str, Any]:
    """The data of `/metrics/settings`."""
    from pipeline.hour import histogram
    from pipeline.hour import hyperloglog as uniques

    snapshots = service.snapshots
    return {
        "dimensions": [
            {"name": name, "field": each.field, "values_kept": service.caps[name]}
            for name, each in DIMENSIONS.items()
        ],
        "metrics": [
            {
                "name": name,
                "unit": each.unit,
                "text": each.text,
                "ranks": name in RANKED,
                "approximate": bool(each.wanted),
            }
            for name, each in METRICS.items()
        ],
        "windows": [*NAMED_WINDOWS],
        "buckets": [*BUCKETS],
        "formats": {path: [*route.formats] for path, route in ROUTES.items()},
        "limits": {
            "window_days": MOST_DAYS,
            "page_entries": MOST_ENTRIES,
            "figures": MOST_FIGURES,
            "refresh_seconds": REFRESH_FLOOR_SECONDS,
        },
        "retention": {
            "days": service.retention_days or None,
            "snapshot_hours": snapshots.lookback_hours,
            "cache_seconds": snapshots.answers.ttl_seconds,
            "settled_after_hours": int(CLOCK_SKEW.total_seconds() // 3600),
        },
        "error_bounds": {
            "percentile_relative_error": histogram.RELATIVE_ERROR,
            "unique_relative_error": round(uniques.RELATIVE_ERROR, 4),
            "heavy_hitter_share": "a value beyond what a table keeps may miss up to 1/(kept+1) of "
            "the requests; meta.approximate says how many it can be",
        },
        "defaults": {
            "window": DEFAULT_WINDOW,
            "tz": TZ.default,
            "by": BY.default,
            "metrics": [*DEFAULT_METRICS],
            "metric": METRIC.default,
            "limit": DEFAULT_LIMIT,
            "format": "json",
        },
    }
