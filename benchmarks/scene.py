"""Everything that runs while the bench measures: the stores on one core, what is measured on the other.

Set up as a stack of contexts, so that whatever ends the bench ends all of it.
"""

import contextlib
import datetime as dt
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from benchmarks.asks import Account
from benchmarks.native import Programs
from benchmarks.objects import BUCKET, CLIENT, SIZES, Objects, aws, copy_hsm_state, sealed_objects
from benchmarks.peers import PEER, nginx, rclone, sink
from benchmarks.processes import TARGET_CORE, TOOL_CORE, pinned, tree
from tests.stores import sealgate as starting
from tests.stores.sealgate import Sealgate, config_for, serving
from tests.stores.seaweedfs import Store, free_ports, seaweedfs

CHECKING = ("none", "checksum", "md5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something that serves S3, as the generator reaches it."""

    name: str
    url: str
    account: Account
    pid: int | None = None
    """The process that it and its children run in; None where their cost is not asked for."""
    opens: bool = True
    """Whether what it answers is the plaintext."""

    @property
    def address(self) -> str:
        return self.url.rpartition(":")[2]

    def pids(self) -> list[int]:
        return tree(self.pid) if self.pid is not None else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Over the sink, where the target is the limit; and over a real store, for what a user would see."""

    over_sink: dict[str, Target]
    over_store: dict[str, Target]
    checking: dict[str, Target]
    """Over the real store, by what makes it check what it receives (`upstreams[].integrity`)."""
    hsm: Sealgate
    hsm_pid: int
    """The process of the key service of `hsm` alone."""


@contextlib.contextmanager
def scene(programs: Programs, directory: Path, *, beside: str | None = None) -> Iterator[Scene]:
    """`beside` is another Sealgate's command, measured in the same rounds: a change's before or after."""
    with contextlib.ExitStack() as stack:
        with pinned(TOOL_CORE):
            weed = directory / "weed"
            weed.mkdir()
            store = stack.enter_context(seaweedfs(weed))
            objects = sealed_objects(store, directory)
        built = _build(stack, programs, directory, store, objects, beside)
        for target in (*built.over_sink.values(), *built.over_store.values()):
            _check(target, objects)
        yield built


def _build(  # noqa: PLR0917  # what everything stands on, each once
    stack: contextlib.ExitStack,
    programs: Programs,
    directory: Path,
    store: Store,
    objects: Objects,
    beside: str | None,
) -> Scene:
    sink_url = stack.enter_context(sink(programs, directory, objects.canned))
    as_sink = Store(url=sink_url, access_key=store.access_key, secret_key=store.secret_key)
    owner = Account(access_key=store.access_key, secret_key=store.secret_key)
    plain = _sealgate(stack, as_sink, objects, directory / "sealgate")
    secured = _sealgate(stack, as_sink, objects, directory / "sealgate-tls", tls=True)
    stored = _sealgate(stack, store, objects, directory / "sealgate-store")
    bridge, _ = stack.enter_context(nginx(directory, secured.url, core=TOOL_CORE))
    passing, passing_pid = stack.enter_context(nginx(directory, sink_url))
    to_store, _ = stack.enter_context(nginx(directory, store.url))
    sealed, sealed_pid = stack.enter_context(rclone(directory, sink_url))
    over_sink = (
        Target(name="sink", url=sink_url, account=owner, opens=False),
        Target(name="nginx", url=passing, account=owner, pid=passing_pid, opens=False),
        Target(name="sealgate", url=plain.url, account=CLIENT, pid=plain.process.pid),
        Target(name="sealgate-tls", url=bridge, account=CLIENT, pid=secured.process.pid),
        Target(name="rclone", url=sealed, account=PEER, pid=sealed_pid),
    )
    over_store = (
        Target(name="store", url=store.url, account=owner, opens=False),
        Target(name="nginx", url=to_store, account=owner, opens=False),
        Target(name="sealgate", url=stored.url, account=CLIENT),
    )
    checking = {
        way: _sealgate(stack, store, objects, directory / f"sealgate-{way}", integrity=way)
        for way in CHECKING
    }
    others: tuple[Target, ...] = ()
    if beside:
        with mock.patch.object(starting, "SEALGATE", beside):
            other = _sealgate(stack, as_sink, objects, directory / "sealgate-beside")
        others = (Target(name="beside", url=other.url, account=CLIENT, pid=other.process.pid),)
    return Scene(
        over_sink={target.name: target for target in (*over_sink, *others)},
        over_store={target.name: target for target in over_store},
        checking={
            way: Target(name=way, url=each.url, account=CLIENT, pid=each.process.pid)
            for way, each in checking.items()
        },
        hsm=plain,
        hsm_pid=_hsm_pid(plain),
    )


def _sealgate(
    stack: contextlib.ExitStack,
    store: Store,
    objects: Objects,
    home: Path,
    *,
    tls: bool = False,
    integrity: str = "",
) -> Sealgate:
    home.mkdir()
    copy_hsm_state(objects, home)
    changes: dict[str, Any] = {}
    if integrity:
        (upstream,) = config_for(store, home)["upstreams"]
        changes = {"upstreams": [upstream | {"integrity": integrity}]}
    if tls:
        (port,) = free_ports(1)
        changes = {"listen": {"port": port, "tls": _certificate(home)}}
    with pinned(TARGET_CORE):
        return stack.enter_context(serving(store, home, **changes))


def _hsm_pid(service: Sealgate) -> int:
    """The child that has the key service's store open."""
    for pid in tree(service.process.pid)[1:]:
        opened = [path.readlink().name for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()]
        if "hsm.sqlite" in opened:
            return pid
    raise RuntimeError("no child of the service has the key service's store open")


def _check(target: Target, objects: Objects) -> None:
    """A target that answers other bytes than it should is not worth measuring."""
    client = aws("s3", target.url, target.account)
    for name in SIZES:
        body = client.get_object(Bucket=BUCKET, Key=name)["Body"].read()
        if (body == (objects.plain / name).read_bytes()) is not target.opens:
            raise RuntimeError(f"{target.name} answers {name} with other bytes than expected")


def _certificate(home: Path) -> dict[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    begins = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + dt.timedelta(days=2))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    (home / "server.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (home / "server.key").write_bytes(private)
    (home / "server.key").chmod(0o600)
    return {"certificate_file": str(home / "server.pem"), "key_file": str(home / "server.key")}
