"""Contradictions between the fields that say where keys come from: `kms.backends` and `hsm`.

As proxy/config/check.py, which has those of everything else.
"""

import os
from collections.abc import Iterator
from dataclasses import fields
from typing import cast
from urllib.parse import urlsplit

from proxy.config.errors import Problem
from proxy.config.patterns import meet
from proxy.config.root_key import AwsKmsRoot
from proxy.config.schema import AwsBackend, Config, HsmBackend

MAX_SOCKET_PATH_BYTES = 100
"""sun_path holds 108 bytes on Linux and 104 elsewhere, with the final zero."""


def key_services(config: Config) -> Iterator[Problem]:
    for check in (_backends, _claims, _aws_backends, _aws_identities, _hsm):
        yield from check(config)


def _backends(config: Config) -> Iterator[Problem]:
    backends = config.kms.backends
    writing = [i for i, b in enumerate(backends) if b.write]
    if not writing:
        yield Problem(
            "kms.backends", "none writes: add `write: true` to the one that is to make new data keys"
        )
    for i in writing[1:]:
        yield Problem(f"kms.backends[{i}].write", f"kms.backends[{writing[0]}] writes already: only one may")
    hsm = [i for i, b in enumerate(backends) if isinstance(b, HsmBackend)]
    for i in hsm:
        yield from _hsm_backend(config, f"kms.backends[{i}]", cast("HsmBackend", backends[i]))
    for i in hsm[1:]:
        yield Problem(f"kms.backends[{i}].type", f"kms.backends[{hsm[0]}] is the hsm already: there is one")


def _hsm_backend(config: Config, path: str, backend: HsmBackend) -> Iterator[Problem]:
    """One here, or one elsewhere with what it takes to reach that."""
    if backend.endpoint_url is None:
        if config.hsm is None:
            yield Problem(
                f"{path}.type", "hsm needs the section hsm: with store and root_key, or endpoint_url"
            )
        for name in ("access_key_id", "secret_access_key", "ca_file"):
            if getattr(backend, name) is not None:
                yield Problem(f"{path}.{name}", "is for endpoint_url alone: the key service here needs none")
        return
    for name in ("access_key_id", "secret_access_key"):
        if getattr(backend, name) is None:
            yield Problem(
                f"{path}.{name}", "is missing: write the access key of an identity of kind proxy there"
            )


def _claims(config: Config) -> Iterator[Problem]:
    for i, backend in enumerate(config.kms.backends):
        for j, other in enumerate(config.kms.backends[:i]):
            clash = [(a, b) for a in backend.arns for b in other.arns if meet(a, b)]
            if clash:
                message = f"{clash[0][0]} meets {clash[0][1]} of kms.backends[{j}]: no key ARN may fit both"
                yield Problem(f"kms.backends[{i}].arns", message)


def _aws_backends(config: Config) -> Iterator[Problem]:
    for i, backend in _aws(config):
        path = f"kms.backends[{i}]"
        yield from _half_credentials(path, backend)
        for j, other in enumerate(backend.failover_regions):
            if other.region in {backend.region, *(each.region for each in backend.failover_regions[:j])}:
                yield Problem(
                    f"{path}.failover_regions[{j}].region", f"{other.region} is there already: name another"
                )
        if backend.owned_key == backend.managed_key:
            yield Problem(
                f"{path}.managed_key", "must be another key than owned_key: clients see which one was used"
            )
        for name, key in (("owned_key", backend.owned_key), ("managed_key", backend.managed_key)):
            if "alias/aws/" in key:
                yield Problem(
                    f"{path}.{name}", "AWS lets nobody else use alias/aws/*: name a key of your own"
                )


def _aws_identities(config: Config) -> Iterator[Problem]:
    for i, who in enumerate(config.identities):
        given = [name for name in ("assume_role", "aws_credentials") if getattr(who, name) is not None]
        for name in given:
            if not _aws(config):
                yield Problem(f"identities[{i}].{name}", "says nothing: no kms.backends has type aws")
        if len(given) > 1:
            yield Problem(
                f"identities[{i}].aws_credentials", "stands beside assume_role: write one of the two"
            )


def _hsm(config: Config) -> Iterator[Problem]:
    hsm = config.hsm
    if hsm is None:
        return
    root = hsm.root_key
    kinds = [kind.name for kind in fields(root)]
    if len([kind for kind in kinds if getattr(root, kind) is not None]) != 1:
        yield Problem("hsm.root_key", f"must have exactly one of {', '.join(kinds)}")
    if root.aws_kms:
        yield from _aws_root(root.aws_kms)
    for name in ("passphrase_file", "passphrase_env"):
        if config.fips == "required" and getattr(root, name) is not None:
            yield Problem(
                f"hsm.root_key.{name}",
                "needs scrypt, which fips: required rules out: write file, env, aws_kms or pkcs11",
            )
    if config.region not in hsm.regions:
        yield Problem("hsm.regions", f"must hold {config.region}, the region of the S3 side")
    if len(os.fsencode(hsm.socket)) > MAX_SOCKET_PATH_BYTES:
        yield Problem(
            "hsm.socket", f"{hsm.socket} is longer than {MAX_SOCKET_PATH_BYTES} bytes: choose a shorter path"
        )


def _aws_root(root: AwsKmsRoot) -> Iterator[Problem]:
    path, url = "hsm.root_key.aws_kms", urlsplit(root.endpoint_url or "")
    yield from _half_credentials(path, root)
    if "alias/aws/" in root.key_id:
        yield Problem(f"{path}.key_id", "AWS lets nobody else use alias/aws/*: name a key of your own")
    if url.scheme == "http" and url.hostname not in ("127.0.0.1", "::1", "localhost"):
        yield Problem(f"{path}.endpoint_url", "must be https://: the root key comes from there in the clear")


def _half_credentials(path: str, section: AwsBackend | AwsKmsRoot) -> Iterator[Problem]:
    if (section.access_key_id is None) != (section.secret_access_key is None):
        missing = "access_key_id" if section.access_key_id is None else "secret_access_key"
        yield Problem(f"{path}.{missing}", "is missing: write both, or neither for the AWS credential chain")


def _aws(config: Config) -> list[tuple[int, AwsBackend]]:
    return [(i, b) for i, b in enumerate(config.kms.backends) if isinstance(b, AwsBackend)]
