"""Metric names follow Prometheus' conventions, and numbers add up over processes."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families as families

from proxy import metrics as module
from proxy.audit.counting import CountingRecorder
from proxy.audit.event import KMS, Event, Recorder
from proxy.audit.journal import Observer
from proxy.metrics import PREFIX, TABLE, Metric, Metrics, merged, render

DOCS = Path(__file__).parent.parent / "docs" / "metrics.md"
UNITS = ("seconds", "bytes")


def samples(metrics: list[Metrics]) -> dict[str, float]:
    """Sample names with their labels, as a scraper reads them from the page."""
    page, _ = render([m.snapshot() for m in metrics])
    return {
        f"{s.name}{sorted(s.labels.items())}" if s.labels else s.name: s.value
        for family in families(page.decode())
        for s in family.samples
    }


@pytest.mark.parametrize("metric", TABLE, ids=lambda m: m.name)
def test_a_metric_follows_the_conventions(metric: Metric) -> None:
    """prometheus.io/docs/practices/naming: base units, plural, total for what only rises."""
    words = metric.name.split("_")

    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", metric.name)
    assert (words[-1] == "total") is (metric.kind == "counter")
    assert all(
        re.fullmatch(r"[a-z]+", label) and label not in {"le", "job", "instance"} for label in metric.labels
    )
    assert not {"ms", "milliseconds", "microseconds", "kb", "mb", "count", "sum", "bucket", "info"} & set(
        words
    )
    assert [word for word in words if word in UNITS] == [word for word in words if word in UNITS][:1]
    assert metric.help.endswith(".")
    assert bool(metric.buckets) is (metric.kind == "histogram")
    assert list(metric.buckets) == sorted(set(metric.buckets))


def test_every_metric_stands_in_the_table_once() -> None:
    defined = [value for value in vars(module).values() if isinstance(value, Metric)]

    assert sorted(TABLE, key=id) == sorted(defined, key=id)
    assert len({metric.name for metric in TABLE}) == len(TABLE)


def test_the_documentation_has_a_row_for_every_metric_and_no_other() -> None:
    """docs/metrics.md is what an operator builds alerts on."""
    rows = [row for row in DOCS.read_text().splitlines() if row.startswith(f"| `{PREFIX}")]

    assert rows == [
        f"| `{PREFIX}{m.name}` | {m.kind} | {', '.join(m.labels) or '-'} | {m.help} |" for m in TABLE
    ]


def test_what_has_no_labels_is_there_from_the_start() -> None:
    """An alert on lost events must have a zero to look at."""
    found = samples([Metrics()])

    assert found["sealgate_audit_events_lost_total"] == 0
    assert found["sealgate_s3_requests_in_flight"] == 0
    assert not [name for name in found if "s3_requests_total" in name]


def test_a_request_is_counted_and_timed() -> None:
    metrics = Metrics()
    for status in (200, 200, None):
        metrics.s3_request(
            "GetObject",
            status=status,
            outcome="completed" if status else "cancelled",
            bytes_in=1,
            bytes_out=10,
            phases_us={"auth": 40, "kms": None},
            total_us=2000,
        )
    metrics.s3_request(
        "X", status=500, outcome="failed", bytes_in=0, bytes_out=0, phases_us={}, total_us=None
    )
    found = samples([metrics])
    done = [("operation", "GetObject"), ("outcome", "completed"), ("status", "200")]
    left = [("operation", "GetObject"), ("outcome", "cancelled"), ("status", "none")]

    assert found[f"sealgate_s3_requests_total{done}"] == 2
    assert found[f"sealgate_s3_requests_total{left}"] == 1
    assert (found["sealgate_s3_received_bytes_total"], found["sealgate_s3_sent_bytes_total"]) == (3, 30)
    assert found[f"sealgate_s3_request_phase_seconds_count{[('phase', 'auth')]}"] == 3
    assert f"sealgate_s3_request_phase_seconds_count{[('phase', 'kms')]}" not in found
    assert found[f"sealgate_s3_request_duration_seconds_sum{[('operation', 'GetObject')]}"] == pytest.approx(
        0.006
    )
    assert f"sealgate_s3_request_duration_seconds_sum{[('operation', 'X')]}" not in found


def test_smaller_counts_have_names_of_their_own() -> None:
    metrics = Metrics()
    observer: Observer = metrics
    observer.audit_written(3)
    observer.audit_failed("stdout")
    observer.audit_lost(2)
    metrics.authentication_failed("SignatureDoesNotMatch")
    metrics.integrity_violated("GetObject")
    metrics.upload_damaged("PutObject")
    metrics.plaintext_read("GetObject")
    metrics.hsm_request("Decrypt", "")
    metrics.hsm_request("Decrypt", "DisabledException")
    found = samples([metrics])

    assert found["sealgate_audit_events_total"] == 3
    assert found[f"sealgate_audit_sink_errors_total{[('sink', 'stdout')]}"] == 1
    assert found["sealgate_audit_events_lost_total"] == 2
    assert found[f"sealgate_authentication_failures_total{[('code', 'SignatureDoesNotMatch')]}"] == 1
    assert found[f"sealgate_integrity_violations_total{[('operation', 'GetObject')]}"] == 1
    assert found[f"sealgate_damaged_uploads_total{[('operation', 'PutObject')]}"] == 1
    assert found[f"sealgate_plaintext_reads_total{[('operation', 'GetObject')]}"] == 1
    assert found[f"sealgate_hsm_requests_total{[('code', 'none'), ('operation', 'Decrypt')]}"] == 1


@pytest.mark.parametrize("value", [0.0, 0.0001, 0.00011, 60.0, 60.1, 1e9])
def test_a_value_falls_into_the_bucket_that_holds_it(value: float) -> None:
    """Bounds are inclusive, as Prometheus has them."""
    metrics = Metrics()
    metrics.observe(module.KMS_SECONDS, value, "hsm")
    found = samples([metrics])
    bounds = [*module.SECONDS, float("inf")]

    for bound in bounds:
        le = "+Inf" if bound == float("inf") else str(bound)
        name = f"sealgate_kms_request_duration_seconds_bucket{[('backend', 'hsm'), ('le', le)]}"
        assert found[name] == (value <= bound)


def test_watched_numbers_are_read_at_each_snapshot() -> None:
    """For gauges, and for counters that another room keeps."""
    metrics, hits = Metrics(), [1]
    metrics.watch(module.CACHE_HITS, read=lambda: hits[0])
    metrics.watch(module.UPSTREAM_CONNECTIONS, "main", "idle", read=lambda: 4)
    hits[0] = 7

    assert samples([metrics])["sealgate_data_key_cache_hits_total"] == 7
    assert (
        samples([metrics])[f"sealgate_upstream_connections{[('state', 'idle'), ('upstream', 'main')]}"] == 4
    )
    with pytest.raises(AssertionError, match="kms_request_duration_seconds is not a single number"):
        metrics.watch(module.KMS_SECONDS, read=lambda: 1)


EVENTS = st.lists(st.tuples(st.sampled_from(["GetObject", "PutObject"]), st.integers(0, 10**8)), max_size=20)


@given(processes=st.lists(EVENTS, max_size=4))
def test_processes_add_up_to_one(processes: list[list[tuple[str, int]]]) -> None:
    """Whichever worker served a request, the page says the same, to the last digit: so no order of adding up
    makes a count fall. Snapshots survive the way through JSON.
    """

    def counted(events: list[tuple[str, int]]) -> Metrics:
        metrics = Metrics()
        for operation, micros in events:
            metrics.s3_request(
                operation,
                status=200,
                outcome="completed",
                bytes_in=micros,
                bytes_out=1,
                phases_us={},
                total_us=micros,
            )
        return metrics

    snapshots = [json.loads(json.dumps(counted(events).snapshot())) for events in processes]
    alone = counted([event for events in processes for event in events]).snapshot()
    together = merged([Metrics().snapshot(), *snapshots])

    assert _comparable(together) == _comparable(alone)


def _comparable(snapshot: Any) -> Any:
    numbers = {n: sorted(rows) for n, rows in snapshot["numbers"].items()}
    histograms = {n: sorted(rows) for n, rows in snapshot["histograms"].items()}
    return numbers, histograms


def test_snapshots_of_another_version_do_not_break_the_page() -> None:
    """While workers are replaced, an old one may tell of a metric that is gone."""
    other = {"numbers": {"gone_total": [[[], 3]]}, "histograms": {}}

    page, content_type = render([other, Metrics().snapshot()])

    assert b"gone_total" not in page
    assert content_type.startswith("text/plain")


def test_openmetrics_is_spoken_where_it_is_asked_for() -> None:
    metrics = Metrics()
    metrics.observe(module.KMS_SECONDS, 0.1, "hsm")
    page, content_type = render([metrics.snapshot()], "application/openmetrics-text; version=1.0.0")

    assert content_type.startswith("application/openmetrics-text")
    found = open_families(page.decode())  # type: ignore[no-untyped-call]  # prometheus-client has no types here
    assert {family.name for family in found} == {
        PREFIX + metric.name.removesuffix("_total") for metric in TABLE
    }


def test_the_metrics_count_what_the_recorder_tells() -> None:
    """The two protocols fit each other; mypy holds the types to it."""
    metrics = Metrics()
    recorder: Recorder = CountingRecorder(_Nowhere(), metrics)
    recorder.record(
        Event(
            event_id="1",
            event_time=datetime(2026, 1, 1, tzinfo=UTC),
            event_source=KMS,
            event_name="Decrypt",
            aws_region="us-east-1",
            source_ip_address="127.0.0.1",
            request_id="1",
        )
    )

    assert (
        samples([metrics])[f"sealgate_hsm_requests_total{[('code', 'none'), ('operation', 'Decrypt')]}"] == 1
    )


class _Nowhere:
    def record(self, event: object) -> None:
        pass
