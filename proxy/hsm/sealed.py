"""A store whose every record is sealed under the root key, above any database of rows.

Each record is sealed on its own, bound to this store, its kind and its name, so none can be altered or
moved. The header is sealed too and holds the generation, raised by each change, and the keyed sum of all
rows: a row that was removed, added or put back from an older copy no longer adds up. A whole older copy
does; what it cannot be is as new as the witness says, a memory outside the store.
"""

import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from proxy.hsm.core import box
from proxy.hsm.core.material import KeyMaterial
from proxy.hsm.core.records import Record
from proxy.hsm.root import SCRYPT_COST_LOG2, RootSource
from proxy.hsm.store import (
    Header,
    Row,
    SealedRows,
    StoreDamaged,
    StoreExists,
    StoreFailed,
    StoreMissing,
    StoreOlder,
    Witness,
    WrongRootKey,
)

FORMAT = 1
_RECORD, _HEADER, _WITNESS, _CHECK, _SUM = (
    b"sealgate hsm record 1",
    b"sealgate hsm header 1",
    b"sealgate hsm witness 1",
    b"sealgate hsm root check 1",
    b"sealgate hsm sum 1",
)
_log = logging.getLogger(__name__)
_ID_SIZE = 16
_SUM_MODULUS = 1 << 256


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHeader:
    """What must be known before the root key is: bound into the sealed header as its associated data."""

    store_id: bytes
    salt: bytes
    cost_log2: int
    key_check: bytes

    def encode(self) -> bytes:
        held = {
            "format": FORMAT,
            "store_id": self.store_id.hex(),
            "salt": self.salt.hex(),
            "scrypt_cost_log2": self.cost_log2,
            "key_check": self.key_check.hex(),
        }
        return json.dumps(held).encode()

    @classmethod
    def decode(cls, text: bytes) -> Self:
        try:
            held = json.loads(text)
            if held["format"] != FORMAT:
                raise StoreDamaged("header", f"format {held['format']!r} is not known to this version")
            return cls(
                store_id=bytes.fromhex(held["store_id"]),
                salt=bytes.fromhex(held["salt"]),
                cost_log2=int(held["scrypt_cost_log2"]),
                key_check=bytes.fromhex(held["key_check"]),
            )
        except (KeyError, TypeError, ValueError) as exc:
            raise StoreDamaged("header", "it is not readable") from exc


