"""UploadPartCopy: whole sources and ranges become parts of an upload, sealed as the others are."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.ruled import Buckets
from tests.e2e.sdk import refused, request_id
from tests.e2e.trail import Trail
from tests.e2e.wire import send
from tests.stores.sealgate import Sealgate

MIB = 1024 * 1024
PLAIN = plaintext(6 * MIB + 17)


class Copying:
    """An upload whose parts are copied."""

    def __init__(self, s3: Any, bucket: str, key: str, **wish: Any) -> None:
        self.s3, self.name = s3, {"Bucket": bucket, "Key": key}
        self.id = s3.create_multipart_upload(**self.name, **wish)["UploadId"]
        self.listed: list[dict[str, Any]] = []

    def part(self, number: int, source: dict[str, str], **wish: Any) -> Any:
        answer = self.s3.upload_part_copy(
            **self.name, UploadId=self.id, PartNumber=number, CopySource=source, **wish
        )
        result = answer["CopyPartResult"]
        checksums = {name: value for name, value in result.items() if name.startswith("Checksum")}
        self.listed.append({"PartNumber": number, "ETag": result["ETag"], **checksums})
        return answer

    def complete(self) -> Any:
        return self.s3.complete_multipart_upload(
            **self.name, UploadId=self.id, MultipartUpload={"Parts": self.listed}
        )

    def read(self) -> bytes:
        return bytes(self.s3.get_object(**self.name)["Body"].read())


@pytest.fixture
def source(s3: Any, bucket: str, key: str) -> dict[str, str]:
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN)
    return {"Bucket": bucket, "Key": key}


@pytest.fixture
def wish(key_arn: str) -> dict[str, Any]:
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_arn}


def in_bytes(first: int, last: int) -> str:
    return f"bytes={first}-{last}"


def test_ranges_of_a_source_become_parts(
    *, s3: Any, bucket: str, key: str, source: dict[str, str], sealed_on_store: AtRest, wish: dict[str, Any]
) -> None:
    """What the second implementation opens is the pieces, one behind the other."""
    last = len(PLAIN) - 1
    ranges = [(65_535, 65_535 + 5 * MIB), (last - 70_000, last)]
    upload = Copying(s3, bucket, f"{key}-copy", **wish)

    for number, each in enumerate(ranges, start=1):
        told = upload.part(number, source, CopySourceRange=in_bytes(*each))
    upload.complete()

    assert told["SSEKMSKeyId"] == wish["SSEKMSKeyId"]
    assert told["CopyPartResult"]["LastModified"]
    expected = b"".join(PLAIN[first : last + 1] for first, last in ranges)
    assert sealed_on_store(bucket, f"{key}-copy", expected).opened is not None


@pytest.mark.parametrize("each", [(0, 0), (65_535, 65_536), (100, 70_000), (len(PLAIN) - 1, len(PLAIN) - 1)])
def test_a_part_may_be_any_range(
    *,
    s3: Any,
    bucket: str,
    key: str,
    source: dict[str, str],
    sealed_on_store: AtRest,
    wish: dict[str, Any],
    each: tuple[int, int],
) -> None:
    """The first and the last byte, across a segment's border, and the last one of all."""
    upload = Copying(s3, bucket, f"{key}-copy", **wish)

    upload.part(1, source, CopySourceRange=in_bytes(*each))
    upload.complete()

    sealed_on_store(bucket, f"{key}-copy", PLAIN[each[0] : each[1] + 1])


def test_an_empty_source_is_an_empty_part(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, wish: dict[str, Any]
) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=b"")
    upload = Copying(s3, bucket, f"{key}-copy", **wish)

    upload.part(1, {"Bucket": bucket, "Key": key})
    upload.complete()

    sealed_on_store(bucket, f"{key}-copy", b"")


def test_copied_and_sent_parts_mix(
    *, s3: Any, bucket: str, key: str, source: dict[str, str], sealed_on_store: AtRest, wish: dict[str, Any]
) -> None:
    upload = Copying(s3, bucket, f"{key}-copy", **wish)
    upload.part(1, source)
    sent = s3.upload_part(**upload.name, UploadId=upload.id, PartNumber=2, Body=b"the end")
    upload.listed.append({"PartNumber": 2, "ETag": sent["ETag"]})
    upload.complete()

    sealed_on_store(bucket, f"{key}-copy", PLAIN + b"the end")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (in_bytes(0, len(PLAIN)), "InvalidRange"),
        (in_bytes(len(PLAIN), len(PLAIN)), "InvalidRange"),
        ("bytes=5-2", "InvalidArgument"),
        ("bytes=0-", "InvalidArgument"),
        ("bytes=hello-world", "InvalidArgument"),
        ("0-2", "InvalidArgument"),
    ],
)
def test_a_range_that_is_none_is_refused(
    s3: Any, bucket: str, key: str, source: dict[str, str], *, asked: str, code: str
) -> None:
    upload = Copying(s3, bucket, f"{key}-copy")

    with pytest.raises(ClientError) as caught:
        upload.part(1, source, CopySourceRange=asked)

    assert refused(caught.value)[1] == code
    assert "Parts" not in s3.list_parts(**upload.name, UploadId=upload.id)


