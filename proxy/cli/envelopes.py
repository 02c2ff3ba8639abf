"""An object's envelope, in rows for a person.

What a header says of itself, laid beside the length of the body. Nothing in it is proven here: that takes the
object's data key. Contexts are shown by their names, as their values may be anybody's secret.
"""

from collections.abc import Iterator

from recovery.envelope import RESERVED_PAIR, Envelope, Layer, Mode
from recovery.errors import WrongSize
from recovery.sizes import plain_size

# Mode -> what S3 calls it.
MODES = {
    Mode.SERVICE_OWNED: "SSE-S3 (the service's own key)",
    Mode.KEY_SERVICE: "SSE-KMS (aws:kms)",
    Mode.TWO_LAYERS: "DSSE-KMS (two layers, aws:kms:dsse)",
    Mode.CLIENT_KEY: "SSE-C (the client's own key)",
}


def rows_of(envelope: Envelope, *, sealed_size: int) -> Iterator[tuple[str, str]]:
    """Name and value, in the order to show them. `sealed_size` is the length of the body in bytes."""
    yield "mode", MODES[envelope.flags.mode]
    yield from _key_rows("key", envelope.inner)
    if envelope.outer is not None:
        yield from _key_rows("outer key", envelope.outer)
    yield "bucket", envelope.bucket
    yield "context keys", ", ".join((*envelope.client_context, RESERVED_PAIR)) if _asks(envelope) else "none"
    yield "flags", ", ".join(_flags(envelope))
    yield "plain size", _plain_size(envelope, sealed_size)
    yield "sealed size", f"{sealed_size} bytes"


def _key_rows(name: str, layer: Layer) -> Iterator[tuple[str, str]]:
    if layer.data_key is None:
        yield name, "the client's, named nowhere"
    else:
        yield name, layer.data_key.key_arn
        yield f"{name}'s blob", f"{len(layer.data_key.blob)} bytes, a wrapped data key"


def _asks(envelope: Envelope) -> bool:
    """Whether a key service is told a context."""
    return envelope.inner.data_key is not None


def _flags(envelope: Envelope) -> Iterator[str]:
    yield "multipart" if envelope.flags.multipart else "single part"
    if _asks(envelope):
        yield "data key of this object alone" if envelope.flags.data_key_per_object else "data key shared"
    if envelope.private is not None:
        yield "with sealed checksums"


def _plain_size(envelope: Envelope, sealed_size: int) -> str:
    """By the body's length, which the header's number must equal."""
    try:
        plain = plain_size(sealed_size)
    except WrongSize as exc:
        return f"unknown: {exc}"
    if envelope.plain_size not in {None, plain}:
        return f"{plain} bytes by the body's length, but {envelope.plain_size} by the header: they must agree"
    return f"{plain} bytes"
