"""Key services that are down, slow, restarting or talking nonsense."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from proxy.audit.event import Outcome
from proxy.auth.sigv4 import Credentials
from proxy.hsm.api_watch import Watchers
from proxy.hsm.changes import Changes
from proxy.hsm.engine import Engine
from proxy.keys.aws import open_aws_keys
from proxy.keys.hsm import WATCH_TARGET, open_hsm_keys
from proxy.keys.kms_errors import key_error
from proxy.keys.provider import (
    KeyProvider,
    KeyRefused,
    KeyServiceError,
    KeyUnavailable,
    KeyUnusable,
    WrappedKeyDamaged,
)
from tests.hsm.api.service import ADMIN, PROXY, served
from tests.keys.conftest import CALLER, VIA, aws_settings, hsm_settings

ARN = "arn:aws:kms:eu-central-1:111122223333:key/11111111-1111-1111-1111-111111111111"
Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@pytest.fixture(params=["aws", "hsm"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def against(answer: Answer | dict[str, Any], kind: str, **settings: Any) -> AsyncIterator[KeyProvider]:
    """A provider whose service gives this answer, a document or a handler's."""

    async def fixed(_: web.BaseRequest) -> web.Response:
        return web.json_response(answer, content_type="application/x-amz-json-1.1")

    answered = fixed if isinstance(answer, dict) else answer
    watchers = Watchers(Changes("a service"))

    async def told(request: web.BaseRequest) -> web.StreamResponse:
        """What changes is told as it should be."""
        if request.headers.get("x-amz-target") == WATCH_TARGET:
            return await watchers.watch(request, {}, "AKIDPROXY")
        return await answered(request)

    server = web.Server(told, access_log=None)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.shutdown, 0.1)
        stack.callback(listening.close)
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        keys = await provider(kind, url, **settings)
        stack.push_async_callback(keys.aclose)
        yield keys


async def provider(kind: str, url: str, **settings: Any) -> KeyProvider:
    if kind == "aws":
        return await open_aws_keys(aws_settings(url, **settings))
    return open_hsm_keys(hsm_settings(url, restart_patience_seconds=0.1, **settings))


def b64(size: int) -> str:
    return base64.b64encode(bytes(size)).decode()


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"KeyId": ARN, "CiphertextBlob": b64(9)},
        {"KeyId": ARN, "Plaintext": b64(32)},
        {"CiphertextBlob": b64(9), "Plaintext": b64(32)},
        {"KeyId": ARN, "CiphertextBlob": b64(9), "Plaintext": b64(31)},
        {"KeyId": ARN, "CiphertextBlob": "", "Plaintext": b64(32)},
    ],
)
async def test_a_made_key_that_makes_no_sense_is_not_used(kind: str, answer: dict[str, Any]) -> None:
    async with against(answer, kind) as keys:
        with pytest.raises(KeyUnavailable, match="nonsense"):
            await keys.generate("k", {}, CALLER, fresh=True)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"KeyId": ARN + "2", "Plaintext": b64(32)}, WrappedKeyDamaged),
        ({"KeyId": ARN, "Plaintext": b64(31)}, WrappedKeyDamaged),
        ({"KeyId": ARN, "Plaintext": b64(33)}, WrappedKeyDamaged),
        ({"Plaintext": b64(32)}, KeyUnavailable),
        ({"KeyId": ARN}, KeyUnavailable),
    ],
)
async def test_an_opened_key_must_be_the_one_asked_for(
    kind: str, answer: dict[str, Any], error: type[Exception]
) -> None:
    """The id that comes back is compared, whatever the service checked."""
    async with against(answer, kind) as keys:
        with pytest.raises(error):
            await keys.unwrap(ARN, b"w", {}, CALLER)


