"""How keys and aliases are named: ids, ARNs, alias names, and the KeyId that may be any of them.

Says what a name means, never whether it exists. The forms and their errors are those of AWS's page "Find
the key ID and key ARN" and of its API reference.
"""

import re
from dataclasses import dataclass

from proxy.hsm.core.errors import KmsError

ALIAS_PREFIX = "alias/"
AWS_PREFIX = "alias/aws/"
OWN_PREFIX = "alias/sealgate/"
RESERVED_PREFIXES = (AWS_PREFIX, OWN_PREFIX)
MANAGED_ALIAS = "alias/aws/s3"
OWNED_ALIAS = "alias/sealgate/owned"

SERVICE_ACCOUNT = "000000000000"
"""Whose the owned keys are: nobody's, so that no account ever lists or names them."""

_HEX = "[0-9a-f]"
_KEY_ID = re.compile(rf"mrk-{_HEX}{{32}}|{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}")
_ALIAS_NAME = re.compile(r"alias/[a-zA-Z0-9/_-]{1,250}")
_ARN = re.compile(r"arn:aws:kms:([a-z0-9-]+):([0-9]{12}):(?:key/(.+)|(alias/.+))")


_NO_PREFIX = (
    'Alias must start with the prefix "alias/". Please see '
    "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a KeyId says. Exactly one of key_id and alias is set; account and region only where it was an
    ARN.
    """

    key_id: str = ""
    alias: str = ""
    account: str = ""
    region: str = ""


def key_arn(region: str, account: str, key_id: str) -> str:
    return f"arn:aws:kms:{region}:{account}:key/{key_id}"


def alias_arn(region: str, account: str, name: str) -> str:
    return f"arn:aws:kms:{region}:{account}:{name}"


def reference(key_id: str) -> Reference:
    """Raises NotFoundException or InvalidArnException for what is no form of KeyId."""
    if key_id.startswith("arn:"):
        return _arn_reference(key_id)
    if key_id.startswith(ALIAS_PREFIX):
        return Reference(alias=key_id)
    if not _KEY_ID.fullmatch(key_id):
        raise KmsError("NotFoundException", f"Invalid keyId '{key_id}'")
    return Reference(key_id=key_id)


def check_alias_name(name: str) -> None:
    """Raises ValidationException for what no alias may be called, and NotAuthorizedException for a reserved
    name.
    """
    if not name.startswith(ALIAS_PREFIX):
        raise KmsError("ValidationException", _NO_PREFIX)
    if name.startswith(RESERVED_PREFIXES):
        raise KmsError("NotAuthorizedException", "")
    if not _ALIAS_NAME.fullmatch(name):
        raise KmsError("ValidationException", f"{name} contains invalid characters for an alias")


def _arn_reference(arn: str) -> Reference:
    found = _ARN.fullmatch(arn)
    if found is None:
        raise KmsError("InvalidArnException", f"Invalid arn {arn}")
    region, account, key_id, alias = found.groups()
    if key_id is not None and not _KEY_ID.fullmatch(key_id):
        raise KmsError("NotFoundException", f"Invalid keyId '{key_id}'")
    return Reference(key_id=key_id or "", alias=alias or "", account=account, region=region)
