"""Reading multipart objects: whole, by ranges over the borders of parts, and part by part."""

import base64
import zlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import plaintext
from tests.e2e.made_parts import EVEN, ODD, Parted, PartsMaker, runs_of
from tests.e2e.sdk import refused
from tests.e2e.wire import send
from tests.recovery.sealing import M, column
from tests.stores.sealgate import Sealgate

S = 65_536
SHAPES = {
    "odd": ODD,
    "even": EVEN,
    "one empty part": {1: 0},
    "one byte": {1: 1},
    "number 10,000 alone": {10_000: S},
    "an empty end": {1: M, 2: 0},
}


@pytest.fixture(scope="module")
def objects(make_parts: PartsMaker, bucket: str) -> dict[str, Parted]:
    return {name: make_parts(bucket, name, parts) for name, parts in SHAPES.items()}


@pytest.mark.parametrize("name", SHAPES)
def test_a_multipart_object_is_read_whole(s3: Any, objects: dict[str, Parted], name: str) -> None:
    """For the first time, and again when its parts are known."""
    made = objects[name]
    for _ in range(2):
        got = s3.get_object(Bucket=made.bucket, Key=name)

        assert got["Body"].read() == made.plain
        assert got["ContentLength"] == len(made.plain)
        assert "ContentRange" not in got
        assert "PartsCount" not in got
        assert got["ContentType"] == "text/parts"
        assert got["Metadata"] == {"color": "blue"}
        assert got["ServerSideEncryption"] == "aws:kms"


@pytest.mark.parametrize("name", SHAPES)
def test_head_tells_the_plaintexts_size(s3: Any, objects: dict[str, Parted], name: str) -> None:
    head = s3.head_object(Bucket=objects[name].bucket, Key=name)

    assert head["ContentLength"] == len(objects[name].plain)
    assert head["Metadata"] == {"color": "blue"}
    assert "PartsCount" not in head


def borders(made: Parted) -> list[int]:
    """The first byte of each part and of some segments, and their neighbours."""
    ends, at = [0], 0
    for run in made.runs:
        at += len(run.plain)
        ends.append(at)
    near = {end + step for end in (*ends, S, M - S) for step in (-1, 0, 1)}
    return sorted(place for place in near if 0 <= place < at)


@pytest.mark.parametrize("name", ["odd", "even", "an empty end"])
def test_closed_ranges_over_every_border_give_their_bytes(
    s3: Any, objects: dict[str, Parted], name: str
) -> None:
    made = objects[name]
    places = borders(made)
    for first in places:
        for last in (*[place for place in places if place >= first][:4], places[-1]):
            got = s3.get_object(Bucket=made.bucket, Key=name, Range=f"bytes={first}-{last}")

            assert got["Body"].read() == made.plain[first : last + 1], (first, last)
            assert got["ContentRange"] == f"bytes {first}-{last}/{len(made.plain)}"
            assert got["ResponseMetadata"]["HTTPStatusCode"] == 206


@pytest.mark.parametrize("name", ["odd", "even", "one byte", "an empty end"])
def test_open_and_suffix_ranges_reach_the_end(s3: Any, objects: dict[str, Parted], name: str) -> None:
    made = objects[name]
    size = len(made.plain)
    for first in borders(made)[-5:]:
        for wanted in (f"bytes={first}-", f"bytes=-{size - first}", f"bytes={first}-{10**12}"):
            got = s3.get_object(Bucket=made.bucket, Key=name, Range=wanted)
            head = s3.head_object(Bucket=made.bucket, Key=name, Range=wanted)

            assert got["Body"].read() == made.plain[first:], wanted
            assert got["ContentRange"] == head["ContentRange"] == f"bytes {first}-{size - 1}/{size}"


@pytest.mark.parametrize("how", ["bytes=0-9", f"bytes={M - 5}-{M + 5}", "bytes=-10", "bytes=77-"])
@pytest.mark.parametrize("parts", [EVEN, ODD], ids=["even", "odd"])
def test_the_first_read_of_an_object_may_be_any_range(
    *, s3: Any, make_parts: PartsMaker, bucket: str, key: str, parts: dict[int, int], how: str
) -> None:
    """Where its parts lie is not known then."""
    made = make_parts(bucket, key, parts)

    got = s3.get_object(Bucket=bucket, Key=key, Range=how)["Body"].read()

    first, last = how.removeprefix("bytes=").split("-")
    expected = made.plain[-int(last) :] if not first else made.plain[int(first) : int(last or 10**12) + 1]
    assert got == expected


