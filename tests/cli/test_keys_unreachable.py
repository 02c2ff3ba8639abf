"""A key service that does not answer: one line says why, and what to do."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from proxy.auth.sigv4 import Credentials
from proxy.cli.keys.service import KeyService

NOBODY = 65_534


@pytest.fixture
def another_user(tmp_path: Path) -> Iterator[None]:
    """Of root, who may open everything, another; of anybody else, the same."""
    tmp_path.chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    yield
    if root:
        os.seteuid(0)
    tmp_path.chmod(0o700)


def said(endpoint: Path) -> str:
    service = KeyService(
        endpoint=str(endpoint), region="us-east-1", credentials=Credentials(access_key="A", secret="s")
    )
    with pytest.raises(click.ClickException) as refused:
        service.ask("ListKeys")
    return refused.value.message.replace(str(endpoint), "SOCKET")


def test_nobody_listens(tmp_path: Path) -> None:
    assert said(tmp_path / "hsm.sock") == (
        "the key service at SOCKET does not answer: No such file or directory: does it run?"
    )


def test_the_service_has_ended(tmp_path: Path) -> None:
    """Killed, it leaves its socket's name."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "hsm.sock"))

    assert said(tmp_path / "hsm.sock") == (
        "the key service at SOCKET does not answer: Connection refused: does it run?"
    )


@pytest.mark.usefixtures("another_user")
def test_the_socket_of_another_user(tmp_path: Path) -> None:
    assert said(tmp_path / "hsm.sock") == (
        "the key service at SOCKET does not answer: Permission denied: run this as the user that the service"
        " runs as"
    )
