"""JuiceFS's S3 gateway as a second real store: MinIO's S3 layer over SQLite and files.

What it does differently from SeaweedFS, tried on 1.4.2: parts may be of any size, conditional writes are not
obeyed, there are no versions, one metadata value takes 2,000 bytes, and DeleteObjects wants Content-MD5.
"""

import contextlib
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.stores.seaweedfs import Store, free_ports
from tests.tools import installed


@contextlib.contextmanager
def juicefs(directory: Path) -> Iterator[Store]:
    [port] = free_ports(1)
    store = Store(
        url=f"http://127.0.0.1:{port}",
        access_key="STOREACCESSKEY",
        secret_key="store-secret-key",
        preset="juicefs",
    )
    program, metadata = installed("juicefs"), f"sqlite3://{directory / 'metadata.db'}"
    _format(program, metadata, directory)
    log = (directory / "gateway.log").open("wb")
    process = subprocess.Popen(
        [program, "gateway", *_options(directory), metadata, f"127.0.0.1:{port}"],
        stdout=log,
        stderr=subprocess.STDOUT,
        env={**os.environ, "MINIO_ROOT_USER": store.access_key, "MINIO_ROOT_PASSWORD": store.secret_key},
    )
    try:
        _wait(process, store.url, directory / "gateway.log")
        yield store
    finally:
        process.kill()  # its data is thrown away with its directory
        process.wait()
        log.close()


def _format(program: str, metadata: str, directory: Path) -> None:
    made = subprocess.run(
        [program, "format", "--bucket", str(directory / "data"), "--trash-days", "0", metadata, "store"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert made.returncode == 0, made.stderr


def _options(directory: Path) -> list[str]:
    switches = ["--multi-buckets", "--keep-etag", "--object-meta", "--object-tag", "--no-banner"]
    switches += ["--no-bgjob", "--no-usage-report"]
    values = {
        "--backup-meta": "0",
        "--cache-dir": str(directory / "cache"),
        "--log": str(directory / "juicefs.log"),
    }
    return [*switches, *(text for pair in values.items() for text in pair)]


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{url}/minio/health/live", timeout=1).close()  # noqa: S310  # our own loopback URL
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"JuiceFS's gateway does not answer:\n{log.read_text()[-2000:]}")
