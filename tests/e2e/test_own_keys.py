"""SSE-C: what is sealed under a client's own key opens with that key, and with nothing that is kept here."""

import io
import uuid
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from recovery.envelope import Mode
from recovery.errors import WrongKey
from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.migrating import Migrating
from tests.e2e.own_keys import NAME, OTHER, OWN, OwnKey, told
from tests.e2e.sdk import client, refused, request_id
from tests.e2e.trail import Trail
from tests.e2e.uploads import SMALLEST, Upload
from tests.e2e.wire import send
from tests.stores.sealgate import Sealgate, serving
from tests.stores.seaweedfs import Store, free_ports

PLAIN = plaintext(100_000)
BODIES = {"empty": b"", "held": PLAIN, "streamed": plaintext(1024 * 1024 + 1)}
TOLD = ("AES256", OWN.md5, None)
CONFIG: Any = TransferConfig


@pytest.mark.parametrize("body", BODIES)
def test_put_get_head(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, trail: Trail, body: str
) -> None:
    """The independent decryptor opens it with the key; no key service was asked."""
    plain = BODIES[body]
    put = s3.put_object(Bucket=bucket, Key=key, Body=plain, **OWN.wish)

    sealed = sealed_on_store(bucket, key, plain, client_key=OWN.plain)
    got = s3.get_object(Bucket=bucket, Key=key, **OWN.wish)
    head = s3.head_object(Bucket=bucket, Key=key, **OWN.wish)

    assert sealed.envelope.flags.mode is Mode.CLIENT_KEY
    assert sealed.envelope.inner.data_key is None
    assert got["Body"].read() == plain
    assert head["ContentLength"] == len(plain)
    assert [told(answer) for answer in (put, got, head)] == [TOLD] * 3
    for answer in (put, got, head):
        details = trail.of(request_id(answer))["additionalEventData"]
        assert details["encryptionMode"] == "SSE_C"
        assert not {"keyArn", "dataKeyScope", "cacheHit"} & details.keys()
    with pytest.raises(WrongKey):
        sealed_on_store(bucket, key, plain, client_key=OTHER.plain)


@pytest.mark.parametrize("asked", ["bytes=0-0", "bytes=65535-65536", "bytes=99999-", "bytes=-70000"])
def test_ranges(s3: Any, bucket: str, key: str, asked: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, **OWN.wish)
    first, last = asked.removeprefix("bytes=").split("-")
    expected = PLAIN[-int(last) :] if not first else PLAIN[int(first) : int(last or len(PLAIN)) + 1]

    got = s3.get_object(Bucket=bucket, Key=key, Range=asked, **OWN.wish)

    assert got["Body"].read() == expected
    assert told(got) == TOLD


def test_checksums_are_told_to_whoever_has_the_key(s3: Any, bucket: str, key: str) -> None:
    put = s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, ChecksumAlgorithm="SHA256", **OWN.wish)

    head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED", **OWN.wish)

    assert head["ChecksumSHA256"] == put["ChecksumSHA256"]


@pytest.mark.parametrize("attributes", [["ObjectSize"], ["Checksum", "ObjectSize"]])
def test_attributes_are_told_to_whoever_has_the_key(
    s3: Any, bucket: str, key: str, attributes: list[str]
) -> None:
    put = s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, ChecksumAlgorithm="SHA256", **OWN.wish)
    asked = {"Bucket": bucket, "Key": key, "ObjectAttributes": attributes}

    told_of = s3.get_object_attributes(**asked, **OWN.spelled)

    assert told_of["ObjectSize"] == len(PLAIN)
    if "Checksum" in attributes:
        assert told_of["Checksum"]["ChecksumSHA256"] == put["ChecksumSHA256"]
    for wish, expected in (({}, (400, "InvalidRequest")), (OTHER.spelled, (403, "AccessDenied"))):
        with pytest.raises(ClientError) as caught:
            s3.get_object_attributes(**asked, **wish)
        assert refused(caught.value) == expected


