"""Behind a proxy that is trusted, the client's own address is what counts. No stranger can lend one."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.sdk import client
from tests.e2e.trail import Trail
from tests.e2e.wire import Answer, send, send_as_is
from tests.stores.sealgate import ALICE, Sealgate, config_for, run, serving
from tests.stores.seaweedfs import Store

CLIENT = "203.0.113.9"
GUESSES = 3000
"""More than a slow machine needs to outrun ten a second, once the first hundred are used up."""


@pytest.fixture(scope="module")
def behind(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealgate]:
    directory: Path = tmp_path_factory.mktemp("behind")
    listen = config_for(store, directory)["listen"] | {"trusted_proxies": ["127.0.0.0/8", "10.0.0.0/8"]}
    with serving(store, directory, listen=listen) as service:
        yield service


@pytest.fixture(scope="module")
def events(behind: Sealgate) -> Trail:
    return Trail(behind.directory / "audit.jsonl")


def asked(service: Sealgate, forwarded_for: str) -> Answer:
    return send("GET", service.url, headers={"x-forwarded-for": forwarded_for, "x-forwarded-proto": "https"})


def told_of(trail: Trail, answer: Answer) -> str:
    return str(trail.of(answer.headers["x-amz-request-id"])["sourceIPAddress"])


@pytest.mark.parametrize(
    ("forwarded_for", "expected"),
    [(CLIENT, CLIENT), (f"198.51.100.1, {CLIENT}, 10.1.1.1", CLIENT), ("nonsense", "127.0.0.1")],
)
def test_the_event_tells_the_client_s_address(
    behind: Sealgate, events: Trail, forwarded_for: str, expected: str
) -> None:
    assert told_of(events, asked(behind, forwarded_for)) == expected


def test_nobody_is_believed_where_no_proxy_is_trusted(sealgate: Sealgate, trail: Trail) -> None:
    assert told_of(trail, asked(sealgate, CLIENT)) == "127.0.0.1"


def test_a_key_policy_of_addresses_sees_it_too(behind: Sealgate, events: Trail) -> None:
    """The key service is told the same address: it stands in its own event."""
    with client("kms", behind.kms_url) as kms, client("s3", behind.url) as s3:
        key = kms.create_key()["KeyMetadata"]["Arn"]
        s3.create_bucket(Bucket="behind-a-proxy")
        s3.meta.events.register("before-sign.s3.PutObject", _add_forwarded)
        s3.put_object(
            Bucket="behind-a-proxy", Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key
        )

    made = [each for each in _seen(events) if each["eventName"].startswith("GenerateDataKey")]
    assert {each["sourceIPAddress"] for each in made if key in json.dumps(each)} == {CLIENT}


def _add_forwarded(request: Any, **_: Any) -> None:
    request.headers["X-Forwarded-For"] = CLIENT


def _seen(trail: Trail) -> list[dict[str, Any]]:
    return trail.seen()


def test_wrong_signatures_are_counted_by_the_client_s_address(behind: Sealgate) -> None:
    """Else one guesser behind the proxy would slow down all who are behind it."""
    wrong = {
        "authorization": (
            f"AWS4-HMAC-SHA256 Credential={ALICE.access_key}/"
            "20260101/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + "0" * 64
        )
    }
    now = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    wrong["authorization"] = wrong["authorization"].replace("20260101", now[:8])
    guess = wrong | {"x-amz-date": now, "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    guess["authorization"] = guess["authorization"].replace("host;", "host;x-amz-content-sha256;")

    for _ in range(GUESSES):
        answer = send_as_is("GET", behind.url, headers=guess | {"x-forwarded-for": "198.51.100.66"})
        if answer.code == "SlowDown":
            break
    other = send_as_is("GET", behind.url, headers=guess | {"x-forwarded-for": "198.51.100.67"})

    assert answer.code == "SlowDown"
    assert other.code == "SignatureDoesNotMatch"


def test_a_reload_takes_other_proxies_up(behind: Sealgate, events: Trail) -> None:
    path = behind.directory / "config.yaml"
    before = path.read_text()
    config = yaml.safe_load(before)
    config["listen"]["trusted_proxies"] = []
    try:
        path.write_text(yaml.safe_dump(config))
        run("reload", "--config", str(path))
        assert told_of(events, asked(behind, CLIENT)) == "127.0.0.1"
    finally:
        path.write_text(before)
        run("reload", "--config", str(path))
    assert told_of(events, asked(behind, CLIENT)) == CLIENT
