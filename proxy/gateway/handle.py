"""One request from its first byte to its audit event: authenticate, classify, authorise, dispatch, record.

Whatever happens in between, there is one answer or a torn connection, and one event.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from proxy.audit.event import Outcome, Recorder
from proxy.auth.errors import ExpiredToken, InvalidToken, UnknownAccessKey, Unsigned, WrongSignature
from proxy.auth.verify import Authenticated
from proxy.gateway.attributes import get_attributes
from proxy.gateway.authorization.authorize import authorize, maybe_hidden
from proxy.gateway.browser.cross_origin import for_pages
from proxy.gateway.browser.post_form import is_form, post_object, read_form, refuse_formless
from proxy.gateway.browser.preflight import preflight
from proxy.gateway.call import Call, Rooms, common_headers
from proxy.gateway.client.heads import head_bytes
from proxy.gateway.copies.copy import copy_object
from proxy.gateway.copies.part import copy_part
from proxy.gateway.customer_keys import check_customer_keys
from proxy.gateway.delete_bucket import delete_bucket
from proxy.gateway.deleting import delete_object, delete_objects
from proxy.gateway.exchange import ClientGone, Exchange
from proxy.gateway.forward import forward
from proxy.gateway.get import get_object
from proxy.gateway.head import head_object
from proxy.gateway.listings.buckets import list_buckets
from proxy.gateway.listings.listing import list_objects
from proxy.gateway.multipart.abort import abort_upload
from proxy.gateway.multipart.complete import complete_upload
from proxy.gateway.multipart.create import create_upload
from proxy.gateway.multipart.lists import list_parts, list_uploads
from proxy.gateway.multipart.part import upload_part
from proxy.gateway.put import put_object
from proxy.gateway.refusals import as_s3_error, damage_in, retry_headers, violation_in
from proxy.gateway.remember import event_of, uuid_of
from proxy.gateway.rules import BucketRule
from proxy.gateway.settings.encryption import bucket_encryption
from proxy.gateway.settings.kept import with_settings
from proxy.gateway.settings.policy import bucket_policy
from proxy.gateway.settings.statements import refuse_by_policy
from proxy.gateway.state_bucket import refuse_state_bucket
from proxy.gateway.store import NotModified
from proxy.gateway.tenure import Tenure
from proxy.gateway.trace import Phase, Trace
from proxy.gateway.update_encryption import update_encryption
from proxy.keys.provider import Caller
from proxy.s3.errors import S3Error, error_document
from proxy.s3.markup import without_declaration
from proxy.s3.operation_rows import Operation
from proxy.s3.operations import (
    classify,
    copy_source,
    refuse_reserved,
    refuse_unknown_to_store,
    refuse_unserved,
)
from proxy.s3.request import S3Request, parse_request, renamed
from proxy.s3.treatments import Treatment

HANDLERS: Mapping[Treatment, Callable[[Call], Awaitable[None]]] = {
    Treatment.SEAL: put_object,
    Treatment.SEAL_FORM: refuse_formless,
    Treatment.OPEN: get_object,
    Treatment.HEAD: head_object,
    Treatment.ATTRIBUTES: get_attributes,
    Treatment.BUCKET_ENCRYPTION: bucket_encryption,
    Treatment.BUCKET_POLICY: bucket_policy,
    Treatment.UPDATE_ENCRYPTION: update_encryption,
    Treatment.COPY: copy_object,
    Treatment.COPY_PART: copy_part,
    Treatment.LIST_BUCKETS: list_buckets,
    Treatment.LIST: list_objects,
    Treatment.CREATE_UPLOAD: create_upload,
    Treatment.UPLOAD_PART: upload_part,
    Treatment.COMPLETE_UPLOAD: complete_upload,
    Treatment.ABORT_UPLOAD: abort_upload,
    Treatment.LIST_PARTS: list_parts,
    Treatment.LIST_UPLOADS: list_uploads,
    Treatment.DELETE: delete_object,
    Treatment.DELETE_BUCKET: delete_bucket,
    Treatment.DELETE_MANY: delete_objects,
    Treatment.FORWARD: forward,
}

ASKS_SETTINGS = frozenset({Treatment.SEAL, Treatment.CREATE_UPLOAD, Treatment.COPY})
"""What chooses a key. An upload's parts have the one that it began with."""

ANONYMOUS = frozenset(
    {
        *(Treatment.OPEN, Treatment.HEAD, Treatment.LIST, Treatment.SEAL),
        *(Treatment.DELETE, Treatment.DELETE_MANY, Treatment.FORWARD),
    }
)
"""What nobody may ask for, where a rule leaves it to the store: one request, about one bucket, on its own."""

