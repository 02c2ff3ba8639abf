"""The types of the fields below `hsm.root_key`: where the HSM finds its root key."""

from dataclasses import dataclass

from proxy.config.terms import AccessKeyId, EnvironmentName, FilePath, KeyId, Region, Secret, Timeout, Url


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
class RootKey:
    """Where the HSM finds its root key: exactly one. The HSM reads it, not the loader: it may yet be made."""

    file: FilePath | None = None
    env: EnvironmentName | None = None
    passphrase_file: FilePath | None = None
    passphrase_env: EnvironmentName | None = None
    aws_kms: AwsKmsRoot | None = None
