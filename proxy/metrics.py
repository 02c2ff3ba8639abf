"""Every metric in one table, and their numbers in this process's memory.

Counting is an addition in a dict: no lock, as one event loop does it all. A snapshot is plain data, so
that it can go through a socket; `merged` adds those of several processes (gauges too: each tells its own
share), `lasting` is what stays of one that died, and `render` writes the sum out through prometheus-client.
Label values are names of ours, never a client's text.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

PREFIX = "sealgate_"
SECONDS = (
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    10.0,
    60.0,
)
"""From a cached data key's hundred microseconds to a large body's minute."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Metric:
    name: str
    """Without the prefix."""
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...] = ()
    help: str
    buckets: tuple[float, ...] = ()
    """Upper bounds, rising; above the last is one more bucket."""
    merge: Literal["sum", "furthest"] = "sum"
    """How several processes' numbers become one; furthest: from zero."""


REQUESTS = Metric(
    name="s3_requests_total",
    kind="counter",
    labels=("operation", "status", "outcome"),
    help="S3 requests that ended; status none: no answer was begun.",
)
REQUEST_SECONDS = Metric(
    name="s3_request_duration_seconds",
    kind="histogram",
    labels=("operation",),
    help="From a request's head to its end.",
    buckets=SECONDS,
)
PHASE_SECONDS = Metric(
    name="s3_request_phase_seconds",
    kind="histogram",
    labels=("phase",),
    help="Where requests spend their time: auth, kms, store (its first byte), crypto, client.",
    buckets=SECONDS,
)
RECEIVED_BYTES = Metric(
    name="s3_received_bytes_total", kind="counter", help="Bytes of bodies that clients sent."
)
SENT_BYTES = Metric(
    name="s3_sent_bytes_total", kind="counter", help="Bytes of bodies that clients were sent."
)
IN_FLIGHT = Metric(name="s3_requests_in_flight", kind="gauge", help="S3 requests in progress.")
CONNECTIONS = Metric(name="s3_connections", kind="gauge", help="Open connections of S3 clients.")
AUTH_FAILURES = Metric(
    name="authentication_failures_total",
    kind="counter",
    labels=("code",),
    help="Requests whose signer was not proven, by S3's error code.",
)
INTEGRITY_VIOLATIONS = Metric(
    name="integrity_violations_total",
    kind="counter",
    labels=("operation",),
    help="Objects on the store that did not prove to be what was sealed. Each one wants a person.",
)
DAMAGED_UPLOADS = Metric(
    name="damaged_uploads_total",
    kind="counter",
    labels=("operation",),
    help="Writes refused because the store did not receive what was sent. Look at what is in between.",
)
PLAINTEXT_READS = Metric(
    name="plaintext_reads_total",
    kind="counter",
    labels=("operation",),
    help="Reads of objects that are not sealed, under rules of mode migrate.",
)
BUDGET_USED = Metric(
    name="memory_budget_used_bytes", kind="gauge", help="Memory that requests have taken of the budget."
)
BUDGET = Metric(
    name="memory_budget_bytes", kind="gauge", help="The budget: limits.memory_budget_bytes of every worker."
)
CACHE_HITS = Metric(name="data_key_cache_hits_total", kind="counter", help="Data keys that were at hand.")
CACHE_MISSES = Metric(
    name="data_key_cache_misses_total", kind="counter", help="Data keys that a KMS was asked for."
)
CALLS_SAVED = Metric(
    name="kms_calls_saved_total", kind="counter", help="KMS calls that the data-key cache made needless."
)
KMS_REQUESTS = Metric(
    name="kms_requests_total",
    kind="counter",
    labels=("backend", "operation", "outcome"),
    help="Calls to a KMS; outcome: ok, refused, unusable, unavailable, damaged, cancelled, failed.",
)
KMS_REGION_REQUESTS = Metric(
    name="kms_region_requests_total",
    kind="counter",
    labels=("backend", "region", "outcome"),
    help="Calls to a region of AWS KMS; outcome as above, and left_alone: it has failed and was not asked.",
)
KMS_SECONDS = Metric(
    name="kms_request_duration_seconds",
    kind="histogram",
    labels=("backend",),
    help="How long calls to a KMS took.",
    buckets=SECONDS,
)
HSM_REQUESTS = Metric(
    name="hsm_requests_total",
    kind="counter",
    labels=("operation", "code"),
    help="Calls that the built-in HSM answered; code none: it did what was asked.",
)
HSM_QUOTA_USED = Metric(
    name="hsm_quota_used_ratio",
    kind="gauge",
    labels=("quota",),
    help="How much of a quota the account, key or region that is nearest to it has used: 0 to 1.",
)
UPSTREAM_CONNECTIONS = Metric(
    name="upstream_connections",
    kind="gauge",
    labels=("upstream", "state"),
    help="Connections to the store; state: busy, idle.",
)
UPSTREAM_WAITING = Metric(
    name="upstream_waiting_requests",
    kind="gauge",
    labels=("upstream",),
    help="Requests that wait for a connection to the store.",
)
UPSTREAM_ERRORS = Metric(
    name="upstream_errors_total",
    kind="counter",
    labels=("upstream", "kind"),
    help="Requests that the store did not answer; kind: unreachable, broken, too_large.",
)
UPSTREAM_SKEW = Metric(
    name="upstream_clock_skew_seconds",
    kind="gauge",
    labels=("upstream",),
    help="How far the store's clock is ahead of ours, to the second, by the Date of its answers.",
    merge="furthest",
)
AUDIT_WRITTEN = Metric(
    name="audit_events_total", kind="counter", help="Audit events that every sink has taken."
)
AUDIT_FAILED = Metric(
    name="audit_sink_errors_total", kind="counter", labels=("sink",), help="Writes that a sink refused."
)
AUDIT_LOST = Metric(
    name="audit_events_lost_total",
    kind="counter",
    help="Audit events that never reached a sink. Should be 0.",
)
AUDIT_QUEUE = Metric(name="audit_queue_events", kind="gauge", help="Audit events that wait to be written.")
READY = Metric(name="ready_processes", kind="gauge", help="Workers that are ready to serve.")
RUNNING = Metric(
    name="running_processes",
    kind="gauge",
    labels=("version",),
    help="Processes that run this version and answered in time: workers, HSM and observer.",
)

