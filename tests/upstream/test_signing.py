"""What the client adds to a request before it is sent."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from proxy.auth.identities import Identities, Identity
from proxy.auth.sigv4 import Credentials, Signer, SigningKeys
from proxy.auth.verify import Authenticator
from proxy.s3.aws_chunked import ChunkedDecoder, coding_of, decoded_length
from proxy.upstream.capabilities import Capabilities
from proxy.upstream.client import RESERVED_HEADERS
from proxy.upstream.messages import Request, Upstream
from proxy.upstream.opening import open_upstream
from proxy.upstream.settings import UpstreamSettings
from proxy.upstream.signed_chunks import CHUNK_BYTES, coded_length
from tests.upstream.stores import GET, POST, PUT, Script, Serve, fetch, plain_answer, read_request

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEY = Credentials(access_key="AKIAIOSFODNN7EXAMPLE", secret="SK")
SIGNER = Signer(KEY, region="us-east-1", service="s3")
EMPTY = sha256(b"").hexdigest()
Heads = list[dict[str, str]]


def recording(heads: Heads) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, _ = await read_request(reader)
            lines = head.decode("utf-8", "surrogateescape").split("\r\n")
            heads.append({"": lines[0], **dict(line.split(": ", 1) for line in lines[1:-2])})
            writer.write(plain_answer(b""))

    return script


@pytest.fixture
async def store(serve: Serve) -> tuple[str, Heads]:
    heads: Heads = []
    return await serve(recording(heads)), heads


def signed(base_url: str, *, unsigned_payload: bool = True) -> Upstream:
    settings = UpstreamSettings(
        base_url=base_url, capabilities=replace(Capabilities(), unsigned_payload=unsigned_payload)
    )
    return open_upstream(settings, signer=SIGNER, ssl_context=None, now=lambda: NOW)


async def test_the_signature_covers_what_was_sent(store: tuple[str, Heads]) -> None:
    """Signing what arrived gives the same signature."""
    up = signed(store[0])
    request = Request(
        method="PUT", path="/b/a%20b//c", query="x-id=a&b", headers={"x-amz-meta-a": "\u00fc\udcff"}
    )
    await fetch(up, request, b"body")
    await up.aclose()
    (got,) = store[1]

    assert got.pop("") == "PUT /b/a%20b//c?x-id=a&b HTTP/1.1"
    authorization = got.pop("authorization")
    again = SIGNER.sign(
        method="PUT",
        path="/b/a%20b//c",
        query="x-id=a&b",
        headers=got,
        payload_hash="UNSIGNED-PAYLOAD",
        now=NOW,
    )
    assert authorization == again["authorization"]
    assert got["host"] == store[0].removeprefix("http://")
    assert (got["content-length"], got["x-amz-date"]) == ("4", "20260102T030405Z")


@pytest.mark.parametrize(
    ("request_", "body", "unsigned", "expected"),
    [
        (GET, b"", True, EMPTY),
        (GET, b"", False, EMPTY),
        (PUT, b"", False, EMPTY),
        (PUT, b"body", True, "UNSIGNED-PAYLOAD"),
        (PUT, b"body", False, sha256(b"body").hexdigest()),
        (replace(PUT, headers={"x-amz-content-sha256": "given"}), b"body", True, "given"),
    ],
)
async def test_the_payload_hash(
    store: tuple[str, Heads], request_: Request, body: bytes, unsigned: object, expected: str
) -> None:
    up = signed(store[0], unsigned_payload=bool(unsigned))
    await fetch(up, request_, body)
    await up.aclose()

    assert store[1][0]["x-amz-content-sha256"] == expected


@pytest.mark.parametrize("length", [1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7])
@pytest.mark.parametrize("step", [1000, CHUNK_BYTES - 1, CHUNK_BYTES, 5 * CHUNK_BYTES])
async def test_an_upload_to_a_store_that_wants_hashes_is_signed_in_chunks(
    serve: Serve, length: int, step: int
) -> None:
    """What the store reads is what was written, under signatures that the other end's verifier accepts."""
    arrived: list[tuple[bytes, bytes]] = []
    up = signed(await serve(keeping(arrived)), unsigned_payload=False)
    body = os.urandom(length)
    async with up.upload(PUT, content_length=length) as upload:
        for at in range(0, length, step):
            await upload.write(body[at : at + step])
        assert (await upload.finish()).status == 200
    await up.aclose()

    [(head, coded)] = arrived
    assert decoded(head, coded) == body
    assert len(coded) == coded_length(length)


