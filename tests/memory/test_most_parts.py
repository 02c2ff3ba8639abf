"""Objects of 9,999 parts. S3's rules make one at least 50 GB large, so each side is tried by itself.

Complete: a relay says that the store has 9,999 parts, of odd sizes, which nobody has sent; all else is the
store's. Reading: a real object of as many parts as small as the format's sizes allow, sealed by the tests.
"""

import io
import os
from typing import Any

import pytest

from recovery.open import open_object
from recovery.sizes import SEGMENT, SMALLEST_PART, run_size, sealed_size
from tests.e2e.at_rest import AtRest
from tests.e2e.made_parts import MULTIPART_KMS
from tests.faults.steps import Fate, MadeUp, Step, Verdict
from tests.memory.places import Place
from tests.memory.resident import resident_mib
from tests.recovery.sealing import Run, header_of, name, parts_column, seal_index, seal_run, wrap

BUCKET = Place.bucket
COUNT = 9_999
HELD_MIB = 32
"""A Complete of so many parts takes 22 MB out of the memory budget; the allocator keeps some more."""
PAGE = 1000
ODD = {number: SMALLEST_PART + number % 3 for number in range(1, COUNT + 1)}


class Imagined:
    """A store's word for parts that nobody has sent; what is sent to it now, it keeps."""

    def __init__(self) -> None:
        self.tail = b""
        self.listed = b""

    def __call__(self, step: Step) -> Verdict:
        if step.name == "parts":
            return MadeUp(document=self._page(int(step.query.get("part-number-marker", "0"))))
        if step.name == "part":
            assert step.query["partNumber"] == "10000"
            self.tail = step.body
        if step.name == "complete":
            self.listed = step.body
            etag = "<ETag>&quot;whole&quot;</ETag>"
            return MadeUp(document=f"<CompleteMultipartUploadResult>{etag}</CompleteMultipartUploadResult>")
        return Fate.PASS

    def _page(self, after: int) -> str:
        numbers = range(after + 1, min(after + PAGE, COUNT) + 1)
        parts = "".join(
            f"<Part><PartNumber>{n}</PartNumber><ETag>{n:032x}</ETag><Size>{run_size(ODD[n])}</Size></Part>"
            for n in numbers
        )
        more = str(numbers[-1] < COUNT).lower()
        return (
            f"<ListPartsResult><IsTruncated>{more}</IsTruncated>"
            f"<NextPartNumberMarker>{numbers[-1]}</NextPartNumberMarker>{parts}</ListPartsResult>"
        )


class Hollow(io.RawIOBase):
    """A body of which only the tail is there."""

    def __init__(self, size: int, tail: bytes) -> None:
        self._size, self._tail, self._at = size, tail, 0

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + {0: 0, 1: self._at, 2: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        begin = self._at - (self._size - len(self._tail))
        assert begin >= 0, "only the tail is there"
        found = self._tail[begin:] if size < 0 else self._tail[begin : begin + size]
        self._at += len(found)
        return found


def test_a_complete_of_the_most_parts_takes_bounded_memory(place: Place) -> None:
    """Its index is read by those who know the format's page alone."""
    wish = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": place.key_arn}
    upload_id = place.s3.create_multipart_upload(Bucket=BUCKET, Key="complete", **wish)["UploadId"]
    named = {"Bucket": BUCKET, "Key": "complete", "UploadId": upload_id}
    parts = [{"PartNumber": number, "ETag": f"{number:032x}"} for number in ODD]
    before, imagined = resident_mib(place.service), Imagined()

    with place.relay.ruled(imagined):
        done = place.s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    held = resident_mib(place.service) - before

    assert done["ETag"] == '"whole"'
    assert imagined.listed.count(b"<Part>") == COUNT + 1
    assert held < HELD_MIB
    store_id = upload_id.split(".", 2)[2]
    etag = place.raw.list_parts(Bucket=BUCKET, Key="complete", UploadId=store_id)["Parts"][0]["ETag"]
    place.raw.complete_multipart_upload(
        Bucket=BUCKET,
        Key="complete",
        UploadId=store_id,
        MultipartUpload={"Parts": [{"PartNumber": 10_000, "ETag": etag}]},
    )
    header = place.raw.head_object(Bucket=BUCKET, Key="complete")["Metadata"]["sealgate"]
    body: Any = Hollow(sealed_size(sum(ODD.values())), imagined.tail)
    unwrap = AtRest(place.raw, place.kms).unwrap
    opened = open_object(body, header, bucket=BUCKET, key=b"complete", unwrap=unwrap)
    assert {part.number: part.plain_size for part in opened.parts} == ODD


@pytest.fixture(scope="module")
def made(place: Place, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The plaintext of each part of an object that lies on the store."""
    plain, content_key, run_id = os.urandom(SEGMENT), os.urandom(32), os.urandom(12)
    of = name(BUCKET, b"read")
    data_key = place.kms.generate_data_key(
        KeyId=place.key_arn, KeySpec="AES_256", EncryptionContext={"aws:s3:arn": f"arn:aws:s3:::{BUCKET}"}
    )
    fields = {
        0x01: os.urandom(16),
        0x03: data_key["KeyId"].encode(),
        0x04: data_key["CiphertextBlob"],
        0x05: wrap(data_key["Plaintext"], content_key, os.urandom(16), of),
        0x07: BUCKET.encode(),
    }
    # The last number is 10,000, so that there are two groups.
    columns = parts_column([(1, COUNT - 1, SEGMENT), (10_000, 1, SEGMENT)])
    index = seal_index(columns, content_key)
    path = tmp_path_factory.mktemp("made") / "body"
    with path.open("wb") as body:
        for number in [*range(1, COUNT), 10_000]:
            body.write(seal_run(Run(number, run_id, plain), content_key))
        room = sealed_size(COUNT * SEGMENT) - body.tell() - len(index) - 8
        body.write(bytes(room) + index + len(index).to_bytes(4, "big") + b"SGB1")
    with path.open("rb") as body:
        header = header_of(MULTIPART_KMS, fields, content_key, of)
        place.raw.put_object(Bucket=BUCKET, Key="read", Body=body, Metadata={"sealgate": header})
    path.unlink()
    return plain


def test_reads_of_the_most_parts_take_bounded_memory(place: Place, made: bytes) -> None:
    """Parts by number, ranges over their borders, and the list of them."""
    named: dict[str, Any] = {"Bucket": BUCKET, "Key": "read"}
    before = resident_mib(place.service)

    last = place.s3.get_object(**named, PartNumber=10_000)
    border = 5_000 * SEGMENT
    across = place.s3.get_object(**named, Range=f"bytes={border - 9}-{border + 10}")
    asked = {"ObjectAttributes": ["ObjectParts", "ObjectSize"], "MaxParts": 3, "PartNumberMarker": COUNT - 3}
    told = place.s3.get_object_attributes(**named, **asked)

    assert (last["PartsCount"], last["ContentLength"], last["Body"].read()) == (COUNT, SEGMENT, made)
    assert across["Body"].read() == made[-9:] + made[:11]
    assert told["ObjectSize"] == COUNT * SEGMENT
    assert told["ObjectParts"]["TotalPartsCount"] == COUNT
    assert resident_mib(place.service) - before < HELD_MIB
