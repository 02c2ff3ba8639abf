"""What the store says, as the gateway needs it: requests in its form, its refusals in S3's words.

A refusal that is about the client's request goes on to the client. One that is about the proxy's own standing
with the store is the operator's to mend, and no client learns of it.
"""

import logging
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from proxy.gateway.call import Call, Store
from proxy.gateway.exchange import Buffer
from proxy.gateway.trace import Phase
from proxy.s3.errors import TABLE, WRONG_DIGEST, S3Error
from proxy.s3.headers import client_headers, error_headers
from proxy.s3.xml import parse_error
from proxy.upstream.messages import DamagedOnTheWay, Request, Response

ERROR_BYTES = 65_536
"""More than any store's error document."""
OPERATORS_TO_MEND = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "AuthorizationHeaderMalformed"}
)
BY_STATUS = {
    301: "PermanentRedirect",
    307: "TemporaryRedirect",
    400: "InvalidRequest",
    403: "AccessDenied",
    405: "MethodNotAllowed",
    409: "OperationAborted",
    411: "MissingContentLength",
    412: "PreconditionFailed",
    416: "InvalidRange",
    501: "NotImplemented",
}


def request_for(
    call: Call, headers: Mapping[str, str], *, method: str = "", query: str | None = None, path: str = ""
) -> Request:
    """The same name on the store, with these headers."""
    return Request(
        method=method or call.request.method,
        path=path or call.request.store_path,
        query=call.request.store_query if query is None else query,
        headers=headers,
    )


def answer_to(
    call: Call, request: Request, body: Buffer = b"", *, store: Store | None = None
) -> AbstractAsyncContextManager[Response]:
    """The store's answer to a request whose body is in memory; the call's own store where none is named.

    Entering raises UpstreamError.
    """
    assert not call.trace.undecided, "nothing is done before it is known whether it may be"
    held = body if isinstance(body, bytes) else memoryview(body)
    return _Answered(call, (store or call.store).upstream.open(request, held))


class _Answered(AbstractAsyncContextManager[Response]):
    """An answer whose waiting is measured, and whose name at the store is noted."""

    __slots__ = ("_call", "_opening")

    def __init__(self, call: Call, opening: AbstractAsyncContextManager[Response]) -> None:
        self._call = call
        self._opening = opening

    async def __aenter__(self) -> Response:
        with self._call.trace.during(Phase.STORE):
            response = await self._opening.__aenter__()
        note(self._call, response)
        return response

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._opening.__aexit__(kind, error, trace)


def note(call: Call, response: Response) -> None:
    call.trace.store_request_id = response.headers.get("x-amz-request-id", "")


async def refuse_unless_ok(call: Call, response: Response) -> None:
    """Raise the store's refusal as S3Error, or DamagedOnTheWay; pass where it answered 2xx."""
    if response.status >= 300:
        raise await refusal(call, response)


async def refuse_missing_bucket(call: Call) -> None:
    """Where an answer does not say what is missing: ask for the bucket. Raises S3Error NoSuchBucket."""
    bucket = request_for(call, {}, method="HEAD", query="", path=f"/{call.request.bucket}")
    async with answer_to(call, bucket) as response:
        if response.status == 404:
            raise S3Error("NoSuchBucket", BucketName=call.request.bucket)


async def refusal(call: Call, response: Response) -> S3Error:
    """The S3Error for an answer that is not 2xx. Raises DamagedOnTheWay."""
    document = b"" if call.request.method == "HEAD" else await response.read(limit=ERROR_BYTES)
    code, message = parse_error(document) if document else ("", "")
    if code in WRONG_DIGEST:  # whatever checksum the store got is ours: clients' are proven here
        raise DamagedOnTheWay(f"the store refused what it received: {code}")
    if code in OPERATORS_TO_MEND:
        logging.getLogger(__name__).error("the store refuses the proxy's own credentials: %s", code)
        return S3Error("InternalError", "The store refuses the proxy. Its operator must act.")
    if response.status >= 500 and response.status != 501:
        return S3Error("SlowDown" if code == "SlowDown" else "ServiceUnavailable")
    if response.status == 304:
        return NotModified(client_headers(response.headers))
    code = code or _code_by_status(call, response.status)
    if code in TABLE and TABLE[code][0] == response.status:
        error = S3Error(code, message)
    else:
        error = S3Error(code, message or "The store refused the request.", status=response.status)
    error.headers = error_headers(response.headers)
    return error


class NotModified(S3Error):
    """304 has no document, but the headers that a cache needs."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__("NotModified")
        self.headers = headers


def _code_by_status(call: Call, status: int) -> str:
    if status == 404:
        return "NoSuchKey" if call.request.key else "NoSuchBucket"
    return BY_STATUS.get(status, "InvalidRequest")