async def test_a_re_encrypted_key_must_come_from_the_one_named(kind: str) -> None:
    answer = {"SourceKeyId": ARN + "2", "KeyId": ARN, "CiphertextBlob": b64(9)}
    async with against(answer, kind) as keys:
        with pytest.raises(WrappedKeyDamaged):
            await keys.re_encrypt(ARN, b"w", {}, CALLER, to_key_id="k", to_context={})


async def test_a_description_of_nothing_is_nonsense(kind: str) -> None:
    async with against({}, kind) as keys:
        with pytest.raises(KeyUnavailable):
            await keys.describe("k", CALLER)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b'{"Plaintext": 1}', b'{"Plaintext": "x"}', b"x" * 2_000_000]
)
async def test_our_client_survives_what_is_no_answer(body: bytes) -> None:
    async def nonsense(_: web.BaseRequest) -> web.Response:
        return web.Response(body=body)

    async with against(nonsense, "hsm") as keys:
        with pytest.raises(KeyUnavailable):
            await keys.generate("k", {}, CALLER, fresh=True)


async def test_an_error_without_a_name_goes_by_its_status(kind: str) -> None:
    async def broken(_: web.BaseRequest) -> web.Response:
        return web.Response(status=500, text="{}")

    async with against(broken, kind) as keys:
        with pytest.raises(KeyUnavailable):
            await keys.describe("k", CALLER)


async def test_a_service_that_hangs_is_given_up(kind: str) -> None:
    async def hanging(_: web.BaseRequest) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    timeout = {"read_timeout_seconds": 0.2} if kind == "aws" else {"answer_timeout_seconds": 0.2}
    async with asyncio.timeout(5), against(hanging, kind, **timeout) as keys:
        with pytest.raises(KeyUnavailable):
            await keys.generate("k", {}, CALLER, fresh=True)


async def test_a_cancelled_call_leaves_the_provider_whole(kind: str) -> None:
    held = asyncio.Event()

    async def waiting(_: web.BaseRequest) -> web.Response:
        await held.wait()
        metadata = {"Arn": ARN, "KeyState": "Enabled", "KeyManager": "CUSTOMER"}
        return web.json_response({"KeyMetadata": metadata})

    async with against(waiting, kind) as keys:
        call = asyncio.create_task(keys.describe("k", CALLER))
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        held.set()
        assert (await keys.describe("k", CALLER)).key_arn == ARN


