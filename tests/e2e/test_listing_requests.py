"""What a listing of sealed objects costs: one request to the store for a page, counted on its way there."""

import os
import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from tests.e2e.at_rest import plaintext
from tests.e2e.migrating import Migrating
from tests.e2e.uploads import MIB, SMALLEST, Upload

PREFIX = "sizes/"
OPERATIONS = ["list_objects", "list_objects_v2", "list_object_versions"]


@pytest.fixture(scope="module")
def bucket(service: Migrating) -> str:
    """One of its own: other tests give the service's buckets versions."""
    name = f"sizes-{uuid.uuid4()}"
    service.s3.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="module")
def sizes(service: Migrating, bucket: str, raw: Any) -> Mapping[str, int]:
    """Sealed objects of each kind, and the sizes of their plaintexts."""
    s3 = service.s3
    own = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": os.urandom(32)}
    wishes: dict[str, tuple[int, dict[str, Any]]] = {
        "empty": (0, {}),
        "one": (1, {}),
        "border": (65_537, {"ServerSideEncryption": "aws:kms"}),
        "own key": (70_000, own),
        "two layers": (3 * MIB, {"ServerSideEncryption": "aws:kms:dsse"}),
    }
    for name, (size, wish) in wishes.items():
        s3.put_object(Bucket=bucket, Key=PREFIX + name, Body=plaintext(size), **wish)
    upload = Upload(s3, bucket, f"{PREFIX}parts")
    upload.parts({3: SMALLEST + 1, 7: 6 * MIB - 1, 9_999: 5})
    upload.complete(3, 7, 9_999)
    copied_by_others(raw, bucket, f"{PREFIX}parts", f"{PREFIX}recut")
    found = {f"{PREFIX}{name}": size for name, (size, _) in wishes.items()}
    return found | dict.fromkeys((f"{PREFIX}parts", f"{PREFIX}recut"), SMALLEST + 6 * MIB + 5)


def copied_by_others(raw: Any, bucket: str, key: str, to: str) -> None:
    """As a tool copies that knows nothing of what is in it: metadata and all, in parts of its own."""
    stored = raw.get_object(Bucket=bucket, Key=key)
    body = stored["Body"].read()
    upload = Upload(raw, bucket, to, Metadata=stored["Metadata"])
    for number, first in enumerate(range(0, len(body), 7 * MIB), start=1):
        upload.part(number, body[first : first + 7 * MIB])
    upload.complete()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_page_is_one_request_and_has_true_sizes(
    service: Migrating, bucket: str, sizes: Mapping[str, int], operation: str
) -> None:
    """Whatever they are sealed under, whatever their parts are, and whoever cut them anew."""
    with service.asked() as requests:
        answer = getattr(service.s3, operation)(Bucket=bucket, Prefix=PREFIX)

    shown = answer["Versions"] if operation == "list_object_versions" else answer["Contents"]
    assert {each["Key"]: each["Size"] for each in shown} == sizes
    assert [each.partition("?")[0] for each in requests] == [f"GET /{bucket}"]


def test_every_page_of_several_is_one_request(
    service: Migrating, bucket: str, sizes: Mapping[str, int]
) -> None:
    pages = service.s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=PREFIX, PaginationConfig={"PageSize": 3}
    )
    with service.asked() as requests:
        found = {each["Key"]: each["Size"] for page in pages for each in page["Contents"]}

    assert found == sizes
    assert len(requests) == -(-len(sizes) // 3)
