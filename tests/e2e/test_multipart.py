"""Multipart uploads by boto3: any order, any subset, any sizes that S3 takes; the whole object or none."""

import concurrent.futures
import io
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, holds_a_run_of, plaintext
from tests.e2e.fronts import Front
from tests.e2e.sdk import refused, request_id
from tests.e2e.trail import Trail
from tests.e2e.uploads import MIB, SMALLEST, Upload

STATE = ".sealgate/"
CONFIG: Any = TransferConfig


@pytest.fixture(scope="module")
def place(front: Front) -> str:
    """A bucket in front of each store."""
    return front.bucket()


@pytest.fixture
def wish(key_arn: str) -> dict[str, Any]:
    """Under a customer key, so that the independent decryptor may ask for it."""
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_arn}


@pytest.mark.parametrize(
    "sizes",
    [
        {1: 0},
        {1: 1},
        {1: 65_536},
        {1: SMALLEST},
        {7: SMALLEST - 1},
        {1: SMALLEST, 2: 0},
        {1: SMALLEST, 2: 1},
        {1: SMALLEST, 2: SMALLEST},
        {3: SMALLEST + 7, 5: 6 * MIB + 1, 9_999: 65_537},
        {1: SMALLEST, 10_000: 3},
        {2: SMALLEST, 10_000: SMALLEST + 9},
    ],
    ids=str,
)
def test_parts_become_one_object(front: Front, place: str, key: str, sizes: dict[int, int]) -> None:
    """Sealed on the store under the arithmetic's size, and nothing is left beside it."""
    upload = Upload(front.s3, place, key, ServerSideEncryption="aws:kms", SSEKMSKeyId=front.key_arn)
    upload.parts(sizes)

    done = upload.complete()

    sealed = front.sealed_on_store(place, key, upload.whole())
    assert sealed.opened is not None
    assert [(part.number, part.plain_size) for part in sealed.opened.parts] == list(sizes.items())
    assert all(part.run_id for part in sealed.opened.parts)
    assert (done["ETag"], done["Bucket"], done["Key"]) == (sealed.head["ETag"], place, key)
    assert [name for name in front.names(place) if name.startswith(STATE) and name[-1] != "/"] == []


def test_parts_in_any_order_sent_again_and_left_out(
    s3: Any, bucket: str, key: str, sealed_on_store: AtRest, wish: dict[str, Any]
) -> None:
    """What counts is the last attempt at each number that the list names."""
    upload = Upload(s3, bucket, key, **wish)
    for number, seed in [(5, 1), (2, 2), (9, 3), (2, 4), (7, 5), (9, 6)]:
        upload.part(number, plaintext(SMALLEST + number, seed))

    upload.complete(2, 5, 9)

    sealed_on_store(bucket, key, upload.whole(2, 5, 9))


def test_an_attempt_that_was_replaced_is_no_part_any_more(juicefs_front: Front, key: str) -> None:
    """Also where both attempts are short, and so both were kept. (SeaweedFS takes every attempt.)"""
    upload = Upload(juicefs_front.s3, juicefs_front.bucket(), key)
    first = upload.part(1, b"first")
    upload.part(1, b"second")

    with pytest.raises(ClientError) as caught:
        upload.complete_with([{"PartNumber": 1, "ETag": first["ETag"]}])

    assert refused(caught.value) == (400, "InvalidPart")
    upload.complete()


def test_parts_sent_at_once(
    s3: Any, bucket: str, key: str, sealed_on_store: AtRest, wish: dict[str, Any]
) -> None:
    upload = Upload(s3, bucket, key, **wish)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: upload.part(n, plaintext(SMALLEST + n, n)), range(8, 0, -1)))

    upload.complete()

    sealed_on_store(bucket, key, upload.whole())


def test_the_transfer_manager_uploads_a_large_file(
    s3: Any, bucket: str, key: str, sealed_on_store: AtRest, wish: dict[str, Any]
) -> None:
    """With its own defaults: checksums in trailers, several threads."""
    plain = plaintext(21 * MIB + 77)

    s3.upload_fileobj(io.BytesIO(plain), bucket, key, ExtraArgs=wish, Config=CONFIG())

    sealed = sealed_on_store(bucket, key, plain)
    assert sealed.opened is not None
    assert len(sealed.opened.parts) == 3


