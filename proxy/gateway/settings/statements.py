"""Statements of a bucket's policy that are judged here: those about the encryption headers of a write.

Judged as the request came, before its headers are read for what they ask: a header that is malformed is a
value like any other. An upload's parts are under what its Create asked for, and are not judged again.
"""

from collections.abc import Callable, Mapping

from proxy.gateway.call import Call
from proxy.policy.documents import Kind, Policy, parse
from proxy.policy.evaluate import Effect, judge
from proxy.policy.malformed import MalformedPolicy
from proxy.policy.principals import role_of
from proxy.policy.request import Request
from proxy.s3.errors import S3Error

_HEADERS = "s3:x-amz-"
_KNOWN: Mapping[str, Callable[[Call], str | None]] = {
    "aws:currenttime": lambda call: call.rooms.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
    "aws:principalaccount": lambda call: call.caller.account or None,
    "aws:principalarn": lambda call: role_of(call.caller.principal) or None,
    "aws:referer": lambda call: call.exchange.headers.get("referer"),
    "aws:securetransport": lambda call: "true" if call.exchange.secure else "false",
    "aws:sourceip": lambda call: call.exchange.source_ip,
    "aws:useragent": lambda call: call.exchange.headers.get("user-agent"),
}


def read_statements(kept: bytes) -> Policy:
    """Raises S3Error MalformedPolicy, and NotImplemented for a condition key that cannot be known here."""
    try:
        policy = parse(kept.decode(), kind=Kind.RESOURCE)
    except MalformedPolicy as exc:
        raise S3Error("MalformedPolicy", str(exc)) from exc
    for name in sorted(policy.names):
        if name not in _KNOWN and not name.startswith(_HEADERS):
            raise S3Error(
                "NotImplemented", f"The condition key {name} cannot stand beside one about encryption."
            )
    return policy


def refuse_by_policy(call: Call) -> None:
    """Raise AccessDenied where a statement that is kept of the bucket denies this write."""
    statements = call.settings.statements
    if statements is None:
        return
    request = Request(
        principal_arn=call.caller.principal,
        principal_account=call.caller.account,
        action="s3:PutObject",
        resource=f"arn:aws:s3:::{call.request.bucket}/{call.request.key}",
        conditions=_conditions(call),
    )
    judgement = judge((statements,), request)
    if judgement.effect is Effect.DENY:
        raise S3Error("AccessDenied", "Access Denied by an explicit deny in a resource-based policy.")


def _conditions(call: Call) -> dict[str, str]:
    headers = call.request.headers
    found = {f"s3:{name}": value for name, value in headers.items() if name.startswith("x-amz-")}
    told = {name: known(call) for name, known in _KNOWN.items()}
    return found | {name: value for name, value in told.items() if value is not None}
