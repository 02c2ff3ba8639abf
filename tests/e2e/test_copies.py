"""CopyObject: the body stays on the store, the copy is sealed for its own name, and reads like the source."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import client, refused, request_id
from tests.e2e.sums import digest_of, sums_in, told
from tests.e2e.trail import Trail
from tests.e2e.uploads import SMALLEST
from tests.e2e.wire import send
from tests.stores.sealgate import MALLORY, Sealgate

SIZES = [0, 1, 65_536, 65_537, 1024 * 1024 + 1]


def source(bucket: str, key: str, **version: str) -> dict[str, str]:
    return {"Bucket": bucket, "Key": key, **version}


@pytest.mark.parametrize("size", SIZES)
def test_a_copy_reads_like_its_source(
    *, s3: Any, bucket: str, key: str, key_arn: str, sealed_on_store: AtRest, size: int
) -> None:
    """Sealed for its own name, opened by the second implementation, and no plaintext on the store."""
    plain = plaintext(size)
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_arn}
    put = s3.put_object(Bucket=bucket, Key=key, Body=plain, **encryption)

    copied = s3.copy_object(Bucket=bucket, Key=f"{key}-copy", CopySource=source(bucket, key), **encryption)

    got = s3.get_object(Bucket=bucket, Key=f"{key}-copy")
    assert got["Body"].read() == plain
    assert copied["CopyObjectResult"]["ETag"] == got["ETag"] == put["ETag"]
    assert copied["CopyObjectResult"]["LastModified"].replace(microsecond=0) == got["LastModified"]
    assert (copied["ServerSideEncryption"], copied["SSEKMSKeyId"]) == ("aws:kms", key_arn)
    first, second = sealed_on_store(bucket, key, plain), sealed_on_store(bucket, f"{key}-copy", plain)
    assert first.body == second.body
    assert first.head["Metadata"]["sealgate"] != second.head["Metadata"]["sealgate"]


def test_a_copy_to_another_bucket_is_sealed_for_that_bucket(
    s3: Any, bucket: str, key: str, key_arn: str, sealed_on_store: AtRest
) -> None:
    """The envelope names the bucket, and the data key comes under that bucket's context."""
    other, plain = f"{bucket}-2", plaintext(3000)
    s3.create_bucket(Bucket=other)
    s3.put_object(Bucket=bucket, Key=key, Body=plain)

    copied = s3.copy_object(
        Bucket=other, Key="a b/ü+%2F", CopySource=source(bucket, key),
        ServerSideEncryption="aws:kms", SSEKMSKeyId=key_arn,
    )  # fmt: skip

    assert copied["SSEKMSKeyId"] == key_arn
    assert sealed_on_store(other, "a b/ü+%2F", plain).envelope.bucket == other
    assert s3.get_object(Bucket=other, Key="a b/ü+%2F")["Body"].read() == plain


@pytest.mark.parametrize("name", ["a b", "a+b", "a%2Fb", "ü/ñ", "q?a=b&c", 'it\'s "so"'])
def test_a_source_may_have_any_name(s3: Any, bucket: str, key: str, name: str) -> None:
    name = f"{key}/{name}"
    s3.put_object(Bucket=bucket, Key=name, Body=b"named")

    s3.copy_object(Bucket=bucket, Key=key, CopySource=source(bucket, name))

    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"named"


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_source_header_may_begin_with_a_slash(
    sealgate: Sealgate, s3: Any, bucket: str, key: str, slash: str
) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=b"x")

    headers = {"x-amz-copy-source": f"{slash}{bucket}/{key}"}
    answer = send("PUT", f"{sealgate.url}/{bucket}/{key}-copy", headers=headers)

    assert answer.status == 200
    assert answer.body.startswith(b"<?xml")
    assert b"<CopyObjectResult" in answer.body


