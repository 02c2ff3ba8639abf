"""Keys from another service than the built-in one: AWS KMS's protocol, spoken here by moto's server.

There the service-owned and the managed key are ordinary keys of an account, so that the independent decryptor
can ask for them too: what asks for no key at all is opened here without the proxy.
"""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from recovery.envelope import Mode
from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import client, request_id
from tests.e2e.trail import Trail
from tests.stores.sealgate import ALICE, Sealgate, identity, serving
from tests.stores.seaweedfs import Store

OWNED, MANAGED = "alias/other/owned", "alias/other/s3"
"""Not the defaults: moto keeps one account for the whole test process."""
MOTO_ACCOUNT = "123456789012"
SIZES = (0, 1, 65_537, 1024 * 1024 + 1)


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def arns(moto: str) -> Iterator[dict[str, str]]:
    """The two service keys."""
    with client("kms", moto) as kms:
        found = {}
        for alias in (OWNED, MANAGED):
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
    changes = {"kms": {"backends": [backend]}, "hsm": None, "accounts": [ALICE.account, MOTO_ACCOUNT]}
    with serving(store, directory, **changes, identities=[identity(ALICE)]) as running:
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
