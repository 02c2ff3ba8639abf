"""What a supervisor asks of a child that serves, and what the child has for it.

A new configuration is taken up in two steps: `prepare` builds and tries everything beside what serves, then
`swap` puts it in place, or `drop` gives it back. Orders are JSON lines on the child's standard input, behind
the start message, since they carry secrets too; the answers come back as reports of the same number. `encode`
and `decode` are inverses.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Literal, Protocol

from proxy.supervisor.start import Start


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """What changes of a child's start message when the service is reloaded."""

    config_text: str = field(repr=False)
    drain_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    step: Literal["prepare", "swap", "drop"]
    number: int
    """Of the reload."""
    renewal: Renewal | None = None
    """With prepare."""


class Change(Protocol):
    """What was prepared. Exactly one of the two is called, once."""

    async def swap(self) -> None:
        """Put it in place: what begins from now on finds the new; what has begun keeps the old."""

    async def drop(self) -> None:
        """Give it back; nothing has changed."""


Prepare = Callable[[Start], Awaitable[Change]]
"""Given the start message with the new configuration. Raises StartRefused; then nothing has changed."""


class Ready(Protocol):
    """What a role calls once, when it serves: with `prepare` where it can be reloaded."""

    def __call__(self, prepare: Prepare | None = None) -> None: ...


def encode(order: Order) -> bytes:
    return json.dumps(asdict(order)).encode() + b"\n"


def decode(line: bytes) -> Order:
    """Raises ValueError where it is no order: the supervisor is another version."""
    try:
        told = json.loads(line)
        renewal = told.pop("renewal")
        return Order(**told, renewal=Renewal(**renewal) if renewal else None)
    except (AttributeError, KeyError, TypeError) as exc:
        raise ValueError("this is no order") from exc
