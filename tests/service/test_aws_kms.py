"""AWS KMS as the key service: moto's server stands for it, each region behind a relay that can be shut."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest
from tests.service.clients import client
from tests.service.relay import Relay, relaying
from tests.service.running import Launched, launched, until
from tests.stores.moto_kms import moto_kms
from tests.stores.sealgate import User, config_for, run
from tests.stores.seaweedfs import Store

PROXY = User(name="proxy", account="", access_key="AKIAPROXYATAWS00", secret_key="proxy-secret-at-aws")
MOTO_ACCOUNT = "123456789012"
OWNED, MANAGED = "alias/sealgate/owned", "alias/sealgate/s3"
FIRST, OTHER = "us-east-1", "eu-west-1"


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_kms() as url:
        yield url


@pytest.fixture(scope="module")
def relay(moto: str) -> Iterator[Relay]:
    with relaying(Store(url=moto, access_key="", secret_key="")) as running:
        yield running


@pytest.fixture(scope="module")
def other_relay(moto: str) -> Iterator[Relay]:
    """To the other region."""
    with relaying(Store(url=moto, access_key="", secret_key="")) as running:
        yield running


@pytest.fixture(scope="module")
def keys(moto: str, store: Store, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the operator makes at AWS first: ARNs of the service-owned, the managed and a customer's key.

    All of them are multi-Region keys; `other` is none.
    """
    directory = Path(tmp_path_factory.mktemp("prepared"))
    told = prepared(moto, store, directory, **failover(moto))
    assert "(there already)" not in told
    with client("kms", moto, PROXY) as kms:
        made = {"customer": kms.create_key(MultiRegion=True), "other": kms.create_key()}
        arns = {name: key["KeyMetadata"]["Arn"] for name, key in made.items()}
        kms.replicate_key(KeyId=arns["customer"], ReplicaRegion=OTHER)
        for name, alias in (("owned", OWNED), ("managed", MANAGED)):
            key = kms.describe_key(KeyId=alias)["KeyMetadata"]
            arns[name] = key["Arn"]
            assert kms.get_key_rotation_status(KeyId=key["Arn"])["KeyRotationEnabled"]
            assert f"aws: {alias}: {key['Arn']} (made)" in told
            assert f"aws: {alias}: {key['Arn'].replace(FIRST, OTHER)} (made)" in told
    return arns


def prepared(moto: str, store: Store, directory: Path, *, check: bool = True, **settings: Any) -> str:
    """What `sealgate kms prepare` says."""
    config = config_for(store, directory, kms={"backends": [backend(moto, **settings)]})
    del config["hsm"]
    (directory / "config.yaml").write_text(yaml.safe_dump(config))
    return run("kms", "prepare", "--config", str(directory / "config.yaml"), check=check)


def backend(url: str, **settings: Any) -> dict[str, Any]:
    own = {"access_key_id": PROXY.access_key, "secret_access_key": PROXY.secret_key}
    return {"type": "aws", "write": True, "endpoint_url": url, **own, **settings}


def failover(url: str) -> dict[str, Any]:
    return {"failover_regions": [{"region": OTHER, "endpoint_url": url}]}


@pytest.fixture(scope="module")
def service(
    store: Store,
    relay: Relay,
    other_relay: Relay,
    keys: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Launched]:
    """Without a built-in key service."""
    rule = {"match": "*", "keys": [f"arn:aws:kms:us-east-1:{MOTO_ACCOUNT}:key/*"]}
    with launched(
        store,
        Path(tmp_path_factory.mktemp("aws")),
        hsm=None,
        kms={"backends": [backend(relay.url, **failover(other_relay.url))]},
        buckets=[rule],
    ) as running:
        assert keys
        yield running


@pytest.fixture(scope="module")
def s3(service: Launched) -> Iterator[Any]:
    with client("s3", service.url) as made:
        yield made


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    name = f"aws-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    return name


