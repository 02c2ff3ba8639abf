"""What holds in front of every store, tried in front of two that share no code: SeaweedFS and JuiceFS."""

import urllib.parse
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import plaintext
from tests.e2e.fronts import Front
from tests.e2e.sdk import refused
from tests.e2e.wire import send

MIB = 1 << 20
SIZES = [0, 1, 65_535, 65_536, 65_537, MIB, MIB + 1, 6 * MIB]


@pytest.fixture(scope="module")
def bucket(front: Front) -> str:
    return front.bucket()


@pytest.mark.parametrize("size", SIZES)
def test_an_object_comes_back_and_lies_sealed(front: Front, bucket: str, size: int) -> None:
    """Held or streamed, of one segment or of many; one ETag everywhere."""
    plain = plaintext(size)

    etag = front.put(bucket, f"size-{size}", plain)["ETag"]

    got = front.s3.get_object(Bucket=bucket, Key=f"size-{size}")
    assert got["Body"].read() == plain
    head = front.s3.head_object(Bucket=bucket, Key=f"size-{size}")
    [listed] = front.s3.list_objects_v2(Bucket=bucket, Prefix=f"size-{size}", MaxKeys=1)["Contents"]
    assert head["ContentLength"] == listed["Size"] == size
    assert etag == got["ETag"] == head["ETag"] == listed["ETag"]
    front.sealed_on_store(bucket, f"size-{size}", plain)


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=65535-65536", 65_535, 65_536),
        ("bytes=100000-", 100_000, 199_999),
        ("bytes=-1", 199_999, 199_999),
        ("bytes=70000-9999999", 70_000, 199_999),
    ],
)
def test_a_range_is_the_plaintexts(front: Front, bucket: str, asked: str, first: int, last: int) -> None:
    plain = plaintext(200_000)
    front.put(bucket, "ranges", plain)

    got = front.s3.get_object(Bucket=bucket, Key="ranges", Range=asked)

    assert got["Body"].read() == plain[first : last + 1]
    assert got["ContentRange"] == f"bytes {first}-{last}/200000"


def test_a_range_past_the_end_is_refused(front: Front, bucket: str) -> None:
    front.put(bucket, "short", b"12345")

    with pytest.raises(ClientError) as caught:
        front.s3.get_object(Bucket=bucket, Key="short", Range="bytes=5-")

    assert refused(caught.value) == (416, "InvalidRange")


def test_metadata_and_headers_come_back(front: Front, bucket: str) -> None:
    """Byte for byte, and the envelope beside them is nobody's business."""
    metadata = {"dashed-name": 'a; b=c, "d"', "long": "x" * 600}
    headers = {"ContentType": "text/x-test", "CacheControl": "max-age=5", "ContentDisposition": "inline"}

    front.put(bucket, "metadata", b"body", Metadata=metadata, **headers)

    for answer in (
        front.s3.head_object(Bucket=bucket, Key="metadata"),
        front.s3.get_object(Bucket=bucket, Key="metadata"),
    ):
        assert answer["Metadata"] == metadata
        assert {name: answer[name] for name in headers} == headers
    assert front.sealed_on_store(bucket, "metadata", b"body").metadata == metadata


def test_conditions_of_a_read_are_the_stores(front: Front, bucket: str) -> None:
    etag = front.put(bucket, "conditions", b"body")["ETag"]

    assert front.s3.get_object(Bucket=bucket, Key="conditions", IfMatch=etag)["Body"].read() == b"body"
    for condition, expected in (({"IfNoneMatch": etag}, 304), ({"IfMatch": '"other"'}, 412)):
        with pytest.raises(ClientError) as caught:
            front.s3.get_object(Bucket=bucket, Key="conditions", **condition)
        assert refused(caught.value)[0] == expected


def test_a_conditional_write_is_as_good_as_the_stores(front: Front, bucket: str) -> None:
    """The table of capabilities says which store obeys, and this keeps the table true."""
    front.put(bucket, "write-once", b"first")

    obeyed = False
    try:
        front.put(bucket, "write-once", b"second", IfNoneMatch="*")
    except ClientError as refusal:
        obeyed = refused(refusal) == (412, "PreconditionFailed")

    assert obeyed is front.capabilities.conditional_writes
    expected = b"first" if obeyed else b"second"
    assert front.s3.get_object(Bucket=bucket, Key="write-once")["Body"].read() == expected


def test_pages_and_folders_of_a_listing(front: Front) -> None:
    bucket = front.bucket()
    for key in ("a", "b/1", "b/2", "c"):
        front.put(bucket, key, plaintext(70_000))

    first = front.s3.list_objects_v2(Bucket=bucket, Delimiter="/", MaxKeys=2)
    token = first["NextContinuationToken"]
    rest = front.s3.list_objects_v2(Bucket=bucket, Delimiter="/", ContinuationToken=token)

    pages = [*first["Contents"], *rest["Contents"]]
    assert [(each["Key"], each["Size"]) for each in pages] == [("a", 70_000), ("c", 70_000)]
    folders = [*first.get("CommonPrefixes", []), *rest.get("CommonPrefixes", [])]
    assert [each["Prefix"] for each in folders] == ["b/"]


def test_objects_are_deleted_one_by_one_and_together(front: Front) -> None:
    """JuiceFS wants a Content-MD5 with the list, which today's SDKs no longer send."""
    bucket = front.bucket()
    for key in ("one", "two", "three"):
        front.put(bucket, key, b"body")

    front.s3.delete_object(Bucket=bucket, Key="one")
    gone = front.s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "two"}, {"Key": "three"}]})

    assert len(gone["Deleted"]) == 2  # JuiceFS leaves out their names
    assert "Errors" not in gone
    assert front.names(bucket) == []
    front.s3.delete_bucket(Bucket=bucket)


