"""Rows → hours: what is kept apart, and what the logs do not say."""

from datetime import UTC, datetime

from pipeline.hour.aggregate import HourlyAggregate
from pipeline.ingest.parse import parse
from pipeline.ingest.parsed import Reading

MODIFIED = datetime(2026, 11, 23, tzinfo=UTC)


def hour(fields: str, *lines: str) -> HourlyAggregate:
    text = f"#Fields: date time {fields}\n" + "".join(
        f"2026-11-22\t10:00:00\t{line}\n" for line in lines
    )
    (aggregate,) = parse([text.replace(" ", "\t").encode()], MODIFIED, Reading()).hours.values()
    return aggregate


def test_a_websocket_session_is_no_requests_latency() -> None:
    """It is a request and counted as a session; its time is shown apart, and in no mean."""
    found = hour(
        "sc-status cs-protocol time-taken x-edge-result-type time-to-first-byte",
        *["200 https 0.050 Hit 0.040"] * 10,
        *["101 wss 3600.000 Miss 0.100"] * 2,
    )
    assert (found.totals.requests, found.totals.sessions) == (12, 2)
    assert (found.totals.counts.timed, found.totals.counts.time_us) == (10, 500_000)
    times = {name: (each.requests, each.max_us) for name, each in found.sketches.latency.items()}
    assert times == {
        "time_taken": (10, 50_000),
        "time_taken_hits": (10, 50_000),
        "time_to_first_byte": (10, 40_000),
        "session_time": (2, 3_600_000_000),
    }
    status = found.sketches.tables["status"].entries
    assert (status["101"].timed, status["200"].timed) == (0, 10)


def test_a_session_is_told_by_its_status_and_else_by_its_protocol() -> None:
    """A handshake that was refused is a request like any other."""
    found = hour("sc-status cs-protocol", "101 wss", "101 https", "403 wss", "- ws", "- https")
    assert found.totals.sessions == 3
    assert hour("cs-protocol time-taken", "wss 60.0", "https 1.0").totals.counts.timed == 1


def test_a_field_that_the_logs_lack_is_known_to_be_missing() -> None:
    """No hits of logs without a result type is not the same as no hits."""
    few = hour("sc-status cs-method cs-uri-stem", "200 GET /", "200 GET /")
    assert few.totals.lacking["x_edge_result_type"] == few.totals.lacking["sc_bytes"] == 2
    assert "sc_status" not in few.totals.lacking
    assert not few.totals.has("x_edge_result_type")
    assert few.totals.has("cs_method")


def test_a_detailed_result_type_is_counted() -> None:
    """It tells why an error is one."""
    found = hour(
        "x-edge-detailed-result-type", "OriginDnsError", "OriginDnsError", "OriginShieldHit"
    )
    requests = {
        value: vector.requests
        for value, vector in found.sketches.tables["detailed_result_type"].entries.items()
    }
    assert requests == {"OriginDnsError": 2, "OriginShieldHit": 1}