TABLE = (
    *(REQUESTS, REQUEST_SECONDS, PHASE_SECONDS, RECEIVED_BYTES, SENT_BYTES, IN_FLIGHT, CONNECTIONS),
    *(AUTH_FAILURES, INTEGRITY_VIOLATIONS, DAMAGED_UPLOADS, PLAINTEXT_READS, BUDGET_USED, BUDGET),
    *(CACHE_HITS, CACHE_MISSES, CALLS_SAVED, KMS_REQUESTS, KMS_REGION_REQUESTS, KMS_SECONDS, HSM_REQUESTS),
    HSM_QUOTA_USED,
    *(UPSTREAM_CONNECTIONS, UPSTREAM_WAITING, UPSTREAM_ERRORS, UPSTREAM_SKEW),
    *(AUDIT_WRITTEN, AUDIT_FAILED, AUDIT_LOST, AUDIT_QUEUE, READY, RUNNING),
)

FURTHEST = frozenset(metric.name for metric in TABLE if metric.merge == "furthest")
GAUGES = frozenset(metric.name for metric in TABLE if metric.kind == "gauge")

Labels = tuple[str, ...]
Snapshot = Mapping[str, Any]
"""Plain JSON: numbers: {name: [[labels, value], ...]}, histograms: {name: [[labels, counts, sum], ...]}.

A histogram's sum is a whole number of billionths: in floating point the sum over processes would depend on
their order, and fall by a last digit when one of them dies.
"""
BILLION = 1_000_000_000


