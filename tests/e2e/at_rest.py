"""The store as a thief of its disks sees it, and the object opened by those who read only docs/FORMAT.md.

Reads with the store's own credentials, never through the proxy. Searches the body for the plaintext, checks
that an envelope is there and that sizes are the page's, and opens the object with `recovery/`, which shares
no code with the proxy. Data keys come from the key service's own API, as the page says.
"""

import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

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
        version_id: str = "",
    ) -> Sealed:
        """`opens`: whether it must open to us; by default, where a key is given or the key service has it."""
        version = {"VersionId": version_id} if version_id else {}
        head = self.store.get_object(Bucket=bucket, Key=key, **version)
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

    Each such run holds one aligned block of half its size: a join of those blocks with the body's at every
    alignment finds candidates, and only the runs around them are looked for. (A set of Python's costs five
    times as much from some MiB on.)
    """
    of_plain = pa.table({"block": _blocks(plain, 0)})
    of_body = pa.table({"block": pa.chunked_array([_blocks(body, shift) for shift in range(BLOCK)])})
    met = of_body.join(of_plain, "block", join_type="left semi", use_threads=False)["block"].unique()
    runs = {
        run for block in met.to_pylist() for run in _runs_with(block.to_bytes(BLOCK, sys.byteorder), body)
    }
    return any(run in plain for run in runs)


def _blocks(data: bytes, shift: int) -> Any:
    """Its blocks from `shift` on, as numbers."""
    count = max(0, len(data) - shift) // BLOCK
    return pa.Array.from_buffers(pa.uint64(), count, [None, pa.py_buffer(data[shift:])])


def _runs_with(block: bytes, body: bytes) -> set[bytes]:
    runs: set[bytes] = set()
    at = body.find(block)
    while at >= 0:
        runs |= {body[first : first + RUN_BYTES] for first in range(max(0, at - BLOCK), at + 1)}
        at = body.find(block, at + 1)
    return {run for run in runs if len(run) == RUN_BYTES}


def plaintext(size: int, seed: int = 1) -> bytes:
    """Bytes that stand nowhere else."""
    return random.Random(f"{size} {seed}").randbytes(size)  # noqa: S311  # data of tests
