"""A record has CloudTrail's names, and never what must not be kept."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.loaders import Loader
from hypothesis import given
from hypothesis import strategies as st

from proxy.audit.event import (
    HIDDEN,
    KMS,
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_TEXT,
    S3,
    S3_EVENT_NAMES,
    Details,
    Event,
    Json,
    UserIdentity,
    bounded,
    cut,
    is_data_event,
    is_read_only,
    line,
    record,
    s3_event_name,
)

MARK = "do-not-keep-this"


def test_a_record_has_cloudtrails_names(event: Event) -> None:
    assert record(event) == {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "arn": "arn:aws:iam::111122223333:user/ann",
            "accountId": "111122223333",
            "accessKeyId": "AKIDANN",
            "userName": "ann",
        },
        "eventTime": "2026-03-04T05:06:07.089Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "10.0.0.7",
        "userAgent": "Boto3/1.43",
        "requestParameters": {"bucketName": "photos", "key": "a.jpg", "range": "bytes=0-9"},
        "responseElements": None,
        "additionalEventData": {
            "bytesTransferredIn": 0,
            "bytesTransferredOut": 10,
            "outcome": "completed",
            "httpStatus": 206,
            "keyArn": "arn:aws:kms:eu-central-1:111122223333:key/k",
            "dataKeyScope": "bucket",
            "cacheHit": False,
            "encryptionMode": "SSE_KMS",
            "storeRequestId": "STORE1",
            "phases": {"authMicroseconds": 40, "kmsMicroseconds": 900, "totalMicroseconds": 2000},
        },
        "requestID": "REQ1",
        "eventID": "6f1e5a3c-0000-4000-8000-000000000001",
        "readOnly": True,
        "resources": [{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::photos/a.jpg"}],
        "eventType": "AwsApiCall",
        "managementEvent": False,
        "eventCategory": "Data",
        "recipientAccountId": "111122223333",
    }


def test_a_refusal_has_its_code_and_an_unproven_caller(event: Event) -> None:
    """What a client only claims is marked as unknown."""
    claimed = UserIdentity(access_key_id="AKIDWHO")
    failed = replace(
        event,
        error_code="AccessDenied",
        error_message="no",
        user_identity=claimed,
        details=Details(http_status=403),
    )

    made = record(failed)

    assert (made["errorCode"], made["errorMessage"]) == ("AccessDenied", "no")
    assert made["userIdentity"] == {"type": "Unknown", "accessKeyId": "AKIDWHO"}


def test_times_are_utc(event: Event) -> None:
    zone = timezone(timedelta(hours=2))

    assert (
        record(replace(event, event_time=datetime(2026, 1, 1, 1, tzinfo=zone)))["eventTime"]
        == "2025-12-31T23:00:00.000Z"
    )


NOT_KEPT = [
    "Authorization",
    "Proxy-Authorization",
    "Cookie",
    "X-Amz-Signature",
    "x-amz-signature",
    "X-Amz-Security-Token",
    "x-amz-security-token",
    "Signature",
    "AWSAccessKeyId",
    "policy",
    "x-amz-server-side-encryption-customer-key",
    "x-amz-server-side-encryption-customer-key-MD5",
    "x-amz-copy-source-server-side-encryption-customer-key",
    "x-amz-copy-source-server-side-encryption-customer-key-md5",
    "SSECustomerKey",
    "CopySourceSSECustomerKeyMD5",
    "x-amz-server-side-encryption-context",
    "SSEKMSEncryptionContext",
    "Plaintext",
    "PrivateKeyPlaintext",
    "CiphertextBlob",
    "Message",
    "EncryptedKeyMaterial",
    "ImportToken",
    "GrantTokens",
    "KeyStorePassword",
    "SecretAccessKey",
    "sessionToken",
]


@pytest.mark.parametrize("name", NOT_KEPT)
def test_what_must_not_be_kept_is_cut(name: str, event: Event) -> None:
    """However the name is spelled, and however deep it stands."""
    parameters: dict[str, Json] = {
        "key": "k",
        name: MARK,
        "inner": [{name.lower(): MARK, name.upper(): [MARK]}],
    }

    made = record(replace(event, request_parameters=parameters, response_elements=parameters))

    assert made["requestParameters"] == {"key": "k", "inner": [{}]}
    assert MARK not in json.dumps(made)


@pytest.mark.parametrize(
    "name", ["encryptionContext", "EncryptionContext", "sourceEncryptionContext", "encryptionContextSubset"]
)
def test_of_an_encryption_context_the_names_are_kept(name: str) -> None:
    assert cut({name: {"aws:s3:arn": MARK, "patient": MARK}}) == {
        name: {"aws:s3:arn": HIDDEN, "patient": HIDDEN}
    }
    assert cut({name: MARK}) == {name: HIDDEN}


@pytest.mark.parametrize(
    "name",
    [
        "key",
        "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-customer-algorithm",
        "X-Amz-Date",
        "keyId",
    ],
)
def test_what_an_auditor_needs_is_kept(name: str) -> None:
    assert cut({name: "value"}) == {name: "value"}


@pytest.mark.parametrize(
    "text",
    [
        f"https://h/b/k?X-Amz-Date=1&X-Amz-Signature={MARK}&x=1",
        f"X-Amz-Security-Token={MARK}",
        f"/b/k?AWSAccessKeyId=A&Signature={MARK}",
        f"AWS4-HMAC-SHA256 Credential=A, Signature={MARK}, x",
        f"url%3Fx-amz-signature%3D{MARK}",
        "x" * 2000 + f"X-Amz-Signature={MARK}",
    ],
)
def test_a_presigned_url_in_text_loses_its_signature(text: str, event: Event) -> None:
    """A Referer, a user agent or a message may quote one."""
    made = replace(
        event, user_agent=text, error_message=text, request_parameters={"referer": text, "l": [text]}
    )

    assert MARK.encode() not in line(made)


@given(prefix=st.integers(0, 3 * MAX_TEXT), sign=st.sampled_from(["=", "%3D"]))
def test_no_cut_of_a_long_text_lays_a_signature_bare(prefix: int, sign: str) -> None:
    """The bound must not take the name away and leave the value."""
    assert MARK not in bounded("x" * prefix + f"&X-Amz-Signature{sign}{MARK}")


@pytest.mark.parametrize("length", [0, 1, MAX_TEXT - 1, MAX_TEXT])
def test_text_within_the_bound_is_whole(length: int) -> None:
    """An object key of S3's greatest length is never shortened."""
    assert bounded("k" * length) == "k" * length


