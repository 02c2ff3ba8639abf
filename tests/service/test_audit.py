"""The audit trail of a running service: one event for each operation and each KMS call, however it ended."""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.service.clients import MIB, bare, client, paced
from tests.service.relay import Relay, relaying
from tests.service.running import Event, Launched, launched, until, upstream
from tests.stores.sealgate import ALICE, MALLORY, User
from tests.stores.seaweedfs import Store, free_ports

# Every record of AWS CloudTrail has these (CloudTrail User Guide, "record contents").
CLOUDTRAIL = {
    *("eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion"),
    *("sourceIPAddress", "userAgent", "requestParameters", "responseElements", "additionalEventData"),
    *("requestID", "eventID", "readOnly", "resources", "eventType", "managementEvent", "eventCategory"),
}
S3, KMS = "s3.amazonaws.com", "kms.amazonaws.com"


@pytest.fixture(scope="module")
def relay(store: Store) -> Iterator[Relay]:
    with relaying(store) as running:
        yield running


@pytest.fixture(scope="module")
def service(store: Store, relay: Relay, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    """With an impatient front, so that a client who stands still is soon cut off."""
    with launched(
        store,
        Path(tmp_path_factory.mktemp("audit")),
        listen={"port": free_ports(1)[0], "idle_timeout_seconds": 1},
        upstreams=upstream(store, url=relay.url),
    ) as running:
        yield running


@pytest.fixture(scope="module")
def s3(service: Launched) -> Iterator[Any]:
    with client("s3", service.url) as made:
        yield made


@pytest.fixture(scope="module")
def kms(service: Launched) -> Iterator[Any]:
    with client("kms", service.kms_url) as made:
        yield made


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    name = f"audit-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def key() -> str:
    return f"object-{uuid.uuid4()}"


def of(service: Launched, answer: Any) -> Event:
    """The event of one answer, or of one refusal, by the id that the client was told."""
    metadata = (answer.response if isinstance(answer, ClientError) else answer)["ResponseMetadata"]
    wanted = metadata["RequestId"]
    event = service.until_event(requestID=wanted)
    assert len([each for each in service.events() if each["requestID"] == wanted]) == 1
    return event


def test_every_s3_operation_leaves_its_event(service: Launched, s3: Any) -> None:
    """Under CloudTrail's name, with CloudTrail's fields, who asked, and what for."""
    bucket = f"audit-{uuid.uuid4()}"
    named = {"Bucket": bucket}
    item = {"Bucket": bucket, "Key": "k"}
    steps: list[tuple[str, Callable[[], Any]]] = [
        ("ListBuckets", s3.list_buckets),
        ("CreateBucket", lambda: s3.create_bucket(**named)),
        ("HeadBucket", lambda: s3.head_bucket(**named)),
        ("GetBucketLocation", lambda: s3.get_bucket_location(**named)),
        ("PutObject", lambda: s3.put_object(**item, Body=b"plain")),
        ("HeadObject", lambda: s3.head_object(**item)),
        ("GetObject", lambda: s3.get_object(**item, Range="bytes=1-2")),
        ("ListObjects", lambda: s3.list_objects(**named)),
        ("ListObjects", lambda: s3.list_objects_v2(**named)),
        ("DeleteObject", lambda: s3.delete_object(**item)),
        ("DeleteObjects", lambda: s3.delete_objects(**named, Delete={"Objects": [{"Key": "k"}]})),
        ("DeleteBucket", lambda: s3.delete_bucket(**named)),
    ]
    for name, step in steps:
        answer = step()
        if "Body" in answer:
            assert answer["Body"].read() == b"la"
        event = of(service, answer)

        assert set(event) >= CLOUDTRAIL
        assert (event["eventSource"], event["eventName"]) == (S3, name)
        assert event["userIdentity"]["arn"] == ALICE.arn
        assert event["userIdentity"]["accessKeyId"] == ALICE.access_key
        assert event["sourceIPAddress"] == "127.0.0.1"
        assert "Boto3" in event["userAgent"]
        assert name == "ListBuckets" or event["requestParameters"]["bucketName"] == bucket
        details = event["additionalEventData"]
        assert details["outcome"] == "completed"
        assert details["httpStatus"] == answer["ResponseMetadata"]["HTTPStatusCode"]
        assert details["phases"]["totalMicroseconds"] > 0
        assert details["storeRequestId"]
        if name == "GetObject":
            assert event["requestParameters"]["range"] == "bytes=1-2"
            assert details["bytesTransferredOut"] == 2
        if name in {"GetObject", "PutObject"}:
            assert details["keyArn"].startswith("arn:aws:kms:us-east-1:000000000000:key/")
            assert details["dataKeyScope"] == "bucket"
            assert details["cacheHit"] in {True, False}


def test_every_kms_call_leaves_its_event(service: Launched, kms: Any) -> None:
    made = kms.create_key()
    arn = made["KeyMetadata"]["Arn"]
    alias = f"alias/audit-{uuid.uuid4()}"
    sealed = kms.encrypt(KeyId=arn, Plaintext=b"plain")
    blob = sealed["CiphertextBlob"]
    answers = {
        "CreateKey": made,
        "Encrypt": sealed,
        "Decrypt": kms.decrypt(KeyId=arn, CiphertextBlob=blob),
        "ReEncrypt": kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=arn),
        "GenerateDataKey": kms.generate_data_key(KeyId=arn, KeySpec="AES_256"),
        "GenerateDataKeyWithoutPlaintext": kms.generate_data_key_without_plaintext(
            KeyId=arn, KeySpec="AES_256"
        ),
        "DescribeKey": kms.describe_key(KeyId=arn),
        "ListKeys": kms.list_keys(),
        "CreateAlias": kms.create_alias(AliasName=alias, TargetKeyId=arn),
        "UpdateAlias": kms.update_alias(AliasName=alias, TargetKeyId=arn),
        "ListAliases": kms.list_aliases(),
        "DeleteAlias": kms.delete_alias(AliasName=alias),
        "DisableKey": kms.disable_key(KeyId=arn),
        "EnableKey": kms.enable_key(KeyId=arn),
    }
    for name, answer in answers.items():
        event = of(service, answer)

        assert set(event) >= CLOUDTRAIL
        assert (event["eventSource"], event["eventName"]) == (KMS, name)
        assert event["userIdentity"]["arn"] == ALICE.arn
        assert name.startswith("List") or arn in {each["ARN"] for each in event["resources"]}


