"""A multipart upload as a test drives it: what was sent, what Complete lists, what the whole must be."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from tests.e2e.at_rest import plaintext
from tests.e2e.sums import KINDS

MIB = 1024 * 1024
SMALLEST = 5 * MIB
SUMS = {f"Checksum{kind}" for kind in KINDS}


class Upload:
    """One upload in progress. `through` may be another client at each step: uploads belong to no worker."""

    def __init__(self, s3: Any, bucket: str, key: str, **wish: Any) -> None:
        self.s3, self.name = s3, {"Bucket": bucket, "Key": key}
        self.created = s3.create_multipart_upload(**self.name, **wish)
        self.id: str = self.created["UploadId"]
        self.listed: dict[int, dict[str, Any]] = {}
        self.plain: dict[int, bytes] = {}

    @property
    def state(self) -> str:
        """Where in the bucket its records lie, as docs/operations.md says."""
        bucket, key = self.name["Bucket"].encode(), self.name["Key"].encode()
        bound = b"sealgate/1 name\0" + b"".join(len(each).to_bytes(2, "big") + each for each in (bucket, key))
        store_id = self.id.split(".", 2)[2].encode()
        return f".sealgate/uploads/{sha256(bound + store_id).hexdigest()}."

    def part(self, number: int, plain: bytes, *, through: Any = None, **wish: Any) -> dict[str, Any]:
        answer = (through or self.s3).upload_part(
            **self.name, UploadId=self.id, PartNumber=number, Body=plain, **wish
        )
        self.plain[number] = plain
        sums = {name: value for name, value in answer.items() if name in SUMS}
        self.listed[number] = {"PartNumber": number, "ETag": answer["ETag"], **sums}
        return dict(answer)

    def parts(self, sizes: Mapping[int, int]) -> None:
        for number, size in sizes.items():
            self.part(number, plaintext(size, number))

    def complete(self, *numbers: int, through: Any = None, **wish: Any) -> dict[str, Any]:
        return self.complete_with(self.list_of(*numbers), through=through, **wish)

    def complete_with(
        self, listed: Sequence[Mapping[str, Any]], *, through: Any = None, **wish: Any
    ) -> dict[str, Any]:
        answer = (through or self.s3).complete_multipart_upload(
            **self.name, UploadId=self.id, MultipartUpload={"Parts": list(listed)}, **wish
        )
        return dict(answer)

    def abort(self, through: Any = None) -> None:
        (through or self.s3).abort_multipart_upload(**self.name, UploadId=self.id)

    def list_of(self, *numbers: int) -> list[dict[str, Any]]:
        return [self.listed[number] for number in numbers or sorted(self.listed)]

    def whole(self, *numbers: int) -> bytes:
        return b"".join(self.plain[number] for number in numbers or sorted(self.plain))