@pytest.mark.parametrize("operation", ["get_object", "head_object"])
@pytest.mark.parametrize("asked", [{}, {"Range": "bytes=-5"}, {"Range": "bytes=1-2"}], ids=str)
@pytest.mark.parametrize("body", ["empty", "held"])
def test_a_read_without_the_key_or_with_another(
    *, s3: Any, bucket: str, key: str, trail: Trail, operation: str, asked: dict[str, str], body: str
) -> None:
    """Neither is damage: what lies on the store is what was sealed."""
    asked = {} if body == "empty" else asked
    s3.put_object(Bucket=bucket, Key=key, Body=BODIES[body], **OWN.wish)

    with pytest.raises(ClientError) as without:
        getattr(s3, operation)(Bucket=bucket, Key=key, **asked)
    with pytest.raises(ClientError) as wrong:
        getattr(s3, operation)(Bucket=bucket, Key=key, **asked, **OTHER.wish)

    head = operation == "head_object"
    assert refused(without.value) == (400, "400" if head else "InvalidRequest")
    assert refused(wrong.value) == (403, "403" if head else "AccessDenied")
    if not head:
        assert without.value.response["Error"]["Message"].startswith("The object was stored using a form of")
    for error in (without.value, wrong.value):
        event = trail.of(error.response["ResponseMetadata"]["RequestId"])
        assert not event["additionalEventData"].get("integrityViolation")


@pytest.mark.parametrize("operation", ["get_object", "head_object"])
@pytest.mark.parametrize("sealed", [{}, {"ServerSideEncryption": "aws:kms"}], ids=["SSE-S3", "SSE-KMS"])
def test_a_key_for_what_is_not_under_one(
    *, s3: Any, bucket: str, key: str, operation: str, sealed: dict[str, str]
) -> None:
    """S3 refuses it, so that nobody believes the object to be under that key."""
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, **sealed)

    with pytest.raises(ClientError) as caught:
        getattr(s3, operation)(Bucket=bucket, Key=key, **OWN.wish)

    assert refused(caught.value) == (400, "400" if operation == "head_object" else "InvalidRequest")