def test_the_headers_choose_another_key_and_its_context(
    s3: Any, bucket: str, key: str, key_arn: str, sealed_on_store: AtRest
) -> None:
    """From the service-owned key to a customer's, with the client's own pairs and a data key of its own."""
    plain = plaintext(500)
    s3.put_object(Bucket=bucket, Key=key, Body=plain)

    s3.copy_object(
        Bucket=bucket, Key=key, CopySource=source(bucket, key),
        ServerSideEncryption="aws:kms", SSEKMSKeyId=key_arn, BucketKeyEnabled=False,
        SSEKMSEncryptionContext="eyJ3aG8iOiAibWUifQ==",
    )  # fmt: skip

    sealed = sealed_on_store(bucket, key, plain).envelope
    assert sealed.flags.data_key_per_object
    assert sealed.client_context == {"who": "me"}
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == plain


def test_without_headers_the_copy_is_under_the_rules_key(
    s3: Any, bucket: str, key: str, key_arn: str
) -> None:
    """As S3: a copy does not inherit its source's key."""
    s3.put_object(Bucket=bucket, Key=key, Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key_arn)

    copied = s3.copy_object(Bucket=bucket, Key=f"{key}-copy", CopySource=source(bucket, key))

    assert copied["ServerSideEncryption"] == "AES256"
    assert s3.head_object(Bucket=bucket, Key=f"{key}-copy")["ServerSideEncryption"] == "AES256"


def test_the_checksums_go_along(s3: Any, bucket: str, key: str) -> None:
    """They are sealed under the content key, which the copy keeps."""
    put = s3.put_object(Bucket=bucket, Key=key, Body=b"checked", ChecksumAlgorithm="SHA256")

    copied = s3.copy_object(Bucket=bucket, Key=f"{key}-copy", CopySource=source(bucket, key))

    got = s3.head_object(Bucket=bucket, Key=f"{key}-copy", ChecksumMode="ENABLED")
    assert copied["CopyObjectResult"]["ChecksumSHA256"] == put["ChecksumSHA256"] == got["ChecksumSHA256"]
    assert copied["CopyObjectResult"]["ChecksumType"] == "FULL_OBJECT"


@pytest.mark.parametrize("size", [1000, 1024 * 1024 + 1, SMALLEST])
@pytest.mark.parametrize("algorithm", ["CRC64NVME", "SHA256", "SHA512"])
def test_a_checksum_that_nobody_knows_yet_is_computed(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, algorithm: str, size: int
) -> None:
    """The body then passes through the proxy, under a new content key, and has its old checksum, too."""
    plain = plaintext(size)
    put = s3.put_object(Bucket=bucket, Key=key, Body=plain, ChecksumAlgorithm="CRC32")

    copied = s3.copy_object(
        Bucket=bucket, Key=f"{key}-copy", CopySource=source(bucket, key), ChecksumAlgorithm=algorithm
    )

    got = s3.get_object(Bucket=bucket, Key=f"{key}-copy", ChecksumMode="ENABLED")
    assert got["Body"].read() == plain
    assert sums_in(got) == sums_in(copied["CopyObjectResult"])
    assert got[f"Checksum{algorithm}"] == told(digest_of(algorithm, plain))
    assert got["ChecksumCRC32"] == put["ChecksumCRC32"]
    first, second = sealed_on_store(bucket, key, plain), sealed_on_store(bucket, f"{key}-copy", plain)
    assert first.body != second.body


def test_a_folder_marker_is_copied_as_one_and_to_a_sealed_name(s3: Any, bucket: str, key: str) -> None:
    """It holds nothing: under a name without a slash it is an empty object, which is sealed."""
    s3.put_object(Bucket=bucket, Key=f"{key}/", Body=b"")

    for target in (f"{key}-2/", f"{key}-3"):
        s3.copy_object(Bucket=bucket, Key=target, CopySource=source(bucket, f"{key}/"))
        assert s3.get_object(Bucket=bucket, Key=target)["Body"].read() == b""
    s3.copy_object(Bucket=bucket, Key=f"{key}-4/", CopySource=source(bucket, f"{key}-3"))
    assert s3.head_object(Bucket=bucket, Key=f"{key}-4/")["ContentLength"] == 0