AUDIT_WAIT_SECONDS = 2.0
"""What cannot be recorded is not begun; a sink that recovers quickly goes unnoticed."""

UNRECORDABLE = S3Error("ServiceUnavailable", "What happens here cannot be recorded now. Try again.")

log = logging.getLogger(__name__)


class Gateway:
    """Serves exchanges. `rooms` is replaced as a whole by a reload; a request keeps what it began with."""

    def __init__(self, rooms: Rooms, recorder: Recorder, *, room: Callable[[float], Awaitable[bool]]) -> None:
        """`room` waits at most so many seconds for a place in the audit queue; False where there is none."""
        self._tenure = Tenure(rooms)
        self._recorder = recorder
        self._room = room

    @property
    def rooms(self) -> Rooms:
        """What a request that begins now is given."""
        return self._tenure.rooms

    def replace(self, rooms: Rooms) -> Tenure:
        """Requests begin with these from now on. The answer is the old ones' tenure, which ends by itself."""
        old, self._tenure = self._tenure, Tenure(rooms)
        return old

    async def handle(self, exchange: Exchange) -> None:
        """Answer, or tear; never raises but for a cancellation."""
        with self._tenure as rooms:
            await self._handle(rooms, exchange)

    async def _handle(self, rooms: Rooms, exchange: Exchange) -> None:
        trace = Trace(request_id=rooms.random(8).hex().upper(), started=rooms.now())
        if not await self._room(AUDIT_WAIT_SECONDS):
            # Nothing is done, and the refusal makes no event: the queue that has no room would grow by it.
            await self._refuse(rooms, exchange, trace, UNRECORDABLE)
            return
        exchange = for_pages(exchange, rooms)
        try:
            await self._serve(rooms, exchange, trace)
        except asyncio.CancelledError:
            trace.outcome = Outcome.CANCELLED
            exchange.tear()
            raise
        except ClientGone as exc:
            trace.outcome = Outcome.TIMEOUT if exc.idle else Outcome.CANCELLED
            exchange.tear()
        except Exception as exc:  # noqa: BLE001  # whatever it is, it ends in an answer or a cut, and an event
            await self._refuse(rooms, exchange, trace, exc)
        finally:
            event_id = uuid_of(rooms.random(16))
            self._recorder.record(event_of(trace, exchange, event_id=event_id, region=rooms.region))

    def refuse_head(self, source_ip: str, what: str) -> bytes:
        """The whole answer to bytes that are no request; the connection closes after it."""
        log.debug("%s: %s", source_ip, what)
        request_id = self.rooms.random(8).hex().upper()
        document = error_document(S3Error("BadRequest", f"{what[0].upper()}{what[1:]}."), "", request_id)
        headers = common_headers(request_id, self.rooms.now()) | {"content-type": "application/xml"}
        return head_bytes(400, headers, length=len(document), close=True) + document

    async def _serve(self, rooms: Rooms, exchange: Exchange, trace: Trace) -> None:
        request = parse_request(
            method=exchange.method, target=exchange.target, headers=exchange.headers, domains=rooms.domains
        )
        trace.bucket, trace.key = request.bucket, request.key
        if request.method == "OPTIONS":
            await preflight(rooms, exchange, trace, request)
            return
        if is_form(request):
            trace.operation = classify(request).name
            named, authenticated, form = await read_form(rooms, exchange, request)
            _know(trace, authenticated)
            call = _admitted(rooms, exchange, trace, named, classify(request), authenticated)
            await post_object(await with_settings(call), form)
            return
        with trace.during(Phase.AUTH):
            who = _proven(rooms, exchange, request)
        if who is not None:
            _know(trace, who)
        call = _admitted(rooms, exchange, trace, request, classify(request), who)
        if call.operation.treatment in ASKS_SETTINGS:
            call = await with_settings(call)
            refuse_by_policy(call)
        check_customer_keys(call)
        try:
            await HANDLERS[call.operation.treatment](call)
        except S3Error as error:
            if hidden := maybe_hidden(call, error):
                raise hidden from error
            raise

    async def _refuse(self, rooms: Rooms, exchange: Exchange, trace: Trace, cause: Exception) -> None:
        error = as_s3_error(cause)
        if isinstance(cause, UnknownAccessKey | WrongSignature | InvalidToken | ExpiredToken):
            trace.access_key = cause.access_key
            # Whose time is over has proven who they are: they guess nothing, and are to get new credentials.
            if not isinstance(cause, ExpiredToken) and rooms.failures.exceeded_by(exchange.source_ip):
                error = S3Error("SlowDown")
        trace.error_code, trace.error_message = error.code, error.message
        trace.integrity_violation = trace.integrity_violation or violation_in(cause)
        trace.damaged_upload = damage_in(cause)
        if error.code == "InternalError":
            log.error("request %s failed", trace.request_id, exc_info=cause)
        if exchange.begun and not exchange.waiting:
            trace.outcome = Outcome.TORN
            exchange.tear()
            return
        trace.status = 200 if exchange.waiting else error.status
        if error.status >= 500:
            trace.outcome = Outcome.FAILED
        try:
            await _answer(rooms, exchange, trace, error)
        except ClientGone:
            trace.outcome = Outcome.CANCELLED
            exchange.tear()


