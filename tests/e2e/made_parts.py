"""Multipart objects by the tests' own sealer, put on the bare store behind the proxy's back.

So parts can have any size and number, and an index any columns. The data key is the key service's own, and
the header is written from docs/FORMAT.md by tests/recovery/sealing.py, which shares nothing with the product.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.recovery.sealing import (
    M,
    Run,
    body_of,
    column,
    groups_of,
    header_of,
    name,
    parts_column,
    seal_index,
    seal_run,
    wrap,
)

MULTIPART_KMS = 0x0005


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """An object of several parts, as it lies on the store."""

    bucket: str
    key: str
    runs: tuple[Run, ...]
    body: bytes = field(repr=False)
    header: str
    content_key: bytes = field(repr=False)

    @property
    def plain(self) -> bytes:
        return b"".join(run.plain for run in self.runs)

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"sealgate": self.header, "color": "blue"}


def runs_of(parts: Mapping[int, int]) -> tuple[Run, ...]:
    """Number -> plaintext length."""
    return tuple(Run(number, os.urandom(12), os.urandom(size)) for number, size in parts.items())


def usual_columns(runs: tuple[Run, ...], *, more: bytes = b"") -> bytes:
    return parts_column(groups_of(runs)) + column(2, b"".join(run.run_id for run in runs)) + more


@dataclass(frozen=True, slots=True)
class PartsMaker:
    """A call makes an object and puts it on the bare store."""

    raw: Any
    kms: Any
    key_arn: str

    def __call__(
        self, bucket: str, key: str, parts: Mapping[int, int], *, more_columns: bytes = b""
    ) -> Parted:
        made = self.made(bucket, key, runs_of(parts), more_columns=more_columns)
        self.put(made)
        return made

    def made(
        self,
        bucket: str,
        key: str,
        runs: tuple[Run, ...],
        *,
        more_columns: bytes = b"",
        columns: bytes | None = None,
    ) -> Parted:
        arn = f"arn:aws:s3:::{bucket}"
        data_key = self.kms.generate_data_key(
            KeyId=self.key_arn, KeySpec="AES_256", EncryptionContext={"aws:s3:arn": arn}
        )
        content_key, of = os.urandom(32), name(bucket, key.encode())
        fields = {
            0x01: os.urandom(16),
            0x03: data_key["KeyId"].encode(),
            0x04: data_key["CiphertextBlob"],
            0x05: wrap(data_key["Plaintext"], content_key, os.urandom(16), of),
            0x07: bucket.encode(),
        }
        index = seal_index(columns or usual_columns(runs, more=more_columns), content_key)
        sealed = b"".join(seal_run(run, content_key) for run in runs)
        return Parted(
            bucket=bucket,
            key=key,
            runs=runs,
            body=body_of(sealed, index, sum(len(run.plain) for run in runs)),
            header=header_of(MULTIPART_KMS, fields, content_key, of),
            content_key=content_key,
        )

    def put(self, made: Parted, body: bytes | None = None) -> None:
        self.raw.put_object(
            Bucket=made.bucket,
            Key=made.key,
            Body=made.body if body is None else body,
            Metadata=dict(made.metadata),
            ContentType="text/parts",
        )


ODD = {3: M + 1, 4: 65_536, 9_999: M + 65_535, 10_000: 12_345}
"""Sizes that put parts' borders into the middle of segments, and numbers with gaps."""
EVEN = {1: M, 2: M, 3: 100_000}
"""As clients send them: every segment lies where one PUT would have put it."""
