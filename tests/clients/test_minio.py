"""minio-py: another implementation of S3's client side."""

import io
import urllib.parse
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3
from minio import Minio
from minio.commonconfig import REPLACE, ComposeSource, CopySource
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from minio.select import CSVInputSerialization, CSVOutputSerialization, SelectRequest
from minio.sse import SseKMS, SseS3

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import REGION
from tests.stores.sealgate import ALICE, Sealgate

SELECT = SelectRequest("select * from S3Object", CSVInputSerialization(), CSVOutputSerialization())
SIZES = (0, 1, 65_537, 1024 * 1024 + 1)


@pytest.fixture(scope="session")
def minio(sealgate: Sealgate) -> Any:
    place = urllib.parse.urlsplit(sealgate.url).netloc
    pool = urllib3.PoolManager(retries=False)
    yield Minio(
        place,
        access_key=ALICE.access_key,
        secret_key=ALICE.secret_key,
        secure=False,
        region=REGION,
        http_client=pool,
    )
    pool.clear()


def read(minio: Any, bucket: str, key: str, **more: Any) -> bytes:
    answer = minio.get_object(bucket, key, **more)
    try:
        return bytes(answer.read())
    finally:
        answer.close()
        answer.release_conn()


@pytest.mark.parametrize("size", SIZES)
def test_an_object_goes_in_and_comes_out(
    *, minio: Any, bucket: str, key_arn: str, sealed_on_store: AtRest, size: int
) -> None:
    plain = plaintext(size)

    minio.put_object(
        bucket,
        f"size {size}",
        io.BytesIO(plain),
        size,
        content_type="text/x",
        metadata={"of": "minio"},
        sse=SseKMS(key_arn, {"team": "a"}),
    )

    assert read(minio, bucket, f"size {size}") == plain
    told = minio.stat_object(bucket, f"size {size}")
    assert (told.size, told.content_type, told.metadata["x-amz-meta-of"]) == (size, "text/x", "minio")
    sealed = sealed_on_store(bucket, f"size {size}", plain)
    assert dict(sealed.envelope.client_context) == {"team": "a"}


def test_a_file_in_parts(
    *, minio: Any, bucket: str, key_arn: str, tmp_path: Path, sealed_on_store: AtRest
) -> None:
    """Several at once, and a stream of which nobody says the length."""
    plain, file, part_size = plaintext(11 * 1024 * 1024), tmp_path / "file", 5 * 1024 * 1024
    file.write_bytes(plain)
    sse = SseKMS(key_arn, {})

    minio.fput_object(bucket, "parts/file", str(file), part_size=part_size, sse=sse, metadata={"of": "minio"})
    minio.put_object(bucket, "parts/stream", io.BytesIO(plain), -1, part_size=part_size, sse=sse)
    minio.fget_object(bucket, "parts/file", str(tmp_path / "back"))

    assert (tmp_path / "back").read_bytes() == plain
    for name in ("parts/file", "parts/stream"):
        sealed = sealed_on_store(bucket, name, plain)
        assert sealed.opened is not None
        assert len(sealed.opened.parts) == 3


def test_ranges(minio: Any, bucket: str) -> None:
    plain = plaintext(200_000)
    minio.put_object(bucket, "ranges", io.BytesIO(plain), len(plain), sse=SseS3())

    for offset, length in ((0, 1), (65_535, 2), (65_536, 65_536), (199_999, 1), (100_000, 0)):
        expected = plain[offset : offset + length] if length else plain[offset:]
        assert read(minio, bucket, "ranges", offset=offset, length=length) == expected


def test_copying_and_composing(*, minio: Any, bucket: str, key_arn: str, sealed_on_store: AtRest) -> None:
    """CopyObject, and an object made of others by UploadPartCopy."""
    first, second = plaintext(6 * 1024 * 1024, seed=3), plaintext(70_000, seed=4)
    sse = SseKMS(key_arn, {})
    for name, plain in (("first", first), ("second", second)):
        minio.put_object(bucket, f"copy/{name}", io.BytesIO(plain), len(plain), metadata={"of": name})

    minio.copy_object(bucket, "copy/copied", CopySource(bucket, "copy/second"), sse=sse)
    minio.copy_object(
        bucket, "copy/renamed", CopySource(bucket, "copy/second"), sse=sse,
        metadata={"of": "me"}, metadata_directive=REPLACE,
    )  # fmt: skip
    sources = [
        ComposeSource(bucket, "copy/first"),
        ComposeSource(bucket, "copy/second", offset=9, length=900),
    ]
    minio.compose_object(bucket, "copy/composed", sources, sse=sse)

    assert sealed_on_store(bucket, "copy/copied", second).metadata == {"of": "second"}
    assert sealed_on_store(bucket, "copy/renamed", second).metadata == {"of": "me"}
    sealed_on_store(bucket, "copy/composed", first + second[9:909])


def test_listing_and_removing(minio: Any, bucket: str, sealed_on_store: AtRest) -> None:
    """Plaintext sizes, folders as prefixes, and a removal of many."""
    for name in ("list/a", "list/b+c", "list/deep/d"):
        minio.put_object(bucket, name, io.BytesIO(b"four"), 4)

    assert {(each.object_name, each.size) for each in minio.list_objects(bucket, "list/")} == {
        ("list/a", 4),
        ("list/b+c", 4),
        ("list/deep/", None),
    }
    names = [each.object_name for each in minio.list_objects(bucket, "list/", recursive=True)]
    assert names == ["list/a", "list/b+c", "list/deep/d"]
    assert list(minio.remove_objects(bucket, [DeleteObject(name) for name in names])) == []
    assert not [name for name in sealed_on_store.keys(bucket) if name.startswith("list/")]


def test_buckets(minio: Any) -> None:
    name = f"client-{uuid.uuid4()}"

    minio.make_bucket(name)
    assert minio.bucket_exists(name)
    assert name in {each.name for each in minio.list_buckets()}
    minio.remove_bucket(name)
    assert not minio.bucket_exists(name)


def test_presigned_both_ways(minio: Any, bucket: str, sealed_on_store: AtRest) -> None:
    plain = plaintext(5000)
    lifetime = timedelta(minutes=1)

    put = urllib3.request("PUT", minio.presigned_put_object(bucket, "pre signed", lifetime), body=plain)
    got = urllib3.request("GET", minio.presigned_get_object(bucket, "pre signed", lifetime))

    assert (put.status, got.status) == (200, 200)
    assert got.data == plain
    sealed_on_store(bucket, "pre signed", plain)


def test_errors_are_s3s(minio: Any, bucket: str) -> None:
    with pytest.raises(S3Error) as missing:
        minio.get_object(bucket, "nowhere")
    with pytest.raises(S3Error) as refused:
        minio.select_object_content(bucket, "nowhere", SELECT)

    assert missing.value.code == "NoSuchKey"
    assert refused.value.code == "NotImplemented"
