"""What is kept of a bucket's own settings: one object at the store for each (docs/FORMAT.md).

It holds documents in S3's own words, sealed under a data key of the service's own key, bound to the bucket's
name and to a counter that rises with each change. The store can hand out neither another bucket's record nor
one that was made up; that a record is not an older one of the same bucket, only who saw a newer one can tell.
Bytes in, values out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.seal.errors import DamagedSettings
from proxy.seal.fields import pack_fields, unknown_fields, unpack_fields
from proxy.seal.keys import hkdf

MARK = b"SGS1"
DIRECTORY = "buckets/"

_INFO = b"sealgate/1 bucket"
_NO_NONCE = bytes(12)
_SALT, _COUNTER_BYTES = 16, 8
_BUCKET, _COUNTER, _KEY_ARN, _WRAPPED_DATA_KEY, _SEALED = range(1, 6)


class Kind(IntEnum):
    """Which document. A bucket that has none of a kind has no field for it."""

    ENCRYPTION = 1
    """S3's ServerSideEncryptionConfiguration, XML."""
    POLICY = 2
    """The bucket policy as it was put, JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketRecord:
    counter: int
    documents: Mapping[Kind, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBucketRecord:
    """A record that follows the syntax, and is not yet believed."""

    bucket: str
    counter: int
    key_arn: str
    wrapped_data_key: bytes
    sealed: bytes = field(repr=False)


def record_name(bucket: str) -> str:
    return f"{DIRECTORY}{bucket}"


def seal_bucket_record(
    record: BucketRecord,
    *,
    bucket: str,
    data_key: bytes,
    key_arn: str,
    wrapped_data_key: bytes,
    salt: bytes,
) -> bytes:
    """The record's object. The data key is one of the service's own key; `salt` is 16 random bytes."""
    contents = pack_fields({int(kind): text for kind, text in record.documents.items()}, length_bytes=2)
    counter = record.counter.to_bytes(_COUNTER_BYTES, "big")
    sealed = AESGCM(hkdf(salt=salt, key=data_key, info=_INFO)).encrypt(
        _NO_NONCE, contents, _aad(bucket, counter)
    )
    fields = {
        _BUCKET: bucket.encode(),
        _COUNTER: counter,
        _KEY_ARN: key_arn.encode(),
        _WRAPPED_DATA_KEY: wrapped_data_key,
        _SEALED: salt + sealed,
    }
    return MARK + pack_fields(fields, length_bytes=2)


def read_bucket_record(raw: bytes) -> SealedBucketRecord:
    """Raises DamagedSettings."""
    fields = unpack_fields(raw[len(MARK) :], length_bytes=2)
    wanted = {_BUCKET, _COUNTER, _KEY_ARN, _WRAPPED_DATA_KEY, _SEALED}
    if not raw.startswith(MARK) or fields is None or fields.keys() != wanted:
        raise DamagedSettings("syntax")
    try:
        bucket, key_arn = fields[_BUCKET].decode(), fields[_KEY_ARN].decode()
    except UnicodeDecodeError:
        raise DamagedSettings("text") from None
    if len(fields[_COUNTER]) != _COUNTER_BYTES:
        raise DamagedSettings("counter")
    return SealedBucketRecord(
        bucket=bucket,
        counter=int.from_bytes(fields[_COUNTER], "big"),
        key_arn=key_arn,
        wrapped_data_key=fields[_WRAPPED_DATA_KEY],
        sealed=fields[_SEALED],
    )


def open_bucket_record(sealed: SealedBucketRecord, *, bucket: str, data_key: bytes) -> BucketRecord:
    """Prove that it is this bucket's, and open it. Raises DamagedSettings."""
    if sealed.bucket != bucket:
        raise DamagedSettings("another bucket's record")
    salt, ciphertext = sealed.sealed[:_SALT], sealed.sealed[_SALT:]
    counter = sealed.counter.to_bytes(_COUNTER_BYTES, "big")
    try:
        packed = AESGCM(hkdf(salt=salt, key=data_key, info=_INFO)).decrypt(
            _NO_NONCE, ciphertext, _aad(bucket, counter)
        )
    except InvalidTag:
        raise DamagedSettings("seal") from None
    contents = unpack_fields(packed, length_bytes=2)
    if contents is None or unknown_fields(contents, frozenset(Kind)):
        raise DamagedSettings("contents")
    documents = {kind: contents[kind] for kind in Kind if kind in contents}
    return BucketRecord(counter=sealed.counter, documents=documents)


def _aad(bucket: str, counter: bytes) -> bytes:
    name = bucket.encode()
    return _INFO + b"\x00" + len(name).to_bytes(2, "big") + name + counter