def test_metadata_and_headers_are_the_objects(s3: Any, raw: Any, bucket: str, key: str) -> None:
    upload = Upload(
        s3,
        bucket,
        key,
        Metadata={"colour": "blue"},
        ContentType="text/plain",
        CacheControl="no-store",
        ContentDisposition="inline",
        StorageClass="STANDARD",
    )
    upload.part(1, b"x")

    upload.complete()

    head = raw.head_object(Bucket=bucket, Key=key)
    assert head["Metadata"]["colour"] == "blue"
    assert (head["ContentType"], head["CacheControl"], head["ContentDisposition"]) == (
        "text/plain",
        "no-store",
        "inline",
    )


def test_answers_say_what_seals_and_the_trail_who_asked(
    *, s3: Any, bucket: str, key: str, key_arn: str, wish: dict[str, Any], trail: Trail
) -> None:
    upload = Upload(s3, bucket, key, **wish)
    part = upload.part(1, b"12345")

    done = upload.complete()

    events = {}
    for answer in (upload.created, part, done):
        assert (answer["ServerSideEncryption"], answer["SSEKMSKeyId"]) == ("aws:kms", key_arn)
        event = trail.of(request_id(answer))
        assert event["additionalEventData"]["encryptionMode"] == "SSE_KMS"
        assert event["additionalEventData"]["keyArn"] == key_arn
        events[event["eventName"]] = event
    assert list(events) == ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"]
    assert events["UploadPart"]["requestParameters"]["uploadId"] == upload.id
    assert events["UploadPart"]["requestParameters"]["partNumber"] == "1"
    assert events["UploadPart"]["additionalEventData"]["bytesTransferredIn"] == 5


def test_nothing_of_a_plaintext_lies_in_an_upload_in_progress(
    s3: Any, raw: Any, bucket: str, key: str, sealed_on_store: AtRest
) -> None:
    """Kept runs are sealed as parts are."""
    upload = Upload(s3, bucket, key)
    plain = plaintext(300_000)
    upload.part(10_000, plain)

    kept = [name for name in sealed_on_store.keys(bucket) if name.startswith(upload.state)]

    bodies = [raw.get_object(Bucket=bucket, Key=name)["Body"].read() for name in kept]
    assert len(kept) == 2
    assert any(len(body) > len(plain) for body in bodies)
    assert not any(holds_a_run_of(plain, body) for body in bodies)
    upload.abort()


def test_an_aborted_upload_leaves_nothing(s3: Any, raw: Any, bucket: str, key: str) -> None:
    upload = Upload(s3, bucket, key)
    upload.part(1, b"x")

    upload.abort()

    left = raw.list_objects_v2(Bucket=bucket, Prefix=upload.state).get("Contents", [])
    assert [each["Key"] for each in left] == []
    for step in (lambda: upload.part(2, b"y"), upload.complete, upload.abort):
        with pytest.raises(ClientError) as caught:
            step()
        assert refused(caught.value) == (404, "NoSuchUpload")


def test_a_repeated_complete_is_the_same_success(
    s3: Any, bucket: str, key: str, sealed_on_store: AtRest, wish: dict[str, Any]
) -> None:
    """A client that lost the answer asks again; the envelope's upload tag knows its object."""
    upload = Upload(s3, bucket, key, **wish)
    upload.part(1, b"x" * 100)

    first, second = upload.complete(), upload.complete()

    assert first["ETag"] == second["ETag"]
    assert second["SSEKMSKeyId"] == first["SSEKMSKeyId"]
    sealed_on_store(bucket, key, upload.whole())
    s3.put_object(Bucket=bucket, Key=key, Body=b"something else")
    with pytest.raises(ClientError) as caught:
        upload.complete()
    assert refused(caught.value) == (404, "NoSuchUpload")