@pytest.mark.parametrize("key", ["a//b", "/a", "a\\b", "\\a", "//a///b//c", "x/\\y"])
def test_a_name_that_the_store_rewrites_works_under_both_spellings(front: Front, key: str) -> None:
    """The envelope is bound to the name that the store keeps and lists, so either reads the object."""
    bucket, kept = front.bucket(), front.capabilities.stored_key(key)

    front.put(bucket, key, b"body")

    assert front.names(bucket) == [kept]
    for name in (key, kept):
        assert front.s3.get_object(Bucket=bucket, Key=name)["Body"].read() == b"body"
        assert front.s3.get_object(Bucket=bucket, Key=name, Range="bytes=1-2")["Body"].read() == b"od"
        assert front.s3.head_object(Bucket=bucket, Key=name)["ContentLength"] == 4
    assert [each["Key"] for each in front.s3.list_objects_v2(Bucket=bucket)["Contents"]] == [kept]
    front.sealed_on_store(bucket, kept, b"body")
    front.put(bucket, kept, b"other")
    assert front.s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"other"
    front.s3.delete_object(Bucket=bucket, Key=key)
    assert front.names(bucket) == []


@pytest.mark.parametrize(
    ("source", "target"), [("plain", "copy"), ("from//here", "to//there"), ("same", "same")]
)
def test_a_copy_opens_under_the_name_that_the_store_keeps(front: Front, source: str, target: str) -> None:
    """Source and target may be spelled as nobody keeps them; onto itself it has new metadata."""
    bucket, plain = front.bucket(), plaintext(200_000)
    front.put(bucket, source, plain, Metadata={"kept": "no"})

    front.s3.copy_object(
        Bucket=bucket,
        Key=target,
        CopySource={"Bucket": bucket, "Key": source},
        MetadataDirective="REPLACE",
        Metadata={"kept": "yes"},
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=front.key_arn,
    )

    got = front.s3.get_object(Bucket=bucket, Key=target)
    assert (got["Body"].read(), got["Metadata"]) == (plain, {"kept": "yes"})
    kept = front.capabilities.stored_key(target)
    assert front.sealed_on_store(bucket, kept, plain).metadata == {"kept": "yes"}


@pytest.mark.parametrize("path", ["/", "//", "%5C"])
def test_a_name_of_which_the_store_keeps_nothing_is_refused(front: Front, bucket: str, path: str) -> None:
    """Stores make of them a strange entry, or the bucket itself."""
    if front.capabilities.stored_key(urllib.parse.unquote(path)):
        pytest.skip("this store keeps it")
    for method in ("PUT", "GET", "DELETE"):
        answer = send(method, f"{front.gate.url}/{bucket}/{path}", b"body" if method == "PUT" else b"")

        assert (answer.status, answer.code) == (400, "InvalidRequest")


@pytest.mark.parametrize("key", ["\\.sealgate\\x", ".sealgate\\x", "//.sealgate//x", "a\\..\\.sealgate/x"])
def test_no_spelling_reaches_the_reserved_names(front: Front, bucket: str, key: str) -> None:
    for operation, more in (("put_object", {"Body": b""}), ("get_object", {}), ("delete_object", {})):
        with pytest.raises(ClientError) as caught:
            getattr(front.s3, operation)(Bucket=bucket, Key=key, **more)
        assert refused(caught.value) == (403, "AccessDenied")


def test_a_folder_with_a_body_is_sealed_or_refused_and_never_lost(front: Front) -> None:
    bucket = front.bucket()
    front.s3.put_object(Bucket=bucket, Key="empty/", Body=b"")
    assert front.s3.get_object(Bucket=bucket, Key="empty/")["Body"].read() == b""

    with pytest.raises(ClientError) as caught:
        front.put(bucket, "full/", b"body")

    assert front.capabilities.drops_folder_bodies
    assert refused(caught.value) == (400, "InvalidRequest")
    assert front.names(bucket) == ["empty/"]


@pytest.mark.parametrize("method", ["get_object", "head_object"])
def test_a_folder_marker_is_an_object_of_one_empty_part(front: Front, bucket: str, method: str) -> None:
    """As an empty object of any other name; a range of nothing there is not."""
    front.s3.put_object(Bucket=bucket, Key="marker/", Body=b"")
    front.s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    asked: list[tuple[dict[str, Any], object]] = [
        ({}, (200, 0)),
        ({"PartNumber": 1}, (200, 0)),
        ({"PartNumber": 2}, 416),
        ({"Range": "bytes=0-0"}, 416),
        ({"Range": "bytes=-1"}, 416),
    ]

    for key in ("marker/", "empty"):
        assert [answer_of(front, method, bucket, key, each) for each, _ in asked] == [
            told for _, told in asked
        ]


def answer_of(front: Front, method: str, bucket: str, key: str, asked: dict[str, Any]) -> object:
    try:
        answer = getattr(front.s3, method)(Bucket=bucket, Key=key, **asked)
    except ClientError as refusal:
        return refused(refusal)[0]
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["ContentLength"]


@pytest.mark.parametrize("size", [200, 256])
def test_a_long_segment_of_a_name_is_the_stores_to_judge(front: Front, bucket: str, size: int) -> None:
    """SeaweedFS takes 255 bytes between two slashes; what a store refuses comes back as it says it."""
    key, answers = "folder/" + "x" * size, []
    for client in (front.s3, front.raw):
        try:
            client.put_object(Bucket=bucket, Key=key, Body=b"body")
            answers.append((200, ""))
        except ClientError as refusal:
            answers.append(refused(refusal))

    assert answers[0] == answers[1]
