"""Multipart uploads by boto3: any order, any subset, any sizes that S3 takes; the whole object or none."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.e2e.at_rest import AtRest, plaintext

MIB = 1024 * 1024
SMALLEST = 5 * MIB
PARTS = {1: SMALLEST + 1, 2: SMALLEST, 3: 17}


class Upload:
    """One upload in progress, and what was sent to it."""

    def __init__(self, s3: Any, bucket: str, key: str, **wish: Any) -> None:
        self.s3, self.name = s3, {"Bucket": bucket, "Key": key}
        self.created = s3.create_multipart_upload(**self.name, **wish)
        self.id = self.created["UploadId"]
        self.listed: dict[int, dict[str, Any]] = {}
        self.plain: dict[int, bytes] = {}

    def part(self, number: int, plain: bytes, **wish: Any) -> dict[str, Any]:
        answer = self.s3.upload_part(**self.name, UploadId=self.id, PartNumber=number, Body=plain, **wish)
        self.plain[number] = plain
        self.listed[number] = {
            "PartNumber": number,
            "ETag": answer["ETag"],
            **{name: value for name, value in answer.items() if name in {"ChecksumSHA256", "ChecksumCRC32C"}},
        }
        return dict(answer)

    def parts(self, sizes: Mapping[int, int]) -> None:
        for number, size in sizes.items():
            self.part(number, plaintext(size, number))

    def complete(self, *numbers: int, **wish: Any) -> dict[str, Any]:
        listed = [self.listed[number] for number in numbers or sorted(self.listed)]
        answer = self.s3.complete_multipart_upload(
            **self.name, UploadId=self.id, MultipartUpload={"Parts": listed}, **wish
        )
        return dict(answer)

    def whole(self, *numbers: int) -> bytes:
        return b"".join(self.plain[number] for number in numbers or sorted(self.plain))


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
def test_parts_become_one_object(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, wish: dict[str, Any], sizes: dict[int, int]
) -> None:
    """Sealed on the store under the arithmetic's size, and nothing is left beside it."""
    upload = Upload(s3, bucket, key, **wish)
    upload.parts(sizes)

    done = upload.complete()

    sealed = sealed_on_store(bucket, key, upload.whole())
    assert sealed.opened is not None
    assert [(part.number, part.plain_size) for part in sealed.opened.parts] == list(sizes.items())
    assert all(part.run_id for part in sealed.opened.parts)
    assert (done["ETag"], done["Bucket"], done["Key"]) == (sealed.head["ETag"], bucket, key)
    assert [name for name in sealed_on_store.keys(bucket) if name.startswith(".sealgate/")] == []
