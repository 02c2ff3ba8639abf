"""What is kept of an upload until it is complete: the upload record, one record of each part that needs it.

They lie at the store, so that any worker can go on with an upload, and are sealed, so that the store cannot
hand out another upload's. The upload record is under a data key of the service's own key, whatever seals the
object: completing needs no key of the client's. Part records are under a key that follows from the index key.
Bytes in, values out; names are those of the state's objects below its place. No reader of objects needs any
of this: docs/operations.md says where it lies.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.seal.checksums import pack_checksums, unpack_checksums
from proxy.seal.errors import DamagedRecord
from proxy.seal.fields import pack_fields, unpack_fields
from proxy.seal.keys import expand, hkdf, name

TAG = 16
"""Bytes of an upload tag."""
UPLOAD_MARK, PART_MARK = b"SGU1", b"SGP1"
DIRECTORY = "uploads/"

_UPLOAD_INFO = b"sealgate/1 upload"
_PART_INFO = b"sealgate/1 part record"
_NO_NONCE = bytes(12)
_SALT, _NONCE, _KEY, _RUN_ID = 16, 12, 32, 12
_BUCKET, _OBJECT_KEY, _STORE_ID, _KEY_ARN, _WRAPPED_DATA_KEY, _SEALED = range(1, 7)
_ENVELOPE, _INDEX_KEY, _CHECKSUM = range(1, 4)
_LENGTH, _PART_RUN_ID, _CHECKSUMS, _KEPT = range(1, 5)
_PART_HEAD = len(PART_MARK) + 4


class Kept(IntEnum):
    """Where the sealed bytes of a part are kept beside the store's own part, for a tail to follow them."""

    NOWHERE = 0
    BEHIND = 1
    """In the record's object, behind the record."""
    BESIDE = 2
    """In an object of their own, `run_name`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadName:
    """Which upload it is: the object's name and the store's own id. `key` is percent-decoded."""

    bucket: str
    key: bytes
    store_id: str

    @property
    def prefix(self) -> str:
        """What the names of its records begin with. No directory of its own: some stores keep empty ones."""
        named = sha256(name(self.bucket, self.key) + self.store_id.encode()).hexdigest()
        return f"{DIRECTORY}{named}."


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRecord:
    envelope: str
    """The header's value, as it went with the store's Create."""
    index_key: bytes = field(repr=False)
    checksum: int | None = None
    """The code that the client asked for, with COMPOSITE where it is of that kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedUploadRecord:
    """A record that follows the syntax, and is not yet believed."""

    upload: UploadName
    key_arn: str
    wrapped_data_key: bytes
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRecord:
    plain_length: int
    run_id: bytes
    checksums: Mapping[int, bytes] = field(default_factory=dict)
    """By code: what was verified or computed of the part's plaintext."""
    kept: Kept = Kept.NOWHERE


def upload_record_name(tag: bytes) -> str:
    return f"upload-{tag.hex()}"


def tag_in_name(record_name: str) -> bytes | None:
    """The inverse; None for another name."""
    try:
        tag = bytes.fromhex(record_name.removeprefix("upload-"))
    except ValueError:
        return None
    return tag if len(tag) == TAG and record_name == upload_record_name(tag) else None


def part_record_name(number: int, etag: str) -> str:
    """`etag` is the store's, without quotes: the record is found by what the client names, never stale."""
    return f"part-{number}-{sha256(etag.encode()).hexdigest()}"


def run_name(number: int, run_id: bytes) -> str:
    return f"run-{number}-{run_id.hex()}"


def seal_upload_record(
    record: UploadRecord,
    *,
    upload: UploadName,
    tag: bytes,
    data_key: bytes,
    key_arn: str,
    wrapped_data_key: bytes,
    salt: bytes,
) -> bytes:
    """The record's object. The data key is one of the service's own key; `salt` is 16 random bytes."""
    contents = {_ENVELOPE: record.envelope.encode(), _INDEX_KEY: record.index_key}
    if record.checksum is not None:
        contents[_CHECKSUM] = bytes((record.checksum,))
    sealed = AESGCM(hkdf(salt=salt, key=data_key, info=_UPLOAD_INFO)).encrypt(
        _NO_NONCE, pack_fields(contents, length_bytes=2), _upload_aad(upload, tag)
    )
    fields = {
        _BUCKET: upload.bucket.encode(),
        _OBJECT_KEY: upload.key,
        _STORE_ID: upload.store_id.encode(),
        _KEY_ARN: key_arn.encode(),
        _WRAPPED_DATA_KEY: wrapped_data_key,
        _SEALED: salt + sealed,
    }
    return UPLOAD_MARK + pack_fields(fields, length_bytes=2)


