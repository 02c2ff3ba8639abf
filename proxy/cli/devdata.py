"""The directory of `sealgate dev`: everything that it keeps between runs, its owner's alone.

Secrets and keys are made once. What names ports (config.yaml, env, the store's s3.json) is written anew at
each start. A lock on the directory, which the started processes hold as well, keeps a second run out until
the last process of the first has ended. A directory that holds anything else is left alone.
"""

import contextlib
import fcntl
import os
import secrets
import shlex
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from proxy.cli.devports import LOOPBACK
from proxy.config.schema import Config
from proxy.hsm.init import initialise
from proxy.hsm.root import KeyFile, RootKeyError
from proxy.hsm.store import StoreError, StoreExists
from proxy.supervisor.sockets import LONGEST_UNIX_PATH

ACCOUNT, REGION, USER = "111122223333", "us-east-1", "dev"
ACCESS_KEY, STORE_ACCESS_KEY = "SEALGATEDEV", "SEALGATESTORE"
STATE_BUCKET = "sealgate-state"
LEAST_FREE_BYTES = 256 << 20
LONGEST_SOCKET = "store/filer.sock"
EVERYTHING = "everything"
EVERYTHING_POLICY = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": ["s3:*", "kms:*"], "Resource": "*"},
}
CHOOSE = "choose another --data-dir"
WRITTEN = "# Written by `sealgate dev` at each start: a change here lasts until the next.\n"


class DataRefused(Exception):
    """The directory cannot be used; the text is one line that says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """The directory, locked."""

    path: Path
    lock: int
    """A descriptor; whoever holds it keeps the directory locked."""

    @property
    def config(self) -> Path:
        return self.path / "config.yaml"

    @property
    def env(self) -> Path:
        return self.path / "env"

    @property
    def audit(self) -> Path:
        return self.path / "audit.jsonl"

    def log(self, name: str) -> Path:
        return self.path / "logs" / f"{name}.log"

    def secret(self, name: str) -> str:
        return (self.path / "secrets" / name).read_text().strip()


def default_directory() -> Path:
    """Where the XDG base directory specification wants what a program keeps for its user."""
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "sealgate-dev"


@contextlib.contextmanager
def locked(path: Path) -> Iterator[Data]:
    """The directory, made where it is missing. Raises DataRefused; so do errors in the body that are its."""
    with _told(path):
        _make(path)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DataRefused(f"{path}: is in use by another `sealgate dev`: stop it, or {CHOOSE}") from None
        yield Data(path=path, lock=lock)
    finally:
        os.close(lock)


def prepare(data: Data, ports: Mapping[str, int]) -> None:
    """Makes what is missing, and writes what names ports. Raises DataRefused."""
    with _told(data.path):
        for name in ("logs", "secrets", "state", "run", "store", "store/data"):
            (data.path / name).mkdir(mode=0o700, exist_ok=True)
        for name in ("user", "store"):
            _make_secret(data.path / "secrets" / name)
        _write(data.config, WRITTEN + yaml.safe_dump(_configuration(ports), sort_keys=False))
        _write(data.env, _exports(data, ports))


def initialise_hsm(config: Config) -> None:
    """Once: later runs find the store made. Raises DataRefused."""
    assert config.hsm is not None
    assert config.hsm.root_key.file is not None
    try:
        initialise(
            Path(config.hsm.store),
            KeyFile(Path(config.hsm.root_key.file)),
            account=ACCOUNT,
            region=REGION,
            clock=time.time,
            random=os.urandom,
            make_root_key=True,
        )
    except StoreExists:
        return
    except (StoreError, RootKeyError) as exc:
        raise DataRefused(f"{exc}: {CHOOSE}") from None


def write_private(data: Data, path: Path, text: str) -> None:
    """Whole or not at all, and 0600. Raises DataRefused."""
    with _told(data.path):
        _write(path, text)


def open_log(data: Data, name: str) -> int:
    """A descriptor; what an earlier run wrote is gone. Raises DataRefused."""
    with _told(data.path):
        return os.open(data.log(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, NotADirectoryError):
        raise DataRefused(f"{path}: is not a directory: {CHOOSE}") from None
    except OSError as exc:
        raise DataRefused(f"{path}: cannot be written: {exc.strerror}: {CHOOSE}") from None


def _make(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (path / "lock").exists() and any(path.iterdir()):
        raise DataRefused(f"{path}: holds something else: choose an empty or a new --data-dir")
    if len(os.fsencode(path / LONGEST_SOCKET)) > LONGEST_UNIX_PATH:
        raise DataRefused(f"{path}: is too long a path for the sockets in it: choose a shorter --data-dir")
    if path.stat().st_uid != os.geteuid():
        raise DataRefused(f"{path}: belongs to another user: {CHOOSE}")
    path.chmod(0o700)
    free = shutil.disk_usage(path).free
    if free < LEAST_FREE_BYTES:
        raise DataRefused(
            f"{path}: its disk has {free >> 20} MiB free, and {LEAST_FREE_BYTES >> 20} are needed:"
            f" make room, or {CHOOSE}"
        )


def _make_secret(path: Path) -> None:
    if not path.exists():
        _write(path, secrets.token_urlsafe(30) + "\n")


def _write(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.new")
    held = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(held, "w") as file:
        file.write(text)
    new.replace(path)


def _configuration(ports: Mapping[str, int]) -> dict[str, object]:
    """Paths in it start at the directory."""
    access = {"access_key_id": ACCESS_KEY, "secret_access_key_file": "secrets/user"}
    return {
        "listen": {"port": ports["s3"]},
        "admin": {"port": ports["admin"]},
        "region": REGION,
        "upstreams": [
            {
                "name": "store",
                "url": f"http://{LOOPBACK}:{ports['store']}",
                "region": REGION,
                "access_key_id": STORE_ACCESS_KEY,
                "secret_access_key_file": "secrets/store",
                "preset": "seaweedfs",
                "state": f"s3://{STATE_BUCKET}",
            }
        ],
        "accounts": [ACCOUNT],
        "policies": {EVERYTHING: dict(EVERYTHING_POLICY)},
        "identities": [{"name": USER, "account": ACCOUNT, "access_keys": [access], "policies": [EVERYTHING]}],
        "kms": {"backends": [{"type": "hsm", "write": True}]},
        "hsm": {
            "store": "state/hsm.sqlite",
            "root_key": {"file": "secrets/root.key"},
            "regions": [REGION],
            "socket": "run/hsm.sock",
            "listen": {"port": ports["kms"]},
        },
        "limits": {"drain_seconds": 3},
        "audit": {"sinks": [{"type": "file", "path": "audit.jsonl"}]},
    }


def _exports(data: Data, ports: Mapping[str, int]) -> str:
    values = {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": data.secret("user"),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,  # all that version 1 of the AWS CLI looks at
        "AWS_ENDPOINT_URL_S3": f"http://{LOOPBACK}:{ports['s3']}",
        "AWS_ENDPOINT_URL_KMS": f"http://{LOOPBACK}:{ports['kms']}",
        "STORE_ENDPOINT_URL": f"http://{LOOPBACK}:{ports['store']}",
        "STORE_ACCESS_KEY_ID": STORE_ACCESS_KEY,
        "STORE_SECRET_ACCESS_KEY": data.secret("store"),
        "SEALGATE_CONFIG": str(data.config),  # for `sealgate inspect`, `config explain`, `reload`
    }
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
