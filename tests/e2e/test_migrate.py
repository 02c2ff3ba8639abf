"""Mode migrate: what is written is sealed, and what was there before is read as it is, and told of."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.migrating import Migrating
from tests.e2e.sdk import client, refused, request_id
from tests.faults.relay import Way

MIB = 1024 * 1024
# With sizes that a sealed object can have, too, and sizes that none has.
SIZES = [0, 1, 123, 124, 1000, 65_536, 65_540, 65_660, 12 * MIB + 1]


@pytest.fixture(scope="module")
def old(service: Migrating, raw: Any) -> str:
    """A bucket with plain objects, by their sizes."""
    for size in SIZES:
        raw.put_object(
            Bucket=service.names.old,
            Key=f"read/{size}",
            Body=plaintext(size),
            Metadata={"who": "before"},
            ContentType="text/x-old",
        )
    return service.names.old


def details(service: Migrating, answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = service.trail.of(request_id(answer))["additionalEventData"]
    return found


@pytest.mark.parametrize("size", SIZES)
def test_what_was_there_before_is_read_as_it_is(service: Migrating, raw: Any, old: str, size: int) -> None:
    before = service.plaintext_reads()
    got = service.s3.get_object(Bucket=old, Key=f"read/{size}")
    body = got["Body"].read()
    head = service.s3.head_object(Bucket=old, Key=f"read/{size}")

    assert body == plaintext(size)
    stored = raw.head_object(Bucket=old, Key=f"read/{size}")
    for told in (got, head):
        for name in ("ETag", "ContentLength", "ContentType", "Metadata", "LastModified", "AcceptRanges"):
            assert told[name] == stored[name]
        assert "ServerSideEncryption" not in told
        assert details(service, told)["plaintextRead"] is True
        assert "keyArn" not in details(service, told)
    assert service.plaintext_reads() == before + 2


RANGES = [
    "bytes=0-0",
    "bytes=0-",
    "bytes=5-9",
    "bytes=-1",
    "bytes=-70000",
    "bytes=65535-65539",
    "bytes=65537-65538",  # behind the end of the ciphertext range that a sealed object would have them in
    "bytes=65539-",
    "bytes=65540-",
    "bytes=99999999-",
    "bytes=-0",
]


@pytest.mark.parametrize("asked", RANGES)
@pytest.mark.parametrize("size", [0, 1000, 65_540, 65_660, 12 * MIB + 1])
def test_a_range_is_the_stores(service: Migrating, raw: Any, old: str, size: int, asked: str) -> None:
    def answer(s3: Any) -> tuple[Any, ...]:
        try:
            got = s3.get_object(Bucket=old, Key=f"read/{size}", Range=asked)
        except ClientError as error:
            return refused(error)
        return (
            got["ResponseMetadata"]["HTTPStatusCode"],
            got["ContentLength"],
            got.get("ContentRange"),
            got["Body"].read(),
        )

    assert answer(service.s3) == answer(raw)


def test_a_whole_read_takes_one_request_or_two(service: Migrating, old: str) -> None:
    """The second looks whether a sealed object lost its envelope."""
    for size, requests in ((1, 1), (1000, 2), (12 * MIB + 1, 2)):
        with service.asked() as seen:
            service.s3.get_object(Bucket=old, Key=f"read/{size}")["Body"].read()
        assert seen == [f"GET /{old}/read/{size}"] * requests


CONDITIONS: list[dict[str, Any]] = [
    {"IfMatch": '"other"'},
    {"IfNoneMatch": "*"},
    {"IfMatch": "*"},
    {"IfMatch": "*", "Range": "bytes=5-9"},
    {"IfMatch": '"other"', "Range": "bytes=5-9"},
]


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
@pytest.mark.parametrize("size", [1, 1000])
def test_conditions_are_the_stores(
    service: Migrating, raw: Any, old: str, size: int, condition: dict[str, Any]
) -> None:
    def answer(s3: Any) -> tuple[Any, ...]:
        try:
            return (s3.get_object(Bucket=old, Key=f"read/{size}", **condition)["Body"].read(),)
        except ClientError as error:
            return refused(error)

    assert answer(service.s3) == answer(raw)


def test_overrides_and_parts_of_a_plain_object(service: Migrating, old: str) -> None:
    got = service.s3.get_object(Bucket=old, Key="read/1000", ResponseContentType="text/x-new", PartNumber=1)

    assert got["ContentType"] == "text/x-new"
    assert got["Body"].read() == plaintext(1000)


@pytest.mark.parametrize("asked", [{}, {"PartNumber": 1}], ids=str)
def test_the_stores_own_checksums_come_along(
    service: Migrating, raw: Any, old: str, key: str, asked: dict[str, Any]
) -> None:
    raw.put_object(Bucket=old, Key=key, Body=plaintext(1000), ChecksumAlgorithm="SHA256")

    for read in ("head_object", "get_object"):
        ours, theirs = (
            getattr(each, read)(Bucket=old, Key=key, ChecksumMode="ENABLED", **asked)
            for each in (service.s3, raw)
        )
        assert ours.get("ChecksumSHA256") == theirs.get("ChecksumSHA256")


def test_what_is_written_is_sealed(
    service: Migrating, raw: Any, old: str, key: str, kms_of_service: Any
) -> None:
    """Over a plain object too."""
    raw.put_object(Bucket=old, Key=key, Body=plaintext(1000))

    service.s3.put_object(Bucket=old, Key=key, Body=plaintext(2000))

    AtRest(raw, kms_of_service)(old, key, plaintext(2000))
    got = service.s3.get_object(Bucket=old, Key=key)
    assert got["Body"].read() == plaintext(2000)
    assert got["ServerSideEncryption"] == "AES256"
    assert "plaintextRead" not in details(service, got)


@pytest.fixture(scope="module")
def kms_of_service(service: Migrating) -> Any:
    with client("kms", service.service.kms_url) as made:
        yield made


def test_attributes_of_a_plain_object_are_the_stores(
    service: Migrating, raw: Any, old: str, key: str
) -> None:
    put = raw.put_object(Bucket=old, Key=key, Body=plaintext(1000))

    told = service.s3.get_object_attributes(Bucket=old, Key=key, ObjectAttributes=["ObjectSize", "ETag"])

    assert (told["ObjectSize"], told["ETag"]) == (1000, put["ETag"].strip('"'))
    assert details(service, told)["plaintextRead"] is True


READS: dict[str, Callable[[Any, str, str], Any]] = {
    "get": lambda s3, bucket, key: s3.get_object(Bucket=bucket, Key=key),
    "head": lambda s3, bucket, key: s3.head_object(Bucket=bucket, Key=key),
    "range": lambda s3, bucket, key: s3.get_object(Bucket=bucket, Key=key, Range="bytes=1-2"),
    "suffix": lambda s3, bucket, key: s3.get_object(Bucket=bucket, Key=key, Range="bytes=-2"),
    "attributes": lambda s3, bucket, key: s3.get_object_attributes(
        Bucket=bucket, Key=key, ObjectAttributes=["ObjectSize"]
    ),
    "copy": lambda s3, bucket, key: s3.copy_object(
        Bucket=bucket, Key=f"{key}-copy", CopySource={"Bucket": bucket, "Key": key}
    ),
}


@pytest.mark.parametrize("read", READS)
def test_a_sealed_object_that_lost_its_envelope_is_damage(
    service: Migrating, raw: Any, old: str, key: str, read: str
) -> None:
    """Its ciphertext is not given out for plaintext. The trail says what was found."""
    service.s3.put_object(Bucket=old, Key=key, Body=plaintext(1000))
    raw.put_object(Bucket=old, Key=key, Body=raw.get_object(Bucket=old, Key=key)["Body"].read())

    with pytest.raises(ClientError) as caught:
        READS[read](service.s3, old, key)

    assert refused(caught.value) in {(403, "InvalidObjectState"), (403, "403")}
    told = details(service, caught.value.response)
    assert "envelope" in told["integrityViolation"]
    assert "plaintextRead" not in told


CUTS = {
    None: slice(None),
    "bytes=5-9": slice(5, 10),
    "bytes=-5": slice(-5, None),
    "bytes=65537-65538": slice(65_537, 65_539),
}


@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("asked", CUTS)
def test_a_plain_object_that_is_sealed_meanwhile_is_one_or_the_other(
    *, service: Migrating, raw: Any, old: str, key: str, asked: str | None, at: int
) -> None:
    """Never the sealed one's ciphertext, and no violation. `at`: before which of our requests it happens."""
    before, after = plaintext(65_540, seed=1), plaintext(65_540, seed=2)
    service.s3.put_object(Bucket=old, Key=key, Body=after)
    sealed = raw.get_object(Bucket=old, Key=key)
    body = sealed["Body"].read()
    raw.put_object(Bucket=old, Key=key, Body=before)
    seen = 0

    def overwrite(piece: bytes) -> bytes:
        nonlocal seen
        seen += piece.startswith((b"GET ", b"HEAD "))
        if seen == at:
            raw.put_object(Bucket=old, Key=key, Body=body, Metadata=sealed["Metadata"])
        return piece

    with service.relay.trouble(to_store=Way(change=overwrite)):
        got = service.s3.get_object(Bucket=old, Key=key, **({"Range": asked} if asked else {}))["Body"].read()

    assert got in {before[CUTS[asked]], after[CUTS[asked]]}


