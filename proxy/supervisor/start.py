"""What a child is told when it starts, and how that crosses the pipe: one JSON line.

The line carries secrets, so it travels over an inherited pipe alone: never in an argument, a file or the
environment. Sockets travel by inheritance; the line only says which descriptor is which. `encode` and
`decode` are inverses but for the sockets, which become the child's own objects on the same descriptors.
"""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

BACKLOG = 1024
"""Connections that may wait in the kernel's queue of one socket."""


class StartRefused(Exception):
    """A role cannot do its work; its text is one line that says what to do. The first start then ends the
    service.
    """


class StartBarred(StartRefused):
    """Another try would do harm, as it does to a token that counts wrong PINs: there is none, also where the
    role was at work before.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Everything that a child works from; it reads neither the configuration file nor a secret from
    elsewhere.
    """

    role: str
    number: int = 0
    """Tells children of one role apart, from 0; it stays when a child is replaced."""
    config_text: str = field(repr=False)
    """What was checked once, whole: to read it takes no file and no environment. It holds secrets in the
    clear, those that the role needs.
    """
    config_path: str
    """For messages only."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The environment variables that this role's configuration names, and nothing else of the environment."""
    sockets: Mapping[str, socket.socket] = field(default_factory=dict)
    """Bound and listening: "listen" of a worker, "admin" of the observer, "hsm" and perhaps "hsm_tcp" of the
    HSM, "status" of those that the observer asks. The supervisor holds them too, so that connections queue
    while a child is replaced. A server on them must ask for a backlog of BACKLOG, as its own call of
    listen(2) counts.
    """
    proxy_access_key: str | None = None
    proxy_secret: str | None = field(default=None, repr=False)
    """The credential of the proxy at the local HSM, made anew each time that the service starts."""
    hsm_socket: str | None = None
    """The path at which workers reach the local HSM."""
    peers: Mapping[str, str] = field(default_factory=dict)
    """What the observer asks: the path of each child's "status" socket, by the child's name."""
    ledger: str | None = None
    """The file in which the observer keeps the counts of dead children, for the observer after it."""
    drain_seconds: float = 30.0
    """How long requests in progress may go on once the child was asked to stop."""
    closing_seconds: float = 7.0
    """What comes on top for closing, such as the last audit records; then the child is killed."""
    log_level: str = "info"

    @property
    def name(self) -> str:
        """How logs name the child: "hsm-0", "worker-1"."""
        return f"{self.role}-{self.number}"


def encode(start: Start) -> bytes:
    """The line for the pipe. The sockets' descriptors must be passed on under the same numbers."""
    line: dict[str, Any] = {item.name: getattr(start, item.name) for item in fields(start)}
    line["secrets"] = dict(start.secrets)
    line["sockets"] = {name: each.fileno() for name, each in start.sockets.items()}
    return json.dumps(line).encode() + b"\n"


def decode(line: bytes) -> Start:
    """The child's side. Takes over the descriptors: they are not inherited further.

    Raises ValueError where the line is none of ours or was cut: the supervisor is gone, or is another
    version.
    """
    try:
        told = json.loads(line)
        told["sockets"] = {name: _adopted(fd) for name, fd in told["sockets"].items()}
        return Start(**told)
    except (KeyError, TypeError, OSError) as exc:
        raise ValueError("this is not a start message") from exc


def _adopted(fd: int) -> socket.socket:
    adopted = socket.socket(fileno=fd)
    adopted.set_inheritable(False)
    return adopted
