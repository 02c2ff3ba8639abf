"""Writes the header of a sealed object, reads one without believing it, and opens it with a data key.

In that order because the key service must be asked in between: reading says which key to ask for, opening
proves that the header was made for this bucket and key by someone who held the data key. docs/FORMAT.md,
"The header". Salts and nonces are arguments, random and never used again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest, digest

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.seal import header_fields as tags
from proxy.seal.checksums import pack_checksums, unpack_checksums
from proxy.seal.context import kms_context, pack_context
from proxy.seal.errors import DamagedEnvelope, ForeignBucket, WrongKey
from proxy.seal.header_fields import HEADER, Mode, SealedEnvelope, encode_header, read_envelope
from proxy.seal.keys import WRAP, WRAP_OUTER, envelope_key, hkdf, name, private_key

# What other rooms need for a header is found here, though its syntax has a file of its own.
__all__ = [
    "HEADER",
    "Mode",
    "OpenEnvelope",
    "OuterKey",
    "SealedEnvelope",
    "kms_context",
    "open_envelope",
    "read_envelope",
    "seal_envelope",
]

_SALT = 16
_KEY = 32
_NO_NONCE = bytes(12)
_PRIVATE_AAD = b"sealgate/1 private"
_NONCE = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class OuterKey:
    """The second layer's keys: an independent content key under a data key of the service-owned key."""

    key_arn: str
    wrapped_data_key: bytes
    data_key: bytes = field(repr=False)
    content_key: bytes = field(repr=False)
    salt: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenEnvelope:
    """A header whose seal was verified, with the keys of its body."""

    sealed: SealedEnvelope
    content_key: bytes = field(repr=False)
    outer_content_key: bytes | None = field(repr=False)

    @property
    def seal(self) -> bytes:
        """What tells this body from every other: the key under which to cache its index."""
        return self.sealed.seal

    @property
    def plain_length(self) -> int | None:
        """None in a multipart object."""
        return self.sealed.plain_length

    @property
    def checksums(self) -> dict[int, bytes]:
        """Those of the private field. Opened at each use: few readers ask, and it would cost each 3 µs."""
        sealed = self.sealed.fields.get(tags.PRIVATE)
        if sealed is None:
            return {}
        try:
            packed = AESGCM(private_key(self.content_key)).decrypt(
                sealed[:_NONCE], sealed[_NONCE:], _PRIVATE_AAD
            )
        except InvalidTag:
            raise DamagedEnvelope("private field") from None
        checksums = unpack_checksums(packed)
        if checksums is None:
            raise DamagedEnvelope("checksums")
        return checksums


def seal_envelope(
    *,
    bucket: str,
    key: bytes,
    mode: Mode,
    data_key: bytes,
    content_key: bytes,
    salt: bytes,
    plain_length: int | None = None,
    upload_tag: bytes | None = None,
    key_arn: str | None = None,
    wrapped_data_key: bytes | None = None,
    data_key_per_object: bool = False,
    client_context: Mapping[str, str] | None = None,
    checksums: Mapping[int, bytes] | None = None,
    checksum_nonce: bytes | None = None,
    outer: OuterKey | None = None,
) -> str:
    """The header's value. `key` is percent-decoded; `data_key` is the client's own key in Mode.CLIENT.

    Exactly one of plain_length (single-part) and upload_tag (multipart). Random, fresh for every call:
    content_key for every body, salt (16), checksum_nonce (12, where there are checksums). Raises
    RefusedContext; an argument that the mode forbids or misses is a ValueError.
    """
    bound = name(bucket, key)
    fields: dict[int, bytes | None] = {
        tags.UPLOAD_TAG: upload_tag,
        tags.PLAIN_LENGTH: None if plain_length is None else plain_length.to_bytes(8, "big"),
        tags.KEY_ARN: key_arn.encode() if key_arn else None,
        tags.WRAPPED_DATA_KEY: wrapped_data_key,
        tags.WRAPPED_CONTENT_KEY: _wrap(content_key, data_key=data_key, salt=salt, info=WRAP, bound=bound),
        tags.CLIENT_CONTEXT: pack_context(client_context) if client_context else None,
        tags.BUCKET: bucket.encode(),
    }
    if outer is not None:
        fields[tags.OUTER_WRAPPED_DATA_KEY] = outer.wrapped_data_key
        fields[tags.OUTER_WRAPPED_CONTENT_KEY] = _wrap(
            outer.content_key, data_key=outer.data_key, salt=outer.salt, info=WRAP_OUTER, bound=bound
        )
        fields[tags.OUTER_KEY_ARN] = outer.key_arn.encode()
    if checksums:
        fields[tags.PRIVATE] = _private(checksums, content_key=content_key, nonce=checksum_nonce)
    signed = tags.pack_signed(
        {tag: value for tag, value in fields.items() if value is not None},
        mode=mode,
        multipart=upload_tag is not None,
        data_key_per_object=data_key_per_object,
    )
    return encode_header(signed + _seal(content_key, bound, signed))


