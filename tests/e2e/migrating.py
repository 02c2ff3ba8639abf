"""A service whose rules read what was there before them, and a look at what it asks the store."""

import contextlib
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.e2e.sdk import client
from tests.e2e.trail import Trail
from tests.faults.relay import Relay, Way
from tests.stores.sealgate import Sealgate, serving
from tests.stores.seaweedfs import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    old: str = field(default_factory=lambda: f"old-{uuid.uuid4()}")
    """Mode migrate."""
    over: str = field(default_factory=lambda: f"over-{uuid.uuid4()}")
    """Mode migrate, whose last day is past."""
    mixed: str = field(default_factory=lambda: f"mixed-{uuid.uuid4()}")
    """`old/` is migrate, `open/` passthrough, the rest encrypt."""

    @property
    def rules(self) -> list[dict[str, Any]]:
        return [
            {"match": self.old, "mode": "migrate", "until": "2999-12-31"},
            {"match": self.over, "mode": "migrate", "until": "2020-01-01"},
            {"match": f"{self.mixed}/old/*", "mode": "migrate"},
            {"match": f"{self.mixed}/open/*", "mode": "passthrough"},
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrating:
    s3: Any
    """boto3 as Alice."""
    service: Sealgate
    relay: Relay
    """Between the service and the store."""
    names: Names

    @property
    def trail(self) -> Trail:
        return Trail(self.service.directory / "audit.jsonl")

    @contextlib.contextmanager
    def asked(self) -> Iterator[list[str]]:
        """The requests that the store gets meanwhile, as `METHOD /path?query`."""
        seen: list[str] = []

        def note(piece: bytes) -> bytes:
            found = re.match(rb"([A-Z]+) (/\S*) HTTP/1", piece)
            if found:
                seen.append(f"{found[1].decode()} {found[2].decode()}")
            return piece

        with self.relay.trouble(to_store=Way(change=note)):
            yield seen

    def plaintext_reads(self) -> float:
        """By the metric, over all operations."""
        found = re.findall(
            r"^sealgate_plaintext_reads_total\{.*\} (\S+)$", self.service.metrics(), re.MULTILINE
        )
        return sum(map(float, found))


@contextlib.contextmanager
def migrating(store: Store, directory: Path) -> Iterator[Migrating]:
    names, relay = Names(), Relay(store)
    relay.open()
    try:
        with (
            serving(replace(store, url=relay.url), directory, buckets=names.rules) as service,
            client("s3", service.url) as s3,
        ):
            for name in (names.old, names.over, names.mixed):
                s3.create_bucket(Bucket=name)
            yield Migrating(s3=s3, service=service, relay=relay, names=names)
    finally:
        relay.end()
