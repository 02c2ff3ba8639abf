"""What Sealgate is measured beside, each as its own documents would set it up for this work.

nginx passes through, unbuffered, over kept connections; rclone serves a crypt remote before the same store.
"""

import contextlib
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.asks import Account
from benchmarks.native import Programs
from benchmarks.processes import TARGET_CORE, TOOL_CORE, running
from tests.stores.seaweedfs import free_ports

RCLONE = str(Path(sys.executable).parent / "rclone")
NGINX = "/usr/sbin/nginx"
READY_SECONDS = 20
PEER = Account(access_key="PEERACCESSKEY000", secret_key="peer-secret-key")
SSL_LINES = "proxy_ssl_verify off; proxy_ssl_session_reuse on;"


@dataclass(frozen=True, slots=True, kw_only=True)
class Canned:
    """One object of the sink: the path it answers at, its header lines, its body."""

    path: str
    headers: Path
    body: Path


@contextlib.contextmanager
def sink(programs: Programs, directory: Path, objects: Sequence[Canned]) -> Iterator[str]:
    """Its URL."""
    (port,) = free_ports(1)
    named = [text for each in objects for text in (each.path, str(each.headers), str(each.body))]
    url = f"http://127.0.0.1:{port}"
    with running([str(programs.sink), str(port), *named], directory / "sink.log", core=TOOL_CORE):
        wait_for(url, directory / "sink.log")
        yield url


@contextlib.contextmanager
def nginx(directory: Path, store_url: str, *, core: int = TARGET_CORE) -> Iterator[tuple[str, int]]:
    """Its URL and process id. In front of https it is the generator's TLS."""
    (port,) = free_ports(1)
    home = directory / f"nginx-{port}"
    home.mkdir()
    (home / "nginx.conf").write_text(_nginx_config(home, port, store_url))
    url, log = f"http://127.0.0.1:{port}", home / "error.log"
    with running([NGINX, "-p", str(home), "-c", "nginx.conf", "-e", str(log)], log, core=core) as pid:
        wait_for(url, log)
        yield url, pid


def _nginx_config(home: Path, port: int, store_url: str) -> str:
    scheme, _, address = store_url.partition("://")
    temporary = " ".join(
        f"{name}_temp_path {home}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""
daemon off; worker_processes 1; pid {home}/pid;
events {{ worker_connections 4096; }}
http {{
  access_log off; {temporary}
  keepalive_requests 1000000; client_max_body_size 0; proxy_max_temp_file_size 0;
  proxy_buffering off; proxy_request_buffering off;
  proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k; client_body_buffer_size 64k;
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
  {SSL_LINES if scheme == "https" else ""}
  upstream store {{ server {address}; keepalive 256; keepalive_requests 1000000; }}
  server {{ listen 127.0.0.1:{port} backlog=1024; location / {{ proxy_pass {scheme}://store; }} }}
}}
"""


def rclone_config(directory: Path, remote: str, *, name: str, lines: str = "") -> Path:
    """A configuration file whose remote `sealed:` is a crypt over `remote`."""
    secret = _rclone("obscure", "a bench's passphrase").strip()
    path = directory / f"{name}.conf"
    path.write_text(f"{lines}\n[sealed]\ntype = crypt\nremote = {remote}\npassword = {secret}\n")
    return path


def rclone_sealed(directory: Path, plain: Path) -> Path:
    """The directory with the files under `plain`, as rclone crypt stores them."""
    stored = directory / "rclone-stored"
    config = rclone_config(directory, str(stored), name="rclone-local")
    _rclone("--config", str(config), "copy", str(plain), "sealed:")
    return stored


@contextlib.contextmanager
def rclone(directory: Path, store_url: str) -> Iterator[tuple[str, int]]:
    """Its URL and process id."""
    (port,) = free_ports(1)
    store = f"[store]\ntype = s3\nprovider = Other\nendpoint = {store_url}\naccess_key_id = x\n"
    store += "secret_access_key = x\nno_check_bucket = true\nno_head = true\n"
    config = rclone_config(directory, "store:rclone", name="rclone", lines=store)
    key = f"{PEER.access_key},{PEER.secret_key}"
    command = [RCLONE, "--config", str(config), "serve", "s3", "sealed:", "--addr", f"127.0.0.1:{port}"]
    url, log = f"http://127.0.0.1:{port}", directory / "rclone.log"
    with running([*command, "--auth-key", key], log, core=TARGET_CORE) as pid:
        wait_for(url, log)
        yield url, pid


def _rclone(*arguments: str) -> str:
    return subprocess.run([RCLONE, *arguments], check=True, capture_output=True, text=True).stdout


def wait_for(url: str, log: Path) -> None:
    """Until something answers there, with whatever status. RuntimeError where nothing does."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=2).close()  # noqa: S310  # our own loopback URL
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{url} did not answer:\n{log.read_text()[-2000:]}")
