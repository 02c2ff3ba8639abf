"""DSSE-KMS: a KMS key and the service's own, one layer each, and both are needed."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from proxy.seal.envelope import Mode as SealMode
from proxy.seal.envelope import OuterKey, seal_envelope
from proxy.seal.sealer import seal_body
from recovery.envelope import Mode
from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import client, refused, request_id
from tests.e2e.trail import Trail
from tests.e2e.uploads import SMALLEST, Upload
from tests.stores.sealgate import MALLORY, Sealgate

PLAIN = plaintext(100_000)
BODIES = {"empty": b"", "held": PLAIN, "streamed": plaintext(1024 * 1024 + 1)}
DSSE = "aws:kms:dsse"


@pytest.fixture
def wish(key_arn: str) -> dict[str, Any]:
    return {"ServerSideEncryption": DSSE, "SSEKMSKeyId": key_arn}


def told(answer: dict[str, Any]) -> tuple[Any, Any, Any]:
    return answer.get("ServerSideEncryption"), answer.get("SSEKMSKeyId"), answer.get("BucketKeyEnabled")


@pytest.mark.parametrize("body", BODIES)
def test_put_get_head(
    *,
    s3: Any,
    bucket: str,
    key: str,
    key_arn: str,
    wish: dict[str, Any],
    sealed_on_store: AtRest,
    trail: Trail,
    body: str,
) -> None:
    """Two data keys of the object's own, under two keys, wrap two content keys."""
    plain = BODIES[body]
    put = s3.put_object(Bucket=bucket, Key=key, Body=plain, **wish)

    sealed = sealed_on_store(bucket, key, plain)
    got = s3.get_object(Bucket=bucket, Key=key)
    head = s3.head_object(Bucket=bucket, Key=key)

    assert got["Body"].read() == plain
    assert [told(answer) for answer in (put, got, head)] == [(DSSE, key_arn, None)] * 3
    envelope = sealed.envelope
    assert envelope.flags.mode is Mode.TWO_LAYERS
    assert envelope.flags.data_key_per_object
    assert envelope.outer is not None
    inner, outer = envelope.inner.data_key, envelope.outer.data_key
    assert inner is not None
    assert outer is not None
    assert inner.key_arn == key_arn != outer.key_arn
    assert inner.blob != outer.blob
    assert envelope.inner.content_key != envelope.outer.content_key
    details = trail.of(request_id(put))["additionalEventData"]
    assert (details["encryptionMode"], details["keyArn"]) == ("DSSE_KMS", key_arn)
    assert details["dataKeyScope"] == "object"


def test_without_a_key_id_it_is_the_accounts_own_managed_key(s3: Any, bucket: str, key: str) -> None:
    put = s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, ServerSideEncryption=DSSE)
    of_one_layer = s3.put_object(Bucket=bucket, Key=f"{key}-1", Body=b"", ServerSideEncryption="aws:kms")

    assert put["SSEKMSKeyId"] == of_one_layer["SSEKMSKeyId"]
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == PLAIN


@pytest.mark.parametrize("asked", ["bytes=0-0", "bytes=65535-65536", "bytes=99999-", "bytes=-70000"])
def test_ranges(s3: Any, bucket: str, key: str, wish: dict[str, Any], asked: str) -> None:
    """The outer layer is taken off wherever a range begins."""
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, **wish)
    first, last = asked.removeprefix("bytes=").split("-")
    expected = PLAIN[-int(last) :] if not first else PLAIN[int(first) : int(last or len(PLAIN)) + 1]

    assert s3.get_object(Bucket=bucket, Key=key, Range=asked)["Body"].read() == expected


def test_an_upload_in_parts(
    *, s3: Any, bucket: str, key: str, key_arn: str, wish: dict[str, Any], sealed_on_store: AtRest
) -> None:
    upload = Upload(s3, bucket, key, **wish)
    parts = [
        upload.part(1, plaintext(SMALLEST + 1, 1)),
        upload.part(2, plaintext(SMALLEST, 2)),
        upload.part(3, b"the end"),
    ]

    done = upload.complete()

    assert [told(each)[:2] for each in (upload.created, *parts, done)] == [(DSSE, key_arn)] * 5
    got = s3.get_object(Bucket=bucket, Key=key)
    assert got["Body"].read() == upload.whole()
    ranged = s3.get_object(Bucket=bucket, Key=key, Range="bytes=5242870-5242890")["Body"].read()
    assert ranged == upload.whole()[5_242_870:5_242_891]
    assert sealed_on_store(bucket, key, upload.whole()).envelope.flags.mode is Mode.TWO_LAYERS


