"""The client's own key (SSE-C): which request may bring one, and how.

It is read from the request's headers each time that it is needed, and kept nowhere.
"""

from ipaddress import IPv6Address, ip_address

from proxy.gateway.call import Call
from proxy.gateway.rules import Mode
from proxy.s3.customer_key import (
    NOT_APPLICABLE,
    NOT_SECURE,
    OPERATIONS,
    SOURCE,
    CustomerKey,
    OverHttp,
    has_customer_key,
    maybe_customer_key,
)
from proxy.s3.errors import S3Error


def customer_key_of(call: Call) -> CustomerKey | None:
    """The key for the request's own object; None where it brings none. Raises S3Error."""
    key = maybe_customer_key(call.request.headers)
    if key is not None:
        _check_way(call)
    return key


def check_customer_keys(call: Call) -> None:
    """Refuse, before anything is done, what is wrong with a key in itself, the target's or the source's."""
    headers = call.request.headers
    if call.operation.name not in OPERATIONS or not has_customer_key(headers):
        return
    _check_way(call)
    own = maybe_customer_key(headers)
    if call.operation.copies:
        maybe_customer_key(headers, SOURCE)
    if own is not None and call.rule.mode is Mode.PASSTHROUGH:
        raise S3Error("InvalidRequest", NOT_APPLICABLE)


def _check_way(call: Call) -> None:
    if call.exchange.secure or call.rooms.sse_c_over_http is OverHttp.ALLOW:
        return
    if call.rooms.sse_c_over_http is OverHttp.LOOPBACK and _is_loopback(call.exchange.source_ip):
        return
    raise S3Error("InvalidRequest", NOT_SECURE)


def _is_loopback(address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback
