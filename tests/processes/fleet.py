"""Two proxies of four workers each that share one key service, and connections to all of their workers."""

import contextlib
import http.client
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.sdk import client
from tests.service.relay import Relay, relaying
from tests.stores.sealgate import ACCOUNT, BOB, Sealgate, User, config_for, identity, serving
from tests.stores.seaweedfs import Store

BUCKET = "decided"
WORKERS, CONNECTIONS = 4, 40
"""So many connections miss one of four workers once in 25,000 runs."""
PATIENCE_SECONDS = 10.0
PROXY = User(name="gateway", account=ACCOUNT, access_key="AKIAPROXY0000000", secret_key="proxy-secret-key")


@dataclass(frozen=True, slots=True)
class Fleet:
    proxies: tuple[Sealgate, Sealgate]
    relay: Relay
    """Between the second proxy and the key service, which the first one runs."""

    @property
    def kms_url(self) -> str:
        return self.proxies[0].kms_url


@contextlib.contextmanager
def running_fleet(store: Store, here: Path, there: Path) -> Iterator[Fleet]:
    identities = config_for(store, here)["identities"]
    proxy = identity(PROXY) | {"kind": "proxy"}
    with (
        serving(store, here, workers=WORKERS, identities=[*identities, proxy]) as first,
        relaying(Store(url=first.kms_url, access_key="", secret_key="")) as relay,
        serving(store, there, workers=WORKERS, **_keys_at(relay.url)) as second,
        client("s3", first.url) as s3,
    ):
        s3.create_bucket(Bucket=BUCKET)
        yield Fleet((first, second), relay)


def _keys_at(url: str) -> dict[str, Any]:
    """A proxy of the same fleet, whose keys are at the other one."""
    backend = {
        "type": "hsm",
        "write": True,
        "endpoint_url": url,
        "access_key_id": PROXY.access_key,
        "secret_access_key": PROXY.secret_key,
    }
    return {"hsm": None, "kms": {"backends": [backend]}}


class Readers:
    """Connections to all workers of some proxies, each of which reads one object."""

    def __init__(self, proxies: tuple[Sealgate, ...], key: str, user: User = BOB) -> None:
        self._readers = [
            (http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=30), url)
            for url in (_reading(proxy, key, user) for proxy in proxies)
            for _ in range(CONNECTIONS)
        ]

    def statuses(self) -> set[int]:
        return {status for _, status in self.answers()}

    def answers(self) -> Iterator[tuple[float, int]]:
        """Of each connection when it was asked (monotonic) and what it said."""
        for connection, url in self._readers:
            yield time.monotonic(), _status(connection, url)

    def one(self) -> int:
        """What a single one of them is answered."""
        return _status(*self._readers[0])

    def close(self) -> None:
        for connection, _ in self._readers:
            connection.close()


def _reading(proxy: Sealgate, key: str, user: User) -> str:
    with client("s3", proxy.url, user, signature_version="s3v4") as s3:
        return str(s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key}))


def _status(connection: http.client.HTTPConnection, url: str) -> int:
    parts = urllib.parse.urlsplit(url)
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    answer.read()
    return answer.status


def until_all(readers: Readers, wanted: set[int]) -> float:
    """Waits until every connection is answered with that. Seconds until the last request was sent that was
    answered otherwise: how long a round takes is not in it.
    """
    began = last = time.monotonic()
    while True:
        others = [sent for sent, status in readers.answers() if status not in wanted]
        if not others:
            return last - began
        last = others[-1]
        assert last - began < PATIENCE_SECONDS


@contextlib.contextmanager
def reading(fleet: Fleet, key_id: str, name: str, *proxies: Sealgate) -> Iterator[Readers]:
    """An object under the KMS key that Alice wrote, and that every worker has opened for Bob."""
    with client("s3", fleet.proxies[1].url) as s3:
        s3.put_object(
            Bucket=BUCKET, Key=name, Body=b"plain", ServerSideEncryption="aws:kms", SSEKMSKeyId=key_id
        )
    with contextlib.closing(Readers(proxies or fleet.proxies, name)) as readers:
        assert readers.statuses() == {200}
        yield readers