@pytest.mark.parametrize("wish", [{"ServerSideEncryption": "AES256"}, {"ServerSideEncryption": "aws:kms"}])
@pytest.mark.parametrize("operation", ["put_object", "create_multipart_upload"])
def test_two_ways_at_once_write_nothing(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, operation: str, wish: dict[str, str]
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(s3, operation)(Bucket=bucket, Key=key, **wish, **OWN.wish)

    assert refused(caught.value) == (400, "InvalidArgument")
    assert key not in sealed_on_store.keys(bucket)


def test_a_rule_s_own_key_gives_way(ruled_s3: Any, ruled_on_store: AtRest, buckets: Any, key: str) -> None:
    """As on S3: the bucket's default is for writes that ask for nothing."""
    ruled_s3.put_object(Bucket=buckets.keyed, Key=key, Body=PLAIN, **OWN.wish)

    sealed = ruled_on_store(buckets.keyed, key, PLAIN, client_key=OWN.plain)
    assert sealed.envelope.flags.mode is Mode.CLIENT_KEY


@pytest.mark.parametrize("operation", ["put_object", "create_multipart_upload", "get_object", "head_object"])
def test_where_nothing_is_sealed_a_key_is_refused(
    ruled_s3: Any, ruled_on_store: AtRest, buckets: Any, key: str, operation: str
) -> None:
    """Never plaintext under the pretence of a key."""
    ruled_on_store.store.put_object(Bucket=buckets.plain, Key="there", Body=PLAIN)
    name = key if operation in {"put_object", "create_multipart_upload"} else "there"

    with pytest.raises(ClientError) as caught:
        getattr(ruled_s3, operation)(Bucket=buckets.plain, Key=name, **OWN.wish)

    assert refused(caught.value)[0] == 400
    assert key not in ruled_on_store.keys(buckets.plain)


def test_what_was_there_before_a_rule_is_under_no_key(service: Migrating, raw: Any, key: str) -> None:
    """A store that takes an envelope away cannot pass plaintext off as the client's own."""
    raw.put_object(Bucket=service.names.old, Key=key, Body=PLAIN)
    name = {"Bucket": service.names.old, "Key": key}
    reads = [
        (service.s3.get_object, name | OWN.wish),
        (service.s3.get_object, name | {"Range": "bytes=-5"} | OWN.wish),
        (service.s3.head_object, name | OWN.wish),
        (service.s3.get_object_attributes, name | {"ObjectAttributes": ["ObjectSize"]} | OWN.spelled),
        (service.s3.copy_object, name | {"CopySource": name} | OWN.of_source | OWN.wish),
    ]

    for read, asked in reads:
        with pytest.raises(ClientError) as caught:
            read(**asked)
        assert refused(caught.value)[0] == 400
    assert service.s3.get_object(**name)["Body"].read() == PLAIN


def test_a_folder_marker_holds_nothing_to_seal(s3: Any, bucket: str, key: str) -> None:
    """Tools that send their key with everything make folders, too."""
    s3.put_object(Bucket=bucket, Key=f"{key}/", **OWN.wish)

    assert s3.get_object(Bucket=bucket, Key=f"{key}/", **OWN.wish)["Body"].read() == b""


WRONG: dict[str, dict[str, Any]] = {
    "no key": {"key": None},
    "no MD5": {"key-md5": None},
    "no algorithm": {"algorithm": None},
    "another MD5": {"key-md5": OTHER.md5},
    "31 bytes": OwnKey(OWN.plain[:31]).headers,
    "no base64": {"key": "?" * 44},
    "another algorithm": {"algorithm": "AES512"},
}
"""What is changed in the three headers."""
REQUESTS = {
    "PUT": ("PUT", "", ""),
    "GET": ("GET", "", ""),
    "HEAD": ("HEAD", "", ""),
    "attributes": ("GET", "?attributes", ""),
    "create": ("POST", "?uploads", ""),
    "part": ("PUT", "?partNumber=1&uploadId=some", ""),
    "complete": ("POST", "?uploadId=some", ""),
    "copy": ("PUT", "", "there"),
    "copied part": ("PUT", "?partNumber=1&uploadId=some", "there"),
}
"""Method, query, source."""


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("request_of", REQUESTS)
def test_malformed_headers_are_refused_by_every_operation(
    *, sealgate: Sealgate, bucket: str, case: str, request_of: str
) -> None:
    """Before anything else is looked at: there is no such object, and no such upload."""
    method, query, source = REQUESTS[request_of]
    changes = {f"{NAME}-{name.removeprefix(f'{NAME}-')}": each for name, each in WRONG[case].items()}
    headers = {name: value for name, value in (OWN.headers | changes).items() if value is not None}
    if source:
        headers = {name.replace("x-amz-", "x-amz-copy-source-"): value for name, value in headers.items()}
        headers["x-amz-copy-source"] = f"/{bucket}/{source}"
    if query == "?attributes":
        headers["x-amz-object-attributes"] = "ETag"

    answer = send(method, f"{sealgate.url}/{bucket}/nothing{query}", headers=headers)

    code = "InvalidEncryptionAlgorithmError" if case == "another algorithm" else "InvalidArgument"
    assert (answer.status, answer.code) == (400, "" if method == "HEAD" else code)
    assert OWN.in_base64.encode() not in answer.body


def test_the_setting_reaches_the_check(store: Store, tmp_path: Path, key: str) -> None:
    """Over plain HTTP, as S3: nobody's key is taken, not even this machine's."""
    listen = {"port": free_ports(1)[0], "sse_c_over_http": "refuse"}
    with serving(store, tmp_path, listen=listen) as service, client("s3", service.url) as s3:
        name = f"own-{uuid.uuid4()}"
        s3.create_bucket(Bucket=name)
        with pytest.raises(ClientError) as caught:
            s3.put_object(Bucket=name, Key=key, Body=PLAIN, **OWN.wish)

    assert refused(caught.value) == (400, "InvalidRequest")
    assert caught.value.response["Error"]["Message"].endswith("must be made over a secure connection.")


# --- Uploads in parts -----------------------------------------------------------------------------


@pytest.mark.parametrize("named_at_the_end", [True, False])
def test_an_upload_in_parts(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, trail: Trail, named_at_the_end: bool
) -> None:
    """Complete may name the key or leave it out; the parts must name it."""
    upload = Upload(s3, bucket, key, **OWN.wish)
    answers = [upload.part(number, plaintext(SMALLEST + number, number), **OWN.wish) for number in (1, 2)]
    answers.append(upload.part(3, b"the end", **OWN.wish))

    done = upload.complete(**(OWN.wish if named_at_the_end else {}))

    sealed_on_store(bucket, key, upload.whole(), client_key=OWN.plain)
    got = s3.get_object(Bucket=bucket, Key=key, **OWN.wish)
    assert got["Body"].read() == upload.whole()
    assert [told(answer) for answer in (upload.created, *answers, got)] == [TOLD] * 5
    assert done.get("ServerSideEncryption") is None
    assert trail.of(request_id(done))["additionalEventData"]["encryptionMode"] == "SSE_C"
    part = s3.get_object(Bucket=bucket, Key=key, PartNumber=2, **OWN.wish)
    assert part["Body"].read() == upload.whole(2)
    ranged = s3.get_object(Bucket=bucket, Key=key, Range="bytes=5242870-5242890", **OWN.wish)
    assert ranged["Body"].read() == upload.whole()[5_242_870:5_242_891]
    for wish, expected in (({}, (400, "InvalidRequest")), (OTHER.wish, (403, "AccessDenied"))):
        with pytest.raises(ClientError) as caught:
            s3.get_object(Bucket=bucket, Key=key, **wish)
        assert refused(caught.value) == expected


PARTS_REFUSED = {
    "none": (OWN.wish, {}, "The multipart upload initiate requested encryption."),
    "another": (OWN.wish, OTHER.wish, "The provided encryption parameters did not match"),
    "not wanted": ({}, OWN.wish, "The multipart upload initiate did not request encryption."),
}


@pytest.mark.parametrize("case", PARTS_REFUSED)
def test_a_part_that_brings_another_key_than_its_upload(s3: Any, bucket: str, key: str, case: str) -> None:
    begun_with, sent_with, message = PARTS_REFUSED[case]
    upload = Upload(s3, bucket, key, **begun_with)

    with pytest.raises(ClientError) as caught:
        upload.part(1, PLAIN, **sent_with)

    assert refused(caught.value) == (400, "InvalidRequest")
    assert caught.value.response["Error"]["Message"].startswith(message)
    upload.abort()


def test_complete_with_another_key_makes_no_object(
    s3: Any, bucket: str, key: str, sealed_on_store: AtRest
) -> None:
    upload = Upload(s3, bucket, key, **OWN.wish)
    upload.part(1, PLAIN, **OWN.wish)

    with pytest.raises(ClientError) as caught:
        upload.complete(**OTHER.wish)

    assert refused(caught.value) == (400, "InvalidRequest")
    assert key not in sealed_on_store.keys(bucket)
    upload.complete(**OWN.wish)
    sealed_on_store(bucket, key, PLAIN, client_key=OWN.plain)


def test_boto3_s_own_transfers(s3: Any, bucket: str, key: str, sealed_on_store: AtRest) -> None:
    """In parts up and in ranges down."""
    plain = plaintext(SMALLEST * 2 + 99)
    settings = CONFIG(multipart_threshold=SMALLEST, multipart_chunksize=SMALLEST)

    s3.upload_fileobj(io.BytesIO(plain), bucket, key, ExtraArgs=OWN.wish, Config=settings)
    back = io.BytesIO()
    s3.download_fileobj(bucket, key, back, ExtraArgs=OWN.wish, Config=settings)

    assert back.getvalue() == plain
    sealed_on_store(bucket, key, plain, client_key=OWN.plain)


# --- Nothing is kept ------------------------------------------------------------------------------


def test_the_key_is_kept_nowhere(
    *, s3: Any, bucket: str, key: str, sealgate: Sealgate, sealed_on_store: AtRest, trail: Trail
) -> None:
    """Not on the store, in an object or in an upload's state, and not in the trail or the log."""
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, **OWN.wish)
    upload = Upload(s3, bucket, f"{key}-parts", **OWN.wish)
    upload.part(1, PLAIN, **OWN.wish)
    store = sealed_on_store.store
    state = sealed_on_store.keys(bucket)
    assert any(name.startswith(".sealgate/") for name in state)
    kept = []
    for name in state:
        found = store.get_object(Bucket=bucket, Key=name)
        kept += [found["Body"].read(), str(found).encode()]
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key=key, **OTHER.wish)
    last = caught.value.response["ResponseMetadata"]["RequestId"]
    assert trail.of(last)["errorCode"] == "AccessDenied"

    kept += [(sealgate.directory / "audit.jsonl").read_bytes(), sealgate.log.encode()]
    kept.append(str(caught.value.response).encode())
    assert not [secret for secret in OWN.encodings | OTHER.encodings for text in kept if secret in text]
