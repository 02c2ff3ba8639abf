"""The store as a thief of its disks sees it, and the object opened by those who read only docs/FORMAT.md.

Reads with the store's own credentials, never through the proxy. Searches the body for the plaintext, checks
that an envelope is there and that sizes are the page's, and opens the object with `recovery/`, which shares
no code with the proxy. Data keys come from the key service's own API, as the page says.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recovery.envelope import Envelope, Mode, read_header
from recovery.open import OpenedObject, open_object
from recovery.sizes import sealed_size

RUN_BYTES = 16
"""So many bytes of plaintext in a row are no chance (2^-128 for each place)."""
BLOCK = RUN_BYTES // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """One object on the store, found sealed."""

    body: bytes
    metadata: Mapping[str, str]
    """The client's, without the envelope."""
    head: Mapping[str, Any]
    """boto3's answer of the bare store."""
    envelope: Envelope
    opened: OpenedObject | None
    """None where no user may ask for the key: the service-owned and the managed one."""


class AtRest:
    """A call reads an object from the bare store and asserts that it is `plain`, sealed."""

    def __init__(self, store: Any, kms: Any) -> None:
        self.store = store
        self._kms = kms

    def __call__(
        self,
        bucket: str,
        key: str,
        plain: bytes,
        *,
        opens: bool | None = None,
        client_key: bytes | None = None,
    ) -> Sealed:
        """`opens`: whether it must open to us; by default, where a key is given or the key service has it."""
        head = self.store.get_object(Bucket=bucket, Key=key)
        body: bytes = head.pop("Body").read()
        metadata = dict(head["Metadata"])
        header = metadata.pop("sealgate", "")
        assert header.startswith("1."), "the object has no envelope"
        assert len(body) == sealed_size(len(plain))
        assert not holds_a_run_of(plain, body), "plaintext lies on the store"
        envelope = read_header(header)
        opened = None
        if opens is None:
            opens = envelope.flags.mode is Mode.KEY_SERVICE or client_key is not None
        if opens:
            opened = open_object(
                body, header, bucket=bucket, key=key.encode(), unwrap=self.unwrap, client_key=client_key
            )
            assert b"".join(opened.plaintext()) == plain
        return Sealed(body=body, metadata=metadata, head=head, envelope=envelope, opened=opened)

    def unwrap(self, key_arn: str, wrapped: bytes, context: dict[str, str]) -> bytes:
        answer = self._kms.decrypt(KeyId=key_arn, CiphertextBlob=wrapped, EncryptionContext=context)
        assert answer["KeyId"] == key_arn
        return bytes(answer["Plaintext"])

    def keys(self, bucket: str) -> list[str]:
        """All names in the bucket on the bare store."""
        return [each["Key"] for each in self.store.list_objects_v2(Bucket=bucket).get("Contents", [])]


def holds_a_run_of(plain: bytes, body: bytes) -> bool:
    """Whether RUN_BYTES of plain in a row stand anywhere in body.

    Each such run holds one aligned block of half its size: so a set of those blocks finds candidates in one
    pass over the body for each alignment, and only then every run is looked for.
    """
    blocks = set(_words(plain, 0))
    if all(blocks.isdisjoint(_words(body, shift)) for shift in range(BLOCK)):
        return False
    return any(plain[at : at + RUN_BYTES] in body for at in range(len(plain) - RUN_BYTES + 1))


def _words(data: bytes, shift: int) -> "memoryview[int]":
    whole = (len(data) - shift) // BLOCK * BLOCK
    return memoryview(data)[shift : shift + max(0, whole)].cast("Q")


def plaintext(size: int, seed: int = 1) -> bytes:
    """Bytes that stand nowhere else."""
    return random.Random(f"{size} {seed}").randbytes(size)  # noqa: S311  # data of tests
