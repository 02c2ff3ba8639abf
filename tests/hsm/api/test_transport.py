"""HTTP's edges: bodies, documents, torn calls, defects; and that each call leaves one event."""

import asyncio
import io
import json
import logging
import threading
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from proxy.audit.event import Outcome, line
from proxy.hsm import api
from proxy.hsm.core.access import Principal
from proxy.hsm.engine import Engine, Trace
from proxy.hsm.engine import Outcome as EngineOutcome
from tests.hsm.api.service import Service, served
from tests.hsm.api.wire import call, post, signed


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b'"text"',
        b"[]",
        b"\xff",
        b'{"Unknown": NaN}',
        b'{"Limit": ' + b"9" * 5000 + b"}",
        b'{"a":' * 100_000,
    ],
    ids=["torn", "words", "text", "list", "no UTF-8", "NaN", "huge number", "deep"],
)
async def test_what_is_no_document_cannot_be_read(service: Service, body: bytes) -> None:
    answer = await call(service.url, "ListKeys", body)

    assert (answer.status, answer.code) == (400, "SerializationException")


async def test_an_empty_body_is_an_empty_document(service: Service) -> None:
    assert (await call(service.url, "ListKeys", b"")).document["Keys"] == []


@pytest.mark.parametrize(("size", "status"), [(api.MAX_BODY_BYTES, 400), (api.MAX_BODY_BYTES + 1, 413)])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_has_a_bound(service: Service, size: int, status: int, *, chunked: bool) -> None:
    """At the bound it is read (and is no JSON); one byte more is refused, declared or not."""
    body = b"x" * size
    headers = signed(service.url, "ListKeys", body)

    async def pieces() -> Any:
        yield body

    async with (
        aiohttp.ClientSession() as session,
        session.post(
            service.url, headers=headers, data=pieces() if chunked else io.BytesIO(body)
        ) as response,
    ):
        assert response.status == status


async def test_a_client_that_leaves_in_its_body_leaves_an_event(service: Service) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(_head(service) + b"content-length: 100\r\n\r\nhalf")
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.close()
    await writer.wait_closed()

    event = await _first_event(service)
    assert (event.event_name, event.details.outcome, event.details.http_status) == (
        "ListKeys",
        Outcome.CANCELLED,
        None,
    )