class Metrics:
    """The numbers of one process. Every method is for the event loop's thread."""

    def __init__(self) -> None:
        # What has no labels is there from the start: a rate needs a first value, and 0 lost events is news.
        self._numbers: dict[Metric, dict[Labels, float]] = {
            metric: {} if metric.labels else {(): 0} for metric in TABLE if metric.kind != "histogram"
        }
        self._histograms: dict[Metric, dict[Labels, tuple[list[int], list[int]]]] = {
            metric: {} for metric in TABLE if metric.kind == "histogram"
        }
        self._watched: dict[tuple[Metric, Labels], Callable[[], float]] = {}

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        """Add to a counter or a gauge."""
        series = self._numbers[metric]
        series[labels] = series.get(labels, 0) + by

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Add a value to a histogram."""
        series = self._histograms[metric].get(labels)
        if series is None:
            series = self._histograms[metric][labels] = ([0] * (len(metric.buckets) + 1), [0])
        counts, total = series
        counts[bisect_left(metric.buckets, value)] += 1
        total[0] += round(value * BILLION)

    def watch(self, metric: Metric, *labels: str, read: Callable[[], float]) -> None:
        """Ask `read` at each snapshot: for gauges, and for counters that somebody else keeps."""
        if metric not in self._numbers:
            raise AssertionError(f"{metric.name} is not a single number")
        self._watched[metric, labels] = read

    def forget(self, metric: Metric, *labels: str) -> None:
        """Watch it no longer, and tell it no longer. Nothing happens where nobody watched it."""
        self._watched.pop((metric, labels), None)

    def snapshot(self) -> Snapshot:
        """What the numbers are now."""
        numbers = {metric: dict(series) for metric, series in self._numbers.items()}
        for (metric, labels), read in self._watched.items():
            numbers[metric][labels] = read()
        return {
            "numbers": {m.name: [[list(ls), v] for ls, v in series.items()] for m, series in numbers.items()},
            "histograms": {
                m.name: [[list(ls), list(counts), total[0]] for ls, (counts, total) in series.items()]
                for m, series in self._histograms.items()
            },
        }

    def audit_written(self, events: int) -> None:
        self.count(AUDIT_WRITTEN, by=events)

    def audit_failed(self, sink: str) -> None:
        self.count(AUDIT_FAILED, sink)

    def audit_lost(self, events: int) -> None:
        self.count(AUDIT_LOST, by=events)

    def s3_request(
        self,
        operation: str,
        *,
        status: int | None,
        outcome: str,
        bytes_in: int,
        bytes_out: int,
        phases_us: Mapping[str, int | None],
        total_us: int | None,
    ) -> None:
        """A request that has ended, however it did."""
        self.count(REQUESTS, operation, str(status or "none"), outcome)
        self.count(RECEIVED_BYTES, by=bytes_in)
        self.count(SENT_BYTES, by=bytes_out)
        if total_us is not None:
            self.observe(REQUEST_SECONDS, total_us / 1e6, operation)
        for phase, spent_us in phases_us.items():
            if spent_us is not None:
                self.observe(PHASE_SECONDS, spent_us / 1e6, phase)

    def authentication_failed(self, code: str) -> None:
        self.count(AUTH_FAILURES, code)

    def integrity_violated(self, operation: str) -> None:
        self.count(INTEGRITY_VIOLATIONS, operation)

    def upload_damaged(self, operation: str) -> None:
        self.count(DAMAGED_UPLOADS, operation)

    def plaintext_read(self, operation: str) -> None:
        self.count(PLAINTEXT_READS, operation)

    def hsm_request(self, operation: str, code: str) -> None:
        self.count(HSM_REQUESTS, operation, code or "none")


def merged(snapshots: Iterable[Snapshot]) -> Snapshot:
    """The sum of several processes' numbers."""
    numbers: dict[str, dict[Labels, float]] = {}
    histograms: dict[str, dict[Labels, tuple[list[int], int]]] = {}
    for snapshot in snapshots:
        for name, rows in snapshot["numbers"].items():
            into = numbers.setdefault(name, {})
            for labels, value in rows:
                had = into.get(tuple(labels), 0)
                into[tuple(labels)] = max(had, value, key=abs) if name in FURTHEST else had + value
        for name, rows in snapshot["histograms"].items():
            ours = histograms.setdefault(name, {})
            for labels, counts, total in rows:
                held, sum_of = ours.get(tuple(labels), ([0] * len(counts), 0))
                ours[tuple(labels)] = ([a + b for a, b in zip(held, counts, strict=True)], sum_of + total)
    return {
        "numbers": {n: [[list(ls), v] for ls, v in rows.items()] for n, rows in numbers.items()},
        "histograms": {
            n: [[list(ls), c, t] for ls, (c, t) in rows.items()] for n, rows in histograms.items()
        },
    }


def lasting(snapshot: Snapshot) -> Snapshot:
    """What a process leaves behind: its counts. How much it has of something ends with it."""
    numbers = {name: rows for name, rows in snapshot["numbers"].items() if name not in GAUGES}
    return {"numbers": numbers, "histograms": snapshot["histograms"]}


def render(snapshots: Iterable[Snapshot], accept: str = "") -> tuple[bytes, str]:
    """The page for a scrape, and its content type: OpenMetrics where the Accept header asks for it."""
    registry = CollectorRegistry()
    registry.register(_Collector(merged(snapshots)))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Collector(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Family]:
        """One family for each row of the table, also where it has no number yet."""
        for metric in TABLE:
            if metric.kind == "histogram":
                yield _histogram(metric, self._snapshot["histograms"].get(metric.name, ()))
            else:
                yield _number(metric, self._snapshot["numbers"].get(metric.name, ()))


def _number(metric: Metric, rows: Iterable[tuple[list[str], float]]) -> Family:
    make = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = make(PREFIX + metric.name, metric.help, labels=metric.labels)
    for labels, value in rows:
        family.add_metric(labels, value)
    return family


def _histogram(metric: Metric, rows: Iterable[tuple[list[str], list[int], int]]) -> Family:
    family = HistogramMetricFamily(PREFIX + metric.name, metric.help, labels=metric.labels)
    bounds = [*map(str, metric.buckets), "+Inf"]
    for labels, counts, total in rows:
        at_most = [sum(counts[: i + 1]) for i in range(len(counts))]
        family.add_metric(labels, list(zip(bounds, map(float, at_most), strict=True)), total / BILLION)
    return family
