"""A key that the client sends along (SSE-C), as its three headers say it.

Amazon's "Using server-side encryption with customer-provided keys". Whatever is wrong with the three is told
before anything is done. The key has no repr, stands in no error, and is nobody's to keep.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from hashlib import md5
from hmac import compare_digest

from proxy.s3.errors import S3Error

ALGORITHM = "x-amz-server-side-encryption-customer-algorithm"
KEY = "x-amz-server-side-encryption-customer-key"
KEY_MD5 = "x-amz-server-side-encryption-customer-key-md5"
TARGET = (ALGORITHM, KEY, KEY_MD5)
SOURCE = tuple(name.replace("x-amz-", "x-amz-copy-source-", 1) for name in TARGET)
"""The same for the object that a copy reads."""
OPERATIONS = frozenset(
    {"CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload", "GetObject", "GetObjectAttributes"}
    | {"HeadObject", "ListParts", "PostObject", "PutObject", "UploadPart", "UploadPartCopy"}
)
"""Where they mean something. S3 overlooks them everywhere else."""
KEY_BYTES = 32
MD5_BYTES = 16
AES256 = "AES256"

_WITH = "Requests specifying Server Side Encryption with Customer provided keys must "
NO_ALGORITHM = f"{_WITH}provide a valid encryption algorithm."
NO_KEY = f"{_WITH}provide an appropriate secret key."
NO_MD5 = f"{_WITH}provide the client calculated MD5 of the secret key."
WRONG_ALGORITHM = "The requested encryption algorithm is not valid, must be AES256."
INVALID_KEY = "The secret key was invalid for the specified algorithm."
WRONG_MD5 = "The calculated MD5 hash of the key did not match the hash that was provided."
NOT_SECURE = f"{_WITH}be made over a secure connection."
INCOMPATIBLE = (
    "Server Side Encryption with Customer provided key is incompatible with the encryption method specified"
)
WANTED = (
    "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to"
    " retrieve the object."
)
NOT_APPLICABLE = "The encryption parameters are not applicable to this object."
UPLOAD_WANTS_KEY = (
    "The multipart upload initiate requested encryption. Subsequent part requests must include the"
    " appropriate encryption parameters."
)
UPLOAD_WANTS_NONE = (
    "The multipart upload initiate did not request encryption. Please resend the request without sending"
    " encryption parameters."
)
UPLOAD_OTHER_KEY = "The provided encryption parameters did not match the ones used originally."


class OverHttp(Enum):
    """Who may send a key without TLS, where everybody on the way can read it."""

    REFUSE = "refuse"
    LOOPBACK = "loopback"
    """Whoever is on this machine: nothing is on the way."""
    ALLOW = "allow"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerKey:
    """32 bytes that take the place of a data key, for as long as one request takes."""

    plain: bytes = field(repr=False)
    md5: str = field(repr=False)
    """As the client sent it, in base64: what the answer says of the key."""

    def told(self) -> dict[str, str]:
        """The answer's headers."""
        return {ALGORITHM: AES256, KEY_MD5: self.md5}


def maybe_customer_key(headers: Mapping[str, str], names: tuple[str, ...] = TARGET) -> CustomerKey | None:
    """The key in these headers, TARGET or SOURCE; None where there is none of the three.

    Raises S3Error InvalidArgument, and InvalidEncryptionAlgorithmError for an algorithm other than AES256.
    """
    algorithm_name, key_name, md5_name = names
    algorithm, key, told_md5 = (headers.get(name) for name in names)
    if algorithm is None and key is None and told_md5 is None:
        return None
    if not algorithm:
        raise _refused(NO_ALGORITHM, algorithm_name)
    if algorithm != AES256:
        raise S3Error("InvalidEncryptionAlgorithmError", WRONG_ALGORITHM, ArgumentName=algorithm_name)
    if not key:
        raise _refused(NO_KEY, key_name)
    if not told_md5:
        raise _refused(NO_MD5, md5_name)
    plain = _decoded(key)
    if plain is None or len(plain) != KEY_BYTES:
        raise _refused(INVALID_KEY, key_name)
    digest = _decoded(told_md5)
    if digest is None or not compare_digest(digest, md5(plain, usedforsecurity=False).digest()):
        raise _refused(WRONG_MD5, md5_name)
    return CustomerKey(plain=plain, md5=told_md5)


def source_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a copy's source as a request of its own for that source would have them."""
    return {own: headers[name] for own, name in zip(TARGET, SOURCE, strict=True) if name in headers}


def has_customer_key(headers: Mapping[str, str]) -> bool:
    """Whether one of the six is there."""
    return any(name in headers for name in TARGET + SOURCE)


def _decoded(value: str) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):  # ValueError: no ASCII
        return None


def _refused(message: str, name: str) -> S3Error:
    # The value stays out: of the key it would be the key.
    return S3Error("InvalidArgument", message, ArgumentName=name)