def open_envelope(
    sealed: SealedEnvelope,
    *,
    bucket: str,
    key: bytes,
    data_key: bytes,
    outer_data_key: bytes | None = None,
) -> OpenEnvelope:
    """Prove that the header was made for this name under this data key.

    `bucket` is the name that is accepted: the one requested, or one that it was copied from.
    outer_data_key is needed in Mode.DOUBLE. Raises ForeignBucket, WrongKey (Mode.CLIENT), DamagedEnvelope.
    """
    if sealed.bucket != bucket:
        raise ForeignBucket(sealed.bucket)
    bound = name(bucket, key)
    content_key = _unwrap(sealed.fields[tags.WRAPPED_CONTENT_KEY], data_key=data_key, info=WRAP, bound=bound)
    if content_key is None:
        raise WrongKey if sealed.mode is Mode.CLIENT else DamagedEnvelope("content key")
    if not compare_digest(_seal(content_key, bound, sealed.signed), sealed.seal):
        raise DamagedEnvelope("seal")
    outer = None
    if sealed.mode is Mode.DOUBLE:
        if outer_data_key is None:
            raise ValueError("two layers need two data keys")
        outer = _unwrap(
            sealed.fields[tags.OUTER_WRAPPED_CONTENT_KEY],
            data_key=outer_data_key,
            info=WRAP_OUTER,
            bound=bound,
        )
        if outer is None:
            raise DamagedEnvelope("outer content key")
    return OpenEnvelope(sealed=sealed, content_key=content_key, outer_content_key=outer)


def _wrap(content_key: bytes, *, data_key: bytes, salt: bytes, info: bytes, bound: bytes) -> bytes:
    if len(data_key) != _KEY:
        raise ValueError(f"a data key has {_KEY} bytes, not {len(data_key)}")
    wrap_key = hkdf(salt=salt, key=data_key, info=info)
    return salt + AESGCM(wrap_key).encrypt(_NO_NONCE, content_key, bound)


def _unwrap(wrapped: bytes, *, data_key: bytes, info: bytes, bound: bytes) -> bytes | None:
    if len(data_key) != _KEY:  # HKDF would take any length, and so a key that can be guessed
        return None
    wrap_key = hkdf(salt=wrapped[:_SALT], key=data_key, info=info)
    try:
        return AESGCM(wrap_key).decrypt(_NO_NONCE, wrapped[_SALT:], bound)
    except InvalidTag:
        return None


def _private(checksums: Mapping[int, bytes], *, content_key: bytes, nonce: bytes | None) -> bytes:
    if nonce is None or len(nonce) != _NONCE:
        raise ValueError("checksums need a nonce of 12 bytes")
    return nonce + AESGCM(private_key(content_key)).encrypt(nonce, pack_checksums(checksums), _PRIVATE_AAD)


def _seal(content_key: bytes, bound: bytes, signed: bytes) -> bytes:
    return digest(envelope_key(content_key), bound + signed, "sha256")
