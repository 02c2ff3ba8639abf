"""GetObject and HeadObject: bodies are opened on their way to the client.

Which ciphertext to ask for follows from the plaintext range before the object is seen; the answer's own
envelope confirms it. The first group of segments is opened before the status line goes out, so a wrong key
or a damaged start is a clean error; damage further in tears the connection.
"""

from dataclasses import dataclass

from proxy.gateway.call import Call
from proxy.gateway.datakeys import encryption_headers, opened_envelope
from proxy.gateway.exchange import Buffer
from proxy.gateway.rules import Mode as RuleMode
from proxy.gateway.sealed_object import (
    SealedObject,
    checksum_headers,
    late_checksums,
    maybe_sealed,
    sealed_total,
    version_query,
    wants_checksums,
)
from proxy.gateway.store import answer_to, refuse_unless_ok, request_for
from proxy.gateway.trace import Phase
from proxy.s3.encryption import refuse_on_read
from proxy.s3.errors import S3Error
from proxy.s3.headers import client_headers, response_overrides, store_headers
from proxy.s3.ranges import Range, content_range, parse_range, resolve
from proxy.seal.envelope import OpenEnvelope
from proxy.seal.errors import NotSealed, TamperedBody
from proxy.seal.geometry import SEALED_SEGMENT, SEGMENT, WHOLE, Window, plain_size, sealed_size, window
from proxy.seal.layout import OneRun
from proxy.seal.opener import GROUP, Opener
from proxy.upstream.messages import Request, Response

PLAIN_BUFFER_BYTES = 65_536
TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The part of the plaintext that the client asked for, as far as it is known before the object is."""

    range: Range | None
    window: Window
    etag: str = ""
    """Only this body: the range was made for its size."""


async def get_object(call: Call) -> None:
    refuse_on_read(call.request.headers)
    if call.rule.mode is RuleMode.PASSTHROUGH:
        await _get_plain(call)
        return
    for _ in range(TRIES):
        wanted = await _wanted(call)
        async with answer_to(call, _get_request(call, wanted)) as response:
            if wanted.etag and response.status == 412:
                continue  # overwritten since its size was asked for
            if response.status == 416:
                raise _past_the_end(wanted, response)
            await refuse_unless_ok(call, response)
            await _open(call, response, wanted)
            return
    raise S3Error("OperationAborted", "The object is being overwritten. Try again.", status=409)


async def head_object(call: Call) -> None:
    refuse_on_read(call.request.headers)
    headers = store_headers("HeadObject", call.request.headers)
    async with answer_to(call, request_for(call, headers, query=version_query(call))) as response:
        await refuse_unless_ok(call, response)
        sealed_length = sealed_total(response)
        if call.rule.mode is RuleMode.PASSTHROUGH:
            await _reply_head(call, response, sealed_length, {})
            return
        found = await maybe_sealed(call, response, sealed_length)
        if found is None:
            await _reply_head(call, response, 0, {})
            return
        extra = _told_of(found)
        if wants_checksums(call) and "range" not in call.request.headers:
            opened = await opened_envelope(call, found.envelope)
            extra |= checksum_headers(opened.checksums or await late_checksums(call, found, opened))
        await _reply_head(call, response, found.plain_length, extra)


async def _wanted(call: Call) -> Wanted:
    """Raises what HEAD raises, where the size must be known first."""
    # If-Range: the whole object is always a right answer to it (RFC 9110, section 13.1.5).
    asked = None if "if-range" in call.request.headers else parse_range(call.request.headers.get("range"))
    _check_part_number(call)
    if asked is None:
        return Wanted(range=None, window=WHOLE)
    call.trace.range = str(asked)
    if asked.first is not None:
        return Wanted(range=asked, window=window(asked.first, asked.last))
    headers = store_headers("HeadObject", call.request.headers)
    request = request_for(call, headers, method="HEAD", query=version_query(call))
    async with answer_to(call, request) as response:
        await refuse_unless_ok(call, response)
        found = await maybe_sealed(call, response, sealed_total(response))
    if found is None:
        raise _range_of_nothing(asked)
    first, last = resolve(asked, found.plain_length)
    return Wanted(range=Range(first=first, last=last), window=window(first, last), etag=found.etag)


async def _open(call: Call, response: Response, wanted: Wanted) -> None:
    if wanted.range is not None and _is_folder_marker(call, response):
        raise _range_of_nothing(wanted.range)
    asked_from = None if wanted.range is None else wanted.window.sealed_first
    found = await maybe_sealed(call, response, sealed_total(response, sealed_first=asked_from))
    if found is None:
        await call.reply(200, client_headers(response.headers) | {"accept-ranges": "bytes"})
        return
    first, last = (0, found.plain_length - 1)
    if wanted.range is not None:
        first, last = resolve(wanted.range, found.plain_length)
    opened = await opened_envelope(call, found.envelope)
    buffers = 2 * min(GROUP * SEALED_SEGMENT, sealed_size(last - first + 1) + SEGMENT)
    async with call.hold(buffers):
        opener = Opener(
            content_key=opened.content_key,
            layout=OneRun(found.plain_length),
            window=wanted.window,
            plain_last=last,
        )
        plain = await _next_group(call, response, opener)
        headers = await _headers(call, response, found, opened, wanted, opener)
        status = 206 if wanted.range else 200
        await _begin(
            call, status, headers | _content_range(wanted, first, last, found), last - first + 1, plain
        )
        while opener.wanted():
            plain = await _next_group(call, response, opener)
            with call.trace.during(Phase.CLIENT):
                await call.exchange.write(plain)


async def _next_group(call: Call, response: Response, opener: Opener) -> memoryview:
    """The next proven plaintext. Raises TamperedBody, UpstreamBroken."""
    sealed = opener.wanted()
    with call.trace.during(Phase.STORE):
        received = await response.fill(sealed, at_least=len(sealed))
    if received != len(sealed):
        raise TamperedBody("end")
    with call.trace.during(Phase.CRYPTO):
        return opener.open()


async def _headers(  # noqa: PLR0917  # all that a head is made of
    call: Call, response: Response, found: SealedObject, opened: OpenEnvelope, wanted: Wanted, opener: Opener
) -> dict[str, str]:
    headers = client_headers(response.headers) | _told_of(found) | {"accept-ranges": "bytes"}
    if wanted.range is None and wants_checksums(call):
        checksums = {**opener.checksums, **opened.checksums}
        if not checksums and opener.wanted():
            checksums = await late_checksums(call, found, opened)
        headers |= checksum_headers(checksums)
    return headers | response_overrides(call.request, signed=True)


async def _get_plain(call: Call) -> None:
    """Passthrough: ranges are the store's to serve, and nothing is opened."""
    call.trace.encryption = "passthrough"
    headers = store_headers("GetObject", call.request.headers)
    if "range" in call.request.headers:
        headers["range"] = call.request.headers["range"]
    async with answer_to(call, request_for(call, headers, query=version_query(call))) as response:
        await refuse_unless_ok(call, response)
        length = response.content_length
        if length is None:
            raise S3Error("ServiceUnavailable", "The store does not say how long the object is.")
        kept = {name: response.headers[name] for name in ("content-range",) if name in response.headers}
        told = client_headers(response.headers) | kept | {"accept-ranges": "bytes"}
        buffer = memoryview(bytearray(PLAIN_BUFFER_BYTES))
        await _begin(call, response.status, told | response_overrides(call.request, signed=True), length, b"")
        while received := await response.fill(buffer, at_least=1):
            with call.trace.during(Phase.CLIENT):
                await call.exchange.write(buffer[:received])


