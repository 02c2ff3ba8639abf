"""The whole service with its root key in a PKCS#11 token, and every command that opens the store."""

import os
import signal
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from proxy.cli.main import cli
from tests.hsm.softhsm import MODULE, PIN, softhsm
from tests.service.clients import bare, client
from tests.service.running import Launched, launched
from tests.service.test_settings import environ_of
from tests.stores.sealgate import config_for
from tests.stores.seaweedfs import Store

NEW_PIN = "another-pin-4712"
REFUSED = "PinIncorrect: the PIN was tried once: correct it before it is tried again"


def test_a_root_key_in_a_token(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made by init, opened by every start and command; the PIN is told nowhere, a wrong one tried once."""
    token = softhsm(tmp_path)
    monkeypatch.setenv(*next(iter(token.environment.items())))
    environment, name = token.environment | {"TOKEN_PIN": PIN}, f"token-{uuid.uuid4()}"
    sealed = tmp_path / "secrets" / "root.sealed"
    place = f"PKCS#11 token keys (key sealgate, file {sealed})"
    in_token: dict[str, Any] = {"module": MODULE, "token": token.label, "key": "sealgate"}
    in_token |= {"sealed_file": str(sealed), "pin_env": "TOKEN_PIN", "environment": list(token.environment)}
    hsm = config_for(store, tmp_path)["hsm"] | {"root_key": {"pkcs11": in_token}}
    start = partial(launched, store, tmp_path, "--log-level", "debug", hsm=hsm)
    said = []
    for turn in range(2):
        with start(environ=environment) as service:
            if not turn:
                key_arn = used(service, name)
            with client("s3", service.url) as s3:
                assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"plain"
            assert not [child for child in service.left() if PIN.encode() in environ_of(child)]
            if turn:  # and the key service does not live to see it
                token.change_pin(NEW_PIN)
                os.kill(service.child("hsm-0"), signal.SIGKILL)
                assert service.ended() == 1
                assert service.last_line == f"Error: hsm-0: {place}: {REFUSED}"
                assert service.left() == []
            said += [service.stderr, service.stdout]
    with bare(store) as s3:
        found = s3.get_object(Bucket=name, Key="k")
        (tmp_path / "copied").write_bytes(found["Body"].read())
        header = found["Metadata"]["sealgate"]

    environment["TOKEN_PIN"] = NEW_PIN

    def asked(*words: str, pin: str = NEW_PIN) -> str:
        command = [*words, "--config", str(tmp_path / "config.yaml")]
        done = CliRunner().invoke(cli, command, env=environment | {"TOKEN_PIN": pin})
        assert (done.exit_code == 0) == (pin == NEW_PIN), done.output
        said.append(done.output)
        return done.output

    whose = ("--bucket", name, "--key", "k", "--metadata", header)
    opened_by_commands(asked, tmp_path, key_arn)
    assert "plain" in asked("open", str(tmp_path / "copied"), *whose)
    assert asked("hsm", "backup", str(tmp_path / "other"), pin=PIN) == f"Error: {place}: {REFUSED}\n"
    with start(environ=environment, ready=False) as service:
        assert service.ended() == 1
        told = service.last_line
        assert service.left() == []
        assert "Traceback" not in service.stderr
        said += [service.stderr, service.stdout]
    assert told.startswith(f"Error: hsm-0: {place}: the last PIN that the token was given was wrong:")
    said.append((tmp_path / "audit.jsonl").read_text())
    assert not [each for each in said if PIN in each or NEW_PIN in each]


def opened_by_commands(asked: Callable[..., str], directory: Path, key_arn: str) -> None:
    assert "all opened with the root key" in asked("hsm", "backup", str(directory / "copy"))
    (directory / "hsm.sqlite").unlink()
    assert "records, change" in asked("hsm", "restore", str(directory / "copy"))
    (directory / "hsm.sqlite.witness").unlink()
    assert "accepted, with" in asked("hsm", "accept")
    assert "policy" in asked("hsm", "reset-policy", "--yes", key_arn)
    asked("config", "check")


def used(service: Launched, name: str) -> str:
    """An object under a new customer-managed key."""
    with client("s3", service.url) as s3, client("kms", service.kms_url) as kms:
        key_arn = str(kms.create_key()["KeyMetadata"]["Arn"])
        s3.create_bucket(Bucket=name)
        under = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_arn}
        s3.put_object(Bucket=name, Key="k", Body=b"plain", **under)
    return key_arn