class SealedStore:
    """Satisfies proxy.hsm.store.Store. Takes the rows over and closes them."""

    def __init__(
        self,
        rows: SealedRows,
        root: KeyMaterial,
        header: OpenHeader,
        random: Callable[[int], bytes],
        witness: Witness | None,
    ) -> None:
        """Without a witness, how new the store is goes unasked and unsaid."""
        self._rows, self._root, self._header, self._random = rows, root, header, random
        self._witness = witness
        self._open_header = header.encode()
        self._sum_key = KeyMaterial(root.derive(_SUM + header.store_id))
        self._digests: dict[tuple[str, str], int] = {}
        self._sum = 0
        self._generation = 0
        self._failure = ""

    @property
    def failure(self) -> str:
        return self._failure

    @property
    def generation(self) -> int:
        return self._generation

    def records(self) -> Iterator[Record]:
        expected = self._read_header()
        self._ask(self._witness)
        self._digests.clear()
        for row in self._rows.rows():
            yield self._opened(row)
            self._digests[row.kind, row.name] = self._digest(row)
        self._sum = sum(self._digests.values()) % _SUM_MODULUS
        if self._sum != expected:
            raise StoreDamaged("the records together", "one was removed, or is an older copy of itself")

    def commit(self, put: Sequence[Record], delete: Sequence[tuple[str, str]] = ()) -> None:
        rows = [self._sealed(record) for record in put]
        digests = {(row.kind, row.name): self._digest(row) for row in rows}
        gone = sum(self._digests.get(name, 0) for name in {*digests, *delete})
        new_sum = (self._sum - gone + sum(digests.values())) % _SUM_MODULUS
        for record in put:
            record.wipe()
        self._write(self._seal_header(self._generation + 1, new_sum), rows, delete)
        for name in delete:
            self._digests.pop(name, None)
        self._digests |= digests
        self._sum, self._generation = new_sum, self._generation + 1
        self._tell(self._witness)

    def noted(self) -> bytes:
        """What a witness is to note, so that it takes the store, as it is now, for the newest."""
        nonce = self._random(box.NONCE_SIZE)
        plain = self._generation.to_bytes(8)
        return nonce + box.seal(self._root, _WITNESS, nonce, plain, self._open_header)

    def close(self) -> None:
        self._root.wipe()
        self._sum_key.wipe()
        self._rows.close()

    def _ask(self, witness: Witness | None) -> None:
        if witness is None:
            return
        noted = witness.noted()
        if noted is None:
            raise StoreOlder(f"{witness} is not there, which says how new the store must be")
        nonce, sealed = noted[: box.NONCE_SIZE], noted[box.NONCE_SIZE :]
        try:
            plain = box.open_box(self._root, _WITNESS, nonce, sealed, self._open_header)
        except box.BoxDamaged as exc:
            raise StoreOlder(f"{witness} is altered, or another store's") from exc
        seen = int.from_bytes(plain)
        if seen > self._generation:
            raise StoreOlder(
                f"the store is an older copy of itself: {witness} has seen change {seen},"
                f" and the last one here is {self._generation}; keys made since are not in it"
            )

    def _write(self, header: Header, rows: Sequence[Row], delete: Sequence[tuple[str, str]]) -> None:
        """A full disk is told once in the log, and once that it is over."""
        try:
            self._rows.write(header, rows, delete)
        except StoreFailed as exc:
            if not self._failure:
                _log.error("the key store cannot be written to: %s", exc)
            self._failure = str(exc)
            raise
        if self._failure:
            _log.warning("the key store can be written to again")
            self._failure = ""

    def _tell(self, witness: Witness | None) -> None:
        """The change is on the disk, whatever comes of this: a witness that lags behind notices less."""
        if witness is None:
            return
        try:
            witness.note(self.noted())
        except OSError as exc:
            _log.error("%s cannot be written (%s): an older copy of the store may go unnoticed", witness, exc)

    def _sealed(self, record: Record) -> Row:
        nonce = self._random(box.NONCE_SIZE)
        bound = self._bound(record.kind, record.name)
        sealed = nonce + box.seal(self._root, _RECORD, nonce, record.plain, bound)
        return Row(kind=record.kind, name=record.name, sealed=sealed)

    def _opened(self, row: Row) -> Record:
        nonce, sealed = row.sealed[: box.NONCE_SIZE], row.sealed[box.NONCE_SIZE :]
        try:
            plain = box.open_box(self._root, _RECORD, nonce, sealed, self._bound(row.kind, row.name))
        except box.BoxDamaged as exc:
            raise StoreDamaged(f"{row.kind} {row.name}", "it was altered, or belongs elsewhere") from exc
        return Record(kind=row.kind, name=row.name, plain=bytearray(plain))

    def _bound(self, kind: str, name: str) -> bytes:
        return b"\0".join((self._header.store_id.hex().encode(), kind.encode(), name.encode()))

    def _digest(self, row: Row) -> int:
        named = self._bound(row.kind, row.name) + b"\0" + row.sealed
        return int.from_bytes(hmac.digest(self._sum_key.reveal(), named, hashlib.sha256))

    def _seal_header(self, generation: int, total: int) -> Header:
        nonce = self._random(box.NONCE_SIZE)
        plain = generation.to_bytes(8) + total.to_bytes(32)
        sealed = nonce + box.seal(self._root, _HEADER, nonce, plain, self._open_header)
        return Header(open=self._open_header, sealed=sealed)

    def _read_header(self) -> int:
        """Takes the generation over and returns the sum that the rows must have."""
        header = self._rows.header()
        if header is None:
            raise StoreDamaged("header", "it is gone")
        nonce, sealed = header.sealed[: box.NONCE_SIZE], header.sealed[box.NONCE_SIZE :]
        try:
            plain = box.open_box(self._root, _HEADER, nonce, sealed, header.open)
        except box.BoxDamaged as exc:
            raise StoreDamaged("header", "it was altered") from exc
        self._generation = int.from_bytes(plain[:8])
        return int.from_bytes(plain[8:])


def open_store(
    rows: SealedRows,
    source: RootSource,
    *,
    random: Callable[[int], bytes],
    witness: Witness | None = None,
) -> SealedStore:
    """The store in `rows`, which is closed again where this fails. The witness is asked as records are read.

    Raises StoreMissing, WrongRootKey, StoreDamaged, or the source's RootKeyError.
    """
    with _closed_on_error(rows):
        header = OpenHeader.decode(_header_of(rows))
        return SealedStore(rows, _proven_root(source, header), header, random, witness)


def create_store(
    rows: SealedRows,
    source: RootSource,
    records: Sequence[Record],
    *,
    random: Callable[[int], bytes],
    witness: Witness | None = None,
) -> SealedStore:
    """Makes header and first records in one transaction, in `rows`, which are closed where this fails.

    Raises StoreExists, StoreFailed, or the source's RootKeyError.
    """
    with _closed_on_error(rows):
        check_new(rows)
        store_id, salt = random(_ID_SIZE), random(_ID_SIZE)
        root = source.root_key(salt, SCRYPT_COST_LOG2)
        check = root.derive(_CHECK + store_id)
        header = OpenHeader(store_id=store_id, salt=salt, cost_log2=SCRYPT_COST_LOG2, key_check=check)
        store = SealedStore(rows, root, header, random, witness)
        store.commit(records)
        return store


def check_new(rows: SealedRows) -> None:
    """Raises StoreExists where the store was initialised before."""
    if rows.header() is not None:
        raise StoreExists("the store is initialised already; nothing was changed")


def _header_of(rows: SealedRows) -> bytes:
    found = rows.header()
    if found is None:
        raise StoreMissing("the store was never initialised; `sealgate hsm init` does it")
    return found.open


def _proven_root(source: RootSource, header: OpenHeader) -> KeyMaterial:
    root = source.root_key(header.salt, header.cost_log2)
    if hmac.compare_digest(root.derive(_CHECK + header.store_id), header.key_check):
        return root
    root.wipe()
    raise WrongRootKey(f"the root key from {source} is not the one that this store was made with")


@contextmanager
def _closed_on_error(rows: SealedRows) -> Iterator[None]:
    try:
        yield
    except BaseException:
        rows.close()
        raise
