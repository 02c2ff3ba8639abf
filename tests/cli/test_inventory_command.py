"""`sealgate inventory` against a store that never answers, or none at all."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner, Result

from proxy.cli.inventory_file import InventoryFile
from proxy.cli.main import cli
from proxy.jobs.inventory.counts import BucketCount, Inventory
from tests.cli.configs import whole, written

PROGRAM = ["-P", "-c", "from proxy.cli.main import main; main()"]
ROOT = Path(__file__).parents[2]
KNOWN = Inventory().with_bucket(BucketCount(upstream="store", bucket="photos", taken="2026-11-25T00:00:00Z"))


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def before_store(directory: Path, port: int, **parts: Any) -> Path:
    [upstream] = whole()["upstreams"]
    return written(directory, upstreams=[upstream | {"url": f"http://127.0.0.1:{port}"}], **parts)


def kept(directory: Path) -> InventoryFile:
    file = InventoryFile(path=directory / "inventory.json")
    file.change(lambda _: KNOWN)
    return file


def typed(config: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["inventory", "--config", str(config), *words])


def test_an_interrupted_walk_leaves_the_old_figures(tmp_path: Path, silent: socket.socket) -> None:
    file = kept(tmp_path)
    config = before_store(tmp_path, silent.getsockname()[1])
    walk = subprocess.Popen(
        [sys.executable, *PROGRAM, "inventory", "--config", str(config), "s3://photos"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
    )
    connection, _ = silent.accept()
    with connection:
        assert connection.recv(4).startswith(b"GET")
        walk.send_signal(signal.SIGINT)
        out, err = walk.communicate(timeout=60)

    assert (walk.returncode, out) == (130, "")
    assert err == "interrupted: 0 buckets are counted anew, what was known of the others is as it was\n"
    assert file.read() == KNOWN


def test_a_store_that_is_not_there_leaves_them_too(tmp_path: Path) -> None:
    """The whole of them, with what was wrong and an exit code that says so."""
    file = kept(tmp_path)
    config = written(tmp_path)
    of_all, of_one = typed(config), typed(config, "s3://photos")

    assert (of_all.exit_code, of_one.exit_code) == (1, 1)
    assert of_all.stderr.startswith("store: its buckets could not be listed: ")
    assert of_one.stderr.startswith("photos: could not be counted: ")
    assert "photos" in of_all.stdout
    assert file.read() == KNOWN


def test_where_a_store_did_not_say_what_it_has_nothing_claims_to_be_all(tmp_path: Path) -> None:
    """Its buckets may never have been counted."""
    file = kept(tmp_path)
    file.change(lambda known: known.of_all(["photos"], listed="2026-11-25T00:00:00Z"))
    typed(written(tmp_path))

    assert file.read() == KNOWN


def test_nothing_is_walked_that_cannot_be_kept(tmp_path: Path) -> None:
    refused = typed(written(tmp_path, inventory_file="nowhere/inventory.json"))

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "nowhere/inventory.json: its directory is not there" in refused.stderr


class TwoBuckets(BaseHTTPRequestHandler):
    """A store that shows one of its two buckets."""

    def do_GET(self) -> None:  # its base calls it that way
        name = self.path[1:].partition("?")[0]
        self.send_response(403 if name == "forbidden" else 200)
        self.send_header("content-length", str(len(self.ANSWERS.get(name, b""))))
        self.end_headers()
        self.wfile.write(self.ANSWERS.get(name, b""))

    def log_message(self, *_: Any) -> None:
        """Nothing of it is the test's output."""

    ANSWERS: ClassVar = {
        "": b"<ListAllMyBucketsResult><Buckets><Bucket><Name>forbidden</Name></Bucket>"
        b"<Bucket><Name>shown</Name></Bucket><Bucket><Name>open</Name></Bucket></Buckets>"
        b"</ListAllMyBucketsResult>",
        "shown": b"<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>",
    }


def test_a_walk_over_all_forgets_what_is_gone_and_names_what_is_missing(tmp_path: Path) -> None:
    file = kept(tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), TwoBuckets) as store:
        thread = threading.Thread(target=store.serve_forever)
        thread.start()
        rules = [{"match": "open", "mode": "passthrough"}, {"match": "*"}]
        walked = typed(before_store(tmp_path, store.server_port, buckets=rules))
        store.shutdown()
        thread.join()

    assert walked.exit_code == 1
    assert walked.stderr.startswith("forbidden: could not be counted: ")
    assert len(walked.stderr.splitlines()) == 1
    assert "Not counted: forbidden" in walked.stdout
    known = file.read()
    assert known is not None
    assert [(each.bucket, each.uploads) for each in known.buckets] == [("shown", None)]
    assert known.not_counted == ("forbidden",)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["photos"], 2, "'photos' is not of the form s3://BUCKET"),
        (["s3://open"], 1, "open: no rule seals what lies there: nothing to count"),
        (["s3://state"], 1, "state: no rule seals what lies there: nothing to count"),
        (["--last"], 1, "there is none yet: run `sealgate inventory`"),
        (["--at-once", "0"], 2, "0 is not in the range"),
    ],
)
def test_what_cannot_be_counted_is_said(tmp_path: Path, words: list[str], code: int, says: str) -> None:
    [upstream] = whole()["upstreams"]
    rules = [{"match": "open", "mode": "passthrough"}, {"match": "*"}]
    refused = typed(written(tmp_path, upstreams=[upstream | {"state": "s3://state"}], buckets=rules), *words)

    assert (refused.exit_code, refused.stdout) == (code, "")
    assert says in refused.stderr
