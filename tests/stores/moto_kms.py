"""Moto as AWS KMS, with multi-Region keys that are like AWS's.

Moto has them, with one key material for all regions. But it makes their ids 40 characters long, where AWS's
have 36, and cuts them in its ciphertext, so that nothing opens again; ReplicateKey takes no ARN there; and
replicas share their aliases and grants, which AWS keeps apart.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from moto.kms import models
from moto.server import ThreadedMotoServer


@contextmanager
def multi_region_keys() -> Iterator[None]:
    """Made right while inside, for every moto of this process."""
    replicate = models.KmsBackend.replicate_key

    def by_arn(backend: Any, key_id: str, replica_region: str) -> Any:
        replica = replicate(backend, backend.get_key_id(key_id), replica_region)
        replica.aliases, replica.grants = {}, {}
        return replica

    def key_id(multi_region: bool = False) -> str:  # noqa: FBT001, FBT002  # moto's own signature
        return f"mrk-{uuid.uuid4().hex}" if multi_region else str(uuid.uuid4())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "generate_key_id", key_id)
        patch.setattr(models.KmsBackend, "replicate_key", by_arn)
        yield


@contextmanager
def moto_server() -> Iterator[str]:
    """Its URL. All regions and, in one process, all servers share their keys."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def moto_kms() -> Iterator[str]:
    """Its URL, with multi-Region keys."""
    with multi_region_keys(), moto_server() as url:
        yield url
