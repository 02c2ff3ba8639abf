"""One audit event for each call, however it ends.

What is known of a call gathers in a CallNotes while it runs; `event_of` makes the event of whatever is there.
Request parameters lose every blob and every context value here already, so that not even an event that waits
in memory holds them; the record cuts again.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from proxy.audit.event import HIDDEN, KMS, Details, Event, Json, Outcome, Phases, Resource, UserIdentity
from proxy.auth.identities import Identity
from proxy.hsm.core.access import Principal
from proxy.hsm.core.key_policies import NAME
from proxy.hsm.core.model import Key
from proxy.hsm.engine import Trace
from proxy.hsm.engine_due import Happening

_OWNED: Final = "OWNED"
_SECRET_MEMBERS: Final = frozenset(
    {"KeyStorePassword", "XksProxyAuthenticationCredential", "GrantToken", "GrantTokens"}
)


@dataclass(slots=True, kw_only=True)
class CallNotes:
    """Facts of one call as they become known; strings are empty until then."""

    trace: Trace
    arrived: datetime
    started_ns: int = field(default_factory=time.perf_counter_ns)
    operation: str = "Unknown"
    region: str = ""
    peer_ip: str = ""
    user_agent: str = ""
    claimed_access_key: str = ""
    proven: Identity | None = None
    client: Identity | None = None
    """For whom a proxy calls."""
    principal: Principal | None = None
    s3_request_id: str = ""
    request: Mapping[str, Any] = field(default_factory=dict, repr=False)
    key_arn: str = ""
    source_key_arn: str = ""
    """Of ReEncrypt, the key that opened."""
    manager: str = ""
    error_code: str = ""
    error_message: str = ""
    status: int | None = None
    outcome: Outcome = Outcome.FAILED
    bytes_in: int = 0
    bytes_out: int = 0
    authenticated_ns: int = 0

    @property
    def request_id(self) -> str:
        return self.trace.request_id


def event_of(notes: CallNotes) -> Event:
    """The call as an audit event. Owned keys belong to no account's trail."""
    who = notes.client or notes.proven
    return Event(
        event_id=notes.trace.event_id,
        event_time=notes.arrived,
        event_source=KMS,
        event_name=notes.operation,
        aws_region=notes.region,
        source_ip_address=notes.principal.source_ip if notes.principal else notes.peer_ip,
        user_agent=notes.user_agent,
        user_identity=_user_identity(notes),
        request_id=notes.request_id,
        request_parameters=_parameters(notes.request),
        resources=tuple(
            _key_resource(arn) for arn in dict.fromkeys((notes.source_key_arn, notes.key_arn)) if arn
        ),
        error_code=notes.error_code,
        error_message=notes.error_message,
        recipient_account_id="" if who is None or notes.manager == _OWNED else who.account,
        shared_event_id=notes.s3_request_id,
        details=Details(
            bytes_transferred_in=notes.bytes_in,
            bytes_transferred_out=notes.bytes_out,
            key_arn=notes.key_arn,
            http_status=notes.status,
            outcome=notes.outcome,
            phases=_phases(notes, time.perf_counter_ns()),
        ),
    )


def event_of_happening(happened: Happening, *, now: datetime, event_id: str) -> Event:
    """What the service did to a key by itself: AWS's RotateKey and DeleteKey."""
    key = happened.key
    account = "" if key.manager == _OWNED else key.account
    return Event(
        event_id=event_id,
        event_time=now,
        event_source=KMS,
        event_name=happened.name,
        aws_region=key.region,
        source_ip_address=KMS,
        user_agent=KMS,
        user_identity=UserIdentity(type="AWSService", account_id=account, invoked_by=KMS),
        request_id=event_id,
        request_parameters={"keyId": key.key_id},
        resources=(_key_resource(key.arn),),
        recipient_account_id=account,
        details=Details(key_arn=key.arn),
    )


def event_of_reset(key: Key, *, operator: str, now: datetime, event_id: str) -> Event:
    """A policy that was put by nobody whom policies know. Under AWS's name, so that whoever watches key
    policies hears of it.
    """
    return Event(
        event_id=event_id,
        event_time=now,
        event_source=KMS,
        event_name="PutKeyPolicy",
        aws_region=key.region,
        source_ip_address=KMS,
        user_agent="sealgate hsm reset-policy",
        user_identity=UserIdentity(type="Operator", user_name=operator, invoked_by=KMS),
        request_id=event_id,
        request_parameters={"keyId": key.key_id, "policyName": NAME, "bypassPolicyLockoutSafetyCheck": True},
        resources=(_key_resource(key.arn),),
        recipient_account_id=key.account,
        details=Details(key_arn=key.arn),
    )


def _user_identity(notes: CallNotes) -> UserIdentity:
    if notes.proven is None:
        return UserIdentity(access_key_id=notes.claimed_access_key)
    if notes.client is not None:
        return UserIdentity(
            type="IAMUser",
            arn=notes.client.arn,
            account_id=notes.client.account,
            user_name=notes.client.name,
            invoked_by=notes.proven.arn,
        )
    return UserIdentity(
        type="AWSService" if notes.proven.kind == "proxy" else "IAMUser",
        arn=notes.proven.arn,
        account_id=notes.proven.account,
        access_key_id=notes.claimed_access_key,
        user_name=notes.proven.name,
    )


def _key_resource(key_arn: str) -> Resource:
    return Resource(arn=key_arn, type="AWS::KMS::Key", account_id=key_arn.split(":")[4])


def _phases(notes: CallNotes, now_ns: int) -> Phases:
    total_us = (now_ns - notes.started_ns) // 1000
    if not notes.authenticated_ns:
        return Phases(total_us=total_us)
    auth_us = (notes.authenticated_ns - notes.started_ns) // 1000
    return Phases(auth_us=auth_us, kms_us=total_us - auth_us, total_us=total_us)


def _parameters(request: Mapping[str, Any]) -> dict[str, Json]:
    kept: dict[str, Json] = {}
    for name, value in request.items():
        if isinstance(value, bytes) or name in _SECRET_MEMBERS:
            continue
        kept[name[:1].lower() + name[1:]] = _shown(name, value)
    return kept


def _shown(name: str, value: Any) -> Json:
    """Of an encryption context, the names alone; also where a grant's constraints hold one."""
    if name == "Constraints":
        return {inner: _shown(inner, held) for inner, held in value.items()}
    shown: Json = dict.fromkeys(value, HIDDEN) if "EncryptionContext" in name else value
    return shown
