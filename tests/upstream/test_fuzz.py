"""Whatever a store sends: an answer or an UpstreamError, soon, and no connection is lost."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.upstream.messages import Request, UpstreamError
from proxy.upstream.opening import open_upstream
from proxy.upstream.settings import UpstreamSettings
from tests.upstream.stores import GET, PUT, Script, answers, empty, fetch, one_idle, pool_of

PIECES = st.sampled_from(
    [
        *(
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 204 N\r\n",
            b"HTTP/1.0 200 OK\r\n",
        ),
        *(
            b"content-length: 3\r\n",
            b"content-length: 0\r\n",
            b"transfer-encoding: chunked\r\n",
            b"\r\n",
            b"\n",
        ),
        *(b"abc", b"3\r\nabc\r\n", b"0\r\n\r\n", b"connection: close\r\n", b"x: y\r\n", b"\x00", b"0\r\n"),
    ]
)
STREAMS = st.one_of(
    st.binary(max_size=100), st.lists(st.one_of(PIECES, st.binary(max_size=4)), max_size=10).map(b"".join)
)


@pytest.mark.parametrize("request_", [GET, PUT, Request(method="HEAD", path="/")], ids=lambda r: r.method)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(streams=st.lists(STREAMS, min_size=1, max_size=3), step=st.sampled_from([0, 0, 1, 3]))
def test_garbage_never_hangs_and_never_surprises(request_: Request, streams: list[bytes], step: int) -> None:
    async def run() -> None:
        server = await asyncio.start_server(
            _quietly(answers(*streams, step=step, then_close=True)), "127.0.0.1", 0
        )
        base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        up = open_upstream(
            UpstreamSettings(base_url=base, attempts=2, idle_seconds=2), signer=None, ssl_context=None
        )
        for _ in streams:
            try:
                await asyncio.wait_for(fetch(up, request_), 5)
            except UpstreamError:
                assert pool_of(up) == empty()
            assert pool_of(up) in {empty(), one_idle()}
        await up.aclose()
        server.close()

    asyncio.run(run())


def _quietly(script: Script) -> Script:
    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    return run