def test_the_kms_calls_of_a_request_are_joined_to_it(
    service: Launched, s3: Any, kms: Any, bucket: str, key: str
) -> None:
    """A KMS event shares the id of the S3 event that it was made for, and names the same principal."""
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    put = s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=b"plain",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=arn,
        BucketKeyEnabled=False,
    )
    asked = of(service, put)
    called = service.until_event(sharedEventID=asked["requestID"])

    assert (called["eventSource"], called["eventName"]) == (KMS, "GenerateDataKey")
    assert called["userIdentity"]["arn"] == asked["userIdentity"]["arn"] == ALICE.arn
    assert called["additionalEventData"]["keyArn"] == asked["additionalEventData"]["keyArn"] == arn
    assert called["recipientAccountId"] == ALICE.account


def test_a_client_that_leaves(service: Launched, s3: Any, bucket: str, key: str) -> None:
    """In the middle of what it sends, or of what it takes: cancelled, with what had gone by until then."""
    s3.put_object(Bucket=bucket, Key=key, Body=bytes(8 * MIB))
    with paced(s3, "GET", bucket, key) as down, paced(s3, "PUT", bucket, key, length=8 * MIB) as up:
        down.head()
        up.send(bytes(3 * MIB))
        until(lambda: service.number("sealgate_s3_requests_in_flight") == 2)

    outcome = {"additionalEventData__outcome": "cancelled", "requestParameters__key": key}
    taken = service.until_event(eventName="GetObject", **outcome)
    sent = service.until_event(eventName="PutObject", **outcome)

    assert 0 < taken["additionalEventData"]["bytesTransferredOut"] < 8 * MIB
    assert 0 < sent["additionalEventData"]["bytesTransferredIn"] <= 3 * MIB
    assert "httpStatus" not in sent["additionalEventData"]