def test_a_plain_object_may_end_like_a_sealed_one_if_none_is_as_long(
    service: Migrating, raw: Any, old: str, key: str
) -> None:
    body = b"x" * 119 + b"SGB1"
    raw.put_object(Bucket=old, Key=key, Body=body)

    assert service.s3.get_object(Bucket=old, Key=key)["Body"].read() == body


@pytest.mark.parametrize("read", READS)
def test_after_the_last_day_plain_objects_are_refused(
    service: Migrating, raw: Any, key: str, read: str
) -> None:
    bucket = service.names.over
    raw.put_object(Bucket=bucket, Key=key, Body=plaintext(1000))

    with pytest.raises(ClientError) as caught:
        READS[read](service.s3, bucket, key)

    assert refused(caught.value) in {(403, "InvalidObjectState"), (403, "403")}
    assert "plaintextRead" not in details(service, caught.value.response)


def test_each_name_is_read_by_its_own_rule(service: Migrating, raw: Any) -> None:
    bucket = service.names.mixed
    for key in ("sealed-only", "old/plain-read", "open/plain-read"):
        raw.put_object(Bucket=bucket, Key=key, Body=plaintext(1000))

    by_mode = {
        key: service.s3.get_object(Bucket=bucket, Key=key) for key in ("old/plain-read", "open/plain-read")
    }
    with pytest.raises(ClientError) as caught:
        service.s3.get_object(Bucket=bucket, Key="sealed-only")

    assert refused(caught.value) == (403, "InvalidObjectState")
    assert all(got["Body"].read() == plaintext(1000) for got in by_mode.values())
    assert details(service, by_mode["old/plain-read"])["plaintextRead"] is True
    assert "plaintextRead" not in details(service, by_mode["open/plain-read"])