@pytest.mark.parametrize(
    ("numbers", "change", "code"),
    [
        ([2, 1], {}, "InvalidPartOrder"),
        ([1, 3], {3: {"PartNumber": 3, "ETag": '"0123456789abcdef0123456789abcdef"'}}, "InvalidPart"),
        ([1], {1: {"PartNumber": 1, "ETag": '"0123456789abcdef0123456789abcdef"'}}, "InvalidPart"),
        ([2, 10_000], {10_000: {"PartNumber": 10_000, "ETag": '"aa"'}}, "InvalidPart"),
        ([2, 4], {}, "EntityTooSmall"),
    ],
)
def test_a_list_that_is_not_the_uploads_is_refused(
    *, s3: Any, bucket: str, key: str, numbers: list[int], change: dict[int, Any], code: str
) -> None:
    """And the upload goes on."""
    upload = Upload(s3, bucket, key)
    upload.parts({1: SMALLEST, 2: SMALLEST - 1, 4: 9})
    known = upload.listed | change

    with pytest.raises(ClientError) as caught:
        upload.complete_with([known[number] for number in numbers])

    assert refused(caught.value) == (400, code)
    upload.complete(1, 4)
    assert key in [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]]


@pytest.mark.parametrize("number", [0, 10_001, -1])
def test_part_numbers_out_of_range_are_invalid_arguments(s3: Any, bucket: str, key: str, number: int) -> None:
    upload = Upload(s3, bucket, key)
    with pytest.raises(ClientError) as caught:
        upload.part(number, b"x")
    assert refused(caught.value) == (400, "InvalidArgument")
    upload.abort()


def test_an_unknown_upload_is_none(s3: Any, bucket: str, key: str) -> None:
    upload = Upload(s3, bucket, key)
    tag, other = upload.id.rpartition(".")[0], upload.id.replace("sg1.", "sg1.AAAA", 1)
    for unknown in ("nothing", f"{tag}.nothing", other):
        upload.id = unknown
        with pytest.raises(ClientError) as caught:
            upload.part(1, b"x")
        assert refused(caught.value) == (404, "NoSuchUpload")
        with pytest.raises(ClientError) as caught:
            upload.complete_with([{"PartNumber": 1, "ETag": "a"}])
        assert refused(caught.value) == (404, "NoSuchUpload")


def test_the_stores_own_id_is_taken_too(
    s3: Any, bucket: str, key: str, sealed_on_store: AtRest, wish: dict[str, Any]
) -> None:
    """As tools know it that list uploads at the store."""
    upload = Upload(s3, bucket, key, **wish)
    upload.id = upload.id.split(".", 2)[2]
    upload.part(1, b"12345")

    upload.complete()

    sealed_on_store(bucket, key, b"12345")


def test_parts_are_listed_with_plain_sizes(s3: Any, bucket: str, key: str) -> None:
    upload = Upload(s3, bucket, key)
    sizes = {1: SMALLEST + 3, 3: 0, 10_000: 65_537}
    upload.parts(sizes)

    listed = s3.list_parts(**upload.name, UploadId=upload.id)

    assert [(each["PartNumber"], each["Size"]) for each in listed["Parts"]] == list(sizes.items())
    assert [each["ETag"] for each in listed["Parts"]] == [each["ETag"] for each in upload.list_of()]
    assert listed["UploadId"] == upload.id
    page = s3.list_parts(**upload.name, UploadId=upload.id, MaxParts=1, PartNumberMarker=1)
    assert [each["PartNumber"] for each in page["Parts"]] == [3]
    upload.abort()


def test_uploads_are_listed_under_our_ids(s3: Any, bucket: str, key: str) -> None:
    uploads = [Upload(s3, bucket, f"{key}/{n}") for n in range(3)]

    listed = s3.list_multipart_uploads(Bucket=bucket, Prefix=key)

    assert {each["UploadId"] for each in listed["Uploads"]} == {upload.id for upload in uploads}
    assert {each["Key"] for each in listed["Uploads"]} == {f"{key}/{n}" for n in range(3)}
    for upload in uploads:
        upload.abort()


def test_a_multipart_object_replaces_an_older_one(
    s3: Any, bucket: str, key: str, sealed_on_store: AtRest, wish: dict[str, Any]
) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=b"older")
    upload = Upload(s3, bucket, key, **wish)
    upload.parts({1: SMALLEST, 2: 5})
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"older"

    upload.complete()

    sealed_on_store(bucket, key, upload.whole())


def test_the_size_of_the_whole_is_checked(s3: Any, bucket: str, key: str) -> None:
    upload = Upload(s3, bucket, key)
    upload.part(1, b"12345")

    with pytest.raises(ClientError) as caught:
        upload.complete(MpuObjectSize=6)

    assert refused(caught.value) == (400, "InvalidRequest")
    upload.complete(MpuObjectSize=5)
