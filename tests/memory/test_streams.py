"""Bodies that pass through as they are, and copies that are read here and written anew, flow: both ways."""

from typing import Any

import pytest
import urllib3

from tests.faults.steps import Fate, MadeUp, Step, Verdict
from tests.memory.measured import BUCKET, MIB, PLAIN, Measured, Zeros, client, peak_of
from tests.memory.places import Place

SIZE = 192 * MIB
MOST_MIB = 24
"""Buffers of one transfer are below 2 MB; the allocator, and what a first use imports, take the rest."""


def drained(body: Any) -> int:
    return sum(len(piece) for piece in body.iter_chunks(MIB))


@pytest.fixture(scope="module")
def passed(loaded: Measured) -> str:
    """An object that lies on the store as it is, written in bounded memory."""
    with peak_of(loaded.service) as peak:
        client(loaded.service).put_object(Bucket=PLAIN, Key="passed", Body=Zeros(SIZE))
    assert peak.mib < MOST_MIB
    return "passed"


def test_a_body_passes_through_both_ways_in_bounded_memory(loaded: Measured, passed: str) -> None:
    with peak_of(loaded.service) as peak:
        length = drained(client(loaded.service).get_object(Bucket=PLAIN, Key=passed)["Body"])

    assert (length, peak.mib < MOST_MIB) == (SIZE, True)


def test_a_part_passes_through_in_bounded_memory(loaded: Measured) -> None:
    s3, name = client(loaded.service), {"Bucket": PLAIN, "Key": "parts"}
    upload = s3.create_multipart_upload(**name)["UploadId"]
    with peak_of(loaded.service) as peak:
        s3.upload_part(**name, UploadId=upload, PartNumber=1, Body=Zeros(64 * MIB))
    s3.abort_multipart_upload(**name, UploadId=upload)

    assert peak.mib < MOST_MIB


def test_a_copy_of_plaintext_is_sealed_in_bounded_memory(loaded: Measured, passed: str) -> None:
    s3 = client(loaded.service)
    with peak_of(loaded.service) as peak:
        s3.copy_object(Bucket=BUCKET, Key="sealed", CopySource={"Bucket": PLAIN, "Key": passed})

    assert peak.mib < MOST_MIB
    assert s3.head_object(Bucket=BUCKET, Key="sealed")["ContentLength"] == SIZE


def test_parts_copied_from_ranges_are_sealed_in_bounded_memory(loaded: Measured, passed: str) -> None:
    """Of a sealed object, across segments, and of a plain one."""
    s3, name = client(loaded.service), {"Bucket": BUCKET, "Key": "copied"}
    upload = s3.create_multipart_upload(**name)["UploadId"]
    wanted = f"bytes=12345-{12345 + SIZE - 1}"
    with peak_of(loaded.service) as peak:
        parts = [
            s3.upload_part_copy(
                **name, UploadId=upload, PartNumber=number, CopySource=source, CopySourceRange=each
            )["CopyPartResult"]["ETag"]
            for number, source, each in (
                (1, {"Bucket": BUCKET, "Key": "1024"}, wanted),
                (2, {"Bucket": PLAIN, "Key": passed}, f"bytes=7-{64 * MIB}"),
            )
        ]
    listed = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(parts, start=1)]
    s3.complete_multipart_upload(**name, UploadId=upload, MultipartUpload={"Parts": listed})

    assert peak.mib < MOST_MIB
    assert s3.head_object(**name)["ContentLength"] == SIZE + 64 * MIB - 6


def test_a_stores_answer_flows_through_however_long_it_is(place: Place) -> None:
    """What is forwarded is not held: here the rules of a lifecycle, which no store has so many of."""
    rule = "<Rule><ID>a</ID><Status>Enabled</Status><Filter/></Rule>"
    count = 96 * MIB // len(rule)
    document = f"<LifecycleConfiguration>{rule * count}</LifecycleConfiguration>"

    def made_up(step: Step) -> Verdict:
        return MadeUp(document=document) if "lifecycle" in step.query else Fate.PASS

    named = {"Bucket": place.bucket}
    url = client(place.service).generate_presigned_url("get_bucket_lifecycle_configuration", named)
    with (
        place.relay.ruled(made_up),
        peak_of(place.service) as peak,
        urllib3.request("GET", url, preload_content=False) as answer,
    ):
        length = sum(len(piece) for piece in answer.stream(MIB))

    assert (length, peak.mib < MOST_MIB) == (len(document), True)