def test_a_plain_object_is_copied_into_a_sealed_one(
    service: Migrating, raw: Any, old: str, key: str, kms_of_service: Any
) -> None:
    """Onto itself too: so a bucket is moved over object by object."""
    raw.put_object(Bucket=old, Key=key, Body=plaintext(1000), Metadata={"a": "b"})
    source = {"Bucket": old, "Key": key}

    copied = service.s3.copy_object(Bucket=old, Key=f"{key}-copy", CopySource=source)
    service.s3.copy_object(
        Bucket=old, Key=key, CopySource=source, MetadataDirective="REPLACE", Metadata={"a": "b"}
    )

    for name in (key, f"{key}-copy"):
        assert AtRest(raw, kms_of_service)(old, name, plaintext(1000)).metadata == {"a": "b"}
        assert service.s3.get_object(Bucket=old, Key=name)["Body"].read() == plaintext(1000)
    assert details(service, copied)["plaintextRead"] is True


def test_an_older_plain_version_is_read_by_its_id(service: Migrating, raw: Any) -> None:
    bucket, key = service.names.mixed, "old/versioned"
    raw.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = raw.put_object(Bucket=bucket, Key=key, Body=plaintext(1000))["VersionId"]
    service.s3.put_object(Bucket=bucket, Key=key, Body=plaintext(2000))

    old = service.s3.get_object(Bucket=bucket, Key=key, VersionId=version)
    part = service.s3.get_object(Bucket=bucket, Key=key, VersionId=version, Range="bytes=10-19")
    new = service.s3.get_object(Bucket=bucket, Key=key)

    assert (old["VersionId"], old["Body"].read()) == (version, plaintext(1000))
    assert part["Body"].read() == plaintext(1000)[10:20]
    assert new["Body"].read() == plaintext(2000)