def test_a_copy_that_keeps_both_layers_moves_no_body(
    s3: Any, bucket: str, key: str, wish: dict[str, Any], sealed_on_store: AtRest
) -> None:
    """Both content keys are wrapped anew, each under a new data key; the body stays as it was."""
    s3.put_object(Bucket=bucket, Key=f"{key}-source", Body=PLAIN, **wish)

    copied = s3.copy_object(
        Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": f"{key}-source"}, **wish
    )

    before = sealed_on_store(bucket, f"{key}-source", PLAIN)
    after = sealed_on_store(bucket, key, PLAIN)
    assert after.body == before.body
    assert before.envelope.outer is not None
    assert after.envelope.outer is not None
    assert before.envelope.outer.content_key != after.envelope.outer.content_key
    assert before.envelope.outer.data_key != after.envelope.outer.data_key
    assert told(copied)[0] == DSSE
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == PLAIN


@pytest.mark.parametrize(("source", "target"), [("aws:kms", DSSE), (DSSE, "aws:kms"), (DSSE, "AES256")])
def test_a_layer_more_or_less_is_another_body(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, source: str, target: str
) -> None:
    s3.put_object(Bucket=bucket, Key=f"{key}-source", Body=PLAIN, ServerSideEncryption=source)

    s3.copy_object(
        Bucket=bucket,
        Key=key,
        CopySource={"Bucket": bucket, "Key": f"{key}-source"},
        ServerSideEncryption=target,
    )

    bodies = [sealed_on_store(bucket, name, PLAIN, opens=False).body for name in (key, f"{key}-source")]
    assert bodies[0] != bodies[1]
    got = s3.get_object(Bucket=bucket, Key=key)
    assert (got["Body"].read(), got["ServerSideEncryption"]) == (PLAIN, target)


REFUSED = [
    ({"BucketKeyEnabled": True}, 400, "InvalidArgument"),
    ({"SSEKMSKeyId": "alias/not-there"}, 400, "KMS.NotFoundException"),
    ({"SSEKMSEncryptionContext": "no base64"}, 400, "InvalidArgument"),
]


@pytest.mark.parametrize(("asked", "status", "code"), REFUSED)
@pytest.mark.parametrize("operation", ["put_object", "create_multipart_upload"])
def test_a_choice_that_cannot_be_had_writes_nothing(
    *,
    s3: Any,
    bucket: str,
    key: str,
    sealed_on_store: AtRest,
    operation: str,
    asked: dict[str, Any],
    status: int,
    code: str,
) -> None:
    """Least of all one layer instead of two."""
    with pytest.raises(ClientError) as caught:
        getattr(s3, operation)(Bucket=bucket, Key=key, ServerSideEncryption=DSSE, **asked)

    assert refused(caught.value) == (status, code)
    assert key not in sealed_on_store.keys(bucket)


def test_the_inner_key_decides_who_reads(
    *, sealgate: Sealgate, s3: Any, bucket: str, key: str, wish: dict[str, Any]
) -> None:
    """The service's own key is nobody's to be refused; the account's is."""
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, **wish)

    with client("s3", sealgate.url, MALLORY) as mallory, pytest.raises(ClientError) as caught:
        mallory.get_object(Bucket=bucket, Key=key)

    assert refused(caught.value) == (403, "AccessDenied")


def test_a_second_layer_under_another_key_is_refused(
    *, s3: Any, kms: Any, raw: Any, bucket: str, key: str, trail: Trail
) -> None:
    """Else the account that owns the inner key would have both layers; the event says what was found."""
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    context = {"aws:s3:arn": f"arn:aws:s3:::{bucket}/{key}"}
    inner, outer = (
        kms.generate_data_key(KeyId=arn, KeySpec="AES_256", EncryptionContext=context) for _ in range(2)
    )
    header = seal_envelope(
        bucket=bucket,
        key=key.encode(),
        mode=SealMode.DOUBLE,
        data_key=inner["Plaintext"],
        content_key=b"c" * 32,
        salt=b"s" * 16,
        plain_length=len(PLAIN),
        key_arn=arn,
        wrapped_data_key=inner["CiphertextBlob"],
        data_key_per_object=True,
        outer=OuterKey(
            key_arn=arn,
            wrapped_data_key=outer["CiphertextBlob"],
            data_key=outer["Plaintext"],
            content_key=b"o" * 32,
            salt=b"t" * 16,
        ),
    )
    body = seal_body(PLAIN, content_key=b"c" * 32, outer_content_key=b"o" * 32, run_id=b"r" * 12)
    raw.put_object(Bucket=bucket, Key=key, Body=bytes(body), Metadata={"sealgate": header})

    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key=key)

    assert refused(caught.value) == (403, "AccessDenied")
    event = trail.of(caught.value.response["ResponseMetadata"]["RequestId"])
    assert "second layer" in event["additionalEventData"]["integrityViolation"]
