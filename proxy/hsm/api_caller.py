"""Who makes a call, and for whom: the signature's identity, and the headers of a proxy speaking for a client.

Fed an authenticated claim and the headers; decides, does no I/O. Only an identity of kind proxy may speak for
another; every header of ours must be signed, known and well-formed, and the client must be an identity here.
From anyone else such a header is an error, never a header that is left aside.
"""

import ipaddress
from collections.abc import Mapping
from typing import Final

from proxy.auth.identities import Identities, Identity
from proxy.auth.verify import Authenticated
from proxy.hsm.api_errors import INVALID_SIGNATURE, ApiRefusal
from proxy.hsm.core.access import Principal

PREFIX: Final = "x-sealgate-"
PRINCIPAL: Final = "x-sealgate-principal"
VIA_SERVICE: Final = "x-sealgate-via-service"
SOURCE_IP: Final = "x-sealgate-source-ip"
SECURE_TRANSPORT: Final = "x-sealgate-secure-transport"
REQUEST_ID: Final = "x-sealgate-request-id"
"""Of the S3 request, so that the events of both sides can be joined."""

_KNOWN: Final = frozenset({PRINCIPAL, VIA_SERVICE, SOURCE_IP, SECURE_TRANSPORT, REQUEST_ID})
_TRUTH: Final = {"true": True, "false": False}


def principal_of(
    proof: Authenticated,
    headers: Mapping[str, str],
    identities: Identities,
    *,
    peer_ip: str,
    peer_secure: bool,
) -> Principal:
    """Raises ApiRefusal. peer_ip is empty on a Unix socket."""
    who = proof.identity
    spoken = {name: value for name, value in headers.items() if name.startswith(PREFIX)}
    if not spoken:
        return Principal(
            arn=who.arn,
            account=who.account,
            kind=who.kind,
            region=proof.claim.region,
            source_ip=peer_ip,
            secure_transport=peer_secure,
            user_agent=headers.get("user-agent", ""),
        )
    _check_may_speak(who, spoken, proof.claim.signed_headers)
    client = _client(who, spoken, identities)
    return Principal(
        arn=who.arn,
        account=who.account,
        kind=who.kind,
        region=proof.claim.region,
        on_behalf_of=(client.arn, client.account),
        via_service=spoken.get(VIA_SERVICE, ""),
        source_ip=_address(spoken.get(SOURCE_IP, "")),
        secure_transport=_truth(spoken.get(SECURE_TRANSPORT, "false")),
    )


def _check_may_speak(who: Identity, spoken: Mapping[str, str], signed: tuple[str, ...]) -> None:
    if who.kind != "proxy":
        raise ApiRefusal("AccessDeniedException", f"User: {who.arn} may not speak for another principal")
    if unsigned := spoken.keys() - set(signed):
        raise ApiRefusal(INVALID_SIGNATURE, f"Headers that must be signed are not: {_listed(unsigned)}.")
    if unknown := spoken.keys() - _KNOWN:
        raise ApiRefusal("ValidationException", f"Unknown headers: {_listed(unknown)}")
    if PRINCIPAL not in spoken:
        raise ApiRefusal("ValidationException", f"{PRINCIPAL} must say for whom the call is made")


def _client(who: Identity, spoken: Mapping[str, str], identities: Identities) -> Identity:
    client = identities.maybe_by_arn(spoken[PRINCIPAL])
    if client is None or client.kind != "user":
        raise ApiRefusal("AccessDeniedException", f"{who.arn} speaks for a principal that is not known here")
    return client


def _address(text: str) -> str:
    if text:
        try:
            ipaddress.ip_address(text)
        except ValueError:
            raise ApiRefusal("ValidationException", f"{SOURCE_IP} is no IP address") from None
    return text


def _truth(text: str) -> bool:
    if text not in _TRUTH:
        raise ApiRefusal("ValidationException", f"{SECURE_TRANSPORT} must be true or false")
    return _TRUTH[text]


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
