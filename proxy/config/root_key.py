"""The types of the fields below `hsm.root_key`: where the HSM finds its root key."""

from dataclasses import dataclass
from typing import Annotated

from proxy.config.terms import (
    AccessKeyId,
    Bounds,
    EnvironmentName,
    FilePath,
    KeyId,
    ModulePath,
    Region,
    Secret,
    Timeout,
    TokenLabel,
    Url,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsKmsRoot:
    """A root key that AWS KMS opens at each start. Without credentials: botocore's chain."""

    key_id: KeyId
    """The symmetric key at AWS under which it lies wrapped; no other opens it."""
    sealed_file: FilePath
    """What AWS wrapped; `sealgate hsm init` writes it."""
    region: Region = "us-east-1"
    endpoint_url: Url | None = None
    access_key_id: AccessKeyId | None = None
    secret_access_key: Secret | None = None
    connect_timeout_seconds: Timeout = 3.0
    read_timeout_seconds: Timeout = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRootKey:
    """A root key that a PKCS#11 token opens at each start."""

    module: ModulePath
    """The library that speaks to the token. It is loaded into the HSM's process."""
    token: TokenLabel
    key: TokenLabel
    """The AES key in the token under which the root key lies sealed; no other opens it."""
    pin: Secret
    sealed_file: FilePath
    """What the token sealed; `sealgate hsm init` writes it."""
    environment: Annotated[tuple[EnvironmentName, ...], Bounds(0, 64)] = ()
    """The variables that the module reads: the HSM's process gets no others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RootKey:
    """Where the HSM finds its root key: exactly one. The HSM reads it, not the loader: it may yet be made."""

    file: FilePath | None = None
    env: EnvironmentName | None = None
    passphrase_file: FilePath | None = None
    passphrase_env: EnvironmentName | None = None
    aws_kms: AwsKmsRoot | None = None
    pkcs11: TokenRootKey | None = None