def test_the_event_names_source_and_target(s3: Any, bucket: str, key: str, trail: Trail) -> None:
    """And counts what crossed to the client, which is no body."""
    s3.put_object(Bucket=bucket, Key=key, Body=plaintext(5000))

    copied = s3.copy_object(Bucket=bucket, Key=f"{key}-copy", CopySource=source(bucket, key))

    event = trail.of(request_id(copied))
    assert event["eventName"] == "CopyObject"
    assert event["requestParameters"]["key"] == f"{key}-copy"
    assert event["requestParameters"]["x-amz-copy-source"] == f"{bucket}/{key}"
    arns = [resource["ARN"] for resource in event["resources"]]
    assert f"arn:aws:s3:::{bucket}/{key}" in arns
    assert f"arn:aws:s3:::{bucket}/{key}-copy" in arns
    assert event["additionalEventData"]["bytesTransferredIn"] == 0


@pytest.mark.parametrize(
    ("copy_source", "expected"),
    [
        ("{bucket}/not-there", (404, "NoSuchKey")),
        ("not-there-{bucket}/key", (404, "NoSuchBucket")),
        ("{bucket}/.sealgate/uploads/x", (403, "AccessDenied")),
        ("{bucket}/a/../.sealgate/x", (403, "AccessDenied")),
        ("{bucket}/../other-bucket/key", (400, "InvalidURI")),
        ("UPPER/key", (400, "InvalidBucketName")),
        ("{bucket}", (400, "InvalidArgument")),
        ("", (400, "InvalidArgument")),
    ],
)
def test_a_source_that_is_none_is_refused(
    *,
    sealgate: Sealgate,
    bucket: str,
    key: str,
    sealed_on_store: AtRest,
    copy_source: str,
    expected: tuple[int, str],
) -> None:
    headers = {"x-amz-copy-source": copy_source.format(bucket=bucket)}

    answer = send("PUT", f"{sealgate.url}/{bucket}/{key}", headers=headers)

    assert (answer.status, answer.code) == expected
    assert key not in sealed_on_store.keys(bucket)


def test_a_plain_source_in_a_sealed_bucket_is_refused(s3: Any, raw: Any, bucket: str, key: str) -> None:
    """What was not sealed here is not sealed now either: a store could have stripped its header."""
    raw.put_object(Bucket=bucket, Key=key, Body=b"planted")

    with pytest.raises(ClientError) as caught:
        s3.copy_object(Bucket=bucket, Key=f"{key}-copy", CopySource=source(bucket, key))

    assert refused(caught.value) == (403, "InvalidObjectState")


def test_a_source_under_a_key_that_the_client_may_not_use_is_refused(
    *, sealgate: Sealgate, s3: Any, kms: Any, bucket: str, key: str, sealed_on_store: AtRest
) -> None:
    """Copying takes the right to decrypt the source."""
    mine = kms.create_key()["KeyMetadata"]["Arn"]
    s3.put_object(Bucket=bucket, Key=key, Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=mine)

    with client("s3", sealgate.url, MALLORY) as mallory, pytest.raises(ClientError) as caught:
        mallory.copy_object(Bucket=bucket, Key=f"{key}-copy", CopySource=source(bucket, key))

    assert refused(caught.value) == (403, "AccessDenied")
    assert f"{key}-copy" not in sealed_on_store.keys(bucket)


def test_a_target_in_no_bucket_is_told(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=b"x")

    with pytest.raises(ClientError) as caught:
        s3.copy_object(Bucket=f"no-{key}", Key=key, CopySource={"Bucket": bucket, "Key": key})

    assert refused(caught.value) == (404, "NoSuchBucket")
