"""What the store says of an object, as plaintext terms: its size, its envelope, whether it is sealed at all.

Nothing here is believed yet: an envelope's seal and a body's tags are. Sizes in answers to HEAD are the
store's word, as those in a listing.
"""

import re
from dataclasses import dataclass
from typing import NoReturn

from proxy.gateway.call import Call
from proxy.gateway.customer_keys import customer_key_of
from proxy.gateway.refusals import IntegrityViolation, Overwritten
from proxy.gateway.store import answer_to, refuse_unless_ok, request_for
from proxy.s3.customer_key import NOT_APPLICABLE
from proxy.s3.errors import S3Error
from proxy.seal.envelope import HEADER, SealedEnvelope, read_envelope
from proxy.seal.errors import NotSealed
from proxy.seal.geometry import plain_size
from proxy.seal.tail import FOOTER, MARK
from proxy.upstream.messages import Response, UpstreamBroken

CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")

GONE = frozenset({404, 412, 416})
"""How a store says that what it had a moment ago is not there now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedObject:
    """One answer's, so that all of it is of one body."""

    envelope: SealedEnvelope
    plain_length: int
    sealed_length: int
    etag: str


class LeftPlain(NotSealed):
    """A plain object from before its rule, which is served as it is. It does not end as sealed ones do."""

    def __init__(self, length: int, etag: str) -> None:
        super().__init__(length)
        self.etag = etag


def sealed_total(response: Response, *, sealed_first: int | None = None) -> int:
    """Bytes of the whole body on the store; sealed_first is what a range asked to begin with.

    Raises UpstreamBroken where the answer is not to the question.
    """
    if sealed_first is None:
        told_length = response.headers.get("content-length", "")
        if response.status != 200 or not told_length.isdecimal():
            raise UpstreamBroken("the store does not say how long the object is")
        return int(told_length)
    told = CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
    if response.status != 206 or told is None or int(told[1]) != sealed_first:
        raise UpstreamBroken("the store did not answer with the range that was asked for")
    return int(told[3])


async def maybe_sealed(call: Call, response: Response, sealed_length: int) -> SealedObject | None:
    """What the answer describes; None for a folder marker, which is stored as it is.

    Raises IntegrityViolation, DamagedEnvelope and UnknownVersion; NotSealed for a foreign, plain object, and
    LeftPlain, which is one, where the rule reads it. Overwritten.
    """
    header = response.headers.get(HEADER)
    etag = response.headers.get("etag", "")
    if header is None:
        if sealed_length == 0 and call.request.key.endswith("/"):
            return None
        await _refuse_plain(call, sealed_length, etag)
    envelope = read_envelope(header or "")
    plain_length = envelope.agreed_length(sealed_length)
    return SealedObject(envelope=envelope, plain_length=plain_length, sealed_length=sealed_length, etag=etag)


async def sealed_or_left(call: Call, response: Response, sealed_length: int) -> SealedObject | None:
    """The same, with None for a plain object that the rule reads, too; the trail is told of it."""
    try:
        return await maybe_sealed(call, response, sealed_length)
    except LeftPlain:
        call.trace.plaintext_read = True
        return None


def version_query(call: Call) -> str:
    """The one parameter of a read that the store needs; the others are ours."""
    named = [pair for pair in call.request.store_query.split("&") if pair.startswith("versionId=")]
    return "".join(named)


async def _refuse_plain(call: Call, sealed_length: int, etag: str) -> NoReturn:
    """A body that ends as sealed ones do has lost its envelope: that is damage, and not a plain object."""
    if _may_be_sealed(sealed_length) and (await _footer(call, sealed_length, etag)).endswith(MARK):
        raise IntegrityViolation("the envelope is missing")
    if call.rule.reads_plain(call.rooms.now()):
        if customer_key_of(call) is not None:  # a store must not pass off plaintext as the client's own
            raise S3Error("InvalidRequest", NOT_APPLICABLE)
        raise LeftPlain(sealed_length, etag)
    raise NotSealed(sealed_length)


def _may_be_sealed(length: int) -> bool:
    try:
        plain_size(length)
    except NotSealed:
        return False
    return True


async def _footer(call: Call, sealed_length: int, etag: str) -> bytes:
    """Raises Overwritten where it is no longer that body's."""
    first = sealed_length - FOOTER
    headers = {"range": f"bytes={first}-{sealed_length - 1}"} | ({"if-match": etag} if etag else {})
    request = request_for(call, headers, method="GET", query=version_query(call))
    async with answer_to(call, request) as response:
        if response.status in GONE:
            raise Overwritten
        await refuse_unless_ok(call, response)
        if sealed_total(response, sealed_first=first) != sealed_length:
            raise Overwritten
        return await response.read(limit=FOOTER)
