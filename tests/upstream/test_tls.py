"""Only the store that was named is talked to."""

import asyncio
import ssl

import pytest

from proxy.upstream.messages import UpstreamUnreachable
from proxy.upstream.opening import open_upstream
from proxy.upstream.settings import UpstreamSettings, verifying_context
from tests.upstream.stores import Authority, Open, Serve, answers, empty, fetch, plain_answer, pool_of

OK = plain_answer(b"ok")


@pytest.mark.parametrize("name", ["127.0.0.2", "localhost", "example.org"])
async def test_another_name_in_the_certificate_is_refused(
    serve: Serve, opened: Open, authority: Authority, name: str
) -> None:
    up = opened(await serve(answers(OK), tls=authority.server(name)), context=authority.client())

    with pytest.raises(UpstreamUnreachable, match="CERTIFICATE_VERIFY_FAILED"):
        await fetch(up)
    assert pool_of(up) == empty()


async def test_an_unknown_authority_is_refused(serve: Serve, opened: Open, authority: Authority) -> None:
    """The system's authorities have never heard of the test's."""
    up = opened(await serve(answers(OK), tls=authority.server("127.0.0.1")), context=verifying_context())

    with pytest.raises(UpstreamUnreachable, match="CERTIFICATE_VERIFY_FAILED"):
        await fetch(up)
    assert pool_of(up) == empty()


async def test_the_named_host_of_a_known_authority_is_talked_to(
    serve: Serve, opened: Open, authority: Authority
) -> None:
    base = await serve(answers(OK), tls=authority.server("localhost"))
    up = opened(base.replace("127.0.0.1", "localhost"), context=authority.client())

    assert await fetch(up) == (200, b"ok")


async def test_old_protocols_are_refused(serve: Serve, opened: Open, authority: Authority) -> None:
    server = authority.server("127.0.0.1")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        server.minimum_version = server.maximum_version = ssl.TLSVersion.TLSv1_1
    up = opened(await serve(answers(OK), tls=server), context=authority.client())

    with pytest.raises(UpstreamUnreachable):
        await fetch(up)


async def test_plain_http_on_a_tls_port_is_unreachable(
    serve: Serve, opened: Open, authority: Authority
) -> None:
    base = await serve(answers(b"HTTP/1.1 400 Bad Request\r\n\r\n", then_close=True))
    up = opened(base.replace("http:", "https:"), context=authority.client(), connect_seconds=0.3)

    with pytest.raises(UpstreamUnreachable):
        await fetch(up)


async def test_a_body_without_length_that_tls_did_not_end_is_broken(
    serve: Serve, opened: Open, authority: Authority
) -> None:
    """Who cuts the TCP connection must not be able to shorten a body (RFC 9112, 9.8)."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await writer.drain()
        writer.transport.abort()

    up = opened(await serve(script, tls=authority.server("127.0.0.1")), context=authority.client())

    with pytest.raises(Exception, match="ended the connection"):
        await fetch(up)


def _unverifying() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _nameless() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    return context


@pytest.mark.parametrize(
    ("scheme", "context"),
    [("https", None), ("http", verifying_context()), ("https", _unverifying()), ("https", _nameless())],
    ids=["https without", "http with", "unverifying", "nameless"],
)
async def test_a_context_that_does_not_fit_is_refused_at_once(
    scheme: str, context: ssl.SSLContext | None
) -> None:
    with pytest.raises(ValueError, match="TLS context"):
        open_upstream(UpstreamSettings(base_url=f"{scheme}://h"), signer=None, ssl_context=context)


def test_a_named_authority_that_is_none_is_refused(tmp_path: object) -> None:
    with pytest.raises(OSError, match=r"No such file|not found"):
        verifying_context(f"{tmp_path}/none.pem")
