"""Settings whose effect only a whole service shows."""

import contextlib
import socket
import uuid
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.service.clients import client
from tests.service.relay import relaying
from tests.service.running import launched
from tests.stores.moto_kms import moto_server
from tests.stores.sealgate import config_for, run
from tests.stores.seaweedfs import Store, free_ports

PHRASE = "correct horse battery staple, and more"


@pytest.mark.parametrize(
    ("root_key", "content"),
    [
        ({"env": "SEALGATE_TEST_ROOT"}, "7c" * 32),
        ({"passphrase_env": "SEALGATE_TEST_ROOT"}, PHRASE),
        ({"passphrase_file": "phrase"}, PHRASE),
    ],
)
def test_a_root_key_from_each_source(
    store: Store, tmp_path: Path, root_key: dict[str, str], content: str
) -> None:
    """What was sealed under it opens after a restart; no process shows it in its environment or log."""
    (tmp_path / "phrase").write_text(content)
    (tmp_path / "phrase").chmod(0o600)
    environment = {} if "passphrase_file" in root_key else {"SEALGATE_TEST_ROOT": content}
    hsm = config_for(store, tmp_path)["hsm"] | {"root_key": root_key}
    name = f"settings-{uuid.uuid4()}"
    for turn in range(2):
        with (
            launched(store, tmp_path, hsm=hsm, environ=environment) as service,
            client("s3", service.url) as s3,
        ):
            if not turn:
                s3.create_bucket(Bucket=name)
                s3.put_object(Bucket=name, Key="k", Body=b"plain")
            assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"plain"
            assert content not in service.stderr
            for child in service.left():
                assert content.encode() not in environ_of(child)


def test_a_root_key_at_aws(store: Store, tmp_path: Path) -> None:
    """Made by init, opened by every start and by the commands on the store; without AWS there is no start."""
    environment = {"AWS_ACCESS_KEY_ID": "AKIAROOT00000000", "AWS_SECRET_ACCESS_KEY": "root-secret-at-aws"}
    name, sealed = f"settings-{uuid.uuid4()}", tmp_path / "secrets" / "root.sealed"
    with contextlib.ExitStack() as opened:
        url = opened.enter_context(moto_server())
        with client("kms", url) as kms:
            key = kms.create_key()["KeyMetadata"]["Arn"]
        relay = opened.enter_context(relaying(Store(url=url, access_key="", secret_key="")))
        at_aws = {"key_id": key, "sealed_file": str(sealed), "endpoint_url": relay.url}
        hsm = config_for(store, tmp_path)["hsm"] | {"root_key": {"aws_kms": at_aws}}
        start = partial(launched, store, tmp_path, "--log-level", "debug", hsm=hsm, environ=environment)
        for turn in range(2):
            with start() as service, client("s3", service.url) as s3:
                if not turn:
                    s3.create_bucket(Bucket=name)
                    s3.put_object(Bucket=name, Key="k", Body=b"plain")
                assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"plain"
                assert "root-secret-at-aws" not in service.stderr
        copied = run(
            "hsm",
            "backup",
            "--config",
            str(tmp_path / "config.yaml"),
            str(tmp_path / "copy"),
            environ=environment,
        )
        assert "all opened with the root key" in copied

        relay.shut()
        with start(ready=False) as service:
            assert service.ended() == 1
            told = service.last_line
            assert service.left() == []
            assert "Traceback" not in service.stderr
    assert told == (
        f"Error: hsm-0: AWS KMS (key {key}, file {sealed}): {relay.url} does not answer"
        " (EndpointConnectionError): check region, endpoint_url and the network"
    )


def environ_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except PermissionError:  # a process that shows itself to nobody
        return b""


def test_more_connections_than_allowed(store: Store, tmp_path: Path) -> None:
    """Those beyond are told so and closed; when others leave there is room again."""
    listen: dict[str, Any] = {"port": free_ports(1)[0], "max_connections": 100}
    with launched(store, tmp_path, listen=listen) as service, contextlib.ExitStack() as opened:
        place = ("127.0.0.1", listen["port"])
        held = [opened.enter_context(socket.create_connection(place, timeout=10)) for _ in range(250)]
        held[-1].settimeout(0.2)
        answered = [each for each in held if told(each)]
        assert len(answered) >= 50
        opened.close()
        with client("s3", service.url) as s3:
            assert s3.list_buckets()["ResponseMetadata"]["HTTPStatusCode"] == 200


def told(connection: socket.socket) -> bool:
    connection.settimeout(0.02)
    try:
        return connection.recv(4096).startswith(b"HTTP/1.1 400")
    except (TimeoutError, ConnectionResetError):
        return False
