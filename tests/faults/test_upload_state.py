"""State of an upload that somebody at the store has changed: an S3 error, a finding in the trail, no object.

The second replica has nothing in memory, so it believes what lies there as far as it proves itself.
"""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import plaintext
from tests.e2e.sdk import refused
from tests.e2e.uploads import SMALLEST, Upload
from tests.faults.evidence import Evidence
from tests.faults.replicas import Replicas, bucket_of

BUCKET = bucket_of("steps")


@pytest.fixture(scope="module")
def found(pair: Replicas) -> Evidence:
    """What the second replica says."""
    return Evidence(pair.services[1])


class Kept:
    """One upload's state, as the store's owner sees it."""

    def __init__(self, raw: Any, upload: Upload) -> None:
        self.raw, self.upload = raw, upload

    def name(self, kind: str) -> str:
        listed = self.raw.list_objects_v2(Bucket=BUCKET, Prefix=f"{self.upload.state}{kind}")["Contents"]
        [only] = [each["Key"] for each in listed]
        return str(only)

    def body(self, kind: str) -> bytes:
        return bytes(self.raw.get_object(Bucket=BUCKET, Key=self.name(kind))["Body"].read())

    def write(self, kind: str, body: bytes) -> None:
        self.raw.put_object(Bucket=BUCKET, Key=self.name(kind), Body=body)


def flipped(body: bytes, at: int) -> bytes:
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]


def violated(found: Evidence, step: Callable[[], Any]) -> str:
    """What the trail says of a step that must be refused as damage is."""
    with pytest.raises(ClientError) as caught:
        step()
    assert refused(caught.value) == (403, "InvalidObjectState")
    return found.violation(caught.value.response["ResponseMetadata"]["RequestId"])


@pytest.mark.parametrize("from_end", [1, 20, 60])
def test_an_altered_upload_record(pair: Replicas, raw: Any, found: Evidence, key: str, from_end: int) -> None:
    upload = Upload(pair.one, BUCKET, key)
    kept = Kept(raw, upload)
    body = kept.body("upload-")
    kept.write("upload-", flipped(body, len(body) - from_end))

    assert "upload record" in violated(found, lambda: upload.part(1, b"x", through=pair.other))

    kept.write("upload-", body)
    upload.part(1, b"x", through=pair.other)


def test_another_uploads_record_in_its_place(pair: Replicas, raw: Any, found: Evidence, key: str) -> None:
    """Whoever knows the keys of one upload would have the parts of the other sealed under them."""
    upload, other = (Upload(pair.one, BUCKET, name) for name in (key, f"{key}-2"))
    Kept(raw, upload).write("upload-", Kept(raw, other).body("upload-"))

    for step in (
        lambda: upload.part(1, b"x", through=pair.other),
        lambda: pair.other.list_parts(**named(upload)),
    ):
        assert "another upload's record" in violated(found, step)


def test_an_older_uploads_record_of_the_same_name(
    pair: Replicas, raw: Any, found: Evidence, key: str
) -> None:
    """Also where its name in the clear is made to fit."""
    upload, other = (Upload(pair.one, BUCKET, key) for _ in range(2))
    theirs, ours = (each.id.split(".", 2)[2].encode() for each in (other, upload))
    assert len(theirs) == len(ours)
    Kept(raw, upload).write("upload-", Kept(raw, other).body("upload-").replace(theirs, ours))

    assert "upload record" in violated(found, lambda: upload.part(1, b"x", through=pair.other))


def test_an_upload_record_that_is_gone(pair: Replicas, raw: Any, key: str) -> None:
    upload = Upload(pair.one, BUCKET, key)
    raw.delete_object(Bucket=BUCKET, Key=Kept(raw, upload).name("upload-"))

    with pytest.raises(ClientError) as caught:
        upload.part(1, b"x", through=pair.other)

    assert refused(caught.value) == (404, "NoSuchUpload")


@pytest.mark.parametrize(
    "change",
    [
        lambda body: flipped(body, 30),
        lambda body: body[:60],
        lambda body: flipped(body, 3),
        lambda body: body[:-1],
        lambda body: body.replace(body[-128:-116], bytes(12)),
    ],
    ids=["record", "cut record", "mark", "cut bytes", "another run id"],
)
def test_an_altered_record_of_a_kept_part(
    *, pair: Replicas, raw: Any, found: Evidence, key: str, change: Callable[[bytes], bytes]
) -> None:
    """The record, or the kept bytes behind it: 100 bytes of plaintext make a run of 128."""
    upload = Upload(pair.one, BUCKET, key)
    upload.part(1, plaintext(100))
    kept = Kept(raw, upload)
    body = kept.body("part-1-")
    kept.write("part-1-", change(body))

    assert violated(found, lambda: upload.complete(through=pair.other))

    with pytest.raises(raw.exceptions.ClientError):
        raw.head_object(Bucket=BUCKET, Key=key)
    kept.write("part-1-", body)
    upload.complete(through=pair.other)


def test_the_record_of_another_part(pair: Replicas, raw: Any, found: Evidence, key: str) -> None:
    """Or of another attempt: each record is bound to number and ETag."""
    upload = Upload(pair.one, BUCKET, key)
    upload.part(1, plaintext(SMALLEST))
    upload.part(2, b"second")
    upload.part(3, b"third!")
    kept = Kept(raw, upload)
    kept.write("part-3-", kept.body("part-2-"))

    assert "part record" in violated(found, lambda: upload.complete(1, 3, through=pair.other))


def test_a_part_that_was_put_there_unsealed(pair: Replicas, raw: Any, found: Evidence, key: str) -> None:
    """By somebody at the store: its size is that of no run, or what it holds is found when it is read."""
    upload = Upload(pair.one, BUCKET, key)
    store_id = upload.id.split(".", 2)[2]
    # The store takes no part of another checksum than the upload began with.
    one = {"UploadId": store_id, "PartNumber": 1, "ChecksumAlgorithm": "CRC32C"}
    part = raw.upload_part(Bucket=BUCKET, Key=key, Body=b"x" * 10, **one)

    wished = [{"PartNumber": 1, "ETag": part["ETag"]}]
    assert "not sealed" in violated(found, lambda: upload.complete_with(wished, through=pair.other))


def named(upload: Upload) -> dict[str, str]:
    return {**upload.name, "UploadId": upload.id}
