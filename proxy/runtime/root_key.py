"""From the section `hsm.root_key` to the source that it names, for the HSM and the commands on its store."""

from collections.abc import Mapping
from pathlib import Path

from proxy.config.root_key import AwsKmsRoot, RootKey, TokenRootKey
from proxy.hsm.aws_root import AwsKmsKey
from proxy.hsm.root import RootSource, root_source
from proxy.hsm.token import TokenKey
from proxy.hsm.token_root import TokenRoot

TEXTS = ("file", "env", "passphrase_file", "passphrase_env")


def root_key_source(
    root_key: RootKey, environment: Mapping[str, str], *, unattended: bool = False
) -> RootSource:
    """The one that is given; the loader saw to it that one is. `environment` holds its variable. A start is
    unattended: it may be one of many.
    """
    if root_key.aws_kms:
        return _at_aws(root_key.aws_kms)
    if root_key.pkcs11:
        return _in_token(root_key.pkcs11, unattended=unattended)
    kind, setting = next((k, v) for k in TEXTS if (v := getattr(root_key, k)) is not None)
    return root_source(kind, setting, environment)


def _at_aws(section: AwsKmsRoot) -> AwsKmsKey:
    secret = section.secret_access_key
    return AwsKmsKey(
        key_id=section.key_id,
        sealed_file=Path(section.sealed_file),
        region=section.region,
        endpoint_url=section.endpoint_url,
        access_key_id=section.access_key_id,
        secret_access_key=secret.reveal() if secret else None,
        connect_timeout_seconds=section.connect_timeout_seconds,
        read_timeout_seconds=section.read_timeout_seconds,
    )


def _in_token(section: TokenRootKey, *, unattended: bool) -> TokenRoot:
    return TokenRoot(
        place=TokenKey(
            module=Path(section.module),
            token=section.token,
            key=section.key,
            pin=section.pin.reveal(),
            unattended=unattended,
        ),
        sealed_file=Path(section.sealed_file),
    )
