"""AWS KMS over HTTP: JSON 1.1 in and out; every call is signed, checked, answered by the engine and recorded.

A call goes through the same steps whatever it asks: body within its bound, signature, operation, document,
model, caller, engine. A failed step ends it with AWS's error. Whatever ends a call, it leaves one audit
event. Health (GET / or /ping) is the one thing without a signature. What only uses keys is answered on the
loop; what changes them waits for the disk in a thread, so that data keys do not.
"""

import asyncio
import base64
import json
import logging
import os
import traceback
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, NoReturn, Protocol

from aiohttp import web

from proxy.audit.event import Outcome, Recorder
from proxy.auth.errors import AuthError, UnknownAccessKey, WrongSignature
from proxy.auth.identities import Identities
from proxy.auth.verify import Authenticated, Authenticator
from proxy.finish import finish
from proxy.hsm.api_audit import CallNotes, event_of
from proxy.hsm.api_caller import REQUEST_ID, principal_of
from proxy.hsm.api_errors import UNSIGNED, ApiRefusal, refusal_of
from proxy.hsm.api_model import KmsModel
from proxy.hsm.api_own import TARGET_PREFIX as OWN_PREFIX
from proxy.hsm.api_peer import maybe_peer_uid
from proxy.hsm.api_watch import OPERATION as WATCH_OPERATION
from proxy.hsm.api_watch import TARGET as WATCH
from proxy.hsm.api_watch import Watchers
from proxy.hsm.core.access import Principal
from proxy.hsm.core.errors import KmsError
from proxy.hsm.engine import READS, Trace
from proxy.hsm.engine import Outcome as EngineOutcome

CONTENT_TYPE: Final = "application/x-amz-json-1.1"
TARGET_PREFIX: Final = "TrentService."
MAX_BODY_BYTES: Final = 1 << 20  # a policy of 131,072 characters, each as \uXXXX, still fits
BODY_TIMEOUT_SECONDS: Final = 10.0
KEEPALIVE_SECONDS: Final = 75.0

_OUTCOMES: Final = {408: Outcome.TIMEOUT, 500: Outcome.FAILED, 503: Outcome.FAILED}

AUDIT_WAIT_SECONDS: Final = 2.0
UNRECORDABLE: Final = ApiRefusal(
    "DependencyTimeoutException", "What happens here cannot be recorded now.", status=503
)

_log = logging.getLogger(__name__)


class KmsEngine(Protocol):
    """Decides and does, in any thread. `request` was checked, its blobs are bytes. Raises KmsError."""

    def call(
        self, principal: Principal, action: str, request: Mapping[str, Any], trace: Trace
    ) -> EngineOutcome: ...


