"""A body that is not what its client claimed: S3's refusal, and nothing on the store, at once or later."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import plaintext
from tests.e2e.sdk import refused
from tests.faults.bodies import FAULTS, Upload, whole
from tests.faults.evidence import Evidence
from tests.faults.wire import Got, Talk, talking, target_of
from tests.stores.sealgate import Sealgate

HELD, STREAMED = 150_000, 3 * 1024 * 1024
OLD = plaintext(2000, seed=7)
LATER_SECONDS = 1.0
GONE_SECONDS = 5.0


@pytest.fixture(scope="module")
def kept(s3: Any, raw: Any, bucket: str) -> Iterator[dict[str, bytes]]:
    """Objects that were there before, by name: a while after the last test nothing else is in the bucket."""
    before: dict[str, bytes] = {}
    yield before
    time.sleep(LATER_SECONDS)
    assert {each["Key"] for each in raw.list_objects_v2(Bucket=bucket)["Contents"]} == before.keys()
    for name, body in before.items():
        assert raw.get_object(Bucket=bucket, Key=name)["Body"].read() == body
        assert s3.get_object(Bucket=bucket, Key=name)["Body"].read() == OLD


def attempt(url: str, upload: Upload) -> Got:
    with talking(url) as talk:
        talk.head("PUT", target_of(url), upload.headers)
        talk.send(upload.body)
        return talk.got("PUT")


def is_on_store(raw: Any, bucket: str, key: str) -> bool:
    names = [each["Key"] for each in raw.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])]
    try:
        raw.head_object(Bucket=bucket, Key=key)
    except ClientError as refusal:
        return bool(names) or refused(refusal)[0] != 404
    return True


@pytest.mark.parametrize("size", [HELD, STREAMED], ids=["held", "streamed"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_false_claim_writes_nothing(
    *,
    raw: Any,
    url: str,
    bucket: str,
    key: str,
    kept: dict[str, bytes],
    evidence: Evidence,
    fault: str,
    size: int,
) -> None:
    """Refused in S3's words, recorded, and the name is as free as before."""
    wrong, told = FAULTS[fault]

    answer = attempt(url, wrong(url, plaintext(size)))

    assert answer.told == told
    assert not is_on_store(raw, bucket, key)
    assert evidence.of(answer.request_id)["errorCode"] == told[1]
    assert key not in kept


@pytest.mark.parametrize("size", [HELD, STREAMED], ids=["held", "streamed"])
@pytest.mark.parametrize(
    "fault",
    ["hash", "longer than declared", "aws-chunked: trailer's checksum", "aws-chunked: end's signature"],
)
def test_an_older_object_outlives_a_false_claim(
    *, raw: Any, s3: Any, url: str, bucket: str, key: str, kept: dict[str, bytes], fault: str, size: int
) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=OLD)
    kept[key] = raw.get_object(Bucket=bucket, Key=key)["Body"].read()
    wrong, told = FAULTS[fault]

    assert attempt(url, wrong(url, plaintext(size))).told == told

    assert raw.get_object(Bucket=bucket, Key=key)["Body"].read() == kept[key]
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == OLD


@pytest.mark.parametrize("size", [HELD, STREAMED], ids=["held", "streamed"])
@pytest.mark.parametrize("sent", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("leave", [Talk.reset, Talk.close], ids=["reset", "close"])
def test_a_client_that_leaves_in_mid_body_writes_nothing(
    *,
    raw: Any,
    url: str,
    bucket: str,
    key: str,
    kept: dict[str, bytes],
    evidence: Evidence,
    size: int,
    sent: float,
    leave: Callable[[Talk], None],
) -> None:
    """Nobody is there to be answered; the event says so."""
    upload = whole(url, plaintext(size))
    talk = Talk(url)
    talk.head("PUT", target_of(url), upload.headers)
    talk.send(upload.body[: int(size * sent)])
    time.sleep(0.05)  # so that the request is under way, whatever its size

    leave(talk)

    event = evidence.about(key)
    assert event["eventName"] == "PutObject"
    assert event["additionalEventData"]["outcome"] == "cancelled"
    assert not is_on_store(raw, bucket, key)
    assert key not in kept


def test_the_service_is_at_rest_after_all_that(
    *, sealgate: Sealgate, raw: Any, evidence: Evidence, url: str, bucket: str, key: str
) -> None:
    """No request hangs, no memory is held, and the next body is taken."""
    with talking(url) as talk:
        upload = whole(url, plaintext(HELD))
        talk.head("PUT", target_of(url), upload.headers)
        talk.send(upload.body)
        assert talk.got("PUT").status == 200
    raw.delete_object(Bucket=bucket, Key=key)
    assert sealgate.process.poll() is None
    deadline = time.monotonic() + GONE_SECONDS
    while evidence.count("sealgate_memory_budget_used_bytes"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
