"""The bucket that holds the proxy's state, as clients see it: not at all."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import client, refused
from tests.e2e.uploads import SMALLEST, Upload
from tests.e2e.wire import send_as_is
from tests.stores.sealgate import config_for, serving
from tests.stores.seaweedfs import Store

STATE = f"state-{uuid.uuid4()}"
PLAIN = plaintext(1000)


@pytest.fixture(scope="module")
def stated(store: Store, raw: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """boto3 at a service that keeps its state in a bucket of its own."""
    raw.create_bucket(Bucket=STATE)
    directory = tmp_path_factory.mktemp("stated")
    upstreams = config_for(store, directory)["upstreams"]
    upstreams[0]["state"] = f"s3://{STATE}/of/this/proxy"
    with serving(store, directory, upstreams=upstreams) as service, client("s3", service.url) as made:
        yield made


@pytest.fixture(scope="module")
def bucket(stated: Any) -> str:
    name = f"beside-{uuid.uuid4()}"
    stated.create_bucket(Bucket=name)
    stated.put_object(Bucket=name, Key="a", Body=PLAIN)
    return name


def test_state_lies_there_and_nowhere_else(stated: Any, raw: Any, bucket: str) -> None:
    upload = {"Bucket": bucket, "Key": "parts"}
    upload["UploadId"] = stated.create_multipart_upload(**upload)["UploadId"]

    names = [each["Key"] for each in raw.list_objects_v2(Bucket=STATE)["Contents"]]
    assert names
    assert all(name.startswith("of/this/proxy/") for name in names)
    assert [each["Key"] for each in raw.list_objects_v2(Bucket=bucket)["Contents"]] == ["a"]
    stated.abort_multipart_upload(**upload)


def test_versions_in_parts_and_in_one_piece_open_beside_each_other(stated: Any, raw: Any) -> None:
    """Each is what it was, whatever came over it; and of the uploads nothing is left."""
    bucket, key = f"versions-{uuid.uuid4()}", "key"
    stated.create_bucket(Bucket=bucket)
    stated.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    kept = {stated.put_object(Bucket=bucket, Key=key, Body=PLAIN)["VersionId"]: PLAIN}
    for sizes in ({1: SMALLEST, 2: 9}, {4: SMALLEST + 1}):
        upload = Upload(stated, bucket, key)
        upload.parts(sizes)
        kept[upload.complete()["VersionId"]] = upload.whole()
    kept[stated.put_object(Bucket=bucket, Key=key, Body=PLAIN[:7])["VersionId"]] = PLAIN[:7]
    stated.delete_object(Bucket=bucket, Key=key)

    shown = stated.list_object_versions(Bucket=bucket)["Versions"]
    assert {each["VersionId"]: each["Size"] for each in shown} == {
        version: len(plain) for version, plain in kept.items()
    }
    for version, plain in kept.items():
        named = {"Bucket": bucket, "Key": key, "VersionId": version}
        assert stated.get_object(**named)["Body"].read() == plain
        assert stated.get_object(**named, Range="bytes=-3")["Body"].read() == plain[-3:]
        AtRest(raw, None)(bucket, key, plain, version_id=version)
    uploads = [each["Key"] for each in raw.list_objects_v2(Bucket=STATE).get("Contents", [])]
    assert not [name for name in uploads if "/uploads/" in name]


def test_it_is_in_no_list_of_buckets(stated: Any, raw: Any, bucket: str) -> None:
    names = [each["Name"] for each in stated.list_buckets()["Buckets"]]

    assert STATE in [each["Name"] for each in raw.list_buckets()["Buckets"]]
    assert STATE not in names
    assert bucket in names


SOURCE = {"Bucket": STATE, "Key": "x"}
REQUESTS: dict[str, Callable[[Any, str], Any]] = {
    "head": lambda s3, _: s3.head_bucket(Bucket=STATE),
    "list": lambda s3, _: s3.list_objects_v2(Bucket=STATE),
    "versions": lambda s3, _: s3.list_object_versions(Bucket=STATE),
    "uploads": lambda s3, _: s3.list_multipart_uploads(Bucket=STATE),
    "get": lambda s3, _: s3.get_object(Bucket=STATE, Key="x"),
    "put": lambda s3, _: s3.put_object(Bucket=STATE, Key="x", Body=b"x"),
    "delete": lambda s3, _: s3.delete_object(Bucket=STATE, Key="x"),
    "delete many": lambda s3, _: s3.delete_objects(Bucket=STATE, Delete={"Objects": [{"Key": "x"}]}),
    "delete bucket": lambda s3, _: s3.delete_bucket(Bucket=STATE),
    "create upload": lambda s3, _: s3.create_multipart_upload(Bucket=STATE, Key="x"),
    "copy from": lambda s3, bucket: s3.copy_object(Bucket=bucket, Key="x", CopySource=SOURCE),
    "copy to": lambda s3, bucket: s3.copy_object(
        Bucket=STATE, Key="x", CopySource={"Bucket": bucket, "Key": "a"}
    ),
}


@pytest.mark.parametrize("request_for", REQUESTS)
def test_a_request_for_it_finds_no_bucket(stated: Any, bucket: str, request_for: str) -> None:
    with pytest.raises(ClientError) as caught:
        REQUESTS[request_for](stated, bucket)

    assert refused(caught.value) in {(404, "NoSuchBucket"), (404, "404")}


def test_nobody_makes_it(stated: Any) -> None:
    with pytest.raises(ClientError) as caught:
        stated.create_bucket(Bucket=STATE)

    assert refused(caught.value) == (409, "BucketAlreadyExists")


def test_buckets_beside_it_are_served(stated: Any, bucket: str) -> None:
    assert stated.get_object(Bucket=bucket, Key="a")["Body"].read() == PLAIN


def test_a_browser_is_told_nothing_of_it(stated: Any) -> None:
    """Nobody signs that question."""
    asking = {"origin": "https://a.example", "access-control-request-method": "GET"}

    answer = send_as_is("OPTIONS", f"{stated.meta.endpoint_url}/{STATE}/x", headers=asking)

    assert (answer.status, answer.code) == (404, "NoSuchBucket")
