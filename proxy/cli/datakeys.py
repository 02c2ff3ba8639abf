"""Where `sealgate open` gets data keys from, without a proxy: the stopped key service's store, or its API.

Each source is an `Unwrap` of recovery/unlock.py. What it refuses with is one line that says what to do.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config as BotoConfig
from botocore.exceptions import BotoCoreError, ClientError

from proxy.config.schema import Config, Hsm
from proxy.hsm.core.access import Principal
from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.names import SERVICE_ACCOUNT
from proxy.hsm.engine import Engine
from proxy.hsm.init import open_sqlite_store
from proxy.hsm.root import RootKeyError, RootSource
from proxy.hsm.store import StoreBusy, StoreError

Unwrap = Callable[[str, bytes, dict[str, str]], bytes]


class KeySourceRefused(Exception):
    """No data key; the text is one line that says why and what to do."""


@contextmanager
def from_store(config: Config, hsm: Hsm, source: RootSource) -> Iterator[Unwrap]:
    """The built-in key service's own store, which this process alone has open meanwhile.

    Raises KeySourceRefused.
    """
    try:
        store = open_sqlite_store(Path(hsm.store), source, random=os.urandom)
        engine = Engine(
            store, clock=time.time, random=os.urandom, accounts=config.accounts, regions=hsm.regions
        )
    except StoreBusy as exc:
        raise KeySourceRefused(f"{exc}: stop the service, or ask it with --kms-endpoint") from None
    except (StoreError, RootKeyError) as exc:
        raise KeySourceRefused(str(exc)) from None
    try:
        yield partial(_from_engine, engine)
    finally:
        engine.close()


def _from_engine(engine: Engine, key_arn: str, wrapped: bytes, context: dict[str, str]) -> bytes:
    request = {"KeyId": key_arn, "CiphertextBlob": wrapped, "EncryptionContext": context}
    try:
        opened = engine.call(_whoever_may(key_arn), "Decrypt", request).response
    except KmsError as exc:
        raise KeySourceRefused(f"{key_arn}: {_reason(OF_STORE, exc.code, exc.message)}") from None
    return _plaintext(opened, key_arn)


def _whoever_may(key_arn: str) -> Principal:
    """Whoever has root key and store may use every key; a disabled one stays disabled."""
    region, account = (key_arn.split(":", 5) + [""] * 5)[3:5]
    return Principal(
        arn=f"arn:aws:iam::{SERVICE_ACCOUNT}:role/sealgate-open",
        account=account,
        kind="operator",
        region=region,
    )


def from_api(endpoint: str) -> Unwrap:
    """A KMS that is running, with the credentials that botocore finds. Its calls raise KeySourceRefused."""
    return partial(_from_client, endpoint)


def _from_client(endpoint: str, key_arn: str, wrapped: bytes, context: dict[str, str]) -> bytes:
    region = (key_arn.split(":", 5) + [""] * 5)[3]
    try:
        session: Any = botocore.session.get_session()  # type: ignore[no-untyped-call] # botocore has no types
        client = session.create_client(
            "kms",
            endpoint_url=endpoint,
            region_name=region,
            config=BotoConfig(connect_timeout=5, read_timeout=10),  # type: ignore[no-untyped-call] # the same
        )
        opened = client.decrypt(KeyId=key_arn, CiphertextBlob=wrapped, EncryptionContext=context)
    except ClientError as exc:
        error = exc.response["Error"]
        reason = _reason(OF_API, error["Code"], error.get("Message", ""))
        raise KeySourceRefused(f"{key_arn}: {reason}") from None
    except (BotoCoreError, ValueError) as exc:
        raise KeySourceRefused(f"{endpoint}: {exc}") from None
    return _plaintext(opened, key_arn)


def _plaintext(opened: dict[str, Any], key_arn: str) -> bytes:
    """docs/FORMAT.md, "Asking the key service": the answer must name the key that was asked for."""
    if opened["KeyId"] != key_arn:
        raise KeySourceRefused(f"{key_arn}: the key service answered with another key: ask the right one")
    return bytes(opened["Plaintext"])


# What a person can do about it, where the error's own words do not say.
REMEDIES = {
    "DisabledException": "enable the key first",
    "InvalidCiphertextException": "a damaged header, or another object's",
}
OF_STORE = REMEDIES | {
    "AccessDeniedException": "this store has no such key, or the configuration's accounts lack the key's",
}
OF_API = REMEDIES | {
    "AccessDeniedException": "these credentials may not use the key; the built-in service's own key is used"
    " by nobody but the proxy: stop the service, and open with --config instead",
}


def _reason(remedies: dict[str, str], code: str, message: str) -> str:
    return ": ".join(part for part in (code, message.rstrip("."), remedies.get(code)) if part)
