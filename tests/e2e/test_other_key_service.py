"""Keys from another service than the built-in one: AWS KMS's protocol, spoken here by moto's server.

There the service-owned and the managed key are ordinary keys of an account, so that the independent decryptor
can ask for them too: what asks for no key at all is opened here without the proxy.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from recovery.envelope import Mode
from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import client, request_id
from tests.e2e.trail import Trail
from tests.faults.wire import Got, ask
from tests.stores.moto_kms import moto_server
from tests.stores.sealgate import ALICE, Sealgate, User, identity, serving
from tests.stores.sealgate import BOB as _BOB
from tests.stores.seaweedfs import Store

OWNED, MANAGED, DEFAULT = "alias/other/owned", "alias/other/s3", "alias/other/default"
"""Not the defaults: moto keeps one account for the whole test process."""
DEFAULTED = f"moto-default-{uuid.uuid4()}"
"""A bucket whose rule has a key of its own."""
MOTO_ACCOUNT = "123456789012"
SIZES = (0, 1, 65_537, 1024 * 1024 + 1)


def _only(*statements: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything with objects, and these statements about keys."""
    objects = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    return [{"Version": "2012-10-17", "Statement": [objects, *statements]}]


BOB = replace(_BOB, policies=_only())
"""Who has no statement about any key."""
VISITOR = replace(BOB, name="visitor", access_key="AKIAVISITOR00000", secret_key="visitor-secret-key")
"""The same, but with a role at AWS."""
DENIED = replace(
    BOB,
    name="denied",
    access_key="AKIADENIED000000",
    secret_key="denied-secret-key",
    policies=_only({"Effect": "Deny", "Action": "kms:*", "Resource": "*"}),
)
INSIDE = "127.8.8.8"
READER = replace(
    BOB,
    name="reader",
    access_key="AKIAREADER000000",
    secret_key="reader-secret-key",
    policies=_only(
        {
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": f"arn:aws:kms:*:{MOTO_ACCOUNT}:key/*",
            "Condition": {
                "StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"},
                "StringLike": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::moto-*"},
                "IpAddress": {"aws:SourceIp": f"{INSIDE}/32"},
            },
        }
    ),
)
"""Who reads, from one address."""


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture(scope="module")
def arns(moto: str) -> Iterator[dict[str, str]]:
    """The two service keys, and a rule's own."""
    with client("kms", moto) as kms:
        found = {}
        for alias in (OWNED, MANAGED, DEFAULT):
            found[alias] = kms.create_key()["KeyMetadata"]["Arn"]
            kms.create_alias(AliasName=alias, TargetKeyId=found[alias])
        yield found


@pytest.fixture(scope="module")
def service(
    store: Store,
    moto: str,
    arns: dict[str, str],  # noqa: ARG001  # the keys must be there before the self-test
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Sealgate]:
    backend = {
        "type": "aws",
        "name": "moto",
        "write": True,
        "region": "us-east-1",
        "endpoint_url": moto,
        "access_key_id": ALICE.access_key,
        "secret_access_key": ALICE.secret_key,
        "owned_key": OWNED,
        "managed_key": MANAGED,
    }
    directory = tmp_path_factory.mktemp("moto")
    role = {"assume_role": {"role_arn": f"arn:aws:iam::{MOTO_ACCOUNT}:role/{VISITOR.name}"}}
    changes = {
        "kms": {"backends": [backend | {"sts_endpoint_url": moto}]},
        "hsm": None,
        "accounts": [ALICE.account, MOTO_ACCOUNT],
        "identities": [*map(identity, (ALICE, BOB, DENIED, READER)), identity(VISITOR) | role],
        "buckets": [{"match": f"{DEFAULTED}", "key": DEFAULT}, {"match": "*"}],
    }
    with serving(store, directory, **changes) as running:
        yield running


@pytest.fixture(scope="module")
def s3(service: Sealgate) -> Iterator[Any]:
    with client("s3", service.url) as made:
        yield made


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    name = f"moto-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="module")
def on_store(raw: Any, moto: str) -> Iterator[AtRest]:
    with client("kms", moto) as kms:
        yield AtRest(raw, kms)


CHOICES = [({}, OWNED, Mode.SERVICE_OWNED), ({"ServerSideEncryption": "aws:kms"}, MANAGED, Mode.KEY_SERVICE)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("asked", "alias", "mode"), CHOICES, ids=["owned", "managed"])
def test_what_names_no_key_opens_without_the_proxy(
    *,
    s3: Any,
    bucket: str,
    key: str,
    arns: dict[str, str],
    on_store: AtRest,
    service: Sealgate,
    size: int,
    asked: dict[str, str],
    alias: str,
    mode: Mode,
) -> None:
    """Bytes on the store, an envelope, and a key service that holds the key: that is all it takes."""
    plain = plaintext(size)

    put = s3.put_object(Bucket=bucket, Key=key, Body=plain, **asked)

    sealed = on_store(bucket, key, plain, opens=True)
    assert sealed.envelope.flags.mode is mode
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == plain
    details = Trail(service.directory / "audit.jsonl").of(request_id(put))["additionalEventData"]
    assert details["keyArn"] == arns[alias]


@pytest.mark.parametrize("per_object", [True, False])
def test_a_customer_key_of_that_service(
    *, s3: Any, moto: str, bucket: str, key: str, on_store: AtRest, per_object: bool
) -> None:
    plain = plaintext(5000)
    with client("kms", moto) as kms:
        arn = kms.create_key()["KeyMetadata"]["Arn"]

    s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=plain,
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=arn,
        BucketKeyEnabled=not per_object,
    )

    sealed = on_store(bucket, key, plain)
    assert sealed.envelope.flags.data_key_per_object is per_object
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == plain


NO_RIGHT = (403, "AccessDenied")
Ask = Callable[..., Got]


@pytest.fixture(scope="module")
def customer_key(moto: str) -> str:
    with client("kms", moto) as kms:
        return str(kms.create_key()["KeyMetadata"]["Arn"])


@pytest.fixture
def at(service: Sealgate, bucket: str, key: str) -> str:
    return f"{service.url}/{bucket}/{key}"


def under(key_id: str) -> dict[str, str]:
    return {
        "x-amz-server-side-encryption": "aws:kms",
        **({"x-amz-server-side-encryption-aws-kms-key-id": key_id} if key_id else {}),
    }


@pytest.mark.parametrize("by", ["arn", "alias"])
def test_a_key_that_a_client_names_takes_a_statement(
    *, at: str, moto: str, customer_key: str, key: str, by: str
) -> None:
    """On writes and on reads, while its data key is in memory: AWS sees the proxy, which may use them all."""
    name = customer_key
    if by == "alias":
        name = f"alias/{key}"
        with client("kms", moto) as kms:
            kms.create_alias(AliasName=name, TargetKeyId=customer_key)
    assert ask("PUT", at, under(name), body=b"plain").status == 200
    assert ask("GET", at).body == b"plain"

    for user in (BOB, DENIED, READER):
        refused = ask("PUT", f"{at}-2", under(name), body=b"plain", user=user)
        assert refused.told == NO_RIGHT
        assert f"to perform: kms:GenerateDataKey on resource: {customer_key}".encode() in refused.body
    for user in (BOB, DENIED):
        refused = ask("GET", at, user=user)
        assert refused.told == NO_RIGHT
        assert f"to perform: kms:Decrypt on resource: {customer_key}".encode() in refused.body
    assert ask("GET", at, user=READER, source=INSIDE).body == b"plain"
    assert ask("GET", at, user=READER, source="127.8.8.9").told == NO_RIGHT


@pytest.mark.parametrize(("path", "asked"), [("", under("")), (DEFAULTED, {})], ids=["managed", "rule"])
def test_a_key_that_nobody_named_takes_none_but_a_deny_holds(
    *, service: Sealgate, s3: Any, bucket: str, key: str, path: str, asked: dict[str, str]
) -> None:
    if path and path not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=path)
    at = f"{service.url}/{path or bucket}/{key}"

    assert ask("PUT", at, asked, body=b"plain", user=BOB).status == 200
    assert ask("GET", at, user=BOB).body == b"plain"
    assert ask("PUT", at, asked, body=b"plain", user=DENIED).told == NO_RIGHT
    assert ask("GET", at, user=DENIED).told == NO_RIGHT


def test_the_service_s_own_key_is_no_matter_of_policies(at: str) -> None:
    """As on S3, where SSE-S3 takes no right to any key."""
    assert ask("PUT", at, body=b"plain", user=DENIED).status == 200
    assert ask("GET", at, user=DENIED).body == b"plain"


@pytest.mark.parametrize("user", [BOB, VISITOR], ids=["none", "a role"])
def test_naming_the_service_s_own_key_takes_a_statement(*, at: str, arns: dict[str, str], user: User) -> None:
    """Also from an identity with a role: the proxy uses that key for everybody, so AWS does not judge it."""
    assert ask("PUT", at, under(OWNED), body=b"plain").status == 200

    assert ask("GET", at, user=user).told == NO_RIGHT
    for name in (OWNED, arns[OWNED]):
        assert ask("PUT", f"{at}-2", under(name), body=b"plain", user=user).told == NO_RIGHT


def test_an_identity_with_a_role_is_judged_by_aws(at: str, customer_key: str, service: Sealgate) -> None:
    """Without a statement here; and what its session was given is not taken from another's memory."""
    trail = Trail(service.directory / "audit.jsonl")
    assert ask("PUT", at, under(customer_key), body=b"plain").status == 200
    for _ in range(2):
        assert ask("GET", at).body == b"plain"

    answers = [ask("GET", at, user=VISITOR) for _ in range(2)]

    assert [answer.body for answer in answers] == [b"plain"] * 2
    cached = [trail.of(each.request_id)["additionalEventData"]["cacheHit"] for each in answers]
    assert cached == [False, True]
    assert ask("PUT", at, under(customer_key), body=b"plain", user=VISITOR).status == 200
