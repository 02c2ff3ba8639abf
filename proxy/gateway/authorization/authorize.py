"""Whether a call may be: every action that it needs, under the policies of the identity that answers for it.

Decided before a body is read, a key made or the store asked. Two decide later what cannot be known sooner:
DeleteObjects for each key of its body, and operations whose body says what a policy looks at. Where nobody
signed and the rule names nobody to answer for it, there is no policy to ask: the store's own ACLs decide.
"""

from collections.abc import Iterable

from proxy.gateway.authorization.known import Known
from proxy.gateway.authorization.permissions import Principal
from proxy.gateway.call import Call
from proxy.policy.evaluate import Effect, Judgement
from proxy.s3.actions import Need, arn_of, copied_tags_needs, delete_needs, needs_of
from proxy.s3.condition_keys import IN_DOCUMENT, Said, stated_in
from proxy.s3.errors import S3Error
from proxy.s3.operations import copy_source

READS = frozenset({"GetObject", "GetObjectAttributes", "HeadObject"})
_NOTHING_STATED: dict[str, str] = {}


def authorize(call: Call) -> None:
    """Raises AccessDenied. Of what its body decides it is noted that it is still to be decided."""
    principal = call.principal
    if principal is None:
        return
    if _waits_for_document(call, principal):
        call.trace.undecided = True
        return
    _require(call, principal, needs_of(call.operation, call.request, _source(call)), _NOTHING_STATED)


def authorize_document(call: Call, document: bytes) -> None:
    """The same, now that the body is here. Raises AccessDenied, and MalformedXML where it is no such body."""
    principal = call.principal
    if principal is None or not call.trace.undecided:
        return
    stated = stated_in(call.operation.name, document)
    _require(call, principal, needs_of(call.operation, call.request, None), stated)
    call.trace.undecided = False


def authorize_copied_tags(call: Call, source: tuple[str, str, str]) -> None:
    """Taking the tags of a copy's source along. Raises AccessDenied."""
    if call.principal is not None:
        _require(call, call.principal, copied_tags_needs(call.request, source), _NOTHING_STATED)


def maybe_refused_delete(call: Call, key: str, version_id: str) -> str:
    """Why a key of a DeleteObjects body may not be deleted; empty where it may. The key is as stored."""
    principal = call.principal
    if principal is None:
        return ""
    return _maybe_refused(call, principal, delete_needs(call.request, key, version_id), _NOTHING_STATED)


def maybe_hidden(call: Call, error: S3Error) -> S3Error | None:
    """What is told instead: who may not list a bucket does not learn which keys it lacks."""
    principal = call.principal
    if principal is None or error.code != "NoSuchKey" or call.operation.name not in READS:
        return None
    bucket = Need("s3:ListBucket", arn_of(call.request.bucket, ""))
    refused = _maybe_refused(call, principal, [bucket], _NOTHING_STATED)
    return S3Error("AccessDenied", refused) if refused else None


def _source(call: Call) -> tuple[str, str, str] | None:
    """Of a copy, under the name that its store keeps it under."""
    if not call.operation.copies:
        return None
    bucket, key, version_id = copy_source(call.request)
    return bucket, call.rooms.as_stored(bucket, key)[0], version_id


def _waits_for_document(call: Call, principal: Principal) -> bool:
    names = IN_DOCUMENT.get(call.operation.name)
    if names is None:
        return False
    return any(name.startswith(names) for name in principal.permissions.names)


def _require(call: Call, principal: Principal, needs: Iterable[Need], stated: dict[str, str]) -> None:
    refused = _maybe_refused(call, principal, needs, stated)
    if refused:
        raise S3Error("AccessDenied", refused)


def _maybe_refused(call: Call, principal: Principal, needs: Iterable[Need], stated: dict[str, str]) -> str:
    permissions = principal.permissions
    for need in needs:
        conditions = _known(call, principal, need, stated) if permissions.names else {}
        judgement = permissions.judge(need.action, need.resource, conditions)
        if judgement.effect is not Effect.ALLOW:
            return _words(principal, need, judgement)
    return ""


def _known(call: Call, principal: Principal, need: Need, stated: dict[str, str]) -> Known:
    said = Said(
        operation=call.operation.name,
        query=call.request.query,
        stated={**call.request.headers, **stated} if stated else call.request.headers,
        version_id=need.version_id,
        now=call.rooms.now(),
    )
    return Known(need.action, principal, call.authenticated, call.exchange, call.rooms.region, said)


def _words(principal: Principal, need: Need, judgement: Judgement) -> str:
    """As S3 words it."""
    why = (
        "with an explicit deny in an identity-based policy"
        if judgement.effect is Effect.DENY
        else f"because no identity-based policy allows the {need.action} action"
    )
    return (
        f"User: {principal.arn} is not authorized to perform: {need.action} "
        f'on resource: "{need.resource}" {why}'
    )
