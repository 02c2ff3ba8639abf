"""Encryption that the store does, under a rule of mode passthrough: asked for and told as it is.

A client that asks for encryption is never left to believe in one that nobody did. What is sealed here has
nothing to do with it: there the store hears of no key.
"""

from collections.abc import Mapping

from proxy.gateway.call import Call
from proxy.gateway.rules import Mode
from proxy.s3.encryption import ALGORITHM, BUCKET_KEY, CONTEXT, KEY_ID, parse_encryption

_ASKED = (ALGORITHM, KEY_ID, CONTEXT, BUCKET_KEY)
_TOLD = (ALGORITHM, KEY_ID, BUCKET_KEY)


def asked_of_store(call: Call) -> dict[str, str]:
    """The headers of a write that go on to the store. Raises S3Error for what contradicts itself."""
    if call.rule.mode is not Mode.PASSTHROUGH:
        return {}
    parse_encryption(call.request.headers)
    return {name: call.request.headers[name] for name in _ASKED if name in call.request.headers}


def told_by_store(call: Call, headers: Mapping[str, str]) -> dict[str, str]:
    """Those of the store's answer that the client gets."""
    if call.rule.mode is not Mode.PASSTHROUGH:
        return {}
    return {name: headers[name] for name in _TOLD if name in headers}
