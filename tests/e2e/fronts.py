"""Sealgate in front of one real store, and everything that a test needs to look at both sides of it."""

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proxy.upstream.capabilities import PRESETS, Capabilities
from tests.e2e.at_rest import AtRest
from tests.e2e.sdk import client
from tests.stores.sealgate import Sealgate, User


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    gate: Sealgate
    s3: Any
    """boto3 as Alice, through the proxy."""
    raw: Any
    """boto3 as the bare store's owner."""
    sealed_on_store: AtRest
    key_arn: str
    """A customer key of Alice's account, which opens what is sealed under it to the independent reader."""

    @property
    def capabilities(self) -> Capabilities:
        return PRESETS[self.gate.store.preset]

    def bucket(self) -> str:
        name = f"front-{uuid.uuid4()}"
        self.s3.create_bucket(Bucket=name)
        return name

    def put(self, bucket: str, key: str, body: bytes, **more: Any) -> Any:
        """Sealed under `key_arn`."""
        return self.s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=body,
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=self.key_arn,
            **more,
        )

    def names(self, bucket: str) -> list[str]:
        """As the bare store lists them."""
        return [each["Key"] for each in self.raw.list_objects_v2(Bucket=bucket).get("Contents", [])]


@contextlib.contextmanager
def front_of(gate: Sealgate) -> Iterator[Front]:
    store = gate.store
    owner = User(name="owner", account="", access_key=store.access_key, secret_key=store.secret_key)
    with (
        client("s3", gate.url) as s3,
        client("s3", store.url, owner) as raw,
        client("kms", gate.kms_url) as kms,
    ):
        key_arn = str(kms.create_key()["KeyMetadata"]["Arn"])
        yield Front(gate=gate, s3=s3, raw=raw, sealed_on_store=AtRest(raw, kms), key_arn=key_arn)
