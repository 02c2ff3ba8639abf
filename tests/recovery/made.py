"""Objects made by the tests' own sealer: any parts, any columns, under a client's key or under two layers."""

from dataclasses import dataclass

from recovery.open import OpenedObject, open_object
from tests.recovery.sealing import (
    Run,
    body_of,
    column,
    groups_of,
    header_of,
    name,
    parts_column,
    seal_index,
    seal_run,
    wrap,
)

BUCKET = "a-bucket"
KEY = "ein Schlüssel".encode()
DATA_KEY, OUTER_DATA_KEY = b"\x01" * 32, b"\x02" * 32
CONTENT_KEY, OUTER_CONTENT_KEY = b"\x03" * 32, b"\x04" * 32
SALT = b"\x05" * 16
NAME = name(BUCKET, KEY)
CLIENT, TWO_LAYERS, MULTIPART = 0x0C, 0x08, 0x01

PLAIN = b"an independent sealer's plaintext, " * 340_000


@dataclass(frozen=True, slots=True)
class Made:
    header: str
    body: bytes
    plain: bytes


def runs_of(*parts: tuple[int, int]) -> list[Run]:
    """Runs from (number, plaintext length), cut from one plaintext, each with an id of its own."""
    runs, at = [], 0
    for number, size in parts:
        runs.append(Run(number, number.to_bytes(12, "big"), PLAIN[at : at + size]))
        at += size
    assert at <= len(PLAIN)
    return runs


def fields_of(mode: int, own: dict[int, bytes]) -> dict[int, bytes]:
    """All fields that a header in this mode has, and `own`, in order."""
    fields = {0x05: wrap(DATA_KEY, CONTENT_KEY, SALT, NAME), 0x07: BUCKET.encode(), **own}
    if mode == TWO_LAYERS:
        outer = wrap(OUTER_DATA_KEY, OUTER_CONTENT_KEY, SALT, NAME, b"sealgate/1 wrap outer")
        fields |= {0x03: b"arn:inner", 0x04: b"inner", 0x08: b"outer", 0x09: outer, 0x0A: b"arn:outer"}
    return dict(sorted(fields.items()))


def multipart(runs: list[Run], columns: bytes | None = None, *, mode: int = CLIENT) -> Made:
    """A multipart object; without `columns` the index has the parts and nothing else."""
    if columns is None:
        columns = parts_column(groups_of(runs))
    outer = OUTER_CONTENT_KEY if mode == TWO_LAYERS else None
    sealed = b"".join(seal_run(run, CONTENT_KEY, outer) for run in runs)
    plain = b"".join(run.plain for run in runs)
    header = header_of(MULTIPART | mode, fields_of(mode, {0x01: b"u" * 16}), CONTENT_KEY, NAME)
    return Made(header, body_of(sealed, seal_index(columns, CONTENT_KEY), len(plain)), plain)


def single(plain: bytes, index: bytes = b"", *, mode: int = CLIENT) -> Made:
    """A single-part object."""
    fields = fields_of(mode, {0x02: len(plain).to_bytes(8, "big")})
    outer = OUTER_CONTENT_KEY if mode == TWO_LAYERS else None
    run = seal_run(Run(0, b"r" * 12, plain), CONTENT_KEY, outer)
    return Made(header_of(mode, fields, CONTENT_KEY, NAME), body_of(run, index, len(plain)), plain)


def run_ids_column(*run_ids: bytes) -> bytes:
    return column(2, b"".join(run_ids))


def unwrap(key_arn: str, wrapped: bytes, context: dict[str, str]) -> bytes:
    """The key service of objects with two layers; it refuses whatever it did not wrap itself."""
    blobs = {("arn:inner", b"inner"): DATA_KEY, ("arn:outer", b"outer"): OUTER_DATA_KEY}
    if context != {"aws:s3:arn": f"arn:aws:s3:::{BUCKET}"} or (key_arn, wrapped) not in blobs:
        raise PermissionError
    return blobs[key_arn, wrapped]


def opened(made: Made) -> OpenedObject:
    """Opens a made object with whatever key it needs."""
    return open_object(made.body, made.header, bucket=BUCKET, key=KEY, unwrap=unwrap, client_key=DATA_KEY)
