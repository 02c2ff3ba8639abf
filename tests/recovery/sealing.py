"""A little sealer, written from docs/FORMAT.md alone and sharing nothing with what it tests.

Every key, id and column is an argument, so that a test can break any rule it likes under good keys.
`tests/recovery/test_vectors.py` holds what it makes against the published vectors first.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

S = 65_536
M = 5_242_880


@dataclass(frozen=True, slots=True)
class Run:
    """A part to be sealed: its number (0 in a single-part object), run id and plaintext."""

    number: int
    run_id: bytes
    plain: bytes


def expand(key: bytes, info: bytes) -> bytes:
    return hmac.new(key, info + b"\1", hashlib.sha256).digest()


def name(bucket: str, key: bytes) -> bytes:
    b = bucket.encode()
    return b"sealgate/1 name\0" + len(b).to_bytes(2, "big") + b + len(key).to_bytes(2, "big") + key


def seal_run(run: Run, content_key: bytes, outer_content_key: bytes | None = None) -> bytes:
    """One run, with its outer layer where there is a second content key."""
    context = b"\0" + run.number.to_bytes(4, "big") + run.run_id
    key = AESGCM(expand(content_key, b"sealgate/1 run" + context))
    pieces = [run.plain[at : at + S] for at in range(0, len(run.plain), S)] or [b""]
    sealed = b""
    for index, piece in enumerate(pieces):
        last = b"\1" if index == len(pieces) - 1 else b"\0"
        text = key.encrypt(index.to_bytes(8, "big") + b"\0\0\0" + last, piece, None)
        if outer_content_key is not None:
            outer_key = expand(outer_content_key, b"sealgate/1 outer" + context)
            counter = modes.CTR(index.to_bytes(8, "big") + bytes(8))
            text = Cipher(algorithms.AES(outer_key), counter).encryptor().update(text)
        sealed += run.run_id + text
    return sealed


def seal_index(columns: bytes, content_key: bytes) -> bytes:
    """An index with its id, whatever the columns say."""
    key = expand(content_key, b"sealgate/1 index")
    index_id = hmac.new(key, b"run\0" + columns, hashlib.sha256).digest()[:12]
    own_key = hmac.new(key, b"key\0" + index_id, hashlib.sha256).digest()
    return index_id + AESGCM(own_key).encrypt(bytes(12), columns, None)


def body_of(runs: bytes, index: bytes, plain_size: int) -> bytes:
    """Runs, zeros up to C(P), index and footer."""
    segments = max(1, (plain_size + S - 1) // S)
    length = plain_size + 28 * segments + 96 * min(1 + plain_size // M, 10_000)
    zeros = length - len(runs) - len(index) - 8
    assert zeros >= 0
    return runs + bytes(zeros) + index + len(index).to_bytes(4, "big") + b"SGB1"


def column(tag: int, value: bytes) -> bytes:
    return bytes([tag]) + len(value).to_bytes(4, "big") + value


def parts_column(groups: Iterable[tuple[int, int, int]]) -> bytes:
    """Column 01 from (first number, count, plaintext length of each)."""
    return column(
        1,
        b"".join(
            first.to_bytes(2, "big") + count.to_bytes(2, "big") + size.to_bytes(5, "big")
            for first, count, size in groups
        ),
    )


def wrap(
    data_key: bytes, content_key: bytes, salt: bytes, of: bytes, info: bytes = b"sealgate/1 wrap"
) -> bytes:
    key = HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=info).derive(data_key)
    return salt + AESGCM(key).encrypt(bytes(12), content_key, of)


def header_of(flags: int, fields: Mapping[int, bytes], content_key: bytes, of: bytes) -> str:
    """A header with a good seal, whatever the fields say."""
    covered = flags.to_bytes(2, "big") + b"".join(
        bytes([tag]) + len(value).to_bytes(2, "big") + value for tag, value in fields.items()
    )
    seal = hmac.new(expand(content_key, b"sealgate/1 envelope"), of + covered, hashlib.sha256).digest()
    return "1." + base64.urlsafe_b64encode(covered + seal).decode().rstrip("=")


def groups_of(runs: Sequence[Run]) -> list[tuple[int, int, int]]:
    """One group for each part: never shorter than need be, and always right."""
    return [(run.number, 1, len(run.plain)) for run in runs]