async def test_an_upload_that_is_given_up_never_gets_its_last_chunk(serve: Serve) -> None:
    """Nothing proves its end, so no store can keep it."""
    arrived: list[tuple[bytes, bytes]] = []
    up = signed(await serve(keeping(arrived)), unsigned_payload=False)
    async with up.upload(PUT, content_length=CHUNK_BYTES + 1) as upload:
        await upload.write(bytes(CHUNK_BYTES))
    await up.aclose()

    assert arrived == []


async def test_an_upload_whose_hash_the_caller_knows_goes_as_it_is(store: tuple[str, Heads]) -> None:
    up = signed(store[0], unsigned_payload=False)
    given = replace(PUT, headers={"x-amz-content-sha256": "given"})
    async with up.upload(given, content_length=4) as upload:
        await upload.write(b"body")
        await upload.finish()
    await up.aclose()

    assert store[1][0]["x-amz-content-sha256"] == "given"


def keeping(arrived: list[tuple[bytes, bytes]]) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(await read_request(reader))
        writer.write(plain_answer(b""))

    return script


def decoded(head: bytes, coded: bytes) -> bytes:
    """By the verifier that clients' own chunks go through, and with the secret that both ends know."""
    start, *lines = head.decode().split("\r\n")
    headers = {name: value for name, _, value in (line.partition(": ") for line in lines if line)}
    alice = Identity(name="a", account="1" * 12, arn="arn:aws:iam::111111111111:user/a", access_keys=(KEY,))
    authenticator = Authenticator(
        Identities((alice,)), region="us-east-1", service="s3", signing_keys=SigningKeys()
    )
    proof = authenticator.authenticate(
        method="PUT", path=start.split(" ")[1], query="", headers=headers, now=NOW
    )
    coding = coding_of(headers)
    assert coding is not None
    decoder = ChunkedDecoder(coding=coding, plain_length=decoded_length(headers), verifier=proof.chunks)
    plain = b"".join(decoder.feed(coded))
    assert decoder.finish() == {}
    return plain


@pytest.mark.parametrize(
    ("request_", "expected"),
    [(GET, None), (Request(method="DELETE", path="/"), None), (PUT, "0"), (POST, "0")],
)
async def test_a_length_is_told_where_a_body_is_expected(
    store: tuple[str, Heads], request_: Request, expected: str | None
) -> None:
    """RFC 9110, 8.6."""
    up = open_upstream(UpstreamSettings(base_url=store[0]), signer=None, ssl_context=None)
    await fetch(up, request_)
    await up.aclose()

    assert store[1][0].get("content-length") == expected
    assert "authorization" not in store[1][0]


@pytest.mark.parametrize("name", sorted(RESERVED_HEADERS))
async def test_what_the_client_sets_the_caller_may_not(store: tuple[str, Heads], name: str) -> None:
    up = signed(store[0])
    with pytest.raises(AssertionError, match=name):
        await fetch(up, replace(GET, headers={name: "x"}))
    await up.aclose()
    assert store[1] == []


async def test_a_value_that_would_split_the_request_is_refused_before_anything_is_sent(
    store: tuple[str, Heads],
) -> None:
    headers: Mapping[str, str] = {"x-amz-meta-a": "v\r\nx-amz-acl: public-read"}
    up = signed(store[0])
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        await fetch(up, replace(GET, headers=headers))
    await up.aclose()
    assert store[1] == []


async def test_nothing_secret_shows() -> None:
    up = signed("http://h")

    assert "SK" not in repr(up)
    await up.aclose()