@pytest.mark.parametrize("wanted", [f"bytes={10**9}-", "bytes=-0"])
@pytest.mark.parametrize("name", ["odd", "even", "one empty part"])
def test_a_range_without_a_byte_is_refused_with_the_true_size(
    s3: Any, objects: dict[str, Parted], name: str, wanted: str
) -> None:
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=objects[name].bucket, Key=name, Range=wanted)

    assert refused(caught.value) == (416, "InvalidRange")
    assert caught.value.response["Error"]["ActualObjectSize"] == str(len(objects[name].plain))


@pytest.mark.parametrize("name", SHAPES)
def test_each_part_is_read_by_its_number(s3: Any, objects: dict[str, Parted], name: str) -> None:
    made = objects[name]
    at = 0
    for run in made.runs:
        got = s3.get_object(Bucket=made.bucket, Key=name, PartNumber=run.number)
        head = s3.head_object(Bucket=made.bucket, Key=name, PartNumber=run.number)

        assert got["Body"].read() == run.plain
        for answer in (got, head):
            assert answer["PartsCount"] == len(made.runs)
            assert answer["ContentLength"] == len(run.plain)
            status = answer["ResponseMetadata"]["HTTPStatusCode"]
            if run.plain:
                last = at + len(run.plain) - 1
                assert (status, answer["ContentRange"]) == (206, f"bytes {at}-{last}/{len(made.plain)}")
            else:
                assert status == 200
                assert "ContentRange" not in answer
        at += len(run.plain)


def test_a_part_may_be_the_first_thing_that_is_read(
    s3: Any, make_parts: PartsMaker, bucket: str, key: str
) -> None:
    made = make_parts(bucket, key, ODD)

    assert s3.get_object(Bucket=bucket, Key=key, PartNumber=9_999)["Body"].read() == made.runs[2].plain


@pytest.mark.parametrize("number", [1, 2, 6, 9_998])
def test_a_number_that_the_object_does_not_have_is_refused(
    s3: Any, objects: dict[str, Parted], number: int
) -> None:
    for ask in (s3.get_object, s3.head_object):
        with pytest.raises(ClientError) as caught:
            ask(Bucket=objects["odd"].bucket, Key="odd", PartNumber=number)

        assert refused(caught.value) in {(416, "InvalidPartNumber"), (416, "416")}


@pytest.mark.parametrize("number", ["0", "10001", "-1", "x", "", "1" * 30])
def test_what_is_no_number_of_a_part_is_refused(
    sealgate: Sealgate, objects: dict[str, Parted], number: str
) -> None:
    answer = send("GET", f"{sealgate.url}/{objects['odd'].bucket}/odd?partNumber={number}")

    assert (answer.status, answer.code) == (400, "InvalidArgument")


def test_a_range_of_a_part_is_refused(s3: Any, objects: dict[str, Parted]) -> None:
    """As S3 does: one or the other."""
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=objects["odd"].bucket, Key="odd", PartNumber=3, Range="bytes=0-1")

    assert refused(caught.value) == (400, "InvalidRequest")


def test_conditions_hold_for_parts_and_ranges(s3: Any, objects: dict[str, Parted]) -> None:
    """They are the store's to decide, whatever we ask it for beside them."""
    where = {"Bucket": objects["odd"].bucket, "Key": "odd"}
    etag = s3.head_object(**where)["ETag"]
    for more in ({"PartNumber": 4}, {"Range": "bytes=9-10"}, {"Range": "bytes=-5"}, {}):
        assert s3.get_object(**where, IfMatch=etag, **more)["Body"].read()
        with pytest.raises(ClientError) as caught:
            s3.get_object(**where, IfMatch='"other"', **more)
        assert refused(caught.value) == (412, "PreconditionFailed")
        with pytest.raises(ClientError) as caught:
            s3.get_object(**where, IfNoneMatch=etag, **more)
        assert refused(caught.value)[0] == 304


def test_an_overwritten_object_is_read_anew(
    s3: Any, make_parts: PartsMaker, bucket: str, key: str, sealgate: Sealgate
) -> None:
    """What is remembered of a name is a guess: neither old bytes nor an alarm come of it."""
    before = sealgate.metrics().count("integrity_violation")
    for parts in (ODD, EVEN, {1: 5}, ODD, None, EVEN):
        plain = b"one part" * 100_000
        if parts is None:
            s3.put_object(Bucket=bucket, Key=key, Body=plain)
            numbers = {1: plain}
        else:
            made = make_parts(bucket, key, parts)
            plain = made.plain
            numbers = {run.number: run.plain for run in made.runs}

        assert s3.get_object(Bucket=bucket, Key=key, Range="bytes=-5")["Body"].read() == plain[-5:]
        assert s3.get_object(Bucket=bucket, Key=key, Range="bytes=0-3")["Body"].read() == plain[:4]
        for number, part in numbers.items():
            assert s3.get_object(Bucket=bucket, Key=key, PartNumber=number)["Body"].read() == part
        far = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={len(plain) - 2}-")
        assert far["Body"].read() == plain[-2:]
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == plain
    assert sealgate.metrics().count("integrity_violation") == before