def test_conditions_on_the_source_are_obeyed(s3: Any, bucket: str, key: str, source: dict[str, str]) -> None:
    etag = s3.head_object(**source)["ETag"]
    upload = Copying(s3, bucket, f"{key}-copy")

    upload.part(1, source, CopySourceIfMatch=etag)
    with pytest.raises(ClientError) as caught:
        upload.part(2, source, CopySourceIfNoneMatch=etag)

    assert refused(caught.value) == (412, "PreconditionFailed")


@pytest.mark.parametrize(
    ("copy_source", "upload_id", "expected"),
    [
        ("{bucket}/not-there", "", (404, "NoSuchKey")),
        ("not-there-{bucket}/x", "", (404, "NoSuchBucket")),
        ("{bucket}/.sealgate/uploads/x", "", (403, "AccessDenied")),
        ("{bucket}/{key}", "nothing", (404, "NoSuchUpload")),
    ],
)
def test_what_is_not_there_is_told(
    *,
    sealgate: Sealgate,
    s3: Any,
    bucket: str,
    key: str,
    source: dict[str, str],
    copy_source: str,
    upload_id: str,
    expected: tuple[int, str],
) -> None:
    assert source
    named = upload_id or Copying(s3, bucket, f"{key}-copy").id

    answer = send(
        "PUT", f"{sealgate.url}/{bucket}/{key}-copy?partNumber=1&uploadId={named}",
        headers={"x-amz-copy-source": copy_source.format(bucket=bucket, key=key)},
    )  # fmt: skip

    assert (answer.status, answer.code) == expected


def test_the_uploads_checksum_is_made_of_copied_parts_too(
    s3: Any, bucket: str, key: str, source: dict[str, str]
) -> None:
    """Computed on the plaintext that passes, since nobody sent it along."""
    put = s3.put_object(Bucket=bucket, Key=f"{key}-same", Body=PLAIN, ChecksumAlgorithm="CRC32C")
    upload = Copying(s3, bucket, f"{key}-copy", ChecksumAlgorithm="CRC32C", ChecksumType="FULL_OBJECT")

    answer = upload.part(1, source)
    done = upload.complete()

    assert answer["CopyPartResult"]["ChecksumCRC32C"] == put["ChecksumCRC32C"] == done["ChecksumCRC32C"]


def test_the_event_names_the_source(
    s3: Any, bucket: str, key: str, source: dict[str, str], trail: Trail
) -> None:
    upload = Copying(s3, bucket, f"{key}-copy")

    event = trail.of(request_id(upload.part(1, source, CopySourceRange=in_bytes(0, 9))))

    assert event["eventName"] == "UploadPartCopy"
    assert event["requestParameters"]["x-amz-copy-source"] == f"{bucket}/{key}"
    assert f"arn:aws:s3:::{bucket}/{key}" in [resource["ARN"] for resource in event["resources"]]


@pytest.mark.parametrize("asked", [None, (70_000, 70_000 + 5 * MIB)], ids=["whole", "range"])
@pytest.mark.parametrize(
    ("origin", "target"), [("plain", "mixed"), ("plain", "plain"), ("mixed", "published")]
)
def test_parts_cross_from_rule_to_rule(
    *,
    ruled_s3: Any,
    raw: Any,
    ruled_on_store: AtRest,
    buckets: Buckets,
    key: str,
    origin: str,
    target: str,
    asked: tuple[int, int] | None,
) -> None:
    """From the clear to sealed, within the clear, and out of it where the rule allows."""
    source = {"Bucket": getattr(buckets, origin), "Key": key}
    ruled_s3.put_object(**source, Body=PLAIN)
    upload = Copying(ruled_s3, getattr(buckets, target), f"{key}-copy")

    upload.part(1, source, **({"CopySourceRange": in_bytes(*asked)} if asked else {}))
    upload.complete()

    expected = PLAIN[asked[0] : asked[1] + 1] if asked else PLAIN
    if target == "mixed":
        ruled_on_store(upload.name["Bucket"], f"{key}-copy", expected, opens=False)
    else:
        assert raw.get_object(**upload.name)["Body"].read() == expected


def test_a_sealed_source_is_no_part_of_a_plain_object(ruled_s3: Any, buckets: Buckets, key: str) -> None:
    source = {"Bucket": buckets.mixed, "Key": key}
    ruled_s3.put_object(**source, Body=PLAIN)
    upload = Copying(ruled_s3, buckets.plain, f"{key}-copy")

    with pytest.raises(ClientError) as caught:
        upload.part(1, source)

    assert refused(caught.value) == (403, "AccessDenied")