async def test_nobody_there_is_unavailable(kind: str, unused_tcp_port: int) -> None:
    keys = await provider(kind, f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(KeyUnavailable):
        await keys.describe("k", CALLER)
    await keys.aclose()


async def test_a_failing_aws_is_left_alone_for_a_moment(unused_tcp_port: int) -> None:
    """Then answers come at once, and one call tries again."""
    settings = aws_settings(
        f"http://127.0.0.1:{unused_tcp_port}", breaker_failures=2, breaker_pause_seconds=0.1
    )
    keys = await open_aws_keys(settings)
    codes = []
    for pause in (0, 0, 0, 0.15):
        await asyncio.sleep(pause)
        with pytest.raises(KeyUnavailable) as caught:
            await keys.describe("k", CALLER)
        codes.append(caught.value.code)
    await keys.aclose()

    assert codes == ["", "", "CircuitOpen", ""]


async def test_aws_is_tried_again_before_it_is_given_up() -> None:
    calls = 0

    async def flaky(_: web.BaseRequest) -> web.Response:
        nonlocal calls
        calls += 1
        if calls < 3:
            return web.Response(status=400, text=json.dumps({"__type": "ThrottlingException"}))
        return web.json_response({"KeyMetadata": {"Arn": ARN, "KeyState": "Enabled", "KeyManager": "AWS"}})

    async with against(flaky, "aws", attempts=3) as keys:
        assert (await keys.describe("k", CALLER)).manager == "AWS"


async def test_a_restart_is_waited_for(engine: Engine, socket_path: Path) -> None:
    """A call during the restart of the key service is late, and no error; the old connection is no trap."""
    keys = open_hsm_keys(hsm_settings(socket_path))
    async with served(engine, path=socket_path):
        await keys.generate("alias/aws/s3", {}, CALLER, fresh=True)
    waiting = asyncio.create_task(keys.generate("alias/aws/s3", {}, CALLER, fresh=True))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    async with served(engine, path=socket_path):
        assert len((await waiting).plain) == 32
    await keys.aclose()


async def test_beyond_its_patience_it_is_unavailable_and_then_recovers(
    engine: Engine, socket_path: Path
) -> None:
    keys = open_hsm_keys(hsm_settings(socket_path, restart_patience_seconds=0.1))
    with pytest.raises(KeyUnavailable):
        await keys.generate("alias/aws/s3", {}, CALLER, fresh=True)
    async with served(engine, path=socket_path):
        assert len((await keys.generate("alias/aws/s3", {}, CALLER, fresh=True)).plain) == 32
    await keys.aclose()


async def test_the_service_learns_for_whom(engine: Engine, socket_path: Path) -> None:
    keys = open_hsm_keys(hsm_settings(socket_path))
    async with served(engine, path=socket_path) as service:
        await keys.generate("alias/aws/s3", {"secret": "value"}, CALLER, fresh=True)
        event = service.recorded.last
        with pytest.raises(KeyRefused):
            await keys.generate("alias/aws/s3", {}, replace(CALLER, principal="arn:nobody"), fresh=True)
        alone = replace(CALLER, principal="")
        owned = await keys.generate("alias/sealgate/owned", {}, alone, fresh=True)
    await keys.aclose()

    assert (event.user_identity.arn, event.user_identity.invoked_by) == (ADMIN.arn, PROXY.arn)
    assert (event.source_ip_address, event.shared_event_id) == (CALLER.source_ip, CALLER.request_id)
    assert event.details.outcome is Outcome.COMPLETED
    assert len(owned.plain) == 32
    assert VIA.startswith("s3.")


async def test_refused_credentials_of_the_proxy_are_no_answer_about_the_client(
    engine: Engine, socket_path: Path
) -> None:
    wrong = Credentials(access_key=PROXY.access_keys[0].access_key, secret="guess")
    keys = open_hsm_keys(hsm_settings(socket_path, credentials=wrong))
    async with served(engine, path=socket_path):
        with pytest.raises(KeyUnavailable) as caught:
            await keys.generate("alias/aws/s3", {}, CALLER, fresh=True)
    await keys.aclose()

    assert caught.value.code == "InvalidSignatureException"


@pytest.mark.parametrize("address", ["hsm", "ftp://x", "http://", "http://x/path", "unix:/x"])
async def test_an_address_must_be_one(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        open_hsm_keys(hsm_settings(address))


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("AccessDeniedException", 400, KeyRefused),
        ("ThrottlingException", 400, KeyUnavailable),
        ("KMSInternalException", 500, KeyUnavailable),
        ("ExpiredTokenException", 400, KeyUnavailable),
        ("NotFoundException", 400, KeyUnusable),
        ("KMSInvalidStateException", 400, KeyUnusable),
        ("InvalidCiphertextException", 400, WrappedKeyDamaged),
        ("IncorrectKeyException", 400, WrappedKeyDamaged),
        ("NeverHeardOf", 400, KeyUnusable),
        ("NeverHeardOf", 429, KeyUnavailable),
        ("NeverHeardOf", 500, KeyUnavailable),
        ("", 503, KeyUnavailable),
    ],
)
def test_a_kmss_error_means_what_the_caller_can_do(
    code: str, status: int, error: type[KeyServiceError]
) -> None:
    made = key_error(code, "", status=status)

    assert (type(made), made.code) == (error, code)


def test_no_secret_is_in_a_repr() -> None:
    shown = repr(aws_settings("http://x", session_token="tok-en")) + repr(hsm_settings("http://x"))

    for secret in ("tok-en", ADMIN.access_keys[0].secret, PROXY.access_keys[0].secret):
        assert secret not in shown
