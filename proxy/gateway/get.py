"""GetObject: a body is opened on its way to the client.

Which ciphertext to ask for follows from the plaintext range before the object is seen; the answer's own
envelope confirms it, or (an object of several parts that is not known here yet) sends us back once, with its
index. The first group of segments is opened before the status line goes out, so a wrong key or a damaged
start is a clean error; damage further in tears the connection.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from proxy.gateway.asked import ALL, Asked, Extent, asked_of, extent_of
from proxy.gateway.body_end import (
    check_size,
    known_parts,
    late_checksums,
    name_of,
    until_it_stands_still,
)
from proxy.gateway.call import Call
from proxy.gateway.datakeys import encryption_of, opened_envelope
from proxy.gateway.known_objects import Known
from proxy.gateway.passing import ask_left, get_plain, pass_left, words_for_left
from proxy.gateway.refusals import Overwritten
from proxy.gateway.rules import Mode as RuleMode
from proxy.gateway.sealed_object import LeftPlain, SealedObject, maybe_sealed, sealed_total, version_query
from proxy.gateway.store import answer_to, refuse_unless_ok, request_for
from proxy.gateway.told import checksum_headers, part_checksum_headers, wants_checksums
from proxy.gateway.trace import Phase
from proxy.s3.encryption import refuse_on_read
from proxy.s3.errors import S3Error
from proxy.s3.headers import client_headers, response_overrides, store_headers
from proxy.seal.envelope import OpenEnvelope
from proxy.seal.errors import NotSealed, TamperedBody
from proxy.seal.geometry import WHOLE, Window, plain_size, window
from proxy.seal.layout import Layout, OneRun
from proxy.seal.opener import Opener
from proxy.seal.parts import Parts
from proxy.upstream.messages import Request, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the store is asked for, and what that supposes the object to be."""

    asked: Asked
    window: Window = WHOLE
    known: Known | None = None
    bound: bool = False
    """Only this body: If-Match is ours."""


