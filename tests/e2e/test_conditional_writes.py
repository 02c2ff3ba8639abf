"""Conditions on a PUT: the store's own atomic checks, with one ETag everywhere."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import refused

HELD = 1024 * 1024
OLD, NEW = plaintext(100), plaintext(200)


@pytest.mark.parametrize("size", [200, HELD + 1])
def test_if_none_match_writes_only_what_is_not_there(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, size: int
) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=OLD, IfNoneMatch="*")

    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key=key, Body=plaintext(size), IfNoneMatch="*")

    assert refused(caught.value) == (412, "PreconditionFailed")
    sealed_on_store(bucket, key, OLD)
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == OLD


@pytest.mark.parametrize("size", [200, HELD + 1])
@pytest.mark.parametrize(
    "etag_of",
    [lambda answer: answer["ETag"], lambda _: '"0123456789abcdef0123456789abcdef"'],
    ids=["same", "other"],
)
def test_if_match_replaces_only_what_the_client_knows(
    *,
    s3: Any,
    bucket: str,
    key: str,
    sealed_on_store: AtRest,
    size: int,
    etag_of: Callable[[Any], str],
) -> None:
    """The ETag that a PUT answered is the one that a condition takes."""
    etag = etag_of(s3.put_object(Bucket=bucket, Key=key, Body=OLD))
    known = etag == s3.head_object(Bucket=bucket, Key=key)["ETag"]

    if known:
        s3.put_object(Bucket=bucket, Key=key, Body=plaintext(size), IfMatch=etag)
    else:
        with pytest.raises(ClientError) as caught:
            s3.put_object(Bucket=bucket, Key=key, Body=plaintext(size), IfMatch=etag)
        assert refused(caught.value) == (412, "PreconditionFailed")

    sealed_on_store(bucket, key, plaintext(size) if known else OLD)


def test_if_match_writes_nothing_where_nothing_is(
    s3: Any, bucket: str, key: str, sealed_on_store: AtRest
) -> None:
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key=key, Body=NEW, IfMatch='"0123456789abcdef0123456789abcdef"')

    assert refused(caught.value)[0] in {404, 412}
    assert key not in sealed_on_store.keys(bucket)


def test_of_many_at_once_one_wins(s3: Any, bucket: str, key: str, sealed_on_store: AtRest) -> None:
    """The check is the store's, so no two writers both believe that they were first."""

    def attempt(seed: int) -> int:
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=plaintext(500, seed), IfNoneMatch="*")
        except ClientError as refusal:
            return refused(refusal)[0]
        return 200

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(attempt, range(8)))

    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 409, 412}
    sealed_on_store(bucket, key, plaintext(500, statuses.index(200)))
