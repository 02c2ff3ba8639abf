"""UpdateObjectEncryption: an object that is there gets another key, and its body stays where it is.

On S3 nothing else changes. Here the key is in a header of the object, which a store replaces only with a
copy: so the object is copied onto itself, bound to the body that was looked at, with all that describes it.
In a bucket with versions that is a new one; an older one cannot be changed without becoming the current.
"""

import base64
import json
from dataclasses import replace
from datetime import datetime
from functools import partial

from proxy.gateway.authorization.authorize import authorize_document
from proxy.gateway.call import Call
from proxy.gateway.copies.in_place import copy_in_place
from proxy.gateway.copies.source import from_source
from proxy.gateway.forward import document, forward
from proxy.gateway.rules import Mode
from proxy.gateway.sealed_object import maybe_sealed, sealed_total, version_query
from proxy.gateway.store import answer_to, refuse_unless_ok, request_for
from proxy.s3.copying import is_held_until, source_header
from proxy.s3.encryption import ALGORITHM, BUCKET_KEY, CONTEXT, KEY_ID
from proxy.s3.errors import S3Error
from proxy.s3.object_encryption import (
    LOCKED,
    OTHER_SOURCE,
    PLAIN_SOURCE,
    ObjectEncryption,
    parse_object_encryption,
)
from proxy.seal.envelope import Mode as SealMode
from proxy.seal.envelope import SealedEnvelope
from proxy.seal.errors import NotSealed
from proxy.upstream.messages import Headers

_PASSED = ("x-amz-expected-bucket-owner", "x-amz-request-payer")


async def update_encryption(call: Call) -> None:
    if call.rule.mode is Mode.PASSTHROUGH:
        if call.operation.name not in call.store.capabilities.knows:
            raise S3Error("InvalidRequest", PLAIN_SOURCE)
        await forward(call)
        return
    sent = bytes(await document(call))
    authorize_document(call, sent)
    wish = parse_object_encryption(sent)
    envelope, headers = await _looked_at(call)
    copying = _as_copy(call, wish, envelope, headers)
    made = await from_source(copying, partial(copy_in_place, copying))
    told = {name: made.headers[name] for name in ("x-amz-version-id",) if name in made.headers}
    call.trace.version_id = told.get("x-amz-version-id", "")
    await call.reply(200, told | dict(made.encryption))


async def _looked_at(call: Call) -> tuple[SealedEnvelope, Headers]:
    """What the object is under and what the store says of it. Raises S3Error where it cannot be changed."""
    looking = replace(call, request=replace(call.request, method="HEAD"))
    version = version_query(call)
    async with answer_to(looking, request_for(looking, {}, query=version)) as response:
        if response.status == 404:
            raise S3Error("NoSuchVersion" if version else "NoSuchKey", Key=call.request.key)
        await refuse_unless_ok(looking, response)
        headers = response.headers
        try:
            sealed = await maybe_sealed(looking, response, sealed_total(response))
        except NotSealed:
            sealed = None
    if sealed is None:
        raise S3Error("InvalidRequest", PLAIN_SOURCE)
    if sealed.envelope.mode in {SealMode.CLIENT, SealMode.DOUBLE}:
        raise S3Error("InvalidRequest", OTHER_SOURCE)
    if _is_held(headers, call.rooms.now()):
        raise S3Error("AccessDenied", LOCKED)
    if version:
        await _refuse_older(looking, headers.get("x-amz-version-id", ""))
    return sealed.envelope, headers


def _is_held(headers: Headers, now: datetime) -> bool:
    """By a legal hold, or by a retention that is not over; one whose end cannot be read is not."""
    if headers.get("x-amz-object-lock-legal-hold", "OFF") != "OFF":
        return True
    until = headers.get("x-amz-object-lock-retain-until-date", "")
    return "x-amz-object-lock-mode" in headers and is_held_until(until, now=now)


async def _refuse_older(looking: Call, version_id: str) -> None:
    async with answer_to(looking, request_for(looking, {}, query="")) as response:
        if response.status != 200 or response.headers.get("x-amz-version-id", "") != version_id:
            raise S3Error(
                "InvalidRequest",
                "Another key takes a new version here, so that only the current version can get one.",
            )


def _as_copy(call: Call, wish: ObjectEncryption, envelope: SealedEnvelope, headers: Headers) -> Call:
    """The copy onto itself that it is for the store. The client's context stays the object's."""
    request = call.request
    context = base64.b64encode(json.dumps(dict(envelope.client_context)).encode()).decode()
    asked = {
        "x-amz-copy-source": source_header(request.bucket, request.key, headers.get("x-amz-version-id", "")),
        ALGORITHM: "aws:kms",
        KEY_ID: wish.key_arn,
        BUCKET_KEY: "true" if wish.bucket_key_enabled else "false",
        **({CONTEXT: context} if envelope.client_context else {}),
        **{name: request.headers[name] for name in _PASSED if name in request.headers},
    }
    return replace(call, request=replace(request, raw_query="", query=(), headers=asked))
