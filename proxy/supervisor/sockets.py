"""Binds the sockets that children inherit. Nothing here reads from one.

All listen from the start: a connection made while a child is not there yet, or not there any more, waits in
the kernel's queue. Several workers get one SO_REUSEPORT socket each on Linux, so that the kernel spreads
connections; elsewhere they share one. A port is first taken without SO_REUSEPORT, as two services of one user
would otherwise share it without a word.
"""

import errno
import os
import socket
import stat
import sys
from pathlib import Path

from proxy.supervisor.start import BACKLOG

# What every system's sockaddr_un takes, with its closing zero.
LONGEST_UNIX_PATH = 103

REASONS = {
    errno.EADDRINUSE: "is in use: stop what listens there, or choose another port",
    errno.EADDRNOTAVAIL: "is not an address of this machine: choose one that is, or 0.0.0.0 for all",
    errno.EACCES: "may not be bound by this user: choose a port from 1024 on",
}


class AddressRefused(Exception):
    """An address cannot be listened on; the text is one line that names it and says what to do."""


def bind_tcp(field: str, host: str, port: int, *, count: int = 1) -> list[socket.socket]:
    """`count` listening sockets on one address (the same one, `count` times, where the system cannot do
    better).

    `field` is what the configuration calls it. Port 0 takes a free one, the same for all.
    """
    spread = count > 1 and sys.platform == "linux"
    first = _bound(field, host, port)
    if not spread:
        return [_listening(first, field, host, port)] * count
    port = first.getsockname()[1]
    first.close()
    bound: list[socket.socket] = []
    try:
        for _ in range(count):
            bound.append(_bound(field, host, port, reuse_port=True))
            _listening(bound[-1], field, host, port)
    except BaseException:
        for each in bound:
            each.close()
        raise
    return bound


def _bound(field: str, host: str, port: int, *, reuse_port: bool = False) -> socket.socket:
    try:
        info = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as exc:
        raise AddressRefused(f"{field}: {host} is not an address: {exc.strerror}") from exc
    family, kind, protocol, _, address = info[0]
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        opened.bind(address)
    except OSError as exc:
        opened.close()
        raise _refused(field, host, port, exc) from exc
    return opened


def _listening(bound: socket.socket, field: str, host: str, port: int) -> socket.socket:
    try:
        bound.listen(BACKLOG)
    except OSError as exc:
        bound.close()
        raise _refused(field, host, port, exc) from exc
    bound.setblocking(False)
    return bound


def _refused(field: str, host: str, port: int, exc: OSError) -> AddressRefused:
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return AddressRefused(
        f"{field}: {where} {REASONS.get(exc.errno or 0, f'cannot be bound: {exc.strerror}')}"
    )


def bind_unix(field: str, path: Path) -> socket.socket:
    """A listening socket that only this user reaches: directory 0700, socket 0600.

    Makes the directory where it is missing; refuses one that others may enter. A socket file that nobody
    listens on is what a killed service left, and is replaced.
    """
    if len(os.fsencode(path)) > LONGEST_UNIX_PATH:
        raise AddressRefused(
            f"{field}: {path} is longer than {LONGEST_UNIX_PATH} bytes: choose a shorter path"
        )
    try:
        _private_directory(field, path.parent)
        _remove_abandoned(field, path)
        return _bound_unix(path)
    except OSError as exc:
        raise AddressRefused(f"{field}: {path} cannot be bound: {exc.strerror}: choose another path") from exc


def _private_directory(field: str, directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.stat()
    if found.st_uid != os.geteuid():
        raise AddressRefused(f"{field}: {directory} belongs to another user: choose a directory of your own")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise AddressRefused(f"{field}: others may enter {directory}: chmod 700 it, or choose another path")


def _remove_abandoned(field: str, path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise AddressRefused(f"{field}: {path} exists and is no socket: remove it, or choose another path")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
    raise AddressRefused(f"{field}: {path} is in use: stop the service that listens there")


def _bound_unix(path: Path) -> socket.socket:
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        opened.bind(str(path))
        path.chmod(0o600)  # the directory keeps others out meanwhile
        opened.listen(BACKLOG)
        opened.setblocking(False)
    except BaseException:
        opened.close()
        raise
    return opened
