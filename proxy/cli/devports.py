"""Which ports `sealgate dev` listens on: those that were asked for, the usual ones, or else free ones.

A port is judged by binding it, and all are held until the last is found, so that no two are the same. They
are let go before the servers take them: somebody else may be quicker, and the server then says so.
"""

import contextlib
import errno
import os
import random
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"
# Below the range from which systems take ports for outgoing connections: none of those comes in between.
FREE = range(10_000, 32_000)
TRIES = 1000


class PortRefused(Exception):
    """A port that was asked for cannot be had; the text is one line that says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    option: str
    port: int
    """0: any free one."""
    given: bool
    """Asked for, and not merely the default: no other port will do."""


def choose(wanted: Mapping[str, Wanted], others: Sequence[str]) -> dict[str, int]:
    """A port for each name: the wanted ones, and free ones for `others`. Raises PortRefused."""
    with contextlib.ExitStack() as held:
        # The given ones first: a default must not take what another option asks for.
        ports = {name: _given(each, held) for name, each in wanted.items() if each.given}
        ports |= {name: _preferred(each.port, held) for name, each in wanted.items() if not each.given}
        return ports | {name: _free(held) for name in others}


def _given(wanted: Wanted, held: contextlib.ExitStack) -> int:
    if wanted.port == 0:
        return _free(held)
    try:
        return _bound(wanted.port, held)
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            reason = "is in use: stop what listens there, or choose another port"
        elif exc.errno == errno.EACCES:
            reason = "may not be bound by this user: choose a port from 1024 on"
        else:
            reason = f"cannot be bound: {os.strerror(exc.errno or 0)}: choose another port"
        raise PortRefused(f"{wanted.option} {wanted.port}: {LOOPBACK}:{wanted.port} {reason}") from None


def _preferred(port: int, held: contextlib.ExitStack) -> int:
    try:
        return _bound(port, held)
    except OSError:
        return _free(held)


def _free(held: contextlib.ExitStack) -> int:
    for _ in range(TRIES):
        with contextlib.suppress(OSError):
            return _bound(random.choice(FREE), held)  # noqa: S311 - a port is no secret
    raise PortRefused(f"{LOOPBACK}: no free port was found: stop some of what listens there")


def _bound(port: int, held: contextlib.ExitStack) -> int:
    probe = held.enter_context(socket.socket())
    # As the servers do: connections that ended a moment ago do not make a port taken.
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind((LOOPBACK, port))
    probe.listen()
    return port
