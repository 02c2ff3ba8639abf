"""One object, two programs: what proxy/seal and what recovery/ say of it, in words that can be compared.

The two share no line of code; only here do they meet. A refusal is told by what a person would look at next:
the header, its version, the name, or the body. Neither is asked in which order it looked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from proxy.seal import errors as proxy_errors
from proxy.seal.envelope import OpenEnvelope, kms_context, open_envelope, read_envelope
from proxy.seal.geometry import WHOLE
from proxy.seal.index import Index as ProxyIndex
from proxy.seal.index import open_index
from proxy.seal.keys import index_key
from proxy.seal.layout import Layout, OneRun
from proxy.seal.opener import Opener
from proxy.seal.parts import open_parts
from proxy.seal.tail import sealed_index
from recovery import errors as recovery_errors
from recovery.index import Index as RecoveryIndex
from recovery.open import OpenedObject, open_object
from tests.seal.material import pieces

REFUSALS: Mapping[type[Exception], str] = {
    proxy_errors.UnknownVersion: "version",
    proxy_errors.DamagedEnvelope: "header",
    proxy_errors.WrongKey: "header",
    proxy_errors.ForeignBucket: "name",
    proxy_errors.RefusedContext: "name",
    proxy_errors.TamperedBody: "body",
    recovery_errors.OtherVersion: "version",
    recovery_errors.HeaderDamaged: "header",
    recovery_errors.WrongKey: "header",
    recovery_errors.ForeignName: "name",
    recovery_errors.WrongSize: "body",
    recovery_errors.TailDamaged: "body",
    recovery_errors.SegmentDamaged: "body",
}
IndexSays = tuple[list[tuple[int, int, bytes | None]], dict[int, bytes], tuple[int | None, tuple[bytes, ...]]]
Question = tuple[str | None, bytes | None, dict[str, str]]
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fed:
    """What a reader gets: an object, the name it was asked for by, and what a key service answers."""

    header: str
    body: bytes
    bucket: str
    key: bytes
    data_key: bytes = field(repr=False)
    outer_data_key: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """All that comes out of an object which is not refused."""

    plain: bytes = field(repr=False)
    asked: list[Question]
    header_checksums: dict[int, bytes] | None
    """None where the private field does not open."""
    index: IndexSays


def verdict(ask: Callable[[], Value]) -> Value | str:
    """What it says, or the word of REFUSALS for its refusal. Any other error goes through."""
    try:
        return ask()
    except tuple(REFUSALS) as refusal:
        return REFUSALS[type(refusal)]


def proxy_says(fed: Fed) -> Says | str:
    return verdict(lambda: _by_proxy(fed))


def recovery_says(fed: Fed) -> Says | str:
    return verdict(lambda: _by_recovery(fed))


def of_proxy_index(index: ProxyIndex) -> IndexSays:
    ids = index.run_ids or (None,) * len(index.parts)
    parts = [(part.number, part.plain_length, run_id) for part, run_id in zip(index.parts, ids, strict=True)]
    of_parts = index.part_checksums
    return parts, dict(index.checksums), (of_parts.code, of_parts.values) if of_parts else (None, ())


def of_recovery_index(index: RecoveryIndex) -> IndexSays:
    parts = [(part.number, part.plain_size, part.run_id) for part in index.parts]
    return parts, index.checksums, (index.part_checksum_code, index.part_checksums)


def _by_proxy(fed: Fed) -> Says:
    claim = read_envelope(fed.header)
    context = kms_context(
        bucket=claim.bucket,
        key=fed.key,
        data_key_per_object=claim.data_key_per_object,
        client_context=claim.client_context,
    )
    envelope = open_envelope(
        claim,
        bucket=fed.bucket,
        key=fed.key,
        data_key=fed.data_key,
        outer_data_key=fed.outer_data_key,
    )
    blobs = [(claim.key_arn, claim.wrapped_data_key), (claim.outer_key_arn, claim.outer_wrapped_data_key)]
    plain, index = _proxy_body(envelope, fed.body)
    return Says(
        plain=plain,
        asked=[(arn, blob, context) for arn, blob in blobs if arn],
        header_checksums=_proxy_checksums(envelope),
        index=of_proxy_index(index),
    )


def _proxy_body(envelope: OpenEnvelope, body: bytes) -> tuple[bytes, ProxyIndex]:
    plain_length = envelope.sealed.agreed_length(len(body))
    content_key, index = envelope.content_key, None
    layout: Layout = OneRun(plain_length)
    if envelope.sealed.multipart:
        layout = open_parts(body, content_key=content_key, plain_length=plain_length)
        index = _proxy_index(body, content_key)
    opener = Opener(
        content_key=content_key,
        layout=layout,
        window=WHOLE,
        plain_last=plain_length - 1,
        outer_content_key=envelope.outer_content_key,
    )
    plain = b"".join(pieces(opener, body))
    return plain, index or ProxyIndex(checksums=opener.checksums)


def _proxy_index(body: bytes, content_key: bytes) -> ProxyIndex:
    sealed = sealed_index(body[-8 - int.from_bytes(body[-8:-4], "big") :], multipart=True)
    return open_index(sealed, index_key=index_key(content_key), multipart=True)


def _proxy_checksums(envelope: OpenEnvelope) -> dict[int, bytes] | None:
    try:
        return envelope.checksums
    except proxy_errors.DamagedEnvelope:
        return None


def _by_recovery(fed: Fed) -> Says:
    asked: list[Question] = []

    def unwrap(key_arn: str, wrapped: bytes, context: dict[str, str]) -> bytes:
        asked.append((key_arn, wrapped, context))
        return fed.data_key if len(asked) == 1 else fed.outer_data_key or b""

    opened = open_object(
        fed.body, fed.header, bucket=fed.bucket, key=fed.key, unwrap=unwrap, client_key=fed.data_key
    )
    return Says(
        plain=b"".join(opened.plaintext()),
        asked=asked,
        header_checksums=_recovery_checksums(opened),
        index=of_recovery_index(opened.index),
    )


def _recovery_checksums(opened: OpenedObject) -> dict[int, bytes] | None:
    try:
        return opened.header_checksums()
    except recovery_errors.ChecksumsDamaged:
        return None
