"""A call as far as policies see it, short to write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from proxy.gateway.authorization.permissions import Permissions, Principal
from proxy.gateway.call import Call
from proxy.gateway.trace import Trace
from proxy.keys.provider import Caller
from proxy.s3.operations import classify
from proxy.s3.request import parse_request
from tests.policy.judged import identity_policy

ACCOUNT = "111122223333"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/team/alice"
NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request by alice."""

    method: str = "GET"
    target: str = "/bucket/key"
    headers: Mapping[str, str] = field(default_factory=dict)
    source_ip: str = "10.1.2.3"
    secure: bool = False
    tls_version: str = ""
    presigned_for: timedelta | None = None
    """How long ago it was presigned; None: it is signed by its header."""
    signed: bool = True
    arn: str = ALICE


def call_of(asked: Asked, statements: Sequence[object]) -> Call:
    request = parse_request(
        method=asked.method, target=asked.target, headers={"host": "s3", **asked.headers}, domains=()
    )
    permissions = Permissions(asked.arn, ACCOUNT, [identity_policy(*statements)] if statements else [])
    who = Principal(
        name="alice", arn=asked.arn, account=ACCOUNT, tags={"team": "red"}, permissions=permissions
    )
    ago = asked.presigned_for
    claim = SimpleNamespace(by_query=ago is not None, signed_at=NOW - (ago or timedelta()))
    rooms = SimpleNamespace(
        principals={asked.arn: who},
        region="eu-central-1",
        now=lambda: NOW,
        as_stored=lambda bucket, key: (key.replace("//", "/"), bucket),
    )
    return Call(
        rooms=cast("Any", rooms),
        exchange=cast("Any", SimpleNamespace(**vars(asked))),
        request=request,
        operation=classify(request),
        authenticated=cast("Any", SimpleNamespace(claim=claim)) if asked.signed else None,
        caller=Caller(
            principal=asked.arn,
            account=ACCOUNT,
            source_ip=asked.source_ip,
            secure_transport=asked.secure,
            request_id="R",
        ),
        rule=cast("Any", None),
        trace=Trace(request_id="R", started=NOW),
    )
