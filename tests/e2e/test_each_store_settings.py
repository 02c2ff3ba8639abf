"""Settings in front of each store: what its preset knows works, and nothing else reaches it."""

import pytest
from botocore.exceptions import ClientError

from proxy.s3.operation_rows import ROWS, Level, Operation
from proxy.s3.operations import changes_sub_resource
from tests.e2e.at_rest import plaintext
from tests.e2e.fronts import Front
from tests.e2e.sdk import refused
from tests.e2e.wire import send

PLAIN = plaintext(2000)
TAGS = [{"Key": "team", "Value": "storage"}]


@pytest.fixture(scope="module")
def bucket(front: Front) -> str:
    return front.bucket()


def test_tags_come_and_go_and_the_object_stays(front: Front, bucket: str) -> None:
    named = {"Bucket": bucket, "Key": "tagged"}
    front.put(bucket, "tagged", PLAIN, Tagging="team=storage")
    assert front.s3.get_object_tagging(**named)["TagSet"] == TAGS

    front.s3.delete_object_tagging(**named)
    assert front.s3.get_object_tagging(**named)["TagSet"] == []
    front.s3.put_object_tagging(**named, Tagging={"TagSet": TAGS})

    assert front.s3.get_object_tagging(**named)["TagSet"] == TAGS
    assert front.s3.get_object(**named)["Body"].read() == PLAIN
    front.sealed_on_store(bucket, "tagged", PLAIN)


def test_what_the_store_does_not_know_changes_nothing(front: Front, bucket: str) -> None:
    """Each of these, read past its word, would make or delete an object or a bucket."""
    front.put(bucket, "stays", PLAIN)
    unknown = [row for row in ROWS if changes_sub_resource(row) and row.name not in front.capabilities.knows]

    told = {row.name: asked(front, bucket, row) for row in unknown}

    assert told == dict.fromkeys(told, (501, "NotImplemented", True))
    assert len(told) > 10
    assert front.s3.get_object(Bucket=bucket, Key="stays")["Body"].read() == PLAIN


def asked(front: Front, bucket: str, one: Operation) -> tuple[int, str, bool]:
    """Status and code of the answer, and whether it names the operation."""
    place = f"{bucket}/stays" if one.level is Level.OBJECT else bucket
    query = "&".join(f"{name}=a" if name == "id" else name for name in sorted(one.markers))
    body = b"" if one.method == "DELETE" else b"<a/>"
    answer = send(one.method, f"{front.gate.url}/{place}?{query}", body)
    return answer.status, answer.code, one.name.encode() in answer.body


def test_a_condition_on_a_deletion_is_obeyed_or_refused(front: Front, bucket: str) -> None:
    """A store that does not look at it would delete what was to be kept."""
    front.put(bucket, "kept", PLAIN)
    wrong = f'"{"0" * 32}"'

    with pytest.raises(ClientError) as caught:
        front.s3.delete_object(Bucket=bucket, Key="kept", IfMatch=wrong)
    done = front.s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "kept", "ETag": wrong}]})

    expected = (
        (412, "PreconditionFailed") if front.capabilities.conditional_deletes else (501, "NotImplemented")
    )
    assert refused(caught.value) == expected
    assert [each["Code"] for each in done["Errors"]] == [expected[1]]
    assert front.s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == PLAIN