async def test_a_body_that_never_ends_is_given_up(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "BODY_TIMEOUT_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(_head(service) + b"content-length: 100\r\n\r\nhalf")
    status_line = await reader.readline()
    writer.close()
    await writer.wait_closed()

    assert b" 408 " in status_line
    assert service.recorded.last.details.outcome is Outcome.TIMEOUT


async def test_a_body_with_broken_framing_is_refused(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiohttp leaves such a body hanging: the time limit ends it, and it is no defect of ours."""
    monkeypatch.setattr(api, "BODY_TIMEOUT_SECONDS", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(_head(service) + b"transfer-encoding: chunked\r\n\r\n")
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.write(b"zz\r\nnonsense\r\n")
    status_line = await reader.readline()
    writer.close()
    await writer.wait_closed()

    assert b" 408 " in status_line
    assert service.recorded.last.error_code == "RequestTimeoutException"


class Defective:
    """An engine with a fault: its error's text holds what no log may."""

    def call(
        self, principal: Principal, action: str, request: Mapping[str, Any], trace: Trace
    ) -> EngineOutcome:
        del principal, action, trace
        raise RuntimeError(f"a defect that shows {request}")


class Unspeakable:
    """An engine whose answer is no JSON."""

    def call(
        self, principal: Principal, action: str, request: Mapping[str, Any], trace: Trace
    ) -> EngineOutcome:
        del principal, action, request, trace
        return EngineOutcome(response={"Keys": object()})


@pytest.mark.parametrize("engine", [Defective(), Unspeakable()], ids=["defect", "no JSON"])
async def test_a_defect_is_500_told_and_recorded(
    engine: Defective | Unspeakable, caplog: pytest.LogCaptureFixture
) -> None:
    """The client and the log learn that it happened and where, not what it was fed."""
    async with served(engine) as service:
        with caplog.at_level(logging.ERROR):
            answer = await call(service.url, "Encrypt", {"KeyId": "secret-id", "Plaintext": "eA=="})

    assert (answer.status, answer.code) == (500, "KMSInternalException")
    assert service.recorded.last.details.outcome is Outcome.FAILED
    assert answer.headers["x-amzn-RequestId"] in caplog.text
    assert "secret-id" not in caplog.text + json.dumps(answer.document)


class SlowDisk:
    """A real engine whose changes wait for the disk until they are let go."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.disk = threading.Event()
        self.began = threading.Event()

    def call(
        self, principal: Principal, action: str, request: Mapping[str, Any], trace: Trace
    ) -> EngineOutcome:
        if action == "CreateKey":
            self.began.set()
            assert self.disk.wait(5)
        return self.engine.call(principal, action, request, trace)


async def test_data_keys_do_not_wait_for_a_change(engine: Engine) -> None:
    slow = SlowDisk(engine)
    slow.disk.set()
    async with served(slow) as service:
        key = (await call(service.url, "CreateKey", {})).document["KeyMetadata"]["Arn"]
        slow.disk.clear()
        change = asyncio.create_task(call(service.url, "CreateKey", {}))
        made = await call(service.url, "GenerateDataKey", {"KeyId": key, "KeySpec": "AES_256"})
        assert (made.status, change.done()) == (200, False)
        slow.disk.set()
        assert (await change).status == 200


async def test_a_change_whose_client_left_is_finished_and_recorded_with_its_key(engine: Engine) -> None:
    slow = SlowDisk(engine)
    async with served(slow) as service:
        change = asyncio.create_task(call(service.url, "CreateKey", {}))
        await asyncio.to_thread(slow.began.wait, 5)
        change.cancel()
        await asyncio.gather(change, return_exceptions=True)
        await asyncio.sleep(0.05)
        assert service.recorded.events == []
        slow.disk.set()
        event = await _first_event(service)

    assert event.details.outcome is Outcome.CANCELLED
    assert [resource.type for resource in event.resources] == ["AWS::KMS::Key"]


async def test_the_answer_is_json_of_awss_kind(service: Service) -> None:
    answer = await call(service.url, "CreateKey", {})

    assert answer.headers["Content-Type"] == "application/x-amz-json-1.1"
    assert isinstance(answer.document["KeyMetadata"]["CreationDate"], float)


async def test_no_blob_and_no_context_value_reaches_an_event(service: Service) -> None:
    key = (await call(service.url, "CreateKey", {})).document["KeyMetadata"]["Arn"]
    asked = {"KeyId": key, "Plaintext": "cGxhaW4=", "EncryptionContext": {"name": "value-to-hide"}}
    sealed = await call(service.url, "Encrypt", asked)
    await call(
        service.url,
        "Decrypt",
        {"CiphertextBlob": sealed.document["CiphertextBlob"], "EncryptionContext": {"name": "value-to-hide"}},
    )

    told = b"".join(line(event) for event in service.recorded.events) + repr(service.recorded.events).encode()
    assert [e.event_name for e in service.recorded.events] == ["CreateKey", "Encrypt", "Decrypt"]
    assert b"name" in told
    for hidden in (b"value-to-hide", b"cGxhaW4=", sealed.document["CiphertextBlob"].encode(), b"plain'"):
        assert hidden not in told


async def test_calls_at_once_are_answered_apart(engine: Engine) -> None:
    async with served(engine) as service:
        answers = await asyncio.gather(
            *(call(service.url, "CreateKey", {"Description": str(n)}) for n in range(20))
        )

    assert [a.document["KeyMetadata"]["Description"] for a in answers] == [str(n) for n in range(20)]
    assert len({a.headers["x-amzn-RequestId"] for a in answers}) == 20
    assert len({e.event_id for e in service.recorded.events}) == 20


async def test_an_unsigned_body_is_not_taken_in(service: Service) -> None:
    """The refusal comes while the body is still on its way."""
    answer = await post(service.url, {"x-amz-target": "TrentService.Encrypt"}, b"x" * 100_000)

    assert answer.code == "MissingAuthenticationTokenException"
    assert service.recorded.last.details.bytes_transferred_in == 0


def _head(service: Service) -> bytes:
    headers = signed(service.url, "ListKeys", b"half")
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST / HTTP/1.1\r\n{lines}".encode()


async def _first_event(service: Service) -> Any:
    async with asyncio.timeout(5):
        while not service.recorded.events:  # noqa: ASYNC110 - the recorder is not the test's to wait on
            await asyncio.sleep(0.01)
    return service.recorded.last


async def test_what_cannot_be_recorded_is_not_done(service: Service) -> None:
    """And the refusal makes no event, since there is no room for one."""
    service.recorded.full = True
    refused = await call(service.url, "CreateKey", b"{}")
    service.recorded.full = False
    listed = await call(service.url, "ListKeys", b"{}")

    assert (refused.status, refused.code) == (503, "DependencyTimeoutException")
    assert listed.document["Keys"] == []
    assert [event.event_name for event in service.recorded.events] == ["ListKeys"]
