"""What goes to the store as it is, re-signed: settings of buckets and objects.

Answers stream. Requests' bodies are documents, which S3 bounds by kilobytes: held within a bound, proven,
looked at (a trap, a policy's condition), then sent with a digest, which has to stand ahead of them.
"""

import base64
import hashlib
from collections.abc import Mapping
from types import MappingProxyType

from proxy.gateway.authorization.authorize import authorize_document
from proxy.gateway.call import Call
from proxy.gateway.exchange import Buffer
from proxy.gateway.pouring import PIECE_BYTES, pour
from proxy.gateway.pump import PlainBody
from proxy.gateway.store import answer_to, refuse_unless_ok, request_for
from proxy.gateway.store_encryption import told_by_store
from proxy.s3.checksums import Claims
from proxy.s3.errors import S3Error
from proxy.s3.headers import client_headers, store_headers
from proxy.s3.sub_resources import check_answer, check_document
from proxy.upstream.messages import Response

DOCUMENT_BYTES = 2 * 1024 * 1024
"""S3's own XML bodies stay below; so do 1,000 keys of 1,024 bytes in a DeleteObjects body."""
XML = {"content-type": "application/xml"}
NONE: Mapping[str, str] = MappingProxyType({})


async def forward(call: Call, *, answered: bool = True, more: Mapping[str, str] = NONE) -> None:
    """Send on with these headers, too, and give the answer back, unless somebody else does.

    Raises S3Error, UpstreamError.
    """
    sent = bytes(await document(call))
    check_document(call.operation, sent)
    authorize_document(call, sent)
    headers = {**store_headers(call.operation.name, call.request.headers), **more}
    if sent:
        headers["content-md5"] = content_md5(sent)
    async with answer_to(call, request_for(call, headers), sent) as response:
        await refuse_unless_ok(call, response)
        first = await _beginning(call, response)
        check_answer(call.operation, response.headers, first)
        told = client_headers(response.headers) | told_by_store(call, response.headers)
        call.trace.version_id = told.get("x-amz-version-id", "")
        if not answered:
            return
        if len(first) < PIECE_BYTES:
            await call.reply(response.status, told, first)
        else:
            await pour(call, response, told, first=first)


async def _beginning(call: Call, response: Response) -> bytes:
    """The first of the answer, which is all of most; less than PIECE_BYTES only where no more comes."""
    if call.request.method == "HEAD":
        return b""
    buffer = memoryview(bytearray(PIECE_BYTES))
    return bytes(buffer[: await response.fill(buffer, at_least=PIECE_BYTES)])


def content_md5(body: Buffer) -> str:
    """Of a body that is sent: a digest and no secret (RFC 1864)."""
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


async def document(call: Call, claims: Claims | None = None, *, limit: int = DOCUMENT_BYTES) -> bytearray:
    """The request's whole body, proven; at most `limit` bytes."""
    if call.request.method in {"GET", "HEAD", "DELETE"} and "content-length" not in call.request.headers:
        return bytearray()
    body = PlainBody(call, claims)
    if body.length > limit:
        raise S3Error("MaxMessageLengthExceeded", MaxMessageLengthBytes=str(limit))
    async with call.hold(body.length):
        return await body.whole()
