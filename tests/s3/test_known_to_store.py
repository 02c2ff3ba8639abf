"""What a store does not know is not asked of it: neither as an operation nor as a header."""

import pytest

from proxy.s3.errors import S3Error
from proxy.s3.operation_rows import ROWS, Level, Operation
from proxy.s3.operations import changes_sub_resource, classify, refuse_unknown_to_store
from proxy.s3.request import S3Request, parse_request
from proxy.s3.treatments import Treatment
from proxy.upstream.capabilities import PRESETS


def read(method: str, target: str, headers: dict[str, str] | None = None) -> S3Request:
    return parse_request(method=method, target=target, headers=headers or {}, domains=())


NEEDED = [row for row in ROWS if changes_sub_resource(row)]


@pytest.mark.parametrize("one", NEEDED, ids=lambda one: one.name)
def test_a_store_must_be_known_to_have_what_would_else_be_something_plainer(one: Operation) -> None:
    """Without its word in the query each of these makes or deletes an object or a bucket."""
    target = "/bucket/key" if one.level is Level.OBJECT else "/bucket"
    request = read(one.method, f"{target}?{'&'.join(f'{name}=1' for name in one.markers)}")

    refuse_unknown_to_store(one, request, {one.name})
    with pytest.raises(S3Error, match=one.name) as caught:
        refuse_unknown_to_store(one, request, {other.name for other in ROWS} - {one.name})
    assert caught.value.code == "NotImplemented"


def test_what_needs_no_knowledge_is_what_every_store_has() -> None:
    plain = {
        row.name for row in ROWS if row.treatment is Treatment.FORWARD and row.method not in {"GET", "HEAD"}
    }

    assert plain - {row.name for row in NEEDED} == {"CreateBucket"}


@pytest.mark.parametrize(
    ("method", "target", "header", "value", "needed"),
    [
        ("PUT", "/bucket/key", "x-amz-tagging", "a=b", "PutObjectTagging"),
        ("PUT", "/bucket/key", "x-amz-acl", "public-read", "PutObjectAcl"),
        ("PUT", "/bucket/key", "x-amz-grant-read", "id=1", "PutObjectAcl"),
        ("PUT", "/bucket/key", "x-amz-object-lock-mode", "GOVERNANCE", "PutObjectRetention"),
        ("PUT", "/bucket/key", "x-amz-object-lock-legal-hold", "ON", "PutObjectLegalHold"),
        ("POST", "/bucket/key?uploads", "x-amz-tagging", "a=b", "PutObjectTagging"),
        ("PUT", "/bucket", "x-amz-acl", "public-read", "PutBucketAcl"),
        ("PUT", "/bucket", "x-amz-bucket-object-lock-enabled", "true", "PutObjectLockConfiguration"),
    ],
)
def test_a_header_is_no_way_around_it(method: str, target: str, header: str, value: str, needed: str) -> None:
    """A store that drops a retention in silence leaves the client believing in it."""
    request = read(method, target, {header: value})
    operation = classify(request)

    refuse_unknown_to_store(operation, request, {needed})
    with pytest.raises(S3Error, match=needed) as caught:
        refuse_unknown_to_store(operation, request, ())
    assert (caught.value.code, caught.value.fields["Header"]) == ("NotImplemented", header)


@pytest.mark.parametrize("target", ["/bucket/key", "/bucket"])
def test_what_is_the_default_anyway_may_be_asked_of_every_store(target: str) -> None:
    request = read("PUT", target, {"x-amz-acl": "private"})

    refuse_unknown_to_store(classify(request), request, ())


def test_presets_know_operations_that_there_are() -> None:
    judged = {
        "PutBucketPolicy",
        "DeleteBucketPolicy",
    }  # in part here: their handler asks whether it knows them
    names = {row.name for row in NEEDED} | judged

    assert PRESETS["aws"].knows == names
    assert [preset for preset, store in PRESETS.items() if not store.knows <= names] == []
