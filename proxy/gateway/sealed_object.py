"""What the store says of an object, as plaintext terms: its size, its envelope, whether it is sealed at all.

Nothing here is believed yet: an envelope's seal and a body's tags are. Sizes in answers to HEAD are the
store's word, as those in a listing.
"""

import re
from dataclasses import dataclass

from proxy.gateway.call import Call
from proxy.gateway.refusals import IntegrityViolation
from proxy.gateway.store import answer_to, refuse_unless_ok, request_for
from proxy.seal.envelope import HEADER, SealedEnvelope, read_envelope
from proxy.seal.errors import NotSealed
from proxy.seal.geometry import plain_size
from proxy.seal.tail import FOOTER, MARK
from proxy.upstream.messages import Response, UpstreamBroken

CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedObject:
    """One answer's, so that all of it is of one body."""

    envelope: SealedEnvelope
    plain_length: int
    sealed_length: int
    etag: str


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

    Raises IntegrityViolation, DamagedEnvelope and UnknownVersion; NotSealed for a foreign, plain object.
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


def version_query(call: Call) -> str:
    """The one parameter of a read that the store needs; the others are ours."""
    named = [pair for pair in call.request.store_query.split("&") if pair.startswith("versionId=")]
    return "".join(named)


async def _refuse_plain(call: Call, sealed_length: int, etag: str) -> None:
    """A body that ends as sealed ones do has lost its envelope: that is damage, and not a plain object."""
    plain_size(sealed_length)  # raises NotSealed where the size alone tells
    first = sealed_length - FOOTER
    headers = {"range": f"bytes={first}-{sealed_length - 1}", "if-match": etag}
    request = request_for(call, headers, method="GET", query=version_query(call))
    async with answer_to(call, request) as response:
        await refuse_unless_ok(call, response)
        sealed_total(response, sealed_first=first)
        footer = await response.read(limit=FOOTER)
    if footer.endswith(MARK):
        raise IntegrityViolation("the envelope is missing")
    raise NotSealed(sealed_length)
