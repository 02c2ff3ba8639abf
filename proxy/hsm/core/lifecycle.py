"""When a key's material is exchanged, and when a key ends: decided from the key and the time alone.

Rules: AWS's pages "Rotate KMS keys" and "Deleting AWS KMS keys". A rotation that fell due while the key was
disabled, or while nothing ran, is made up for once; what fell due in between is not. A key whose waiting
time is over is gone from that moment, whether or not anybody has swept it away yet.
"""

from dataclasses import replace

from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.model import Key, Manager
from proxy.hsm.core.states import KeyState

DAY_SECONDS = 86_400.0
DEFAULT_ROTATION_DAYS = 365
SHORTEST_WAIT_DAYS, LONGEST_WAIT_DAYS = 7, 30
AUTOMATIC, ON_DEMAND = "AUTOMATIC", "ON_DEMAND"


def with_rotation(key: Key, days: int | None, now_epoch: float) -> Key:
    """The key, rotated automatically from now on. To ask again for what is there already moves no date."""
    period = days or DEFAULT_ROTATION_DAYS
    if key.rotation_days == period:
        return key
    return replace(key, rotation_days=period, next_rotation_epoch=now_epoch + period * DAY_SECONDS)


def without_rotation(key: Key) -> Key:
    return replace(key, rotation_days=None, next_rotation_epoch=None)


def is_rotation_due(key: Key, now_epoch: float) -> bool:
    due = key.next_rotation_epoch
    return due is not None and key.state is KeyState.ENABLED and due <= now_epoch


def rotated(key: Key, kind: str, now_epoch: float) -> Key:
    """The key on its next version. An automatic rotation sets the date of the next one: on the schedule,
    unless this one was late by a day or more. One on demand leaves the schedule as it was.
    """
    if kind == ON_DEMAND:
        return replace(key, version=key.version + 1, on_demand_rotations=key.on_demand_rotations + 1)
    if key.rotation_days is None or key.next_rotation_epoch is None:
        raise AssertionError(f"{key.arn} is not rotated automatically")
    due = key.next_rotation_epoch
    since = due if now_epoch - due < DAY_SECONDS else now_epoch
    return replace(key, version=key.version + 1, next_rotation_epoch=since + key.rotation_days * DAY_SECONDS)


def with_deletion(key: Key, window_days: int | None, now_epoch: float) -> Key:
    """The key, pending deletion. Raises ValidationException."""
    days = LONGEST_WAIT_DAYS if window_days is None else window_days
    if not SHORTEST_WAIT_DAYS <= days <= LONGEST_WAIT_DAYS:
        says = f"PendingWindowInDays must be between {SHORTEST_WAIT_DAYS} and {LONGEST_WAIT_DAYS}, inclusive"
        raise KmsError("ValidationException", says)
    return replace(
        key,
        state=KeyState.PENDING_DELETION,
        deletion_window_days=days,
        deletion_asked_epoch=now_epoch,
        deletion_epoch=now_epoch + days * DAY_SECONDS,
    )


def without_deletion(key: Key) -> Key:
    """AWS brings a key back disabled, whatever it was before."""
    return replace(
        key,
        state=KeyState.DISABLED,
        deletion_window_days=None,
        deletion_asked_epoch=None,
        deletion_epoch=None,
    )


def is_gone(key: Key, now_epoch: float) -> bool:
    return key.deletion_epoch is not None and key.deletion_epoch <= now_epoch


def managed_rotation(manager: Manager) -> int | None:
    """The service's keys are rotated each year, from the day that they are made."""
    return None if manager is Manager.CUSTOMER else DEFAULT_ROTATION_DAYS
