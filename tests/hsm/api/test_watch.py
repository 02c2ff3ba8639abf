"""The stream of changes: who may hear it, what it says, and that a proxy knows what it missed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from proxy.hsm.api_watch import HEARTBEAT_SECONDS
from proxy.hsm.changes import Change, Changes
from proxy.hsm.engine import Engine, nothing
from proxy.keys.hsm import HsmKeys, open_hsm_keys
from proxy.keys.hsm_watch import SILENCE_SECONDS, Watch
from tests.hsm.api.service import ADMIN, made_engine, served
from tests.keys.conftest import CALLER, hsm_settings


class Told(list[Collection[str] | None]):
    """What a listener was told to forget, in order, and how often it was told that the stream is lost."""

    losses = 0

    def forget(self, key_arns: Collection[str] | None) -> None:
        self.append(key_arns)

    def unheard(self) -> None:
        self.losses += 1


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    made = made_engine(tmp_path)
    yield made
    made.close()


@asynccontextmanager
async def hearing(url: str, **settings: object) -> AsyncIterator[tuple[HsmKeys, Told]]:
    keys, told = open_hsm_keys(hsm_settings(url, **settings)), Told()
    keys.watch.listener = told
    yield keys, told
    await keys.aclose()


async def until(true: Callable[[], bool], within_seconds: float = 10.0) -> None:
    async with asyncio.timeout(within_seconds):
        while not true():  # noqa: ASYNC110  # what is waited for sets no event
            await asyncio.sleep(0.01)


async def test_a_change_of_a_key_is_heard_with_its_arn(engine: Engine) -> None:
    async with served(engine) as service, hearing(service.url) as (keys, told):
        assert await keys.watch.is_alive(5)
        client = service.client()
        key = (await asyncio.to_thread(client.create_key))["KeyMetadata"]
        await asyncio.to_thread(client.disable_key, KeyId=key["KeyId"])
        await until(lambda: len(told) == 3)

    assert told == [None, {key["Arn"]}, {key["Arn"]}]


async def test_an_alias_that_moves_is_a_change_of_both_keys(engine: Engine) -> None:
    async with served(engine) as service, hearing(service.url) as (keys, told):
        assert await keys.watch.is_alive(5)
        client = service.client()
        arns = [(await asyncio.to_thread(client.create_key))["KeyMetadata"]["Arn"] for _ in range(2)]
        await asyncio.to_thread(client.create_alias, AliasName="alias/a", TargetKeyId=arns[0])
        await asyncio.to_thread(client.update_alias, AliasName="alias/a", TargetKeyId=arns[1])
        await until(lambda: len(told) == 5)

    assert told[-1] == set(arns)


async def test_callers_that_change_are_a_change_of_everything(engine: Engine) -> None:
    async with served(engine) as service, hearing(service.url) as (keys, told):
        assert await keys.watch.is_alive(5)
        engine.serve([ADMIN.account], nothing)
        await until(lambda: len(told) == 2)

    assert told == [None, None]


async def test_what_only_uses_a_key_is_no_change(engine: Engine) -> None:
    async with served(engine) as service, hearing(service.url) as (keys, told):
        await keys.generate("alias/aws/s3", {}, CALLER, fresh=True)
        before = len(told)
        for _ in range(3):
            await keys.generate("alias/aws/s3", {}, CALLER, fresh=True)
        await asyncio.sleep(2 * HEARTBEAT_SECONDS)

        assert len(told) == before


async def test_who_is_slower_than_the_changes_is_cut_off_and_knows_that_some_are_missing(
    engine: Engine,
) -> None:
    """Those that wait for a client that stopped reading would fill the memory of the key service."""
    async with served(engine) as service, hearing(service.url) as (keys, told):
        assert await keys.watch.is_alive(5)
        for n in range(1001):
            engine.changes.tell({f"arn:{n}"})
        await until(lambda: told.losses == 1 and keys.watch.alive)

        assert told[-1] is None


async def test_a_client_that_is_no_proxy_hears_nothing(engine: Engine) -> None:
    """It names keys of every account."""
    async with served(engine) as service:
        async with hearing(service.url, credentials=ADMIN.access_keys[0]) as (keys, told):
            assert not await keys.watch.is_alive(0.3)
            assert keys.watch.trouble.code == "AccessDeniedException"
        assert told == []
        assert {event.event_name for event in service.recorded.events} == {"WatchChanges"}


async def test_a_proxy_that_is_one_no_more_hears_nothing_more(engine: Engine) -> None:
    """A reload takes its access key: what changes from then on is not told it."""
    async with served(engine) as service, hearing(service.url) as (keys, told):
        assert await keys.watch.is_alive(5)
        service.watchers.keep(service.api.may_listen)
        await asyncio.sleep(2 * HEARTBEAT_SECONDS)
        assert told.losses == 0
        service.watchers.keep(lambda _: False)
        engine.changes.tell({"arn:secret"})
        await until(lambda: told.losses > 0)

    assert {"arn:secret"} not in told
    assert not service.api.may_listen(ADMIN.access_keys[0].access_key)


async def test_a_stream_that_comes_back_whole_tells_nothing_and_one_with_a_gap_tells_all(
    engine: Engine, unused_tcp_port: int
) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    async with hearing(url) as (keys, told):
        async with served(engine, port=unused_tcp_port):
            assert await keys.watch.is_alive(5)
        await until(lambda: not keys.watch.alive)
        async with served(engine, port=unused_tcp_port):
            assert await keys.watch.is_alive(5)
        assert told == [None]
        assert told.losses == 1
        await until(lambda: not keys.watch.alive)
        engine.changes.tell({"arn:missed"})
        async with served(engine, port=unused_tcp_port):
            assert await keys.watch.is_alive(5)

    assert told == [None, None]


async def test_another_run_of_the_service_is_a_gap(tmp_path: Path, unused_tcp_port: int) -> None:
    async with hearing(f"http://127.0.0.1:{unused_tcp_port}") as (keys, told):
        for _ in range(2):
            engine = made_engine(tmp_path)
            async with served(engine, port=unused_tcp_port):
                assert await keys.watch.is_alive(5)
            engine.close()
            await until(lambda: not keys.watch.alive)

    assert told == [None, None]


BEGIN = b'{"instance":"i","sequence":7}\n'


@asynccontextmanager
async def saying(*lines: bytes, then_silent: bool = False) -> AsyncIterator[tuple[Watch, Told]]:
    """A watch of a service that says this, once; then it ends, or holds its peace."""
    left = asyncio.Event()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for line in lines:
            await response.write(line)
        if then_silent:
            await left.wait()
        return response

    server = web.Server(handle, access_log=None)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with aiohttp.ClientSession() as session:
        watch, told = Watch(lambda: session.post(url)), Told()
        watch.listener = told
        watch.start()
        yield watch, told
        await watch.aclose()
    left.set()
    listening.close()
    await server.shutdown(0)


@pytest.mark.parametrize(
    ("lines", "trouble"),
    [
        ([BEGIN], "it ended"),
        ([BEGIN, b'{"sequence":9,"keys":["a"]}\n'], "a change was missed"),
        ([BEGIN, b'{"sequence":7,"keys":["a"]}\n'], "a change was missed"),
        ([BEGIN, b'{"sequence":8}\n'], "a change was missed"),
        ([BEGIN, b"{\n"], "no JSON"),
        ([BEGIN, b"[]\n"], "no document"),
        ([BEGIN, b'{"keys":[]}\n'], "without sequence"),
        ([BEGIN, b'{"sequence":8,"keys":"arn"}\n'], "without keys"),
        ([BEGIN, b'{"sequence":8,"keys":[{}]}\n'], "TypeError"),
        ([b'{"sequence":7}\n'], "without instance"),
        ([BEGIN, b"x" * (2 << 20)], "does not end"),
    ],
)
async def test_a_stream_that_makes_no_sense_is_lost(lines: list[bytes], trouble: str) -> None:
    async with saying(*lines) as (watch, _):
        await until(lambda: trouble in str(watch.trouble))


async def test_a_stream_that_falls_silent_is_lost_within_a_second() -> None:
    async with saying(BEGIN, then_silent=True) as (watch, told):
        assert await watch.is_alive(5)
        before = asyncio.get_running_loop().time()
        await until(lambda: not watch.alive)
        took = asyncio.get_running_loop().time() - before

    assert told[0] is None
    assert told.losses == 1
    assert took > SILENCE_SECONDS - 0.1


async def test_a_watch_ends_also_while_lines_arrive() -> None:
    """A cancellation that comes with a line is not lost: the stream's connection would stay for ever."""
    heartbeat = b'{"sequence":7}\n'

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(BEGIN)
        while True:
            await response.write(heartbeat)
            await asyncio.sleep(0)

    server = web.Server(handle, access_log=None)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with aiohttp.ClientSession() as session:
        for turns in range(60):
            watch = Watch(lambda: session.post(url))
            watch.start()
            assert await watch.is_alive(5)
            for _ in range(turns):
                await asyncio.sleep(0)
            async with asyncio.timeout(5):
                await watch.aclose()
    listening.close()
    await server.shutdown(0)


def test_a_listener_hears_each_change_in_order_until_it_stops() -> None:
    changes, heard = Changes("i"), list[Change]()
    changes.tell({"before"})
    sequence, stop = changes.listen(heard.append)
    changes.tell({"a"})
    changes.tell(None)
    stop()
    changes.tell({"after"})

    assert (sequence, heard) == (1, [Change(2, frozenset({"a"})), Change(3, None)])
