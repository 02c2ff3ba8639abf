"""The record of a bucket's settings: whoever opens one knows that it is this bucket's, and how new it is."""

import json
from dataclasses import replace
from typing import Any

import pytest

from proxy.seal.bucket_record import (
    BucketRecord,
    Kind,
    open_bucket_record,
    read_bucket_record,
    record_name,
    seal_bucket_record,
)
from proxy.seal.errors import DamagedSettings
from tests.seal.material import VECTORS

DATA_KEY, SALT = bytes([1]) * 32, bytes([3]) * 16
RECORD = BucketRecord(counter=7, documents={Kind.ENCRYPTION: b"<a/>", Kind.POLICY: b"{}"})
MADE_ELSEWHERE = json.loads((VECTORS / "bucket_settings.json").read_text())


def sealed(record: BucketRecord = RECORD, bucket: str = "photos") -> bytes:
    return seal_bucket_record(
        record, bucket=bucket, data_key=DATA_KEY, key_arn="arn", wrapped_data_key=b"dk", salt=SALT
    )


def opened(raw: bytes, bucket: str = "photos", data_key: bytes = DATA_KEY) -> BucketRecord:
    return open_bucket_record(read_bucket_record(raw), bucket=bucket, data_key=data_key)


@pytest.mark.parametrize("vector", MADE_ELSEWHERE, ids=lambda each: each["name"])
def test_what_another_program_made_by_the_page(vector: dict[str, Any]) -> None:
    record = BucketRecord(
        counter=vector["counter"],
        documents={Kind(int(kind)): text.encode() for kind, text in vector["documents"].items()},
    )
    raw = bytes.fromhex(vector["record"])
    data_key = bytes.fromhex(vector["data_key"])

    assert opened(raw, vector["bucket"], data_key) == record
    assert raw == seal_bucket_record(
        record,
        bucket=vector["bucket"],
        data_key=data_key,
        key_arn=vector["key_arn"],
        wrapped_data_key=bytes.fromhex(vector["wrapped_data_key"]),
        salt=bytes.fromhex(vector["salt"]),
    )


@pytest.mark.parametrize("record", [RECORD, BucketRecord(counter=2**64 - 1, documents={})])
def test_a_record_opens_to_what_was_sealed(record: BucketRecord) -> None:
    assert opened(sealed(record)) == record
    assert b"<a/>" not in sealed(record)


def test_each_bucket_has_a_name_of_its_own() -> None:
    assert record_name("photos") == "buckets/photos"


@pytest.mark.parametrize(
    "raw", [sealed(bucket="others"), sealed(bucket="others").replace(b"others", b"photos")]
)
def test_another_buckets_record_is_refused(raw: bytes) -> None:
    """Also where the name in the clear is made to fit."""
    with pytest.raises(DamagedSettings):
        opened(raw)


def test_a_counter_that_was_raised_is_refused() -> None:
    """So nobody makes an older setting look newer."""
    older = sealed().replace((7).to_bytes(8, "big"), (9).to_bytes(8, "big"))

    assert read_bucket_record(older).counter == 9
    with pytest.raises(DamagedSettings):
        opened(older)


def test_every_byte_counts() -> None:
    raw = sealed()
    for at in range(len(raw)):
        flipped = bytearray(raw)
        flipped[at] ^= 1
        try:
            found = opened(bytes(flipped))
        except DamagedSettings:
            continue
        # What the key service is asked with has no seal of ours: it would answer with another data key.
        assert found == RECORD
        assert b"arn" not in flipped or b"dk" not in flipped


@pytest.mark.parametrize("cut", range(1, 90, 7))
def test_a_cut_record_is_refused(cut: int) -> None:
    with pytest.raises(DamagedSettings):
        opened(sealed()[:-cut])


def test_another_data_key_does_not_open_it() -> None:
    with pytest.raises(DamagedSettings):
        opened(sealed(), data_key=bytes(32))


@pytest.mark.parametrize(("kind", "taken"), [(0x7F, False), (0x80, True)])
def test_a_later_versions_documents(kind: int, *, taken: bool) -> None:
    """One that may not be skipped could be what keeps a key from being used."""
    documents: Any = {**RECORD.documents, kind: b"later"}
    raw = sealed(replace(RECORD, documents=documents))

    if taken:
        assert opened(raw) == RECORD
        return
    with pytest.raises(DamagedSettings):
        opened(raw)