def _proven(rooms: Rooms, exchange: Exchange, request: S3Request) -> Authenticated | None:
    """Who signed; None where nobody did, and the rule leaves that to the store. Raises AuthError."""
    try:
        return rooms.authenticator.authenticate(
            method=request.method,
            path=request.raw_path,
            query=request.raw_query,
            headers=exchange.headers,
            now=rooms.now(),
        )
    except Unsigned:
        if request.bucket and rooms.as_stored(request.bucket, request.key)[1].anonymous:
            return None
        raise


def _know(trace: Trace, authenticated: Authenticated) -> None:
    trace.identity, trace.access_key = authenticated.identity, authenticated.claim.access_key


def _admitted(  # noqa: PLR0917  # all that a request is, none of it another's default
    rooms: Rooms,
    exchange: Exchange,
    trace: Trace,
    request: S3Request,
    operation: Operation,
    authenticated: Authenticated | None,
) -> Call:
    """The call, once it is known that it may be."""
    trace.operation = operation.name
    named = dict(request.query)
    trace.version_id = named.get("versionId", "")
    trace.upload_id, trace.part_number = named.get("uploadId", ""), named.get("partNumber", "")
    refuse_unserved(operation)
    if authenticated is None and operation.treatment not in ANONYMOUS:
        raise S3Error("AccessDenied")
    trace.source = copy_source(request) if operation.copies else None
    refuse_reserved(request)
    request, rule = _as_stored(rooms, request)
    trace.key = request.key
    refuse_state_bucket(rooms, operation, request, rule)
    arn, account = _principal(authenticated, rule)
    caller = Caller(
        principal=arn,
        account=account,
        source_ip=exchange.source_ip,
        secure_transport=exchange.secure,
        request_id=trace.request_id,
    )
    call = Call(
        rooms=rooms,
        exchange=exchange,
        request=request,
        operation=operation,
        authenticated=authenticated,
        caller=caller,
        rule=rule,
        trace=trace,
    )
    if operation.treatment is not Treatment.SEAL_FORM:  # whose fields are its headers
        authorize(call)
    refuse_unknown_to_store(operation, request, call.store.capabilities.knows)
    return call


def _principal(authenticated: Authenticated | None, rule: BucketRule) -> tuple[str, str]:
    """ARN and account: of who signed, else of who answers for those that did not, else of nobody."""
    if authenticated is not None:
        return authenticated.identity.arn, authenticated.identity.account
    return rule.anonymous_as, rule.anonymous_as.split(":")[4] if rule.anonymous_as else ""


def _as_stored(rooms: Rooms, request: S3Request) -> tuple[S3Request, BucketRule]:
    """The request under the name that the store keeps: rules, envelopes and the trail know no other."""
    key, rule = rooms.as_stored(request.bucket, request.key)
    return (request if key == request.key else renamed(request, key)), rule


async def _answer(rooms: Rooms, exchange: Exchange, trace: Trace, error: S3Error) -> None:
    headers = {**common_headers(trace.request_id, rooms.now()), **retry_headers(error), **error.headers}
    if isinstance(error, NotModified):
        await exchange.begin(304, headers, length=None)
        return
    document = error_document(error, exchange.target.partition("?")[0], trace.request_id)
    if exchange.waiting:
        await exchange.conclude(without_declaration(document))
        return
    headers["content-type"] = "application/xml"
    if exchange.method == "HEAD":
        headers["content-length"] = str(len(document))
        await exchange.begin(error.status, headers, length=None)
        return
    await exchange.begin(error.status, headers, length=len(document), first=document)