def test_a_client_that_stands_still(service: Launched, s3: Any, bucket: str, key: str) -> None:
    """It is cut off, and the event says that it was time that ended the request."""
    s3.put_object(Bucket=bucket, Key=key, Body=bytes(8 * MIB))
    with paced(s3, "GET", bucket, key) as down, paced(s3, "PUT", bucket, key, length=8 * MIB) as up:
        down.head()
        up.send(bytes(3 * MIB))
        outcome = {"additionalEventData__outcome": "timeout", "requestParameters__key": key}
        service.until_event(eventName="GetObject", **outcome)
        service.until_event(eventName="PutObject", **outcome)

        assert len(down.body(8 * MIB)) < 8 * MIB


def test_a_wrong_signature(service: Launched, bucket: str, key: str) -> None:
    """Nobody is proven, and the access key that was claimed is told, at both services."""
    guesser = User(name="", account="", access_key=ALICE.access_key, secret_key="a wrong guess")
    with client("s3", service.url, guesser) as s3, client("kms", service.kms_url, guesser) as kms:
        with pytest.raises(ClientError) as refused:
            s3.get_object(Bucket=bucket, Key=key)
        event = of(service, refused.value)
        with pytest.raises(ClientError) as refused:
            kms.list_keys()
        called = of(service, refused.value)

    assert event["errorCode"] == "SignatureDoesNotMatch"
    assert called["errorCode"] == "InvalidSignatureException"
    for each in (event, called):
        assert each["userIdentity"] == {"type": "Unknown", "accessKeyId": ALICE.access_key}
    assert event["requestParameters"]["key"] == key
    assert event["additionalEventData"]["httpStatus"] == 403


def test_somebody_without_rights(service: Launched, s3: Any, kms: Any, bucket: str, key: str) -> None:
    """Another account's user, under a key that is not his: S3's refusal and the KMS's are both there."""
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    s3.put_object(Bucket=bucket, Key=key, Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=arn)
    with client("s3", service.url, MALLORY) as other, pytest.raises(ClientError) as refused:
        other.get_object(Bucket=bucket, Key=key)
    event = of(service, refused.value)
    called = service.until_event(sharedEventID=event["requestID"])

    assert event["errorCode"] == "AccessDenied"
    assert (called["eventName"], called["errorCode"]) == ("Decrypt", "AccessDeniedException")
    assert event["userIdentity"]["arn"] == called["userIdentity"]["arn"] == MALLORY.arn


def test_a_torn_answer(service: Launched, store: Store, s3: Any, bucket: str, key: str) -> None:
    """Damage behind the first bytes: the body is cut, the event says what was found, a metric rises."""
    s3.put_object(Bucket=bucket, Key=key, Body=bytes(4 * MIB))
    with bare(store) as raw:
        found = raw.get_object(Bucket=bucket, Key=key)
        body = bytearray(found["Body"].read())
        body[3 * MIB] ^= 1
        raw.put_object(Bucket=bucket, Key=key, Body=bytes(body), Metadata=found["Metadata"])
    metric = 'sealgate_integrity_violations_total{operation="GetObject"}'
    before = service.number(metric)

    with paced(s3, "GET", bucket, key) as down:
        assert down.head().startswith("HTTP/1.1 200")
        assert len(down.body(4 * MIB)) < 3 * MIB

    event = service.until_event(additionalEventData__outcome="torn", requestParameters__key=key)
    assert event["additionalEventData"]["integrityViolation"]
    until(lambda: service.number(metric) == before + 1)


def test_a_store_that_talks_nonsense(service: Launched, relay: Relay, s3: Any, bucket: str) -> None:
    """What no handler expected still ends in an answer, an event, and no traceback for the client."""
    relay.spoil = (b"</ListBucketResult>", b"</ListBucketResulx>")
    try:
        with pytest.raises(ClientError) as refused:
            s3.list_objects_v2(Bucket=bucket)
    finally:
        relay.spoil = (b"", b"")
    event = of(service, refused.value)

    assert event["eventName"] == "ListObjects"
    assert event["additionalEventData"]["httpStatus"] >= 500
    assert event["errorCode"] in {"InternalError", "ServiceUnavailable"}
    assert "Traceback" not in str(refused.value.response)


