"""Condition keys of a request, found out one by one when a policy looks at them.

`aws:` keys and those of how a request came are here, as a table; what it says to S3 is in s3/condition_keys.
A key that is in neither is absent, which is what AWS has for a key that does not apply.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from proxy.auth.verify import Authenticated
from proxy.gateway.authorization.permissions import Principal
from proxy.gateway.exchange import Exchange
from proxy.policy.principals import principal_type, role_of
from proxy.policy.request import Value
from proxy.s3.condition_keys import Said, maybe_value

_PRINCIPAL_TAG = "aws:principaltag/"


class Known(Mapping[str, Value]):
    """Of one action. Only `get` and `in` are of use: nobody asks for all keys there could be."""

    __slots__ = ("action", "authenticated", "exchange", "principal", "region", "said")

    def __init__(  # noqa: PLR0917  # what there is to know
        self,
        action: str,
        principal: Principal,
        authenticated: Authenticated | None,
        exchange: Exchange,
        region: str,
        said: Said,
    ) -> None:
        self.action = action
        self.principal = principal
        self.authenticated = authenticated
        self.exchange = exchange
        self.region = region
        self.said = said

    @property
    def now(self) -> datetime:
        return self.said.now

    def maybe(self, key: str) -> Value | None:
        """`key` is in lower case."""
        found = KNOWN.get(key)
        if found is not None:
            return found(self)
        if key.startswith(_PRINCIPAL_TAG):
            return self.principal.tags.get(key.removeprefix(_PRINCIPAL_TAG))
        return maybe_value(self.action, key, self.said)

    def __getitem__(self, key: str) -> Value:
        value = self.maybe(key)
        if value is None:
            raise KeyError(key)
        return value

    def get(self, key: str, default: Any = None) -> Any:
        """As Mapping has it, without the error that would be raised for every key that is absent."""
        value = self.maybe(key)
        return default if value is None else value

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.maybe(key) is not None

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("the keys of a request are not counted")

    def __len__(self) -> int:
        raise AssertionError("the keys of a request are not counted")


def _header(name: str) -> Callable[[Known], str | None]:
    return lambda known: known.exchange.headers.get(name)


def _username(known: Known) -> str | None:
    """The last part of a user's ARN, as IAM has it; of a role there is none."""
    kind, _, path = known.principal.arn.split(":", 5)[5].partition("/")
    return path.rpartition("/")[2] if kind == "user" else None


def _auth_type(known: Known) -> str | None:
    proof = known.authenticated
    if proof is None:
        return None
    if known.said.operation == "PostObject":
        return "POST"
    return "REST-QUERY-STRING" if proof.claim.by_query else "REST-HEADER"


def _signature_version(known: Known) -> str | None:
    return "AWS4-HMAC-SHA256" if known.authenticated else None


def _signature_age(known: Known) -> str | None:
    """Milliseconds; S3 has it for presigned URLs alone."""
    proof = known.authenticated
    if proof is None or not proof.claim.by_query:
        return None
    return str(max(0, int((known.now - proof.claim.signed_at).total_seconds() * 1000)))


def _content_sha256(known: Known) -> str | None:
    """A presigned URL signs no payload, and S3's example of a policy against unsigned ones is about them."""
    given = known.said.stated.get("x-amz-content-sha256")
    if given is None and known.authenticated and known.authenticated.claim.by_query:
        return "UNSIGNED-PAYLOAD"
    return given


KNOWN: Mapping[str, Callable[[Known], Value | None]] = {
    "aws:currenttime": lambda known: known.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "aws:epochtime": lambda known: str(int(known.now.timestamp())),
    "aws:principalaccount": lambda known: known.principal.account,
    "aws:principalarn": lambda known: role_of(known.principal.arn),
    "aws:principalisawsservice": lambda _: "false",
    # Of who answers for a request that nobody signed, too: it is that one's policies that are asked.
    "aws:principaltype": lambda known: principal_type(known.principal.arn),
    "aws:referer": _header("referer"),
    "aws:requestedregion": lambda known: known.region,
    "aws:securetransport": lambda known: "true" if known.exchange.secure else "false",
    "aws:sourceip": lambda known: known.exchange.source_ip,
    "aws:useragent": _header("user-agent"),
    "aws:userid": lambda known: known.principal.name,
    "aws:username": _username,
    "aws:viaawsservice": lambda _: "false",
    "s3:authtype": _auth_type,
    "s3:signatureage": _signature_age,
    "s3:signatureversion": _signature_version,
    "s3:tlsversion": lambda known: known.exchange.tls_version or None,
    "s3:x-amz-content-sha256": _content_sha256,
}
