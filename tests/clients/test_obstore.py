"""obstore: Rust's object_store in Python, as Polars, delta-rs and Zarr use it."""

from typing import Any

import obstore
import pytest
from obstore.exceptions import AlreadyExistsError
from obstore.store import S3Store

from tests.clients.fetched import Fetched
from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import REGION
from tests.stores.sealgate import ALICE, Sealgate


@pytest.fixture
def opened(sealgate: Sealgate, bucket: str, key_arn: str) -> S3Store:
    config: Any = {
        "aws_server_side_encryption": "aws:kms",
        "aws_sse_kms_key_id": key_arn,
    }
    return S3Store(
        bucket,
        endpoint=sealgate.url,
        region=REGION,
        access_key_id=ALICE.access_key,
        secret_access_key=ALICE.secret_key,
        client_options={"allow_http": True},
        config=config,
    )


@pytest.mark.parametrize("size", [0, 1, 65_537, 1_000_000])
def test_an_object_goes_in_and_comes_out(
    *, opened: S3Store, bucket: str, sealed_on_store: AtRest, size: int
) -> None:
    """In one piece, with the attributes that came along."""
    plain, key = plaintext(size), f"obstore/size {size}"

    obstore.put(
        opened, key, plain, attributes={"Content-Type": "text/x", "of": "obstore"}, use_multipart=False
    )
    got = obstore.get(opened, key)

    assert bytes(got.bytes()) == plain
    assert (got.meta["size"], got.attributes["Content-Type"], got.attributes["of"]) == (
        size,
        "text/x",
        "obstore",
    )
    sealed_on_store(bucket, key, plain)


def test_ranges_are_asked_for_as_they_are(*, opened: S3Store, bucket: str, fetched: Fetched) -> None:
    """Neighbouring ones in one request; a suffix as a suffix."""
    plain, key = plaintext(200_000), "obstore/ranges"
    obstore.put(opened, key, plain, use_multipart=False)

    across = obstore.get_range(opened, key, start=65_530, end=65_542)
    many = obstore.get_ranges(opened, key, starts=[0, 10, 150_000], ends=[5, 20, 200_000], coalesce=100)
    end = obstore.get(opened, key, options={"range": {"suffix": 7}}).bytes()

    assert bytes(across) == plain[65_530:65_542]
    assert [bytes(each) for each in many] == [plain[:5], plain[10:20], plain[150_000:]]
    assert bytes(end) == plain[-7:]
    assert sorted(sent for _, sent in fetched(bucket, key, at_least=4)) == [7, 12, 20, 50_000]


def test_only_the_first_creates(*, opened: S3Store, bucket: str, sealed_on_store: AtRest) -> None:
    """If-None-Match, which table formats commit by."""
    obstore.put(opened, "obstore/commit", b"the first", mode="create", use_multipart=False)

    with pytest.raises(AlreadyExistsError):
        obstore.put(opened, "obstore/commit", b"the second", mode="create", use_multipart=False)

    sealed_on_store(bucket, "obstore/commit", b"the first")


def test_listing_and_removing(*, opened: S3Store, bucket: str, sealed_on_store: AtRest) -> None:
    names = [f"obstore-tree/{name}" for name in ("a", "b+c", "deep/d ü")]
    for name in names:
        obstore.put(opened, name, b"four", use_multipart=False)

    listed = obstore.list(opened, prefix="obstore-tree").collect()
    below = obstore.list_with_delimiter(opened, prefix="obstore-tree")["common_prefixes"]
    obstore.delete(opened, names)

    assert [(each["path"], each["size"]) for each in listed] == [(name, 4) for name in names]
    assert list(below) == ["obstore-tree/deep"]
    assert not [name for name in sealed_on_store.keys(bucket) if name.startswith("obstore-tree/")]