def test_the_store_is_away_and_comes_back(service: Launched, relay: Relay, s3: Any, bucket: str) -> None:
    """503 meanwhile, with an event; readyz stays 200 and tells of it; then all is well by itself."""
    relay.shut()
    with pytest.raises(ClientError) as refused:
        s3.list_objects_v2(Bucket=bucket)
    status, told = service.ready()
    relay.open()

    answer = refused.value.response["ResponseMetadata"]
    assert answer["HTTPStatusCode"] == 503
    assert int(answer["HTTPHeaders"]["retry-after"]) > 0
    assert of(service, refused.value)["errorCode"] == "ServiceUnavailable"
    assert status == 200
    assert "store" in str(told["troubles"])
    s3.list_objects_v2(Bucket=bucket)
    assert service.ready() == (200, {"ready": True, "reasons": [], "troubles": []})


def test_the_file_may_be_moved_away(service: Launched, s3: Any, kms: Any, tmp_path: Path) -> None:
    """As log rotation does: both processes go on in a new file, and no event is lost between the two."""
    path = service.directory / "audit.jsonl"
    first = of(service, s3.list_buckets())
    path.rename(tmp_path / "rotated")
    later = [s3.list_buckets()["ResponseMetadata"], kms.list_keys()["ResponseMetadata"]]

    until(lambda: path.exists() and len(service.events()) >= 2)
    kept = [json.loads(line) for line in (tmp_path / "rotated").read_text().splitlines()]
    assert first in kept
    for told in later:
        service.until_event(requestID=told["RequestId"])


def test_events_on_standard_output(store: Store, tmp_path: Path) -> None:
    """One line each and nothing else, so that a collector can read it; the log is standard error's."""
    with launched(store, tmp_path, audit={"sinks": [{"type": "stdout"}]}) as service:
        with client("s3", service.url) as s3, client("kms", service.kms_url) as kms:
            ids = {s3.list_buckets()["ResponseMetadata"]["RequestId"]}
            ids.add(kms.list_keys()["ResponseMetadata"]["RequestId"])
        service.process.terminate()
        assert service.ended() == 0

        events = [json.loads(line) for line in service.stdout.splitlines()]
        assert ids <= {event["requestID"] for event in events}
        assert "eventName" not in service.stderr


def test_what_cannot_be_recorded_is_not_done(store: Store, tmp_path: Path) -> None:
    """A full disk: as soon as no more events can wait, requests get 503; nothing reaches the store then."""
    sinks = [{"type": "file", "path": "/dev/full"}]
    with (
        launched(store, tmp_path, audit={"sinks": sinks, "queue_events": 100}) as service,
        client("s3", service.url) as s3,
        bare(store) as raw,
    ):
        bucket = f"audit-{uuid.uuid4()}"
        raw.create_bucket(Bucket=bucket)
        done = 0
        while done < 200 and served(s3, bucket):
            done += 1
        assert 80 < done <= 100
        with pytest.raises(ClientError) as refused:
            s3.put_object(Bucket=bucket, Key="unrecorded", Body=b"plain")
        assert refused.value.response["Error"]["Code"] == "ServiceUnavailable"
        assert "Contents" not in raw.list_objects_v2(Bucket=bucket)

        status, told = service.ready()
        assert status == 200
        assert "audit sink /dev/full fails: No space left on device" in told["troubles"]
        assert service.number('sealgate_audit_sink_errors_total{sink="/dev/full"}') > 0
        assert service.number("sealgate_audit_queue_events") >= 100
        assert "audit sink /dev/full fails: No space left on device" in service.stderr


def served(s3: Any, bucket: str) -> bool:
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as refused:
        if refused.response["ResponseMetadata"]["HTTPStatusCode"] != 503:
            raise
        return False
    return True
