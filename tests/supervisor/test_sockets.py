"""Sockets as the supervisor binds them, and what it says when it cannot."""

import os
import socket
import stat
import sys
from pathlib import Path

import pytest

from proxy.supervisor.sockets import AddressRefused, bind_tcp, bind_unix


@pytest.mark.parametrize("count", [1, 2, 5])
def test_each_worker_gets_a_listening_socket_on_the_one_address(count: int) -> None:
    bound = bind_tcp("listen", "127.0.0.1", 0, count=count)
    names = {each.getsockname() for each in bound}

    assert len(bound) == count
    assert len(names) == 1
    assert len({each.fileno() for each in bound}) == (count if sys.platform == "linux" else 1)
    socket.create_connection(names.pop()).close()
    for each in bound:
        each.close()


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("holders", [1, 2])
def test_a_port_in_use_is_named(holders: int, count: int) -> None:
    """Also where it is held by a service of the same user, with a socket for each worker."""
    held = bind_tcp("listen", "127.0.0.1", 0, count=holders)
    port = held[0].getsockname()[1]

    with pytest.raises(AddressRefused) as refused:
        bind_tcp("admin", "127.0.0.1", port, count=count)

    assert (
        str(refused.value)
        == f"admin: 127.0.0.1:{port} is in use: stop what listens there, or choose another port"
    )
    for each in held:
        each.close()


@pytest.mark.parametrize(
    ("host", "message"),
    [
        (
            "192.0.2.1",
            "192.0.2.1:0 is not an address of this machine: choose one that is, or 0.0.0.0 for all",
        ),
        ("2001:db8::1", "[2001:db8::1]:0 "),
        ("no.such.host.invalid", "no.such.host.invalid is not an address"),
    ],
)
def test_an_address_that_is_not_ours_is_named(host: str, message: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        bind_tcp("listen", host, 0)

    assert str(refused.value).startswith(f"listen: {message}")


def test_only_this_user_reaches_a_unix_socket(tmp_path: Path) -> None:
    """The directory is made for it."""
    path = tmp_path / "run" / "hsm.sock"
    with bind_unix("hsm.socket", path), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))

        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_unix_socket_that_a_killed_service_left_is_replaced(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    path = tmp_path / "hsm.sock"
    bind_unix("hsm.socket", path).close()

    with bind_unix("hsm.socket", path), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_unix_socket_in_use_is_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    path = tmp_path / "hsm.sock"
    with bind_unix("hsm.socket", path):
        with pytest.raises(AddressRefused, match="is in use: stop the service that listens there"):
            bind_unix("hsm.socket", path)

        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def test_a_directory_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o710)
    with pytest.raises(AddressRefused, match=f"others may enter {tmp_path}: chmod 700 it"):
        bind_unix("hsm.socket", tmp_path / "hsm.sock")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    os.chown(tmp_path, 12345, 12345)
    with pytest.raises(AddressRefused, match="belongs to another user"):
        bind_unix("hsm.socket", tmp_path / "hsm.sock")


def test_what_is_no_socket_is_not_removed(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    path = tmp_path / "hsm.sock"
    path.write_text("somebody's")
    with pytest.raises(AddressRefused, match="exists and is no socket: remove it"):
        bind_unix("hsm.socket", path)

    assert path.read_text() == "somebody's"


def test_a_path_that_no_socket_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AddressRefused, match="is longer than 103 bytes"):
        bind_unix("hsm.socket", tmp_path / ("x" * 104))


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AddressRefused, match="cannot be bound: "):
        bind_unix("hsm.socket", tmp_path / "file" / "run" / "hsm.sock")
