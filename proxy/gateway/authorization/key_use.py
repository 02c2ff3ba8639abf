"""Whether an identity may use a KMS key whose service sees the proxy alone, as AWS KMS does.

Decided before the key service is asked, by the `kms:` statements of the identity: nothing said is no. The key
that stands for the service's own takes no statement. Neither does the one that stands for the managed key,
nor the rule's own default, nor any key that the identity's own session there is asked with; but a Deny holds
for them. The built-in key service judges for itself, and is not asked about here.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.gateway.authorization.known import Known
from proxy.gateway.authorization.permissions import Principal
from proxy.gateway.call import Call
from proxy.keys.provider import KeyContext, KeyRefused
from proxy.policy.evaluate import Effect, Judgement
from proxy.policy.request import Value, named_values
from proxy.s3.condition_keys import Said

GENERATE, DECRYPT = "kms:GenerateDataKey", "kms:Decrypt"


async def check_key_use(call: Call, action: str, key_id: str, context: KeyContext) -> str:
    """The ARN that was judged, which key_id stands for; empty where its service judges.

    What an alias stands for in an identity's own session is not known before: then the alias comes back.
    Raises KeyServiceError.
    """
    judged = call.rooms.judged_keys
    named = not _is_arn(key_id)
    if not (judged.names_too if named else judged.at_such_a_service(key_id)):
        return ""
    principal = call.principal
    assert principal is not None, "who answers for nobody's request was asked before"
    if named and judged.has_session(principal.arn):
        return key_id
    key_arn = await judged.arn_of(key_id) if named else key_id
    conditions = _conditions(call, principal, action, key_arn, context, key_id if named else "")
    judgement = principal.permissions.judge(action, key_arn, conditions)
    if judgement.effect is Effect.ALLOW:
        return key_arn
    if judgement.effect is Effect.NONE and await _takes_no_statement(call, principal, key_arn):
        return key_arn
    raise KeyRefused(_words(principal, action, key_arn, judgement), code="AccessDeniedException")


async def _takes_no_statement(call: Call, principal: Principal, key_arn: str) -> bool:
    judged = call.rooms.judged_keys
    in_session = judged.has_session(principal.arn) and not call.rooms.accepts_owned(key_arn)
    if in_session or judged.is_managed(key_arn):
        return True
    default = call.rule.key_id
    if default is None or _is_arn(default):
        return default == key_arn
    return judged.names_too and await judged.arn_of(default) == key_arn


def _is_arn(key_id: str) -> bool:
    return ":key/" in key_id


def _conditions(  # noqa: PLR0917  # what there is to know
    call: Call, principal: Principal, action: str, key_arn: str, context: KeyContext, alias: str
) -> Mapping[str, Value]:
    if not principal.permissions.names:
        return {}
    said = Said(
        operation=call.operation.name,
        query=call.request.query,
        stated=call.request.headers,
        version_id="",
        now=call.rooms.now(),
    )
    known = Known(action, principal, call.authenticated, call.exchange, call.rooms.region, said)
    return _OfKey(known, _of_call(call, principal, key_arn, context, alias))


def _of_call(
    call: Call, principal: Principal, key_arn: str, context: KeyContext, alias: str
) -> dict[str, Value]:
    """As AWS KMS has them of a call that S3 makes for its client."""
    found: dict[str, Value] = {
        "aws:viaawsservice": "true",
        "aws:resourceaccount": key_arn.split(":")[4],
        "kms:calleraccount": principal.account,
        "kms:viaservice": f"s3.{call.rooms.region}.amazonaws.com",
        "kms:encryptionalgorithm": "SYMMETRIC_DEFAULT",
        "kms:encryptioncontextkeys": tuple(context),
        **named_values("kms:encryptioncontext:", context.items()),
    }
    if "alias/" in alias:
        found["kms:requestalias"] = alias[alias.index("alias/") :]
    return found


class _OfKey(Mapping[str, Value]):
    """What is known of the key's use, and of the request that needs it. S3's own keys it has not."""

    __slots__ = ("_known", "_own")

    def __init__(self, known: Known, own: dict[str, Value]) -> None:
        self._known = known
        self._own = own

    def __getitem__(self, key: str) -> Value:
        value: Value | None = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def get(self, key: str, default: Any = None) -> Any:
        found = self._own.get(key)
        if found is None and key.startswith("aws:"):
            found = self._known.get(key)
        return default if found is None else found

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("the keys of a request are not counted")

    def __len__(self) -> int:
        raise AssertionError("the keys of a request are not counted")


def _words(principal: Principal, action: str, key_arn: str, judgement: Judgement) -> str:
    """As KMS words it."""
    why = (
        "with an explicit deny in an identity-based policy"
        if judgement.effect is Effect.DENY
        else f"because no identity-based policy allows the {action} action"
    )
    return f"User: {principal.arn} is not authorized to perform: {action} on resource: {key_arn} {why}"
