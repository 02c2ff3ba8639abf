"""`sealgate serve`, as a person types it: a real supervisor, whose children say what they were told."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from tests.cli.configs import IDENTITY_SECRET, STORE_SECRET, written

PROGRAM = Path(__file__).with_name("serve_main.py")
ROOT = Path(__file__).parents[2]
ROOT_KEY = "5f" * 32


@contextlib.contextmanager
def serving(path: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), "serve", "--config", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until_ready(stderr: IO[str] | None) -> dict[str, int]:
    """The ports by field."""
    assert stderr is not None
    lines: list[str] = []
    for line in stderr:
        lines.append(line)
        if line == "ready\n":
            found = re.findall(r"(\S+): listening on \S+ port (\d+)", "".join(lines))
            return {field: int(port) for field, port in found}
    raise AssertionError("".join(lines))


def told(port: int) -> Any:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client, client.makefile() as answer:
        return json.loads(answer.readline())


def told_hsm(path: Path) -> Any:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        with client.makefile() as answer:
            return json.loads(answer.readline())


def test_each_process_is_told_what_it_needs(tmp_path: Path) -> None:
    """The root key goes to the HSM alone, the store's credentials to the worker alone."""
    hsm = {"store": "keys.sqlite", "root_key": {"env": "ROOT_KEY"}, "listen": {"port": 0}}
    path = written(tmp_path, hsm=hsm, limits={"drain_seconds": 7})
    with serving(path, ROOT_KEY=ROOT_KEY, AWS_PROFILE="somebody") as process:
        ports = until_ready(process.stderr)
        worker, hsm_told = told(ports["listen"]), told_hsm(tmp_path / "run" / "hsm.sock")

        assert worker["sockets"] == ["listen", "status"]
        assert hsm_told["sockets"] == ["hsm", "hsm_tcp", "status"]
        assert told(ports["hsm.listen"])["role"] == "hsm"
        observer = told(ports["admin"])
        assert (observer["role"], observer["sockets"], observer["config"]) == ("observer", ["admin"], "")
        assert observer["credential"] is None
        assert worker["credential"] == hsm_told["credential"]
        assert worker["hsm_socket"] == str(tmp_path / "run" / "hsm.sock")
        assert worker["drain_seconds"] == 7
        assert hsm_told["secrets"] == {"ROOT_KEY": ROOT_KEY}
        assert ROOT_KEY not in json.dumps(worker)
        assert STORE_SECRET in worker["config"]
        assert STORE_SECRET not in json.dumps(hsm_told)
        assert IDENTITY_SECRET in hsm_told["config"]
        assert "AWS_PROFILE" not in worker["environment"]


def test_with_aws_alone_there_is_no_hsm_and_the_worker_finds_its_credentials(tmp_path: Path) -> None:
    """As botocore's chain looks for them in the environment."""
    path = written(tmp_path, hsm=None, kms={"backends": [{"type": "aws", "write": True}]})
    with serving(path, AWS_PROFILE="somebody") as process:
        worker = told(until_ready(process.stderr)["listen"])

        assert worker["environment"]["AWS_PROFILE"] == "somebody"
        assert worker["credential"] is None
        assert worker["hsm_socket"] is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_service_ends_well(tmp_path: Path, number: signal.Signals) -> None:
    """Standard output is left to audit events."""
    with serving(written(tmp_path)) as process:
        until_ready(process.stderr)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=10)

        assert process.returncode == 0
        assert stdout == ""
        assert "Traceback" not in stderr


@pytest.mark.parametrize("field", ["listen", "admin"])
def test_a_port_in_use_is_one_line(tmp_path: Path, field: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        with serving(written(tmp_path, **{field: {"port": port}})) as process:
            _, stderr = process.communicate(timeout=10)

    assert process.returncode == 1
    assert (
        stderr.splitlines()[-1]
        == f"Error: {field}: 127.0.0.1:{port} is in use: stop what listens there, or choose another port"
    )
    assert "Traceback" not in stderr


@pytest.mark.parametrize("variable", ["env", "passphrase_env"])
def test_a_root_key_that_the_environment_lacks_is_one_line(tmp_path: Path, variable: str) -> None:
    hsm = {"store": "keys.sqlite", "root_key": {variable: "NO_SUCH_ROOT_KEY"}}
    with serving(written(tmp_path, hsm=hsm)) as process:
        _, stderr = process.communicate(timeout=10)

    assert process.returncode == 1
    assert stderr == (
        f"Error: hsm.root_key.{variable}: the environment has no NO_SUCH_ROOT_KEY: set it before the start\n"
    )


def test_a_configuration_with_faults_starts_nothing(tmp_path: Path) -> None:
    with serving(written(tmp_path, listen={"prot": 1})) as process:
        _, stderr = process.communicate(timeout=10)

    assert process.returncode == 2
    assert stderr.startswith("listen.prot: is not a field")


def test_aws_credentials_are_not_told_to_the_hsm(tmp_path: Path) -> None:
    backends = [
        {"type": "hsm", "write": True, "arns": ["arn:aws:kms:us-east-1:*"]},
        {
            "type": "aws",
            "access_key_id": "AWSKEY",
            "secret_access_key": "the-secret-at-aws",
            "arns": ["arn:aws:kms:eu-central-1:*"],
        },
    ]
    with serving(written(tmp_path, kms={"backends": backends})) as process:
        worker = told(until_ready(process.stderr)["listen"])
        hsm = told_hsm(tmp_path / "run" / "hsm.sock")

        assert "the-secret-at-aws" in worker["config"]
        assert "the-secret-at-aws" not in hsm["config"]
