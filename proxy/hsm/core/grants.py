"""Grants: permission for one principal to do a list of operations with one key, under constraints.

Rules: AWS's pages "Grants in AWS KMS", "Creating grants", GrantConstraints of the API reference. In a
constraint the names of an encryption context are compared without regard to case, its values are not. Who may
create grants through a grant may only create narrower ones.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from proxy.hsm.core.errors import KmsError

Pairs = tuple[tuple[str, str], ...]
"""Of an encryption context, in ascending order."""

OPERATIONS: dict[str, frozenset[str]] = {
    "SYMMETRIC_DEFAULT": frozenset(
        {"CreateGrant", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair"}
        | {"GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext"}
        | {"ReEncryptFrom", "ReEncryptTo", "RetireGrant"}
    ),
}
"""What a grant on a key of each spec may list."""

CONSTRAINED = frozenset(
    {"Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"}
    | {"GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo"}
)
"""Operations that have an encryption context; to the others its constraints do not apply."""

MOST_PAIRS, LONGEST_PAIR = 8, 384
"""Of a constraint: AWS's CreateGrant, "Constraints"."""

_is_principal = re.compile(
    r"arn:aws:iam::[0-9]{12}:(?:root|(?:user|role)/[^*?]+)"
    r"|arn:aws:sts::[0-9]{12}:(?:assumed-role|federated-user)/[^*?]+"
).fullmatch
_is_session = re.compile(r"arn:aws:sts::([0-9]{12}):assumed-role/([^/]+)/.+").fullmatch
_TOKEN_VERSION, _NONCE_SIZE, _ID_SIZE = b"\1", 16, 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    grant_id: str
    """64 hexadecimal digits."""
    key_arn: str
    created_epoch: float
    issuing_account: str
    operations: tuple[str, ...]
    """In ascending order."""
    name: str = ""
    grantee: str = ""
    grantee_service: str = ""
    """One of the two is there."""
    retiring: str = ""
    retiring_service: str = ""
    context_equals: Pairs | None = None
    context_subset: Pairs | None = None
    source_arn: str = ""

    @property
    def record_name(self) -> str:
        return f"{self.key_arn}/{self.grant_id}"

    @property
    def region(self) -> str:
        return self.key_arn.split(":", 4)[3]

    @property
    def context(self) -> dict[str, str]:
        """All pairs that its constraints name."""
        return dict((self.context_equals or ()) + (self.context_subset or ()))

    @property
    def constraint_types(self) -> tuple[str, ...]:
        named = {
            "EncryptionContextEquals": self.context_equals,
            "EncryptionContextSubset": self.context_subset,
            "SourceArn": self.source_arn or None,
        }
        return tuple(name for name, value in named.items() if value is not None)


def pairs_of(context: Mapping[str, str]) -> Pairs:
    return tuple(sorted(context.items()))


def allows(
    grant: Grant, operation: str, *, context: Mapping[str, str], proposed: Grant | None, source_arn: str = ""
) -> bool:
    """Whether the grant lists the operation and its constraints hold. `proposed` is the grant that
    CreateGrant is to make.
    """
    if operation not in grant.operations:
        return False
    if operation == "CreateGrant":
        return proposed is not None and is_narrower(proposed, grant)
    if grant.source_arn and operation != "RetireGrant" and grant.source_arn != source_arn:
        return False
    if operation not in CONSTRAINED:
        return True
    return _context_holds(grant, pairs_of(context))


def is_narrower(grant: Grant, parent: Grant) -> bool:
    """Allows no more than its parent: "Granting CreateGrant permission" of AWS's guide."""
    if not set(grant.operations) <= set(parent.operations):
        return False
    if parent.source_arn and grant.source_arn != parent.source_arn:
        return False
    equals, subset = _folded(grant.context_equals or ()), _folded(grant.context_subset or ())
    if parent.context_equals is not None and (
        grant.context_equals is None or equals != _folded(parent.context_equals)
    ):
        return False
    return set(_folded(parent.context_subset or ())) <= {*equals, *subset}


def names_of(arn: str) -> tuple[str, ...]:
    """The names that a grant may have for a principal: its own, and for a session its role's."""
    session = _is_session(arn)
    return (arn, f"arn:aws:iam::{session[1]}:role/{session[2]}") if session else (arn,)


def check_principal(arn: str) -> None:
    """Raises InvalidArnException. Whether there is such an identity is not asked: see docs/kms-api.md."""
    if not _is_principal(arn):
        raise KmsError("InvalidArnException", f"ARN does not refer to a valid principal: {arn}")


def checked_pairs(context: Mapping[str, str] | None) -> Pairs | None:
    """Raises ValidationException. An empty constraint is none."""
    if not context:
        return None
    if len(context) > MOST_PAIRS:
        raise KmsError("ValidationException", f"A constraint holds at most {MOST_PAIRS} pairs")
    if any(len(name) + len(value) > LONGEST_PAIR for name, value in context.items()):
        says = f"A pair of a constraint has at most {LONGEST_PAIR} characters"
        raise KmsError("ValidationException", says)
    return pairs_of(context)


def token(grant: Grant, nonce: bytes) -> str:
    """A token says which grant is meant and proves nothing: AWS calls its own "nonsecret" too."""
    plain = _TOKEN_VERSION + nonce + bytes.fromhex(grant.grant_id) + grant.key_arn.encode()
    return base64.b64encode(plain + zlib.crc32(plain).to_bytes(4)).decode()


def token_target(text: str) -> tuple[str, str]:
    """Key ARN and grant id. Raises InvalidGrantTokenException."""
    try:
        raw = base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise invalid_token() from exc
    plain, check = raw[:-4], raw[-4:]
    if plain[:1] != _TOKEN_VERSION or zlib.crc32(plain).to_bytes(4) != check:
        raise invalid_token()
    begin = len(_TOKEN_VERSION) + _NONCE_SIZE
    return plain[begin + _ID_SIZE :].decode(errors="replace"), plain[begin : begin + _ID_SIZE].hex()


def invalid_token() -> KmsError:
    return KmsError("InvalidGrantTokenException", "The grant token is not valid")


def _context_holds(grant: Grant, context: Pairs) -> bool:
    given = _folded(context)
    if grant.context_equals is not None and given != _folded(grant.context_equals):
        return False
    return set(_folded(grant.context_subset or ())) <= set(given)


def _folded(pairs: Pairs) -> list[tuple[str, str]]:
    return sorted((name.lower(), value) for name, value in pairs)
