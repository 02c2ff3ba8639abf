"""s3fs: files of Python's fsspec, read block by block; pandas, dask and many others come in by it."""

from collections.abc import Iterator
from typing import Any

import pytest
import s3fs

from tests.clients.fetched import Fetched
from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import REGION
from tests.stores.sealgate import ALICE, Sealgate


@pytest.fixture
def files(sealgate: Sealgate) -> Iterator[Any]:
    """A file system of its own: fsspec would hand out one that an earlier test has listed with."""
    made = s3fs.S3FileSystem(
        key=ALICE.access_key,
        secret=ALICE.secret_key,
        endpoint_url=sealgate.url,
        client_kwargs={"region_name": REGION},
        skip_instance_cache=True,
    )
    yield made
    s3fs.S3FileSystem.close_session(made.loop, made._s3)


@pytest.mark.parametrize("size", [0, 1, 65_537, 1_000_000])
def test_a_file_goes_in_and_comes_out(
    *, files: Any, bucket: str, key_arn: str, sealed_on_store: AtRest, size: int
) -> None:
    """Its size is the plaintext's, in `info` and in `ls`."""
    plain, name = plaintext(size), f"{bucket}/s3fs/size {size}"

    files.pipe_file(name, plain, ServerSideEncryption="aws:kms", SSEKMSKeyId=key_arn)

    assert files.cat_file(name) == plain
    assert files.info(name)["size"] == size
    assert {each["name"]: each["size"] for each in files.ls(f"{bucket}/s3fs", detail=True)}[name] == size
    sealed_on_store(bucket, f"s3fs/size {size}", plain)


def test_a_file_is_read_by_ranges(*, files: Any, bucket: str, fetched: Fetched) -> None:
    """What is sought is asked for, not the whole file."""
    plain, name = plaintext(1_000_000), f"{bucket}/s3fs/sought"
    files.pipe_file(name, plain)

    with files.open(name, "rb", block_size=1000, cache_type="none") as file:
        file.seek(65_530)
        across = file.read(12)
        file.seek(-5, 2)
        end = file.read()

    assert across == plain[65_530:65_542]
    assert end == plain[-5:]
    assert [sent for _, sent in fetched(bucket, "s3fs/sought", at_least=2)] == [12, 5]


def test_finding_and_removing(*, files: Any, bucket: str, sealed_on_store: AtRest) -> None:
    names = [f"{bucket}/s3fs-tree/{name}" for name in ("a", "b+c", "deep/d ü")]
    for name in names:
        files.pipe_file(name, b"four")

    assert files.find(f"{bucket}/s3fs-tree") == names
    assert files.du(f"{bucket}/s3fs-tree") == 12
    files.rm(f"{bucket}/s3fs-tree", recursive=True)

    assert not [name for name in sealed_on_store.keys(bucket) if name.startswith("s3fs-tree/")]