def crc32(plain: bytes) -> bytes:
    return zlib.crc32(plain).to_bytes(4, "big")


def text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


CRC32, COMPOSITE = 2, 0x80


def test_checksums_of_the_whole_and_of_parts_come_from_the_index(
    s3: Any, make_parts: PartsMaker, bucket: str, key: str
) -> None:
    """Composite ones say of how many parts, as S3 writes them; the SDK checks each part's."""
    runs = runs_of({1: M, 2: M, 3: 9})
    of_parts = [crc32(run.plain) for run in runs]
    composite = crc32(b"".join(of_parts))
    more = column(3, bytes([CRC32 | COMPOSITE]) + composite) + column(4, bytes([CRC32]) + b"".join(of_parts))
    make_parts.put(make_parts.made(bucket, key, runs, more_columns=more))

    for ask in (s3.get_object, s3.head_object):
        whole = ask(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        assert whole["ChecksumCRC32"] == text(composite) + "-3"
        assert whole["ChecksumType"] == "COMPOSITE"
        for run, digest in zip(runs, of_parts, strict=True):
            part = ask(Bucket=bucket, Key=key, PartNumber=run.number, ChecksumMode="ENABLED")
            assert part["ChecksumCRC32"] == text(digest)
            assert part["ChecksumType"] == "COMPOSITE"
            if "Body" in part:
                assert part["Body"].read() == run.plain
        some = ask(Bucket=bucket, Key=key, Range="bytes=1-2", ChecksumMode="ENABLED")
        assert "ChecksumCRC32" not in some
    assert "ChecksumCRC32" not in s3.head_object(Bucket=bucket, Key=key)


def test_a_full_checksum_is_the_whole_objects(s3: Any, make_parts: PartsMaker, bucket: str, key: str) -> None:
    runs = runs_of({1: M, 2: 7})
    full = crc32(b"".join(run.plain for run in runs))
    make_parts.put(make_parts.made(bucket, key, runs, more_columns=column(3, bytes([CRC32]) + full)))

    got = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")

    assert (got["ChecksumCRC32"], got["ChecksumType"]) == (text(full), "FULL_OBJECT")
    assert len(got["Body"].read()) == M + 7
    part = s3.head_object(Bucket=bucket, Key=key, PartNumber=1, ChecksumMode="ENABLED")
    assert "ChecksumCRC32" not in part


def test_what_was_uploaded_in_parts_is_read_in_every_way(s3: Any, bucket: str, key: str) -> None:
    """The product's own writer, with the checksums that an SDK sends."""
    sizes = {2: M + 7, 5: M, 9: 100_001}
    plain = {number: plaintext(size, number) for number, size in sizes.items()}
    where = {"Bucket": bucket, "Key": key}
    upload = s3.create_multipart_upload(**where, ChecksumAlgorithm="CRC32", ChecksumType="COMPOSITE")
    to = {**where, "UploadId": upload["UploadId"]}
    sent = [
        s3.upload_part(**to, PartNumber=number, Body=body, ChecksumAlgorithm="CRC32")
        for number, body in plain.items()
    ]
    told = [
        {"PartNumber": number, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}
        for number, part in zip(plain, sent, strict=True)
    ]
    s3.complete_multipart_upload(**to, MultipartUpload={"Parts": told})

    whole = b"".join(plain.values())
    got = s3.get_object(**where)
    assert got["Body"].read() == whole
    composite = text(crc32(b"".join(map(crc32, plain.values())))) + "-3"
    assert (got["ChecksumCRC32"], got["ChecksumType"]) == (composite, "COMPOSITE")
    for number, body in plain.items():
        part = s3.get_object(**where, PartNumber=number)
        assert part["Body"].read() == body
        assert (part["PartsCount"], part["ChecksumCRC32"]) == (3, text(crc32(body)))
    assert s3.get_object(**where, Range=f"bytes={M}-{M + 20}")["Body"].read() == whole[M : M + 21]
    found = s3.get_object_attributes(**where, ObjectAttributes=["Checksum", "ObjectParts", "ObjectSize"])
    assert found["ObjectSize"] == len(whole)
    assert [part["Size"] for part in found["ObjectParts"]["Parts"]] == list(sizes.values())
