"""Requests that nobody signed: refused, unless a rule leaves them to the store, whose ACLs then decide."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.fronts import Front, front_of
from tests.e2e.sdk import client, refused
from tests.stores.sealgate import ALICE, LIMITED, serving
from tests.stores.seaweedfs import Store

PLAIN = plaintext(100_000)
ANSWERED, UNANSWERED = f"answered-{uuid.uuid4()}", f"unanswered-{uuid.uuid4()}"
JUDGED = f"limited-{uuid.uuid4()}"


@pytest.fixture(scope="module")
def open_front(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """With buckets that anybody may read at the store. Alice answers for anonymous readers of one, and of
    another somebody who may do little.
    """
    rules = [
        {"match": ANSWERED, "anonymous": "forward", "anonymous_as": ALICE.arn},
        {"match": JUDGED, "anonymous": "forward", "anonymous_as": LIMITED.arn},
        {"match": UNANSWERED, "anonymous": "forward"},
    ]
    with serving(store, tmp_path_factory.mktemp("anonymous"), buckets=rules) as gate, front_of(gate) as front:
        for name in (ANSWERED, UNANSWERED):
            front.s3.create_bucket(Bucket=name, ACL="public-read")
            front.s3.put_object(Bucket=name, Key="public", Body=PLAIN, ACL="public-read")
            front.s3.put_object(Bucket=name, Key="private", Body=PLAIN)
        front.s3.create_bucket(Bucket=JUDGED, ACL="public-read-write")
        for name in ("open/public", "open/fresh/public", "closed/public"):
            front.s3.put_object(Bucket=JUDGED, Key=name, Body=PLAIN, ACL="public-read")
        yield front


@pytest.fixture(scope="module")
def nobody(open_front: Front) -> Iterator[Any]:
    with client("s3", open_front.gate.url, signature_version=UNSIGNED) as made:
        yield made


def refusal(operation: Any, **named: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        operation(**named)
    return refused(caught.value)


def test_anybody_lists_what_the_store_lets_anybody_list(nobody: Any) -> None:
    for bucket in (ANSWERED, UNANSWERED):
        listed = nobody.list_objects_v2(Bucket=bucket)["Contents"]
        assert {(each["Key"], each["Size"]) for each in listed} >= {("public", len(PLAIN))}


def test_a_sealed_object_opens_where_somebody_answers_for_it(nobody: Any) -> None:
    """With the keys of the identity that the rule names."""
    assert nobody.get_object(Bucket=ANSWERED, Key="public")["Body"].read() == PLAIN
    part = nobody.get_object(Bucket=ANSWERED, Key="public", Range="bytes=5-9")
    assert part["Body"].read() == PLAIN[5:10]


def test_elsewhere_it_stays_closed(nobody: Any) -> None:
    """The store lets anybody have the ciphertext; the key is nobody's."""
    assert refusal(nobody.get_object, Bucket=UNANSWERED, Key="public") == (403, "AccessDenied")


def test_the_stores_refusal_is_the_answer(nobody: Any, open_front: Front) -> None:
    """Nothing is done with the proxy's own credentials, and nothing is written."""
    assert refusal(nobody.put_object, Bucket=ANSWERED, Key="new", Body=b"x") == (403, "AccessDenied")
    assert refusal(nobody.delete_object, Bucket=ANSWERED, Key="public") == (403, "AccessDenied")
    assert refusal(nobody.put_bucket_acl, Bucket=ANSWERED, ACL="public-read-write")[0] == 403
    assert "new" not in open_front.names(ANSWERED)


def test_what_takes_the_proxys_own_hand_is_not_for_nobody(nobody: Any) -> None:
    source = {"Bucket": ANSWERED, "Key": "public"}

    assert refusal(nobody.create_multipart_upload, Bucket=ANSWERED, Key="x") == (403, "AccessDenied")
    assert refusal(nobody.copy_object, Bucket=ANSWERED, Key="x", CopySource=source) == (403, "AccessDenied")
    assert refusal(nobody.list_buckets) == (403, "AccessDenied")


def test_the_policies_of_whoever_answers_hold_for_nobody_too(nobody: Any, open_front: Front) -> None:
    """What the store's ACLs allow is not enough: reads, writes, deletions and lists are judged as theirs."""
    denied = (403, "AccessDenied")

    assert nobody.get_object(Bucket=JUDGED, Key="open/public")["Body"].read() == PLAIN
    assert nobody.head_object(Bucket=JUDGED, Key="open/public")["ContentLength"] == len(PLAIN)
    assert nobody.get_object(Bucket=JUDGED, Key="open/fresh/public")["Body"].read() == PLAIN
    assert nobody.list_objects_v2(Bucket=JUDGED, Prefix="open/")["KeyCount"] == 2

    assert refusal(nobody.get_object, Bucket=JUDGED, Key="closed/public") == denied
    assert refusal(nobody.head_object, Bucket=JUDGED, Key="closed/public") == (403, "403")
    assert refusal(nobody.list_objects_v2, Bucket=JUDGED) == denied
    assert refusal(nobody.put_object, Bucket=JUDGED, Key="open/new", Body=b"x") == denied
    assert refusal(nobody.put_object, Bucket=JUDGED, Key="inbox/kms/new", Body=b"x") == denied
    assert refusal(nobody.delete_object, Bucket=JUDGED, Key="open/public") == denied
    assert {"open/public", "closed/public"} <= set(open_front.names(JUDGED))
    assert "open/new" not in open_front.names(JUDGED)


def test_overrides_need_a_signature(nobody: Any) -> None:
    """A stranger would else give the object's answer another type."""
    wanted = {"Bucket": ANSWERED, "Key": "public", "ResponseContentType": "text/html"}

    assert refusal(nobody.get_object, **wanted) == (400, "InvalidRequest")


def test_a_wrong_signature_is_not_an_absent_one(open_front: Front) -> None:
    """It is refused as anywhere, though nobody at all would be let in."""
    wrong = type(ALICE)(name="alice", account=ALICE.account, access_key=ALICE.access_key, secret_key="wrong")
    with client("s3", open_front.gate.url, wrong) as made:
        assert refusal(made.get_object, Bucket=ANSWERED, Key="public") == (403, "SignatureDoesNotMatch")


def test_without_a_rule_nobody_is_let_in(open_front: Front, nobody: Any, sealed_on_store: AtRest) -> None:
    name = open_front.bucket()
    open_front.s3.put_object(Bucket=name, Key="key", Body=PLAIN)

    assert refusal(nobody.list_objects_v2, Bucket=name) == (403, "AccessDenied")
    assert refusal(nobody.get_object, Bucket=name, Key="key") == (403, "AccessDenied")
    sealed_on_store(name, "key", PLAIN)
