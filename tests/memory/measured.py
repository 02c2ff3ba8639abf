"""A service under load, and what it holds meanwhile."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from tests.memory.resident import resident_mib
from tests.stores.sealgate import ALICE, Sealgate, User

MIB = 1 << 20
BUCKET = "memory"
PLAIN = "memory-plain"
"""Of mode passthrough."""
SAMPLE_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A service, and what it held before anybody read from it: memory that was freed once may be kept."""

    service: Sealgate
    base_mib: float

    def held_mib(self) -> float:
        return resident_mib(self.service) - self.base_mib


class Peak:
    """The most that was held at once, beyond what there was before."""

    def __init__(self, service: Sealgate) -> None:
        self._service = service
        self._before = resident_mib(service)
        self._most = self._before

    @property
    def mib(self) -> float:
        return self._most - self._before

    def look(self) -> None:
        self._most = max(self._most, resident_mib(self._service))


@contextlib.contextmanager
def peak_of(service: Sealgate) -> Iterator[Peak]:
    """Looked at again and again until the end of the block."""
    peak, over = Peak(service), threading.Event()

    def sample() -> None:
        while not over.wait(SAMPLE_SECONDS):
            peak.look()

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


class Zeros:
    """A body of so many bytes that takes no memory."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._at = 0

    def read(self, amount: int = -1) -> bytes:
        amount = min(amount if amount >= 0 else self._size, self._size - self._at)
        self._at += amount
        return bytes(amount)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + {0: 0, 1: self._at, 2: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at


def client(service: Sealgate, user: User = ALICE) -> Any:
    return boto3.client(  # type: ignore[no-untyped-call]  # boto3 has no types
        "s3",
        endpoint_url=service.url,
        region_name="us-east-1",
        aws_access_key_id=user.access_key,
        aws_secret_access_key=user.secret_key,
        config=Config(  # type: ignore[no-untyped-call]  # as above
            request_checksum_calculation="when_required",
            signature_version="s3v4",
            s3={"payload_signing_enabled": False},
        ),
    )
