"""What a client asks for with the x-amz-server-side-encryption headers.

Amazon's "PutObject" and "Specifying server-side encryption with AWS KMS". A choice says how to seal, never
whether: where the client asks for nothing, the bucket's default decides. Whatever cannot be done as asked
is refused; nothing falls back to a weaker key.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from proxy.s3.customer_key import INCOMPATIBLE, TARGET
from proxy.s3.errors import S3Error

ALGORITHM = "x-amz-server-side-encryption"
KEY_ID = f"{ALGORITHM}-aws-kms-key-id"
CONTEXT = f"{ALGORITHM}-context"
BUCKET_KEY = f"{ALGORITHM}-bucket-key-enabled"
# docs/FORMAT.md: the pair that binds a data key to its bucket or object is ours to set.
_OWN_PAIR = "aws:s3:arn"
_BOOLEANS = {"true": True, "false": False}


class Algorithm(Enum):
    """The header's values. Each names who owns the key."""

    SSE_S3 = "AES256"
    SSE_KMS = "aws:kms"
    DSSE_KMS = "aws:kms:dsse"
    """A KMS key, and a second layer."""


_KMS = frozenset({Algorithm.SSE_KMS.value, Algorithm.DSSE_KMS.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Encryption:
    """A client's choice. The context is the client's own pairs and stays out of every repr."""

    algorithm: Algorithm
    key_id: str = ""
    """Id, ARN or alias as sent; empty means the account's aws/s3 key."""
    context: Mapping[str, str] = field(default_factory=dict, repr=False)
    bucket_key_enabled: bool | None = None


def parse_encryption(headers: Mapping[str, str]) -> Encryption | None:
    """The choice in a write's headers; None where there is none, and where the client brings its own key.

    Raises S3Error: InvalidEncryptionAlgorithmError for an unknown algorithm, InvalidArgument for what is
    malformed or contradicts itself.
    """
    named = headers.get(ALGORITHM)
    if any(name in headers for name in TARGET):
        _refuse_two_ways(headers)
        return None
    details = {name: headers[name] for name in (KEY_ID, CONTEXT, BUCKET_KEY) if name in headers}
    if named is None and KEY_ID not in details and CONTEXT not in details:
        return None  # a bucket-key header alone changes nothing that the default would do
    if named is not None and named not in {choice.value for choice in Algorithm}:
        raise S3Error("InvalidEncryptionAlgorithmError", ArgumentName=ALGORITHM)
    if named not in _KMS:
        return _without_kms(details)
    algorithm, bucket_key_enabled = Algorithm(named), _boolean(details.get(BUCKET_KEY))
    if algorithm is Algorithm.DSSE_KMS and bucket_key_enabled:
        raise S3Error(
            "InvalidArgument", "S3 Bucket Keys are not supported with aws:kms:dsse.", ArgumentName=BUCKET_KEY
        )
    return Encryption(
        algorithm=algorithm,
        key_id=_key_id(details),
        context=parse_context(details[CONTEXT]) if CONTEXT in details else {},
        bucket_key_enabled=bucket_key_enabled,
    )


def wished_bucket_key(headers: Mapping[str, str]) -> bool | None:
    """Whether the bucket's default is to be used with a data key that objects share; None: as it says itself.

    Raises S3Error InvalidArgument.
    """
    return _boolean(headers.get(BUCKET_KEY))


def refuse_on_read(headers: Mapping[str, str]) -> None:
    """Reads choose no key and bring a client's own at most: InvalidArgument, as S3 answers."""
    for name in (ALGORITHM, KEY_ID, CONTEXT, BUCKET_KEY):
        if name in headers:
            raise S3Error(
                "InvalidArgument", f"{name} header is not supported for this operation.", ArgumentName=name
            )


def parse_context(value: str) -> dict[str, str]:
    """An encryption context: base64 of a UTF-8 JSON object from string to string, no name twice."""
    try:
        decoded = base64.b64decode(value, validate=True)
        context = json.loads(decoded.decode(), object_pairs_hook=_pairs)
    except (ValueError, RecursionError) as error:
        raise _bad_context() from error
    if not isinstance(context, dict) or _OWN_PAIR in context:
        raise _bad_context()
    if not all(isinstance(text, str) and _is_utf8(text) for pair in context.items() for text in pair):
        raise _bad_context()
    return context


def _is_utf8(text: str) -> bool:
    """JSON's escapes can spell half of a surrogate pair, which no encoding has."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise ValueError("a name is given twice")
    return unique


def _bad_context() -> S3Error:
    return S3Error(
        "InvalidArgument",
        f"The header {CONTEXT} must be base64 of a JSON object from string to string, without {_OWN_PAIR}.",
        ArgumentName=CONTEXT,
    )


def _without_kms(details: Mapping[str, str]) -> Encryption:
    for name in details.keys() & {KEY_ID, CONTEXT}:
        raise S3Error("InvalidArgument", f"{name} requires {ALGORITHM}: aws:kms.", ArgumentName=name)
    _boolean(details.get(BUCKET_KEY))
    return Encryption(algorithm=Algorithm.SSE_S3)


def _key_id(details: Mapping[str, str]) -> str:
    key_id = details.get(KEY_ID)
    if key_id == "":
        raise S3Error("InvalidArgument", "The key id is empty.", ArgumentName=KEY_ID)
    return key_id or ""


def _boolean(value: str | None) -> bool | None:
    if value is None:
        return None
    if value.lower() not in _BOOLEANS:
        raise S3Error("InvalidArgument", "The value is neither true nor false.", ArgumentName=BUCKET_KEY)
    return _BOOLEANS[value.lower()]


def _refuse_two_ways(headers: Mapping[str, str]) -> None:
    for name in (ALGORITHM, KEY_ID, CONTEXT, BUCKET_KEY):
        if name in headers:
            raise S3Error("InvalidArgument", INCOMPATIBLE, ArgumentName=name)
