"""The records of an upload: whoever opens one knows that it is this upload's, this part's, this attempt's."""

from dataclasses import replace

import pytest

from proxy.seal.checksums import CRC32, SHA256
from proxy.seal.errors import DamagedRecord
from proxy.seal.records import (
    Kept,
    PartRecord,
    UploadName,
    UploadRecord,
    open_part_record,
    open_upload_record,
    part_record_name,
    part_record_size,
    read_upload_record,
    seal_part_record,
    seal_upload_record,
    tag_in_name,
    upload_record_name,
)
from proxy.seal.upload_ids import client_upload_id, parse_upload_id

TAG, OTHER_TAG = bytes(range(16)), bytes(range(1, 17))
DATA_KEY, INDEX_KEY, SALT, NONCE = bytes([1]) * 32, bytes([2]) * 32, bytes([3]) * 16, bytes([4]) * 12
NAME = UploadName(bucket="photos", key="2024/é".encode(), store_id="store.id-1")
RECORD = UploadRecord(envelope="1.AAAA", index_key=INDEX_KEY, checksum=CRC32 | 0x80)
PART = PartRecord(
    plain_length=5, run_id=bytes([9]) * 12, checksums={CRC32: bytes(4), SHA256: bytes(32)}, kept=Kept.BEHIND
)


def sealed_upload() -> bytes:
    return seal_upload_record(
        RECORD, upload=NAME, tag=TAG, data_key=DATA_KEY, key_arn="arn", wrapped_data_key=b"dk", salt=SALT
    )


def sealed_part() -> bytes:
    return seal_part_record(PART, index_key=INDEX_KEY, tag=TAG, number=7, etag="abc", nonce=NONCE)


def opened_upload(
    raw: bytes, name: UploadName = NAME, *, tag: bytes = TAG, data_key: bytes = DATA_KEY
) -> UploadRecord:
    return open_upload_record(read_upload_record(raw), upload=name, tag=tag, data_key=data_key)


def test_an_upload_record_opens_to_what_was_sealed() -> None:
    found = read_upload_record(sealed_upload())

    assert (found.upload, found.key_arn, found.wrapped_data_key) == (NAME, "arn", b"dk")
    assert opened_upload(sealed_upload()) == RECORD


def test_nothing_of_a_record_is_shown() -> None:
    assert INDEX_KEY.hex() not in repr(RECORD)
    assert INDEX_KEY not in sealed_upload()


@pytest.mark.parametrize(
    "name",
    [replace(NAME, bucket="others"), replace(NAME, key=b"2024/e"), replace(NAME, store_id="store.id-2")],
)
def test_another_uploads_record_is_refused(name: UploadName) -> None:
    """A store could hand out the record of an upload whose keys it knows."""
    with pytest.raises(DamagedRecord):
        opened_upload(sealed_upload(), name)


def test_a_record_that_only_claims_to_be_this_uploads_is_refused() -> None:
    """The name stands in the clear, for the sweep; what counts is what the seal covers."""
    other = replace(NAME, key=b"2024/f")
    planted = sealed_upload().replace(NAME.key, other.key.ljust(len(NAME.key), b"_"))

    with pytest.raises(DamagedRecord):
        opened_upload(planted, replace(NAME, key=other.key.ljust(len(NAME.key), b"_")))


@pytest.mark.parametrize("change", [{"tag": OTHER_TAG}, {"data_key": bytes(32)}])
def test_another_tag_or_data_key_does_not_open_it(change: dict[str, bytes]) -> None:
    keys = {"tag": TAG, "data_key": DATA_KEY} | change

    with pytest.raises(DamagedRecord):
        opened_upload(sealed_upload(), tag=keys["tag"], data_key=keys["data_key"])


def test_every_byte_of_an_upload_record_counts() -> None:
    raw = sealed_upload()
    for at in range(len(raw)):
        flipped = bytearray(raw)
        flipped[at] ^= 1
        try:
            opened = opened_upload(bytes(flipped))
        except DamagedRecord:
            continue
        # What the key service is asked with has no seal of ours: it would answer with another data key.
        assert opened == RECORD
        assert b"arn" not in flipped or b"dk" not in flipped


@pytest.mark.parametrize("cut", range(0, 40, 3))
def test_a_cut_record_is_refused(cut: int) -> None:
    with pytest.raises(DamagedRecord):
        read_upload_record(sealed_upload()[: -1 - cut])
    with pytest.raises(DamagedRecord):
        open_part_record(sealed_part()[:cut], index_key=INDEX_KEY, tag=TAG, number=7, etag="abc")


def test_a_part_record_opens_to_what_was_sealed_whatever_follows() -> None:
    raw = sealed_part()

    assert part_record_size(raw) == len(raw)
    assert open_part_record(raw + b"a run", index_key=INDEX_KEY, tag=TAG, number=7, etag="abc") == PART


@pytest.mark.parametrize(
    "other", [{"tag": OTHER_TAG}, {"number": 8}, {"etag": "abd"}, {"index_key": bytes(32)}]
)
def test_another_parts_record_is_refused(other: dict[str, object]) -> None:
    """Another upload's, another part's, another attempt's."""
    place: dict[str, object] = {"index_key": INDEX_KEY, "tag": TAG, "number": 7, "etag": "abc"}

    with pytest.raises(DamagedRecord):
        open_part_record(sealed_part(), **(place | other))  # type: ignore[arg-type]  # a table of arguments


def test_every_byte_of_a_part_record_counts() -> None:
    raw = sealed_part()
    for at in range(len(raw)):
        flipped = bytearray(raw)
        flipped[at] ^= 1
        with pytest.raises(DamagedRecord):
            open_part_record(bytes(flipped), index_key=INDEX_KEY, tag=TAG, number=7, etag="abc")


def test_names_tell_uploads_and_attempts_apart() -> None:
    others = [replace(NAME, bucket="p"), replace(NAME, key=b"k"), replace(NAME, store_id="i")]

    assert len({each.prefix for each in [NAME, *others]}) == 4
    assert part_record_name(7, "abc") != part_record_name(7, "abd") != part_record_name(8, "abd")
    assert tag_in_name(upload_record_name(TAG)) == TAG
    assert [tag_in_name(name) for name in ("upload-00", "part-1-00", f"upload-{TAG.hex().upper()}")] == [
        None
    ] * 3


def test_an_upload_id_names_tag_and_the_stores_id() -> None:
    made = client_upload_id(TAG, "a.b/c=")

    assert made.startswith("sg1.")
    assert parse_upload_id(made) == (TAG, "a.b/c=")


@pytest.mark.parametrize(
    "bare",
    ["", "store-id", "sg1.", "sg1.short.x", f"sg1.{'A' * 22}.", f"sg1.{'A' * 21}B.x", f"sg2.{'A' * 22}.x"],
)
def test_an_id_of_another_form_is_the_stores_alone(bare: str) -> None:
    """`B` at the end would set bits that the tag does not have: two ids for one upload."""
    assert parse_upload_id(bare) == (None, bare)
