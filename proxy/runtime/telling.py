"""What a process tells the observer of itself: its numbers, and whether it should be sent requests.

The protocol is one step: who connects to the process's status socket is sent one JSON line, and the
connection ends. Nothing is read, so nothing that a caller sends can go wrong. `encode` and `maybe_decode` are
inverses; the observer takes nothing on trust, as a worker that parses what strangers send may be theirs.
"""

import asyncio
import itertools
import json
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from proxy.admin.readiness import Readiness
from proxy.metrics import Snapshot
from proxy.supervisor.start import BACKLOG

LONGEST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One answer of one process."""

    life: str = ""
    """Made anew when a process begins, so that a replaced one is told apart."""
    number: int = 0
    """Rises with each answer of a life."""
    readiness: Readiness
    snapshot: Snapshot


@asynccontextmanager
async def telling(listener: socket.socket, tell: Callable[[], Told]) -> AsyncIterator[None]:
    """Answer on a status socket while inside. `tell` leaves life and number to this."""
    life, numbers = secrets.token_hex(8), itertools.count(1)

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(encode(replace(tell(), life=life, number=next(numbers))))
        writer.close()
        with suppress(ConnectionError):  # whoever asked did not wait
            await writer.wait_closed()

    server = await asyncio.start_unix_server(answer, sock=listener, backlog=BACKLOG)
    try:
        yield
    finally:
        server.close()


def encode(told: Told) -> bytes:
    return json.dumps(asdict(told), separators=(",", ":")).encode() + b"\n"


def maybe_decode(line: bytes) -> Told | None:
    """None for what is no whole answer of ours."""
    try:
        found = json.loads(line) if line.endswith(b"\n") else None
        return _told(found) if isinstance(found, dict) else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _told(found: dict[str, Any]) -> Told:
    """Raises ValueError, TypeError or KeyError where a part is not of its form."""
    ready, snapshot = found["readiness"], found["snapshot"]
    return Told(
        life=str(found["life"]),
        number=int(found["number"]),
        readiness=Readiness(
            ready=ready["ready"] is True,
            reasons=tuple(str(each) for each in ready["reasons"]),
            troubles=tuple(str(each) for each in ready["troubles"]),
        ),
        snapshot=checked(snapshot),
    )


def checked(snapshot: Any) -> Snapshot:
    """A snapshot in which every row has its form. Raises ValueError, TypeError or KeyError."""
    return {
        "numbers": {
            str(name): [[[str(label) for label in labels], value + 0] for labels, value in rows]
            for name, rows in snapshot["numbers"].items()
        },
        "histograms": {
            str(name): [
                [[str(label) for label in labels], [count + 0 for count in counts], total + 0]
                for labels, counts, total in rows
            ]
            for name, rows in snapshot["histograms"].items()
        },
    }
