"""What cannot be recorded is not begun."""

import dataclasses
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from proxy.audit.event import Event
from proxy.gateway.call import Rooms
from proxy.gateway.exchange import Buffer
from proxy.gateway.handle import Gateway
from proxy.gateway.remember import uuid_of


@dataclasses.dataclass
class Asked:
    """An exchange that remembers its answer."""

    method: str = "GET"
    target: str = "/bucket/key"
    headers: Mapping[str, str] = dataclasses.field(default_factory=lambda: {"host": "h"})
    source_ip: str = "127.0.0.1"
    secure: bool = False
    tls_version: str = ""
    begun: bool = False
    waiting: bool = False
    plain_bytes_in: int = 0
    plain_bytes_out: int = 0
    answered: tuple[int, Mapping[str, str], bytes] = (0, {}, b"")

    async def read(self) -> bytes:
        raise AssertionError("nothing is read")

    async def begin(
        self, status: int, headers: Mapping[str, str], *, length: int | None, first: Buffer = b""
    ) -> None:
        assert length == len(first)
        self.answered = (status, headers, bytes(first))

    async def begin_waiting(self, headers: Mapping[str, str], first: bytes) -> bool:
        raise AssertionError(headers, first)

    async def begin_in_chunks(self, status: int, headers: Mapping[str, str], first: Buffer) -> bool:
        raise AssertionError(status, headers, first)

    async def conclude(self, last: bytes) -> None:
        raise AssertionError(last)

    async def write(self, data: Any) -> None:
        raise AssertionError(data)

    def tear(self) -> None:
        raise AssertionError("the answer is whole")


class Recorded(list[Event]):
    def record(self, event: Event) -> None:
        self.append(event)


class FewRooms:
    """What a refusal needs; anything else would be an AttributeError, and so is not touched."""

    region = "us-east-1"

    def now(self) -> datetime:
        return datetime(2026, 1, 2, tzinfo=UTC)

    def random(self, size: int) -> bytes:
        return bytes(size)


async def test_without_room_for_its_event_a_request_is_refused_and_makes_none() -> None:
    """The queue that has no room would else grow with every refusal."""

    async def full(_within_seconds: float) -> bool:
        return False

    exchange, recorded = Asked(), Recorded()

    await Gateway(cast("Rooms", FewRooms()), recorded, room=full).handle(exchange)

    status, headers, document = exchange.answered
    assert (status, headers["retry-after"]) == (503, "1")
    assert b"<Code>ServiceUnavailable</Code>" in document
    assert recorded == []


@pytest.mark.parametrize("random", [bytes(16), b"\xff" * 16, bytes(range(16)), bytes(range(240, 256))])
def test_an_event_is_named_by_a_random_uuid(random: bytes) -> None:
    """Version 4, as any other writer of them would form it."""
    assert uuid_of(random) == str(uuid.UUID(bytes=random, version=4))
