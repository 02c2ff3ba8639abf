"""The metrics page of a running service: what docs/metrics.md names is there, and rises as it should."""

import re
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.service.clients import MIB, client
from tests.service.running import Launched, launched, until
from tests.stores.sealgate import ALICE, User
from tests.stores.seaweedfs import Store

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
ROW = re.compile(r"^\| `(sealgate_[a-z0-9_]+)` \| (counter|gauge|histogram) \|", re.MULTILINE)


@pytest.fixture(scope="module")
def service(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    with launched(store, Path(tmp_path_factory.mktemp("metrics"))) as running:
        yield running


@pytest.fixture(scope="module")
def s3(service: Launched) -> Iterator[Any]:
    with client("s3", service.url) as made:
        yield made


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    name = f"metrics-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"plain")
    s3.get_object(Bucket=name, Key="k")["Body"].read()
    return name


def test_every_metric_of_the_page_is_told(service: Launched, bucket: str) -> None:
    """With its kind, and with a number, but for those of errors that did not happen, and of AWS's regions."""
    s3_free = {"authentication_failures_total", "integrity_violations_total", "plaintext_reads_total"}
    s3_free |= {"damaged_uploads_total", "kms_region_requests_total"}
    quiet = {f"sealgate_{name}" for name in {*s3_free, "upstream_errors_total", "audit_sink_errors_total"}}
    documented = dict(ROW.findall(PAGE.read_text()))
    _, page = service.asked("/metrics")

    assert len(documented) > 20
    assert bucket
    for name, kind in documented.items():
        assert f"# TYPE {name} {kind}" in page, name
        assert name in quiet or re.search(rf"^{name}(_bucket)?(\{{.*\}})? [0-9]", page, re.MULTILINE), name


def test_an_openmetrics_scraper_can_read_it(service: Launched) -> None:
    request = urllib.request.Request(f"{service.admin_url}/metrics")  # noqa: S310  # our own loopback URL
    request.add_header("Accept", "application/openmetrics-text; version=1.0.0")
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # the same
        page = answer.read().decode()

    families = text_string_to_metric_families(page)  # type: ignore[no-untyped-call]  # it is not annotated

    assert "sealgate_s3_requests" in {family.name for family in families}


def test_counters_rise_with_what_is_done(service: Launched, s3: Any, bucket: str) -> None:
    """By exactly what was done: requests, bytes of the plaintext, cached keys, KMS calls, audit events."""

    def numbers() -> dict[str, float]:
        return {
            "put": service.number(
                'sealgate_s3_requests_total{operation="PutObject",outcome="completed",status="200"}'
            ),
            "missing": service.number(
                'sealgate_s3_requests_total{operation="GetObject",outcome="completed",status="404"}'
            ),
            "sent": service.number("sealgate_s3_sent_bytes_total"),
            "keys": service.number("sealgate_data_key_cache_hits_total")
            + service.number("sealgate_data_key_cache_misses_total"),
            "kms": service.number(
                'sealgate_kms_requests_total{backend="hsm",operation="GenerateDataKey",outcome="ok"}'
            ),
            "hsm": service.number('sealgate_hsm_requests_total{code="none",operation="GenerateDataKey"}'),
            "failures": service.number(
                'sealgate_authentication_failures_total{code="SignatureDoesNotMatch"}'
            ),
        }

    before = numbers()
    for _ in range(3):
        s3.put_object(Bucket=bucket, Key="counted", Body=bytes(MIB))
    fresh = {"ServerSideEncryption": "aws:kms", "BucketKeyEnabled": False}
    s3.put_object(Bucket=bucket, Key="counted", Body=bytes(MIB), **fresh)
    s3.get_object(Bucket=bucket, Key="counted")["Body"].read()
    with pytest.raises(ClientError):
        s3.get_object(Bucket=bucket, Key="missing")
    guesser = User(name="", account="", access_key=ALICE.access_key, secret_key="wrong")
    with client("s3", service.url, guesser) as wrong, pytest.raises(ClientError):
        wrong.list_buckets()

    until(lambda: numbers()["failures"] > before["failures"])
    rise = {name: value - before[name] for name, value in numbers().items()}
    assert rise["put"] == 4
    assert rise["missing"] == 1
    assert MIB <= rise["sent"] < MIB + 2000
    assert rise["failures"] == 1
    assert rise["keys"] >= 4
    assert rise["kms"] >= 1
    assert rise["hsm"] >= 1


def test_events_are_counted_once_they_are_written(service: Launched, s3: Any) -> None:
    before = service.number("sealgate_audit_events_total")
    for _ in range(5):
        s3.list_buckets()

    until(lambda: service.number("sealgate_audit_events_total") >= before + 5)
    assert service.number("sealgate_audit_events_lost_total") == 0
    until(lambda: service.number("sealgate_audit_queue_events") == 0)


def test_health(service: Launched) -> None:
    """Both answer as JSON that no cache keeps; nothing else is served, and nothing can be changed."""
    with urllib.request.urlopen(f"{service.admin_url}/readyz", timeout=10) as answer:  # noqa: S310  # our own loopback URL
        assert answer.headers["Cache-Control"] == "no-store"

    assert service.ready() == (200, {"ready": True, "reasons": [], "troubles": []})
    assert service.asked("/livez")[0] == 200
    assert service.asked("/")[0] == 404
