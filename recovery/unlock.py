"""From a header's fields to the content keys (docs/FORMAT.md, steps 2 to 5 of "Opening a header").

Asks for the data key, unwraps the content key and checks the seal: from then on the fields are true.
The private field is opened apart and on demand, since only whoever wants the checksums needs it.
"""

import hmac
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag

from recovery.checksums import read_checksums
from recovery.envelope import RESERVED_PAIR, Envelope, Layer
from recovery.errors import ChecksumsDamaged, ForeignName, HeaderDamaged, KeyMissing, WrongKey
from recovery.keys import (
    KEY,
    PRIVATE,
    WRAP,
    WRAP_OUTER,
    envelope_key,
    mac,
    name_of,
    open_gcm,
    private_key,
    unwrap_content_key,
)

NONCE = 12

Unwrap = Callable[[str, bytes, dict[str, str]], bytes]
"""unwrap(key_arn, wrapped, context) -> the 32 bytes of the data key.

Calls the key service's Decrypt with the key id and encryption context given. It must refuse an answer that
names another key id, and should refuse key ids that it does not expect in the bucket
(docs/FORMAT.md, "Asking the key service").
What it raises goes through to the caller as it is.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """Where data keys come from: a key service, the client's own key, or both, for objects of either kind."""

    unwrap: Unwrap | None = None
    client_key: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentKeys:
    """What opens the body. `outer` is there with two layers."""

    inner: bytes = field(repr=False)
    outer: bytes | None = field(repr=False)


def unlock(
    envelope: Envelope, *, bucket: str, key: bytes, former_buckets: Collection[str], source: KeySource
) -> ContentKeys:
    """The content keys of a header whose seal is good.

    Raises ForeignName, KeyMissing, WrongKey, HeaderDamaged, and whatever `source.unwrap` raises.
    """
    if envelope.bucket != bucket and envelope.bucket not in former_buckets:
        raise ForeignName(f"the header was written in the bucket {envelope.bucket!r}, not in {bucket!r}")
    if len(key) > 0xFFFF:
        raise ForeignName(f"no object has a name of {len(key)} bytes")
    name = name_of(envelope.bucket, key)
    context = _key_context(envelope, key)
    inner = _content_key(envelope.inner, context, name, source, WRAP)
    if not hmac.compare_digest(envelope.seal, mac(envelope_key(inner), name + envelope.covered)):
        raise HeaderDamaged("the header's seal is not good: a field was changed after the seal was made")
    outer = None
    if envelope.outer is not None:
        outer = _content_key(envelope.outer, context, name, source, WRAP_OUTER)
    return ContentKeys(inner=inner, outer=outer)


def open_private(envelope: Envelope, keys: ContentKeys) -> dict[int, bytes]:
    """The checksums that the header keeps, by code; none without a private field. Raises ChecksumsDamaged."""
    if envelope.private is None:
        return {}
    nonce, sealed = envelope.private[:NONCE], envelope.private[NONCE:]
    try:
        checksums = open_gcm(private_key(keys.inner), nonce, sealed, PRIVATE)
    except InvalidTag as exc:
        raise ChecksumsDamaged("field 0B (private field): its tag is not good") from exc
    return read_checksums(checksums, "field 0B (private field)", ChecksumsDamaged)


def _key_context(envelope: Envelope, key: bytes) -> dict[str, str]:
    arn = f"arn:aws:s3:::{envelope.bucket}"
    if envelope.flags.data_key_per_object:
        try:
            arn += f"/{key.decode()}"
        except UnicodeDecodeError as exc:
            raise ForeignName("the key is not UTF-8, so no key service can have been told its name") from exc
    return {**envelope.client_context, RESERVED_PAIR: arn}


def _content_key(layer: Layer, context: dict[str, str], name: bytes, source: KeySource, info: bytes) -> bytes:
    data_key = _data_key(layer, context, source)
    if len(data_key) != KEY:
        raise WrongKey(f"the data key has {len(data_key)} bytes, not {KEY}")
    try:
        return unwrap_content_key(data_key, layer.content_key, name, info)
    except InvalidTag as exc:
        which = "content key" if info == WRAP else "outer content key"
        raise WrongKey(
            f"the {which} does not open: a wrong key, a damaged header or another object's header"
        ) from exc


def _data_key(layer: Layer, context: dict[str, str], source: KeySource) -> bytes:
    if layer.data_key is None:
        if source.client_key is None:
            raise KeyMissing("the object is sealed under a client's own key (SSE-C), and none was given")
        return source.client_key
    if source.unwrap is None:
        raise KeyMissing(
            f"the object's data key is wrapped by {layer.data_key.key_arn}; no key service was given"
        )
    return source.unwrap(layer.data_key.key_arn, layer.data_key.blob, dict(context))
