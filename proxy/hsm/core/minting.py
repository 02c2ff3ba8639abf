"""New keys, of a customer and of the service, and new versions of keys. Randomness and time come in as
arguments.
"""

from collections.abc import Callable
from uuid import UUID

from proxy.hsm.core import names
from proxy.hsm.core.lifecycle import managed_rotation, rotated, with_rotation
from proxy.hsm.core.material import MATERIAL_SIZE, KeyMaterial
from proxy.hsm.core.model import Alias, Key, KeyVersion, Manager, new_version
from proxy.hsm.core.states import KeyState

SERVICE_KEYS: dict[str, tuple[Manager, str]] = {
    names.MANAGED_ALIAS: (Manager.AWS, "Protects S3 objects where no other key is named"),
    names.OWNED_ALIAS: (Manager.OWNED, "The service's own key: protects objects where no key is asked for"),
}
"""Aliases whose keys the service makes itself, with the class and the description they get."""


def new_key(
    *,
    account: str,
    region: str,
    manager: Manager,
    now_epoch: float,
    random: Callable[[int], bytes],
    description: str = "",
    tags: tuple[tuple[str, str], ...] = (),
    policy: str = "",
) -> tuple[Key, KeyVersion]:
    """An enabled symmetric key with fresh material of our own."""
    key_id = str(UUID(bytes=random(16), version=4))
    key = Key(
        key_id=key_id,
        account=account,
        region=region,
        manager=manager,
        state=KeyState.ENABLED,
        created_epoch=now_epoch,
        description=description,
        tags=tags,
        policy=policy,
    )
    period = managed_rotation(manager)
    if period is not None:
        key = with_rotation(key, period, now_epoch)
    return key, new_version(key_id, 1, _material(random), now_epoch)


def next_version(
    key: Key, kind: str, *, now_epoch: float, random: Callable[[int], bytes]
) -> tuple[Key, KeyVersion]:
    """The key, rotated, and the version that it is on now."""
    key = rotated(key, kind, now_epoch)
    return key, new_version(key.key_id, key.version, _material(random), now_epoch, rotation=kind)


def _material(random: Callable[[int], bytes]) -> KeyMaterial:
    return KeyMaterial(bytearray(random(MATERIAL_SIZE)))


def new_service_key(
    alias: str, *, account: str, region: str, now_epoch: float, random: Callable[[int], bytes]
) -> tuple[Key, KeyVersion, Alias]:
    """The key that a service's alias stands for, and the alias."""
    manager, description = SERVICE_KEYS[alias]
    key, version = new_key(
        account=account,
        region=region,
        manager=manager,
        now_epoch=now_epoch,
        random=random,
        description=description,
    )
    named = Alias(
        name=alias,
        account=account,
        region=region,
        target_key_id=key.key_id,
        created_epoch=now_epoch,
        updated_epoch=now_epoch,
    )
    return key, version, named
