"""What the HSM keeps: keys, versions of their material, and aliases; and of a store, what it was made for.

Values, replaced and never edited. A key is one region's: its state, description, tags and aliases are its
own; its material is found by key id and version alone, because the replicas of a multi-Region key share
both.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from proxy.hsm.core import names
from proxy.hsm.core.material import KeyMaterial
from proxy.hsm.core.states import KeyState

SYMMETRIC = "SYMMETRIC_DEFAULT"


class Manager(StrEnum):
    """Whose key it is. The first two are AWS's KeyManager; the third is shown to proxies alone."""

    CUSTOMER = "CUSTOMER"
    AWS = "AWS"
    OWNED = "OWNED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    key_id: str
    account: str
    region: str
    manager: Manager
    state: KeyState
    created_epoch: float
    description: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    policy: str = ""
    """The key policy as it was put; empty for the one that a key has by itself."""
    spec: str = SYMMETRIC
    usage: str = "ENCRYPT_DECRYPT"
    origin: str = "AWS_KMS"
    version: int = 1
    """The version that new ciphertext is made under."""
    rotation_days: int | None = None
    """Between automatic rotations; None where there are none."""
    next_rotation_epoch: float | None = None
    """When the next automatic one is due. It stays while the key is disabled or pending deletion."""
    on_demand_rotations: int = 0
    deletion_window_days: int | None = None
    deletion_asked_epoch: float | None = None
    deletion_epoch: float | None = None
    """With the two above: set while the key is pending deletion. From then on the key is no more."""

    @property
    def arn(self) -> str:
        return names.key_arn(self.region, self.account, self.key_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyVersion:
    """One version of a key's material. Older ones open as long as the key is there."""

    key_id: str
    number: int
    created_epoch: float
    material_id: str
    """AWS's KeyMaterialId: 64 hexadecimal digits that say which material, and nothing about it."""
    material: KeyMaterial = field(repr=False, compare=False)
    rotation: str = ""
    """AUTOMATIC or ON_DEMAND, AWS's RotationType; empty for the first version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    name: str
    account: str
    region: str
    target_key_id: str
    created_epoch: float
    updated_epoch: float

    @property
    def arn(self) -> str:
        return names.alias_arn(self.region, self.account, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What a store was made for, where that is not to keep anybody's keys. It is said as the store is made,
    and never later.
    """

    name: str = "tests"


def new_version(
    key_id: str, number: int, material: KeyMaterial, created_epoch: float, *, rotation: str = ""
) -> KeyVersion:
    material_id = material.derive(b"sealgate kms material id 1" + key_id.encode()).hex()
    return KeyVersion(
        key_id=key_id,
        number=number,
        created_epoch=created_epoch,
        material_id=material_id,
        material=material,
        rotation=rotation,
    )
