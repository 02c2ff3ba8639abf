"""What a worker proves before it serves: ciphers, keys, format and store, each by doing its work once.

A worker that could not open what it seals, or that seals under a key nobody can unwrap, must not take a byte.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.gateway.call import Rooms, Store
from proxy.keys.provider import Caller, DataKey, KeyServiceError
from proxy.seal.envelope import Mode, kms_context, open_envelope, read_envelope, seal_envelope
from proxy.seal.errors import FormatError
from proxy.seal.geometry import SEGMENT, WHOLE
from proxy.seal.layout import OneRun
from proxy.seal.opener import Opener
from proxy.seal.sealer import seal_body
from proxy.upstream.messages import Request, UpstreamError

T = TypeVar("T")
CANARY = (".sealgate-canary", "canary")
"""A name that no bucket can have."""

# NIST, "The Galois/Counter Mode of Operation (GCM)", test case 14: key, nonce and 16 bytes, all zero.
KNOWN_SEALED = bytes.fromhex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919")


class SelfTestFailed(Exception):
    """What was tried, and why it failed; one line for the operator."""

    def __init__(self, tried: str, why: str, *, may_pass_later: bool) -> None:
        super().__init__(f"self-test: {tried}: {why}")
        self.may_pass_later = may_pass_later


async def prove_keys(rooms: Rooms, caller: Caller) -> None:
    """Ciphers, a data key made and opened, and an object sealed under it. Raises SelfTestFailed."""
    check_cipher()
    data_key = await _tried("the key service gives and opens a data key", lambda: _round_trip(rooms, caller))
    check_format(rooms.random, data_key)


async def prove_store(store: Store) -> None:
    """The store answers, and takes the proxy's credentials. Raises SelfTestFailed."""
    await _tried(f"the store {store.name} answers", lambda: _reach_store(store))


def check_cipher() -> None:
    """AES-256-GCM gives the published answer."""
    sealed = AESGCM(bytes(32)).encrypt(bytes(12), bytes(16), None)
    if sealed != KNOWN_SEALED:
        raise SelfTestFailed("AES-256-GCM", "gives a wrong answer", may_pass_later=False)


def check_format(random: Callable[[int], bytes], data_key: DataKey) -> None:
    """An object of more than one segment is sealed and opened by name."""
    bucket, key = CANARY[0], CANARY[1].encode()
    plain, content_key = random(SEGMENT + 1), random(32)
    header = seal_envelope(
        bucket=bucket,
        key=key,
        mode=Mode.OWNED,
        data_key=data_key.plain,
        content_key=content_key,
        salt=random(16),
        plain_length=len(plain),
        key_arn=data_key.key_arn,
        wrapped_data_key=data_key.wrapped,
    )
    body = seal_body(plain, content_key=content_key, run_id=random(12))
    try:
        envelope = open_envelope(read_envelope(header), bucket=bucket, key=key, data_key=data_key.plain)
        opener = Opener(
            content_key=envelope.content_key,
            layout=OneRun(len(plain)),
            window=WHOLE,
            plain_last=len(plain) - 1,
        )
        opener.wanted()[:] = body
        opened = bytes(opener.open())
    except FormatError as exc:
        raise SelfTestFailed("a canary object", str(exc), may_pass_later=False) from exc
    if opened != plain:
        raise SelfTestFailed("a canary object", "opens to other bytes", may_pass_later=False)


async def _round_trip(rooms: Rooms, caller: Caller) -> DataKey:
    context = kms_context(bucket=CANARY[0], key=CANARY[1].encode(), data_key_per_object=False)
    made = await rooms.keys.generate(rooms.owned_key_id, context, caller, fresh=True)
    opened = await rooms.keys.unwrap(made.key_arn, made.wrapped, context, caller)
    if opened.plain != made.plain:
        raise SelfTestFailed("the key service", "opens a data key to another", may_pass_later=False)
    return made


async def _reach_store(store: Store) -> None:
    async with store.own.open(Request(method="GET", path="/")) as response:
        if response.status >= 500:
            raise UpstreamError(f"it answers {response.status}")
        if response.status == 403:
            why = "it refuses the proxy's credentials: check access_key_id and secret_access_key of upstreams"
            raise SelfTestFailed(f"the store {store.name}", why, may_pass_later=False)
        await response.read(limit=1 << 24)


async def _tried(what: str, step: Callable[[], Awaitable[T]]) -> T:
    try:
        return await step()
    except (KeyServiceError, UpstreamError) as exc:
        raise SelfTestFailed(what, f"it does not: {exc}", may_pass_later=True) from exc