def _get_request(call: Call, wanted: Wanted) -> Request:
    headers = store_headers("GetObject", call.request.headers)
    if wanted.range is not None:
        last = "" if wanted.window.sealed_last is None else wanted.window.sealed_last
        headers["range"] = f"bytes={wanted.window.sealed_first}-{last}"
    if wanted.etag:
        headers["if-match"] = wanted.etag
    return request_for(call, headers, query=version_query(call))


async def _begin(call: Call, status: int, headers: dict[str, str], length: int, first: Buffer) -> None:
    call.trace.status = status
    with call.trace.during(Phase.CLIENT):
        await call.exchange.begin(status, {**call.common_headers(), **headers}, length=length, first=first)


async def _reply_head(call: Call, response: Response, plain_length: int, extra: dict[str, str]) -> None:
    headers = client_headers(response.headers) | extra | {"accept-ranges": "bytes"}
    headers |= response_overrides(call.request, signed=True)
    _check_part_number(call)
    asked = parse_range(call.request.headers.get("range"))
    if asked is None:
        await call.reply(200, headers | {"content-length": str(plain_length)})
        return
    first, last = resolve(asked, plain_length)
    told = {
        "content-length": str(last - first + 1),
        "content-range": content_range(first, last, plain_length),
    }
    await call.reply(206, headers | told)


def _told_of(found: SealedObject) -> dict[str, str]:
    envelope = found.envelope
    return encryption_headers(envelope.mode, envelope.key_arn, per_object=envelope.data_key_per_object)


def _content_range(wanted: Wanted, first: int, last: int, found: SealedObject) -> dict[str, str]:
    return {} if wanted.range is None else {"content-range": content_range(first, last, found.plain_length)}


def _is_folder_marker(call: Call, response: Response) -> bool:
    """Some stores answer any range of nothing with 200 and nothing."""
    return call.request.key.endswith("/") and response.status == 200 and response.content_length == 0


def _range_of_nothing(asked: Range) -> S3Error:
    return S3Error("InvalidRange", RangeRequested=str(asked), ActualObjectSize="0")


def _past_the_end(wanted: Wanted, response: Response) -> S3Error:
    """The store has no such byte, so neither has the plaintext, which is shorter."""
    total = response.headers.get("content-range", "").removeprefix("bytes */")
    if wanted.range is None or not total.isdecimal():
        return S3Error("InvalidRange")
    try:
        size = str(plain_size(int(total)))
    except NotSealed:
        return S3Error("InvalidRange")
    return S3Error("InvalidRange", RangeRequested=str(wanted.range), ActualObjectSize=size)


def _check_part_number(call: Call) -> None:
    """A single-part object has one part."""
    number = dict(call.request.query).get("partNumber", "1")
    if number != "1":
        raise S3Error("InvalidPartNumber", "The requested partnumber is not satisfiable", status=416)