class KmsApi:
    """One handler for a low-level aiohttp server; see `server`. Holds no state between calls."""

    def __init__(
        self,
        engine: KmsEngine,
        *,
        authenticator: Authenticator,
        identities: Identities,
        recorder: Recorder,
        room: Callable[[float], Awaitable[bool]],
        model: KmsModel | None = None,
        watchers: Watchers,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`room` waits at most so many seconds for a place in the audit queue; False where there is none."""
        self._watchers = watchers
        self._engine = engine
        self._room = room
        self._authenticator = authenticator
        self._identities = identities
        self._recorder = recorder
        self._model = model or KmsModel()
        self._now = now
        self._peers = frozenset({os.geteuid(), 0})

    def server(self) -> web.Server:
        """See api_server."""
        return api_server(self.handle)

    def may_listen(self, access_key: str) -> bool:
        """Whether changes are told to it: whether it is a proxy's."""
        found = self._identities.maybe_by_access_key(access_key)
        return found is not None and found[0].kind == "proxy"

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method in {"GET", "HEAD"} and request.path in {"/", "/ping"}:
            return web.Response(text="healthy\n")
        trace = Trace(event_id=str(uuid.uuid4()), request_id=str(uuid.uuid4()))
        notes = CallNotes(trace=trace, arrived=self._now(), peer_ip=request.remote or "")
        if not await self._room(AUDIT_WAIT_SECONDS):
            # Nothing is done, and the refusal makes no event: the queue that has no room would grow by it.
            return self._refused(UNRECORDABLE, notes)
        try:
            return await self._answered(request, notes)
        finally:
            self._recorder.record(event_of(notes))

    def _is_stranger(self, request: web.BaseRequest) -> bool:
        uid = maybe_peer_uid(request.transport) if request.transport else None
        return uid is not None and uid not in self._peers

    async def _answered(self, request: web.BaseRequest, notes: CallNotes) -> web.StreamResponse:
        response: web.StreamResponse
        try:
            if request.headers.get("x-amz-target") == WATCH:
                response = await self._watched(request, notes)
            else:
                response = _reply(await self._call(request, notes), notes, status=200)
        except (ApiRefusal, KmsError) as refusal:
            return self._refused(refusal, notes)
        except asyncio.CancelledError:
            notes.outcome = Outcome.CANCELLED
            raise
        except Exception as defect:  # noqa: BLE001 - the last line: a defect is AWS's 500, told and recorded
            _tell(defect, notes)
            return self._refused(ApiRefusal("KMSInternalException", "", status=500), notes)
        notes.outcome = Outcome.COMPLETED
        return response

    async def _watched(self, request: web.BaseRequest, notes: CallNotes) -> web.StreamResponse:
        """What changed is told to proxies alone: it names keys of every account."""
        notes.operation = WATCH_OPERATION
        _, _, proof = await self._proven(request, notes)
        if proof.identity.kind != "proxy":
            raise ApiRefusal("AccessDeniedException", f"User: {proof.identity.arn} is no proxy")
        notes.status = 200
        return await self._watchers.watch(request, _reply_headers(notes), proof.claim.access_key)

    async def _call(self, request: web.BaseRequest, notes: CallNotes) -> Mapping[str, Any]:
        operation = self._maybe_operation(request.headers.get("x-amz-target", ""))
        if operation:
            notes.operation = operation
        headers, body, proof = await self._proven(request, notes)
        if not operation or not _is_call(request, headers):
            raise ApiRefusal("UnknownOperationException", "")
        document = _document(body)
        principal = self._principal(request, proof, headers, notes)
        notes.request = checked = self._model.request(operation, document)
        if operation in READS:
            return self._performed(principal, operation, checked, notes)
        # No change is left half way or unrecorded.
        return await finish(
            asyncio.to_thread(self._performed, principal, operation, checked, notes), within=None
        )

    async def _proven(
        self, request: web.BaseRequest, notes: CallNotes
    ) -> tuple[dict[str, str], bytes, Authenticated]:
        """Headers, body, and who signed them."""
        headers = _headers(request)
        notes.user_agent = headers.get("user-agent", "")
        if self._is_stranger(request):
            raise ApiRefusal("AccessDeniedException", "This socket is another user's", status=403)
        if "authorization" not in headers:  # before a stranger's body is taken in
            raise ApiRefusal(UNSIGNED, "Missing Authentication Token")
        body = await _body(request, notes)
        return headers, body, self._authenticated(request, headers, body, notes)

    def _authenticated(
        self, request: web.BaseRequest, headers: Mapping[str, str], body: bytes, notes: CallNotes
    ) -> Authenticated:
        path, _, query = request.raw_path.partition("?")
        try:
            proof = self._authenticator.authenticate(
                method=request.method,
                path=path,
                query=query,
                headers=headers,
                now=notes.arrived,
                payload_hash=sha256(body).hexdigest(),
            )
        except AuthError as error:
            if isinstance(error, UnknownAccessKey | WrongSignature):
                notes.claimed_access_key = error.access_key
            raise refusal_of(error) from error
        notes.proven = proof.identity
        notes.claimed_access_key = proof.claim.access_key
        notes.region = proof.claim.region
        return proof

    def _maybe_operation(self, target: str) -> str:
        """Empty for what neither AWS nor we have."""
        prefix, _, name = target.rpartition(".")
        known = {TARGET_PREFIX: self._model.operations, OWN_PREFIX: self._model.own_operations}
        return name if name in known.get(f"{prefix}.", ()) else ""

    def _principal(
        self, request: web.BaseRequest, proof: Authenticated, headers: Mapping[str, str], notes: CallNotes
    ) -> Principal:
        principal = principal_of(
            proof, headers, self._identities, peer_ip=notes.peer_ip, peer_secure=request.secure
        )
        notes.principal = principal
        notes.s3_request_id = headers.get(REQUEST_ID, "")
        if principal.on_behalf_of:
            notes.client = self._identities.maybe_by_arn(principal.on_behalf_of[0])
        return principal

    def _performed(
        self, principal: Principal, operation: str, checked: Mapping[str, Any], notes: CallNotes
    ) -> Mapping[str, Any]:
        try:
            outcome = self._engine.call(principal, operation, checked, notes.trace)
        except KmsError as error:
            notes.error_code, notes.key_arn, notes.manager = error.code, error.key_arn, error.manager
            raise
        notes.key_arn, notes.manager = outcome.key_arn, outcome.manager
        notes.source_key_arn = outcome.source_key_arn
        return outcome.response

    def _refused(self, refusal: ApiRefusal | KmsError, notes: CallNotes) -> web.Response:
        notes.error_code = refusal.code
        notes.error_message = refusal.message
        notes.outcome = _OUTCOMES.get(refusal.status, Outcome.COMPLETED)
        says = {"message": refusal.message} if refusal.message else {}
        return _reply({"__type": refusal.code, **says}, notes, status=refusal.status)


def api_server(handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> web.Server:
    """The factory of connections, for loop.create_server and loop.create_unix_server.

    A call is cancelled when its client leaves; none is cancelled inside the engine.
    """
    return web.Server(
        handle,
        handler_cancellation=True,
        keepalive_timeout=KEEPALIVE_SECONDS,
        access_log=None,
        read_bufsize=1 << 16,
    )


def _is_call(request: web.BaseRequest, headers: Mapping[str, str]) -> bool:
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    return (request.method, request.raw_path, content_type) == ("POST", "/", CONTENT_TYPE)


def _tell(defect: Exception, notes: CallNotes) -> None:
    """Where it happened, without the exception's text: that may repeat what it was fed, such as a key."""
    frames = "".join(traceback.format_tb(defect.__traceback__))
    _log.error("KMS call %s failed with %s\n%s", notes.request_id, type(defect).__name__, frames)


def _headers(request: web.BaseRequest) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        lowered = name.lower()
        headers[lowered] = f"{headers[lowered]},{value}" if lowered in headers else value
    return headers


async def _body(request: web.BaseRequest, notes: CallNotes) -> bytes:
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise ApiRefusal("RequestEntityTooLargeException", "The request is too large", status=413)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
            async for piece in request.content.iter_any():
                body += piece
                notes.bytes_in = len(body)
                if len(body) > MAX_BODY_BYTES:
                    raise ApiRefusal("RequestEntityTooLargeException", "The request is too large", status=413)
    except TimeoutError as exc:
        raise ApiRefusal("RequestTimeoutException", "The body did not come in time", status=408) from exc
    return bytes(body)


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body or b"{}", parse_constant=_no_number)
    except (ValueError, RecursionError) as exc:
        raise ApiRefusal("SerializationException", "") from exc
    if not isinstance(document, dict):
        raise ApiRefusal("SerializationException", "Start of structure or map expected")
    return document


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _reply(document: Mapping[str, Any], notes: CallNotes, *, status: int) -> web.Response:
    body = json.dumps(document, separators=(",", ":"), default=_as_json).encode()
    notes.status = status
    notes.bytes_out = len(body)
    return web.Response(status=status, body=body, headers=_reply_headers(notes))


def _reply_headers(notes: CallNotes) -> dict[str, str]:
    return {"Content-Type": CONTENT_TYPE, "x-amzn-RequestId": notes.request_id, "Server": "sealgate-hsm"}


def _as_json(value: Any) -> Any:
    """Blobs are Base64 and timestamps epoch seconds in JSON 1.1."""
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"no JSON for {type(value).__name__}")
