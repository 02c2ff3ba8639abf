"""What the service consists of: places for children, in stages. The supervisor is fed this and decides
nothing else.

A stage starts when every place of the one before is ready, and stops before it. Another worker is another
place.
"""

import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

# -P: what lies in the working directory is never imported.
CHILD_COMMAND = (sys.executable, "-P", "-m", "proxy.cli.child")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One child, and whoever replaces it."""

    role: str
    number: int = 0
    environment: Mapping[str, str] = field(repr=False)
    config_text: str = field(repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    sockets: Mapping[str, socket.socket] = field(default_factory=dict)
    """Bound and listening. Closed by the supervisor when the place's stage stops."""
    peers: Mapping[str, str] = field(default_factory=dict)
    """The status sockets that the child asks (see Start)."""
    ledger: str | None = None
    with_proxy_credential: bool = False
    """Whether the child is told the credential that this service makes for its HSM and workers."""
    start_seconds: float = 60.0
    """A child that is not ready by then counts as dead."""
    drain_seconds: float = 5.0
    """How long requests in progress may go on after SIGTERM."""
    closing_seconds: float = 7.0
    """On top, before SIGKILL: more than the audit journal takes for its last records."""

    @property
    def name(self) -> str:
        return f"{self.role}-{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    stages: tuple[tuple[Place, ...], ...]
    config_path: str
    hsm_socket: str | None = None
    control: socket.socket | None = None
    """Where a reload can be asked for; bound and listening, and closed when the service ends."""
    log_level: str = "info"
    command: tuple[str, ...] = CHILD_COMMAND
    """Starts a child; the role and the report descriptor's number are appended."""
