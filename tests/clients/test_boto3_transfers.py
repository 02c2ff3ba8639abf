"""boto3's transfer manager: files and streams in parts, several at once, both ways and from name to name."""

import io
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig

from tests.e2e.at_rest import AtRest, plaintext

MIB = 1024 * 1024
PLAIN = plaintext(11 * MIB + 7)
IN_PARTS: Any = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)  # type: ignore[no-untyped-call]  # boto3 is not annotated


@pytest.fixture
def wish(key_arn: str) -> dict[str, Any]:
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_arn, "Metadata": {"of": "boto3"}}


def test_a_file_up_and_down(
    *, s3: Any, bucket: str, wish: dict[str, Any], tmp_path: Path, sealed_on_store: AtRest
) -> None:
    """Comes down by ranges, several at once."""
    file, back = tmp_path / "file", tmp_path / "back"
    file.write_bytes(PLAIN)

    s3.upload_file(str(file), bucket, "transfer/file", ExtraArgs=wish, Config=IN_PARTS)
    s3.download_file(bucket, "transfer/file", str(back), Config=IN_PARTS)

    assert back.read_bytes() == PLAIN
    sealed = sealed_on_store(bucket, "transfer/file", PLAIN)
    assert sealed.metadata == {"of": "boto3"}
    assert sealed.opened is not None
    assert len(sealed.opened.parts) == 3


def test_a_stream_and_a_copy(*, s3: Any, bucket: str, wish: dict[str, Any], sealed_on_store: AtRest) -> None:
    """The copy is made of parts by UploadPartCopy, under the client's own choice of parts."""
    taken = io.BytesIO()

    s3.upload_fileobj(io.BytesIO(PLAIN), bucket, "transfer/stream", ExtraArgs=wish, Config=IN_PARTS)
    source = {"Bucket": bucket, "Key": "transfer/stream"}
    s3.copy(source, bucket, "transfer/copy", ExtraArgs=wish, Config=IN_PARTS)
    s3.download_fileobj(bucket, "transfer/copy", taken, Config=IN_PARTS)

    assert taken.getvalue() == PLAIN
    for name in ("transfer/stream", "transfer/copy"):
        sealed_on_store(bucket, name, PLAIN)