@pytest.mark.parametrize("more", [1, MAX_TEXT, MAX_TEXT + 1, 100_000])
def test_text_beyond_the_bound_says_how_much_is_gone(more: int) -> None:
    assert bounded("k" * (MAX_TEXT + more)) == "k" * MAX_TEXT + f"...({more} more)"


@pytest.mark.parametrize("count", [MAX_ITEMS - 1, MAX_ITEMS, MAX_ITEMS + 1])
def test_lists_and_mappings_are_bounded(count: int) -> None:
    """A request with ten thousand names in it makes no record of a megabyte."""
    items: list[Json] = [str(i) for i in range(count)]
    kept = cut({"list": items, "map": dict.fromkeys(map(str, items), True)})
    shown, told = items[:MAX_ITEMS], [f"{count} in all"] if count > MAX_ITEMS else []

    assert kept["list"] == shown + told
    assert kept["map"] == dict.fromkeys(map(str, shown), True) | ({"...": told[0]} if told else {})


def test_depth_is_bounded() -> None:
    """Nested JSON from a client cannot exhaust the stack."""
    deep: Json = "x"
    for _ in range(10_000):
        deep = [deep]
    found: Any = cut({"deep": deep})["deep"]
    for _ in range(MAX_DEPTH - 1):
        (found,) = found

    assert found == "..."


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=12,
)


@given(parameters=st.dictionaries(st.text(st.characters()), JSON, max_size=4), agent=st.text(st.characters()))
def test_a_line_is_one_line_of_printable_ascii(parameters: Mapping[str, Json], agent: str) -> None:
    """No client can forge a second record or steer a terminal, whatever bytes its names hold."""
    event = Event(
        event_id="1",
        event_time=datetime(2026, 1, 1, tzinfo=timezone(timedelta())),
        event_source=KMS,
        event_name="Decrypt",
        aws_region="r",
        source_ip_address="::1",
        request_id="r",
        user_agent=agent,
        request_parameters=parameters,
    )
    made = line(event)

    assert made.endswith(b"}\n")
    assert all(0x20 <= byte < 0x7F for byte in made[:-1])
    assert json.loads(made) == json.loads(json.dumps(record(event)))


@pytest.mark.parametrize(
    ("source", "name", "read_only", "data"),
    [
        (S3, "GetObject", True, True),
        (S3, "HeadObject", True, True),
        (S3, "ListObjects", True, True),
        (S3, "HeadBucket", True, True),
        (S3, "PutObject", False, True),
        (S3, "UploadPart", False, True),
        (S3, "DeleteObjects", False, True),
        (S3, "ListBuckets", True, False),
        (S3, "CreateBucket", False, False),
        (S3, "PutBucketObjectLockConfiguration", False, False),
        (KMS, "Decrypt", True, False),
        (KMS, "GenerateDataKey", True, False),
        (KMS, "ReEncrypt", True, False),
        (KMS, "DescribeKey", True, False),
        (KMS, "CreateKey", False, False),
        (KMS, "DisableKey", False, False),
    ],
)
def test_an_event_is_classed_as_cloudtrail_does(
    *, source: str, name: str, read_only: bool, data: bool
) -> None:
    assert (is_read_only(name), is_data_event(source, name)) == (read_only, data)


def test_event_names_are_those_of_real_operations() -> None:
    """A name in the table that botocore does not know would never be met."""
    model = Loader().load_service_model("s3", "service-2")  # type: ignore[no-untyped-call]  # botocore's way
    operations = set(model["operations"])

    assert set(S3_EVENT_NAMES) - operations == set()
    assert s3_event_name("ListObjectsV2") == "ListObjects"
    assert s3_event_name("GetObject") == "GetObject"