def test_objects_under_each_kind_of_key(
    service: Launched, s3: Any, bucket: str, keys: dict[str, str]
) -> None:
    """They come back, the answer names the key where S3 would, and the trail always does."""
    wishes: list[tuple[dict[str, Any], str]] = [
        ({}, "owned"),
        ({"ServerSideEncryption": "AES256"}, "owned"),
        ({"ServerSideEncryption": "aws:kms"}, "managed"),
        ({"ServerSideEncryption": "aws:kms", "BucketKeyEnabled": False}, "managed"),
        ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": keys["customer"]}, "customer"),
    ]
    for wish, key in wishes:
        put = s3.put_object(Bucket=bucket, Key="k", Body=b"plain", **wish)
        got = s3.get_object(Bucket=bucket, Key="k")

        assert got["Body"].read() == b"plain"
        told = None if key == "owned" else keys[key]
        assert put.get("SSEKMSKeyId") == got.get("SSEKMSKeyId") == told
        for answer in (put, got):
            event = service.until_event(requestID=answer["ResponseMetadata"]["RequestId"])
            assert event["additionalEventData"]["keyArn"] == keys[key]


def test_without_the_built_in_service_there_is_no_process_for_it(service: Launched) -> None:
    assert "hsm-0" not in service.stderr
    assert service.number(
        'sealgate_kms_requests_total{backend="aws",operation="GenerateDataKey",outcome="ok"}'
    )


def test_the_key_service_is_away_and_comes_back(
    service: Launched, relay: Relay, s3: Any, bucket: str, keys: dict[str, str]
) -> None:
    """What needs it gets 503 with Retry-After; cached keys serve on; afterwards all is well by itself.

    The key that is asked for is a single-Region key, and the answer says what that means.
    """
    s3.put_object(Bucket=bucket, Key="cached", Body=b"plain")
    s3.get_object(Bucket=bucket, Key="cached")["Body"].read()
    under = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": keys["other"], "BucketKeyEnabled": False}
    relay.shut()
    try:
        with pytest.raises(ClientError) as refused:
            s3.put_object(Bucket=bucket, Key="new", Body=b"plain", **under)
        status, told = service.ready()
        s3.put_object(Bucket=bucket, Key="cached", Body=b"again")
    finally:
        relay.open()

    answer = refused.value.response["ResponseMetadata"]
    assert answer["HTTPStatusCode"] == 503
    assert int(answer["HTTPHeaders"]["retry-after"]) > 0
    assert "a single-Region key, which no other region has" in refused.value.response["Error"]["Message"]
    assert status == 200
    assert "aws does not answer" in str(told["troubles"])

    def recovered() -> bool:
        try:
            s3.put_object(Bucket=bucket, Key="new", Body=b"plain", **under)
        except ClientError as exc:
            if exc.response["ResponseMetadata"]["HTTPStatusCode"] != 503:
                raise
            return False
        return True

    until(recovered)
    assert s3.get_object(Bucket=bucket, Key="new")["Body"].read() == b"plain"


