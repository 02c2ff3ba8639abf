"""What `sealgate hsm init` does: the root key, the store, the service's own key, and the first
administrator.

The root key is on the disk before anything is sealed under it, and header and first key are one
transaction: an initialisation that is cut off can be run again, and one that ended is refused. Identities
are the configuration's: the administrator's secret is returned, to be shown once, and kept nowhere here.
"""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from proxy.hsm.aws_root import AwsKmsKey
from proxy.hsm.core.minting import new_service_key
from proxy.hsm.core.model import Purpose
from proxy.hsm.core.names import OWNED_ALIAS, SERVICE_ACCOUNT
from proxy.hsm.core.records import alias_record, key_record, purpose_record, version_record
from proxy.hsm.durable import is_there
from proxy.hsm.root import KeyFile, RootSource, write_key_file
from proxy.hsm.sealed import SealedStore, check_new, create_store, open_store
from proxy.hsm.sqlite import SqliteRows
from proxy.hsm.store import StoreError, Witness
from proxy.hsm.token_root import TokenRoot
from proxy.hsm.witness import FileWitness, witness_of

_ACCESS_KEY_BYTES, _SECRET_BYTES = 10, 30


@dataclass(frozen=True, slots=True, kw_only=True)
class InitResult:
    """The first administrator: somebody with every right in the account."""

    identity_name: str
    identity_arn: str
    account: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    """40 characters, given out here and never again."""
    root_key_file: Path | None
    """Where a new root key was written, wrapped if AWS or a token opens it; None where one was there."""


def initialise(
    path: Path,
    source: RootSource,
    *,
    account: str,
    region: str,
    clock: Callable[[], float],
    random: Callable[[int], bytes],
    witness: Path | None = None,
    make_root_key: bool = False,
    for_tests: bool = False,
    administrator: str = "admin",
) -> InitResult:
    """Makes the store at path. With make_root_key, the file of a KeyFile, AwsKmsKey or TokenRoot that is
    not there yet is written first. One that is made for_tests can be emptied later, and no other.

    Raises StoreExists where this was done before, StoreBusy where an HSM runs on it, RootKeyError, or another
    StoreError, as where the witness of a store that is gone is there; then no store is made, though an empty
    file may be.
    """
    if not re.fullmatch(r"[0-9]{12}", account) or account == SERVICE_ACCOUNT:
        raise StoreError(f"account {account!r}: an account is twelve digits, and not all of them zero")
    rows = SqliteRows(path, create=True)
    try:
        check_new(rows)
        note = witness_of(path, witness)
        _check_unseen(path, note)
        made = _make_root_key(source, random) if make_root_key else None
        key, version, alias = new_service_key(
            OWNED_ALIAS, account=SERVICE_ACCOUNT, region=region, now_epoch=round(clock(), 3), random=random
        )
        records = [version_record(version), key_record(key), alias_record(alias)]
        records += [purpose_record(Purpose())] if for_tests else []
        create_store(rows, source, records, random=random, witness=note).close()
        version.material.wipe()
    finally:
        rows.close()
    return _administrator(administrator, account, random, made)


def open_sqlite_store(
    path: Path, source: RootSource, *, random: Callable[[int], bytes], witness: Witness | None = None
) -> SealedStore:
    """The store at path, for this process alone. The witness is asked as records are read.

    Raises StoreMissing, StoreBusy, WrongRootKey, StoreDamaged or another StoreError, or the source's
    RootKeyError.
    """
    return open_store(SqliteRows(path), source, random=random, witness=witness)


def _check_unseen(path: Path, note: FileWitness) -> None:
    """A store that is away, with its disk perhaps, is not to be taken for one that never was. The witness is
    written last, so none is left by a run that was cut off before it had made the store.
    """
    if note.noted() is not None:
        raise StoreError(
            f"{note} is there, and {path} is not: have the store's disk back, or `sealgate hsm restore` put a"
            f" backup in its place. To begin without the keys that it had, remove {note.path}"
        )


def _make_root_key(source: RootSource, random: Callable[[int], bytes]) -> Path | None:
    """A file that is there is left alone: an earlier run may have got this far and no further."""
    if isinstance(source, AwsKmsKey) and not is_there(source.sealed_file):
        source.make()
        return source.sealed_file
    if isinstance(source, TokenRoot) and not is_there(source.sealed_file):
        source.make(random)
        return source.sealed_file
    if isinstance(source, KeyFile) and not is_there(source.path):
        write_key_file(source.path, random)
        return source.path
    return None


def _administrator(name: str, account: str, random: Callable[[int], bytes], made: Path | None) -> InitResult:
    access_key_id, secret = new_access_key(random)
    return InitResult(
        identity_name=name,
        identity_arn=f"arn:aws:iam::{account}:user/{name}",
        account=account,
        access_key_id=access_key_id,
        secret_access_key=secret,
        root_key_file=made,
    )


def new_access_key(random: Callable[[int], bytes]) -> tuple[str, str]:
    """An access key id and its secret of 40 characters."""
    access_key_id = "SGAK" + base64.b32encode(random(_ACCESS_KEY_BYTES)).decode()
    return access_key_id, base64.b64encode(random(_SECRET_BYTES)).decode()
