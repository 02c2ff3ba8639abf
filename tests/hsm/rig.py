"""An engine on a real SQLite store, and callers of two accounts and of a proxy."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from proxy.hsm.aws_root import AwsKmsKey
from proxy.hsm.core.access import Principal, Rights
from proxy.hsm.core.errors import KmsError
from proxy.hsm.engine import Engine, Outcome
from proxy.hsm.engine_desk import Limits
from proxy.hsm.init import initialise, open_sqlite_store
from proxy.hsm.root import KeyFile
from proxy.hsm.throttle import Throttle
from proxy.hsm.token_root import TokenRoot
from proxy.hsm.witness import FileWitness, beside
from tests.hsm.rights import EVERYTHING

REGION, OTHER_REGION = "eu-central-1", "us-east-1"
ACCOUNT, STRANGERS = "111122223333", "444455556666"
NOW = 1_800_000_000.5


def user(account: str = ACCOUNT, region: str = REGION, name: str = "ann") -> Principal:
    return Principal(arn=f"arn:aws:iam::{account}:user/{name}", account=account, kind="user", region=region)


def proxy(client: str | None = ACCOUNT, region: str = REGION) -> Principal:
    """A proxy of ACCOUNT, speaking for a client of that account, or for nobody."""
    speaks = (f"arn:aws:iam::{client}:user/bea", client) if client else None
    return Principal(
        arn=f"arn:aws:iam::{ACCOUNT}:user/proxy",
        account=ACCOUNT,
        kind="proxy",
        region=region,
        on_behalf_of=speaks,
        via_service=f"s3.{region}.amazonaws.com" if client else "",
    )


@dataclass
class Rig:
    """`now` is the engine's clock. Whoever is not in `rights` may do everything."""

    directory: Path
    limits: Limits
    now: float = NOW
    throttle: Throttle | None = None
    rights: dict[str, Rights] = field(default_factory=dict)
    test_reset: bool = False
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.engine = self._opened()

    def ask(self, action: str, who: Principal | None = None, /, **request: Any) -> dict[str, Any]:
        return self.outcome(action, who, **request).response

    def outcome(self, action: str, who: Principal | None = None, /, **request: Any) -> Outcome:
        return self.engine.call(who or user(), action, request)

    def refused(self, action: str, who: Principal | None = None, /, **request: Any) -> KmsError:
        with pytest.raises(KmsError) as caught:
            self.outcome(action, who, **request)
        return caught.value

    def key(self, who: Principal | None = None, /, **request: Any) -> dict[str, Any]:
        """A new key's metadata."""
        metadata: dict[str, Any] = self.ask("CreateKey", who, **request)["KeyMetadata"]
        return metadata

    def state(self, key_id: str) -> str:
        return str(self.ask("DescribeKey", KeyId=key_id)["KeyMetadata"]["KeyState"])

    def restart(self) -> None:
        """What a new process would find on the disk."""
        self.engine.close()
        self.engine = self._opened()

    def _opened(self) -> Engine:
        path = self.directory / "hsm.db"
        store = open_sqlite_store(
            path, root_file(self.directory), random=os.urandom, witness=FileWitness(beside(path))
        )
        return Engine(
            store,
            clock=lambda: self.now,
            random=os.urandom,
            accounts=[ACCOUNT, STRANGERS],
            regions=[REGION, OTHER_REGION],
            limits=self.limits,
            throttle=self.throttle,
            rights_of=lambda arn: self.rights.get(arn, EVERYTHING),
            test_reset=self.test_reset,
        )


def root_file(directory: Path) -> KeyFile:
    return KeyFile(directory / "root.key")


def make_store(directory: Path, *, for_tests: bool = False) -> None:
    initialise(
        directory / "hsm.db",
        root_file(directory),
        account=ACCOUNT,
        region=REGION,
        clock=lambda: NOW,
        random=os.urandom,
        make_root_key=True,
        for_tests=for_tests,
    )


@contextmanager
def running(directory: Path, limits: Limits | None = None) -> Iterator[Rig]:
    make_store(directory)
    rig = Rig(directory, limits or Limits())
    try:
        yield rig
    finally:
        rig.engine.close()


def root_key_made(source: AwsKmsKey | TokenRoot) -> Path | None:
    """What `sealgate hsm init` does, with a store beside the sealed file: the file, if init made it."""
    return initialise(
        source.sealed_file.with_name("hsm.db"),
        source,
        account=ACCOUNT,
        region=REGION,
        clock=float,
        random=os.urandom,
        make_root_key=True,
    ).root_key_file