def read_upload_record(raw: bytes) -> SealedUploadRecord:
    """Raises DamagedRecord."""
    fields = unpack_fields(raw[len(UPLOAD_MARK) :], length_bytes=2)
    wanted = {_BUCKET, _OBJECT_KEY, _STORE_ID, _KEY_ARN, _WRAPPED_DATA_KEY, _SEALED}
    if not raw.startswith(UPLOAD_MARK) or fields is None or fields.keys() != wanted:
        raise DamagedRecord("syntax of the upload record")
    try:
        bucket, store_id, key_arn = (fields[tag].decode() for tag in (_BUCKET, _STORE_ID, _KEY_ARN))
    except UnicodeDecodeError:
        raise DamagedRecord("text in the upload record") from None
    return SealedUploadRecord(
        upload=UploadName(bucket=bucket, key=fields[_OBJECT_KEY], store_id=store_id),
        key_arn=key_arn,
        wrapped_data_key=fields[_WRAPPED_DATA_KEY],
        sealed=fields[_SEALED],
    )


def open_upload_record(
    sealed: SealedUploadRecord, *, upload: UploadName, tag: bytes, data_key: bytes
) -> UploadRecord:
    """Prove that it is this upload's, and open it. Raises DamagedRecord."""
    if sealed.upload != upload:
        raise DamagedRecord("another upload's record")
    salt, ciphertext = sealed.sealed[:_SALT], sealed.sealed[_SALT:]
    try:
        packed = AESGCM(hkdf(salt=salt, key=data_key, info=_UPLOAD_INFO)).decrypt(
            _NO_NONCE, ciphertext, _upload_aad(upload, tag)
        )
    except InvalidTag:
        raise DamagedRecord("upload record") from None
    contents = unpack_fields(packed, length_bytes=2) or {}
    if {_ENVELOPE, _INDEX_KEY} - contents.keys() or len(contents[_INDEX_KEY]) != _KEY:
        raise DamagedRecord("contents of the upload record")
    checksum = contents.get(_CHECKSUM)
    return UploadRecord(
        envelope=contents[_ENVELOPE].decode(),
        index_key=contents[_INDEX_KEY],
        checksum=checksum[0] if checksum else None,
    )


def seal_part_record(
    record: PartRecord, *, index_key: bytes, tag: bytes, number: int, etag: str, nonce: bytes
) -> bytes:
    """The record's object as far as the kept bytes, if any, follow. `nonce` is 12 random bytes."""
    contents = {
        _LENGTH: record.plain_length.to_bytes(8, "big"),
        _PART_RUN_ID: record.run_id,
        _CHECKSUMS: pack_checksums(record.checksums),
        _KEPT: bytes((record.kept,)),
    }
    sealed = nonce + AESGCM(expand(index_key, _PART_INFO)).encrypt(
        nonce, pack_fields(contents, length_bytes=2), _part_aad(tag, number, etag)
    )
    return PART_MARK + len(sealed).to_bytes(4, "big") + sealed


def part_record_size(head: bytes) -> int:
    """How long the record at the front of an object is; kept bytes begin there. Raises DamagedRecord."""
    if len(head) < _PART_HEAD or not head.startswith(PART_MARK):
        raise DamagedRecord("syntax of a part record")
    return _PART_HEAD + int.from_bytes(head[len(PART_MARK) : _PART_HEAD], "big")


def open_part_record(raw: bytes, *, index_key: bytes, tag: bytes, number: int, etag: str) -> PartRecord:
    """The inverse of seal_part_record; what follows the record in `raw` is not looked at.

    Raises DamagedRecord, also for the record of another part, another attempt or another upload.
    """
    end = part_record_size(raw)
    if end > len(raw):
        raise DamagedRecord("a part record is cut")
    sealed = raw[_PART_HEAD:end]
    try:
        packed = AESGCM(expand(index_key, _PART_INFO)).decrypt(
            sealed[:_NONCE], sealed[_NONCE:], _part_aad(tag, number, etag)
        )
    except (InvalidTag, ValueError):  # a nonce that was cut
        raise DamagedRecord("part record") from None
    contents = unpack_fields(packed, length_bytes=2) or {}
    checksums = unpack_checksums(contents.get(_CHECKSUMS, b""))
    if {_LENGTH, _PART_RUN_ID, _KEPT} - contents.keys() or checksums is None:
        raise DamagedRecord("contents of a part record")
    return PartRecord(
        plain_length=int.from_bytes(contents[_LENGTH], "big"),
        run_id=contents[_PART_RUN_ID],
        checksums=checksums,
        kept=Kept(contents[_KEPT][0]),
    )


def _upload_aad(upload: UploadName, tag: bytes) -> bytes:
    return _UPLOAD_INFO + b"\x00" + name(upload.bucket, upload.key) + upload.store_id.encode() + tag


def _part_aad(tag: bytes, number: int, etag: str) -> bytes:
    return tag + number.to_bytes(4, "big") + etag.encode()