class Traffic:
    """Objects written and read in turn, each with a data key of its own, until it is told to stop."""

    def __init__(self, s3: Any, bucket: str, key_arn: str, name: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._key_arn = key_arn
        self._name = name
        self.bodies: dict[str, bytes] = {}
        self.reads: list[str] = []
        """Their request ids."""

    def go_on(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.write()
            self.read(next(iter(self.bodies)))
            self.read(next(reversed(self.bodies)))

    def write(self) -> str:
        """Its request id."""
        name = f"{self._name}-{len(self.bodies)}"
        body = f"plaintext of {name} ".encode() * 40
        put = self._s3.put_object(
            Bucket=self._bucket,
            Key=name,
            Body=body,
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=self._key_arn,
            BucketKeyEnabled=False,
        )
        self.bodies[name] = body
        return str(put["ResponseMetadata"]["RequestId"])

    def read(self, name: str) -> None:
        got = self._s3.get_object(Bucket=self._bucket, Key=name)
        assert got["Body"].read() == self.bodies[name]
        self.reads.append(got["ResponseMetadata"]["RequestId"])


def test_a_region_is_away_and_multi_region_keys_serve_on(
    *, service: Launched, relay: Relay, store: Store, moto: str, s3: Any, bucket: str, keys: dict[str, str]
) -> None:
    """It goes in the middle of writes and reads, and none fails; what they bear is the same as ever."""
    clients = [Traffic(s3, bucket, keys["customer"], name) for name in "abcde"]
    stop = threading.Event()
    with ThreadPoolExecutor(len(clients)) as pool:
        under_way = [pool.submit(each.go_on, stop) for each in clients]
        try:
            until(lambda: all(each.reads for each in clients))
            relay.shut()
            until(lambda: f"aws does not answer in {FIRST}" in str(service.ready()[1]["troubles"]))
            assert service.ready()[0] == 200
            before = [len(each.reads) for each in clients]
            until(lambda: all(len(each.reads) > old + 2 for each, old in zip(clients, before, strict=True)))
        finally:
            stop.set()
            for each in under_way:
                each.result()
            relay.open()
    for request_id, region in ((clients[0].reads[0], None), (clients[0].reads[-1], OTHER)):
        told = service.until_event(requestID=request_id)["additionalEventData"]
        assert (told["keyArn"], told.get("kmsRegion")) == (keys["customer"], region)
    asked = f'sealgate_kms_region_requests_total{{backend="aws",outcome="ok",region="{OTHER}"}}'
    until(lambda: service.number(asked) > 0)
    last = list(clients[0].bodies)[-1]
    owner = User(name="owner", account="", access_key=store.access_key, secret_key=store.secret_key)
    with client("s3", store.url, owner) as raw, client("kms", moto, PROXY) as kms:
        AtRest(raw, kms)(bucket, last, clients[0].bodies[last], opens=True)

    def first_again() -> bool:
        event = service.until_event(requestID=clients[0].write())
        return "kmsRegion" not in event["additionalEventData"]

    until(first_again)


@pytest.mark.parametrize("field", ["owned_key", "managed_key"])
def test_a_key_that_aws_does_not_have(
    store: Store, tmp_path: Path, moto: str, keys: dict[str, str], field: str
) -> None:
    """The start is refused, and the line says how the key is made."""
    assert keys
    backends = [backend(moto, **{field: "alias/no-such-key"})]
    with launched(store, tmp_path, ready=False, hsm=None, kms={"backends": backends}) as service:
        assert service.ended() == 1
        assert service.left() == []
        told = service.last_line

    assert told.startswith(f"Error: worker-0: kms.backends (aws): {field} alias/no-such-key: ")
    assert "sealgate kms prepare" in told


def test_prepare_makes_nothing_twice_and_says_what_it_cannot_make(
    store: Store, tmp_path: Path, moto: str, keys: dict[str, str]
) -> None:
    again = prepared(moto, store, tmp_path, **failover(moto))

    assert [line.rpartition(": ")[2] for line in again.splitlines() if line.startswith("aws: ")] == [
        f"{arn} (there already)"
        for key in ("owned", "managed")
        for arn in (keys[key], keys[key].replace(FIRST, OTHER))
    ]
    missing = f"arn:aws:kms:us-east-1:{MOTO_ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
    told = prepared(moto, store, tmp_path, check=False, managed_key=missing)
    assert f"Error: kms.backends (aws): {missing}: there is no such key" in told
    with client("kms", moto, PROXY) as kms:
        off = kms.create_key()["KeyMetadata"]
        kms.disable_key(KeyId=off["KeyId"])
    assert f"{off['Arn']} is Disabled" in prepared(moto, store, tmp_path, check=False, owned_key=off["Arn"])
