"""A service whose store lies behind a relay, and which checks what the store received in each way."""

import contextlib
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.faults.relay import Relay
from tests.stores.sealgate import Sealgate, serving
from tests.stores.seaweedfs import Store

IDLE_SECONDS = 1.0
UnsafeBuckets = Mapping[str, str]
"""Of each way to check, and "versioned": the bucket whose rule leads there. By default it is by checksums."""
WAYS = {"checksum": "checksum", "md5": "md5", "none": "none", "versioned": "md5"}


def unsafe_buckets(raw: Any) -> UnsafeBuckets:
    names = {way: f"{way}-{uuid.uuid4()}" for way in WAYS}
    for name in names.values():
        raw.create_bucket(Bucket=name)
        raw.put_object(Bucket=name, Key="first", Body=b"")  # SeaweedFS grows a volume for the first object
    raw.put_bucket_versioning(Bucket=names["versioned"], VersioningConfiguration={"Status": "Enabled"})
    return names


@contextlib.contextmanager
def troubled(store: Store, relay: Relay, unsafe: UnsafeBuckets, directory: Path) -> Iterator[Sealgate]:
    upstream = {
        "url": relay.url,
        "access_key_id": store.access_key,
        "secret_access_key": store.secret_key,
        "preset": "seaweedfs",
    }
    hasty = {"connect_timeout_seconds": 1.0, "idle_timeout_seconds": IDLE_SECONDS}
    upstreams = [
        upstream | hasty | {"name": "store"},
        upstream | {"name": "md5", "integrity": "md5"},
        upstream | {"name": "none", "integrity": "none"},
    ]
    names = {"checksum": "store", "md5": "md5", "none": "none"}
    rules = [{"match": unsafe[way], "upstream": names[WAYS[way]]} for way in unsafe]
    with serving(replace(store, url=relay.url), directory, upstreams=upstreams, buckets=rules) as running:
        yield running
