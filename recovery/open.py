"""The front door: a sealed object in, its plaintext out, with nothing of the proxy at hand.

    with open("the-body", "rb") as body:
        opened = open_object(body, header, bucket="photos", key=b"2024/cat.jpg", unwrap=ask_my_key_service)
        for plaintext in opened.plaintext():
            out.write(plaintext)

Everything is done as docs/FORMAT.md says, and errors are those of `recovery/errors.py`.
Trust in what was written out is whole only when the loop has ended without an error.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from recovery.body import Body, Layout, open_segments, read_layout
from recovery.envelope import Envelope, read_header
from recovery.index import Index, Part
from recovery.unlock import ContentKeys, KeySource, Unwrap, open_private, unlock


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedObject:
    """An object whose header, sizes and index are good; its segments are verified as they are read."""

    envelope: Envelope
    layout: Layout
    _body: Body = field(repr=False)
    _keys: ContentKeys = field(repr=False)

    @property
    def plain_size(self) -> int:
        """Length of the plaintext in bytes."""
        return self.layout.plain_size

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of a multipart object, in order; none in a single-part object."""
        return self.layout.index.parts

    @property
    def index(self) -> Index:
        """What the body's index says: checksums of the object and of its parts, by their codes."""
        return self.layout.index

    def header_checksums(self) -> dict[int, bytes]:
        """The checksums that were known before the upload began, by code. Raises ChecksumsDamaged."""
        return open_private(self.envelope, self._keys)

    def plaintext(self) -> Iterator[bytes]:
        """The plaintext in pieces of at most 65,536 bytes, each verified before it leaves.

        An empty object or part gives one empty piece. Raises SegmentDamaged behind the last good piece.
        """
        return open_segments(self._body, self.layout, self._keys)


def open_object(
    body: bytes | BinaryIO,
    header: str,
    *,
    bucket: str,
    key: bytes,
    unwrap: Unwrap | None = None,
    client_key: bytes | None = None,
    former_buckets: Collection[str] = (),
) -> OpenedObject:
    """Opens a sealed object as far as its segments, which `plaintext` of the result then opens.

    `body` is the object as the store keeps it: bytes, or a file that can seek and stays open meanwhile.
    `header` is the value of x-amz-meta-sealgate; `key` is the object's name after percent-decoding.
    `bucket` is the bucket it is looked for in, `former_buckets` are other names that the bucket had.
    `unwrap` opens data keys of a key service: `recovery/unlock.py` says what it must do and check.
    `client_key` is the client's own key of 32 bytes (SSE-C). The header says which of the two is needed;
    both may be given.

    Raises RecoveryError, and whatever `unwrap` raises.
    """
    envelope = read_header(header)
    source = KeySource(unwrap=unwrap, client_key=client_key)
    keys = unlock(envelope, bucket=bucket, key=key, former_buckets=former_buckets, source=source)
    sealed = Body(body)
    return OpenedObject(
        envelope=envelope, layout=read_layout(sealed, envelope, keys), _body=sealed, _keys=keys
    )
