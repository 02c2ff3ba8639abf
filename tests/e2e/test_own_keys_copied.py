"""Copies under clients' own keys: the source's key reads, the target's seals."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from recovery.envelope import Mode
from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.own_keys import OTHER, OWN, told
from tests.e2e.sdk import refused
from tests.e2e.uploads import SMALLEST, Upload

PLAIN = plaintext(100_000)
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "SSE-S3": ({}, {}, {}),
    "SSE-C": (OWN.wish, OWN.of_source, OWN.wish),
    "another key": (OTHER.wish, OTHER.of_source, OTHER.wish),
    "DSSE": ({"ServerSideEncryption": "aws:kms:dsse"}, {}, {}),
}
"""How an object is written, named as a copy's source, and read."""


@pytest.mark.parametrize("source", KINDS)
@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("size", [0, 100_000])
def test_copies_from_any_to_any(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, source: str, target: str, size: int
) -> None:
    """The source's key reads, the target's seals, and neither takes the other's place."""
    written, named, _ = KINDS[source]
    wish, _, read = KINDS[target]
    plain = plaintext(size)
    s3.put_object(Bucket=bucket, Key=f"{key}-source", Body=plain, **written)

    copied = s3.copy_object(
        Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": f"{key}-source"}, **named, **wish
    )

    got = s3.get_object(Bucket=bucket, Key=key, **read)
    assert got["Body"].read() == plain
    assert told(got) == told(copied)
    own = wish.get("SSECustomerKey")
    sealed = sealed_on_store(bucket, key, plain, client_key=own)
    assert (sealed.envelope.flags.mode is Mode.CLIENT_KEY) is (own is not None)
    assert (sealed.envelope.outer is not None) is (target == "DSSE")


@pytest.mark.parametrize(
    ("named", "expected"), [({}, (400, "InvalidRequest")), (OTHER.of_source, (403, "AccessDenied"))]
)
def test_a_copy_needs_the_source_s_key(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, named: Any, expected: tuple[int, str]
) -> None:
    s3.put_object(Bucket=bucket, Key=f"{key}-source", Body=PLAIN, **OWN.wish)

    with pytest.raises(ClientError) as caught:
        s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": f"{key}-source"}, **named)

    assert refused(caught.value) == expected
    assert key not in sealed_on_store.keys(bucket)


def test_a_source_s_key_for_what_is_not_under_one(
    *, ruled_s3: Any, ruled_on_store: AtRest, buckets: Any, key: str
) -> None:
    """Whether the source is sealed otherwise or not at all."""
    ruled_on_store.store.put_object(Bucket=buckets.plain, Key="there", Body=PLAIN)
    ruled_s3.put_object(Bucket=buckets.mixed, Key="there", Body=PLAIN)

    for source in (buckets.plain, buckets.mixed):
        with pytest.raises(ClientError) as caught:
            ruled_s3.copy_object(
                Bucket=buckets.mixed, Key=key, CopySource={"Bucket": source, "Key": "there"}, **OWN.of_source
            )
        assert refused(caught.value) == (400, "InvalidRequest")


def test_onto_itself_under_another_key(s3: Any, bucket: str, key: str, sealed_on_store: AtRest) -> None:
    """So a key is changed: the old one opens nothing from then on."""
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, Metadata={"color": "blue"}, **OWN.wish)

    s3.copy_object(
        Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": key}, **OWN.of_source, **OTHER.wish
    )

    got = s3.get_object(Bucket=bucket, Key=key, **OTHER.wish)
    assert (got["Body"].read(), got["Metadata"]) == (PLAIN, {"color": "blue"})
    sealed_on_store(bucket, key, PLAIN, client_key=OTHER.plain)
    with pytest.raises(ClientError):
        s3.get_object(Bucket=bucket, Key=key, **OWN.wish)


@pytest.mark.parametrize("source", ["SSE-S3", "SSE-C", "DSSE"])
@pytest.mark.parametrize("target", ["SSE-S3", "SSE-C", "DSSE"])
def test_parts_are_copied_from_any_to_any(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, source: str, target: str
) -> None:
    written, named, _ = KINDS[source]
    wish, _, read = KINDS[target]
    plain = plaintext(SMALLEST + 70_000)
    s3.put_object(Bucket=bucket, Key=f"{key}-source", Body=plain, **written)
    upload = Upload(s3, bucket, key, **wish)
    where = {"CopySource": {"Bucket": bucket, "Key": f"{key}-source"}} | upload.name
    parts = []
    for number, last in ((1, SMALLEST - 1), (2, len(plain) - 1)):
        first = 0 if number == 1 else SMALLEST + 3
        copied = s3.upload_part_copy(
            **where,
            UploadId=upload.id,
            PartNumber=number,
            CopySourceRange=f"bytes={first}-{last}",
            **named,
            **read,
        )
        parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})

    upload.complete_with(parts, **read)

    whole = plain[:SMALLEST] + plain[SMALLEST + 3 :]
    assert s3.get_object(Bucket=bucket, Key=key, **read)["Body"].read() == whole
    assert told(copied) == told(upload.created)
    sealed_on_store(bucket, key, whole, client_key=wish.get("SSECustomerKey"))