EVERYTHING = Question(asked=ALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An answer that describes a sealed object whose envelope was opened."""

    object: SealedObject
    opened: OpenEnvelope


async def get_object(call: Call) -> None:
    refuse_on_read(call.request.headers)
    if call.rule.mode is RuleMode.PASSTHROUGH:
        await get_plain(call)
        return
    asked = asked_of(call.request)
    if asked.range is not None:
        call.trace.range = str(asked.range)
    await until_it_stands_still(call, partial(_get, call, asked))


async def _get(call: Call, asked: Asked) -> None:
    try:
        await _get_sealed(call, asked)
    except LeftPlain as plain:
        await ask_left(call, plain)


async def _get_sealed(call: Call, asked: Asked) -> None:
    known = _remembered(call, asked)
    if known is None and asked.open_start:
        known = await _looked_up(call, asked)
        if known is None:
            return
    found = await _ask(call, _question(call, asked, known))
    if found is None:
        return
    parts = await known_parts(call, found.object, found.opened)
    known = Known(seal=found.opened.seal, etag=found.object.etag, layout=parts)
    if await _ask(call, _question(call, asked, known)):
        raise AssertionError("its parts are known")


def _remembered(call: Call, asked: Asked) -> Known | None:
    """What the name's object was last time, if it had the bytes that are asked for now."""
    known = None if asked.whole else call.rooms.known.last_time(name_of(call))
    try:
        if known is not None:
            extent_of(asked, known.layout)
    except S3Error:
        return None  # it may be another object by now, and that one's answer counts
    return known


async def _looked_up(call: Call, asked: Asked) -> Known | None:
    """The object by its head, where the first byte to ask for depends on it. Raises what HEAD raises.

    None where it was a folder marker, whose head is all there is to answer.
    """
    headers = store_headers("HeadObject", call.request.headers)
    request = request_for(call, headers, method="HEAD", query=version_query(call))
    async with answer_to(call, request) as response:
        await refuse_unless_ok(call, response)
        found = await maybe_sealed(call, response, sealed_total(response))
        if found is None:
            extent_of(asked, OneRun(0))
            await _reply_marker(call, response)
            return None
    layout: Layout = OneRun(found.plain_length)
    if found.envelope.multipart:
        layout = await known_parts(call, found, await opened_envelope(call, found.envelope))
    known = Known(seal=found.envelope.seal, etag=found.etag, layout=layout)
    call.rooms.known.keep(name_of(call), known)
    return known


def _question(call: Call, asked: Asked, known: Known | None) -> Question:
    """Raises InvalidRange and InvalidPart where what is known says that there are no such bytes."""
    if asked.whole:
        return EVERYTHING if known is None else Question(asked=asked, known=known)
    if known is not None:
        extent = extent_of(asked, known.layout)
        where = WHOLE  # its tail too, where all of it is asked for
        if not extent.everything:
            where = known.layout.window(extent.plain_first, extent.plain_last)
        bound = bool(known.etag) and "if-match" not in call.request.headers
        return Question(asked=asked, window=where, known=known, bound=bound)
    assert asked.range is not None
    assert asked.range.first is not None
    return Question(asked=asked, window=window(asked.range.first, asked.range.last))


def _request(call: Call, question: Question) -> Request:
    headers = store_headers("GetObject", call.request.headers) | words_for_left(call)
    if not question.asked.whole:
        last = "" if question.window.sealed_last is None else question.window.sealed_last
        headers["range"] = f"bytes={question.window.sealed_first}-{last}"
    if question.bound and question.known is not None:
        headers["if-match"] = question.known.etag
    return request_for(call, headers, query=version_query(call))


async def _ask(call: Call, question: Question) -> Found | None:
    """Serves the answer; gives what it told where other bytes must be asked for."""
    async with answer_to(call, _request(call, question)) as response:
        if question.bound and response.status == 412:
            raise Overwritten
        if response.status == 416:
            await _look_for_plain(call, question.asked)
            raise _past_the_end(question.asked, response)
        await refuse_unless_ok(call, response)
        if not question.asked.whole and _is_folder_marker(call, response):
            extent_of(question.asked, OneRun(0))  # no range is in it
            raise Overwritten
        asked_from = None if question.asked.whole else question.window.sealed_first
        try:
            found = await maybe_sealed(call, response, sealed_total(response, sealed_first=asked_from))
        except LeftPlain:
            if not question.asked.whole:
                raise  # those are other bytes
            await pass_left(call, response)
            return None
        if found is None:
            await _reply_marker(call, response)
            return None
        if question.known is not None and question.known.seal != found.envelope.seal:
            raise Overwritten
        answer = Found(object=found, opened=await opened_envelope(call, found.envelope))
        layout = _maybe_layout(call, answer)
        extent = None if layout is None else extent_of(question.asked, layout)
        where = None if layout is None or extent is None else _maybe_window(question, layout, extent)
        if layout is None or extent is None or where is None:
            return answer
        await _serve(call, response, answer, layout, extent, where)
        return None


async def _look_for_plain(call: Call, asked: Asked) -> None:
    """A sealed body is longer than its plaintext: a plain one may have bytes where a sealed one has none."""
    if call.rule.reads_plain(call.rooms.now()):
        known = await _looked_up(call, asked) if asked.range is not None else None
        if known is not None:
            extent_of(asked, known.layout)
        raise Overwritten  # it has the bytes, and is another than the one that had them not


def _maybe_layout(call: Call, answer: Found) -> Layout | None:
    """None for an object of several parts that are not known here."""
    if not answer.object.envelope.multipart:
        return OneRun(answer.object.plain_length)
    parts = call.rooms.known.parts(answer.opened.seal)
    if parts is not None:
        check_size(answer.object, parts)
    return parts


def _maybe_window(question: Question, layout: Layout, extent: Extent) -> Window | None:
    """Where in the answer the extent lies; None where it is not in there."""
    asked = question.window
    if question.asked.whole or (extent.everything and asked == WHOLE):
        return asked
    exact = layout.window(extent.plain_first, extent.plain_last)
    assert exact.sealed_last is not None
    reaches = asked.sealed_last is None or asked.sealed_last >= exact.sealed_last
    if asked.sealed_first != exact.sealed_first or not reaches:
        return None
    return replace(exact, sealed_last=asked.sealed_last)


async def _serve(  # noqa: PLR0917  # all that an answer is made of
    call: Call, response: Response, answer: Found, layout: Layout, extent: Extent, where: Window
) -> None:
    opener = Opener(
        content_key=answer.opened.content_key,
        layout=layout,
        window=where,
        plain_last=extent.plain_last,
        outer_content_key=answer.opened.outer_content_key,
    )
    async with call.hold(opener.buffer_bytes):
        plain = await _next_group(call, response, opener)
        headers = client_headers(response.headers) | encryption_of(call, answer.object.envelope)
        headers |= extent.headers() | {"accept-ranges": "bytes"}
        if wants_checksums(call):
            headers |= await _checksums(call, answer, layout, extent, opener)
        headers |= response_overrides(call.request, signed=call.authenticated is not None)
        call.trace.status = extent.status
        with call.trace.during(Phase.CLIENT):
            await call.exchange.begin(
                extent.status, {**call.common_headers(), **headers}, length=extent.length, first=plain
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


async def _checksums(
    call: Call, answer: Found, layout: Layout, extent: Extent, opener: Opener
) -> dict[str, str]:
    """A range has none; a part has its own."""
    if extent.partial and extent.run is None:
        return {}
    if isinstance(layout, Parts):
        if extent.run is not None:
            return part_checksum_headers(layout, extent.run)
        return checksum_headers({**layout.checksums, **answer.opened.checksums}, parts_count=layout.count)
    checksums: Mapping[int, bytes] = {**opener.checksums, **answer.opened.checksums}
    if not checksums and opener.wanted():
        checksums = await late_checksums(call, answer.object, answer.opened)
    return checksum_headers(checksums)


def _is_folder_marker(call: Call, response: Response) -> bool:
    """Some stores answer any range of nothing with 200 and nothing."""
    return call.request.key.endswith("/") and response.status == 200 and response.content_length == 0


async def _reply_marker(call: Call, response: Response) -> None:
    overrides = response_overrides(call.request, signed=call.authenticated is not None)
    await call.reply(200, client_headers(response.headers) | {"accept-ranges": "bytes"} | overrides)


def _past_the_end(asked: Asked, response: Response) -> S3Error:
    """The store has no such byte, so neither has the plaintext, which is shorter."""
    total = response.headers.get("content-range", "").removeprefix("bytes */")
    if asked.range is None or not total.isdecimal():
        return S3Error("InvalidRange")
    try:
        size = str(plain_size(int(total)))
    except NotSealed:
        return S3Error("InvalidRange")
    return S3Error("InvalidRange", RangeRequested=str(asked.range), ActualObjectSize=size)
