"""Two replicas in front of one store: services that share nothing but the store and a key service.

Each has one worker and so one memory. What one of them began, the other goes on with as a stranger.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recovery.open import OpenedObject, open_object
from recovery.unlock import Unwrap
from tests.e2e.sdk import client
from tests.faults.steps import StepRelay, step_relay
from tests.stores.sealgate import ALICE, Sealgate, identity, serving
from tests.stores.seaweedfs import Store

OWNED, MANAGED = "alias/replicas/owned", "alias/replicas/s3"
# Upstream -> what its store wants of parts. Buckets whose names begin so are there.
KINDS: dict[str, dict[str, bool]] = {
    "steps": {},
    "equal": {"equal_parts": True},
    "consecutive": {"consecutive_parts": True},
    "both": {"equal_parts": True, "consecutive_parts": True},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicas:
    relays: dict[str, StepRelay]
    """By upstream."""
    one: Any
    """boto3 at the first replica."""
    other: Any
    services: tuple[Sealgate, Sealgate]


@contextlib.contextmanager
def replicas(store: Store, kms: Any, kms_url: str, directory: Path) -> Iterator[Replicas]:
    for alias in (OWNED, MANAGED):
        kms.create_alias(AliasName=alias, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    with contextlib.ExitStack() as opened:
        relays = {kind: opened.enter_context(step_relay(store)) for kind in KINDS}
        services = []
        for name in ("one", "other"):
            place = directory / name
            place.mkdir()
            services.append(opened.enter_context(serving(store, place, **_changes(store, relays, kms_url))))
        one, other = (opened.enter_context(client("s3", each.url)) for each in services)
        yield Replicas(relays=relays, one=one, other=other, services=(services[0], services[1]))


class Opens:
    """Reads an object off the bare store and opens it by the format's page alone."""

    def __init__(self, raw: Any, unwrap: Unwrap) -> None:
        self._raw = raw
        self._unwrap = unwrap

    def __call__(self, bucket: str, key: str, plain: bytes) -> OpenedObject:
        found = self._raw.get_object(Bucket=bucket, Key=key)
        body, header = found["Body"].read(), found["Metadata"]["sealgate"]
        opened = open_object(body, header, bucket=bucket, key=key.encode(), unwrap=self._unwrap)
        assert b"".join(opened.plaintext()) == plain
        return opened


def _changes(store: Store, relays: dict[str, StepRelay], kms_url: str) -> dict[str, Any]:
    backend = {
        "type": "aws",
        "name": "shared",
        "write": True,
        "endpoint_url": kms_url,
        "access_key_id": ALICE.access_key,
        "secret_access_key": ALICE.secret_key,
        "owned_key": OWNED,
        "managed_key": MANAGED,
    }
    upstreams = [
        {
            "name": kind,
            "url": relays[kind].url,
            "access_key_id": store.access_key,
            "secret_access_key": store.secret_key,
            "preset": "seaweedfs",
            "capabilities": wants,
        }
        for kind, wants in KINDS.items()
    ]
    return {
        "kms": {"backends": [backend]},
        "hsm": None,
        "accounts": [ALICE.account],
        "identities": [identity(ALICE)],
        "upstreams": upstreams,
        "buckets": [{"match": bucket_of(kind), "upstream": kind} for kind in KINDS],
    }


def bucket_of(kind: str) -> str:
    return f"replicas-{kind}"
