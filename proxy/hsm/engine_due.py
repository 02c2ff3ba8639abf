"""Ending keys, and what happens to them without a call: rotations and deletions that have fallen due.

Each is a change of its own: one that cannot be written leaves the others done, and falls due again at the
next look. A destroyed key leaves neither material nor alias; a clock that is set back finds nothing to bring
back.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proxy.hsm.core.lifecycle import AUTOMATIC, is_rotation_due, with_deletion, without_deletion
from proxy.hsm.core.minting import next_version
from proxy.hsm.core.model import Key
from proxy.hsm.engine_desk import Call, Desk

Response = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that the service did to a key by itself. The names are those of AWS's own events."""

    name: str
    key: Key


@dataclass(frozen=True, slots=True)
class DeletionActions:
    desk: Desk

    def schedule_key_deletion(self, call: Call) -> Response:
        key = self.desk.managed_key(call, call.request["KeyId"])
        key = with_deletion(key, call.request.get("PendingWindowInDays"), self.desk.clock())
        self.desk.ring.put_key(key)
        return {
            "KeyId": key.arn,
            "DeletionDate": key.deletion_epoch,
            "KeyState": key.state.value,
            "PendingWindowInDays": key.deletion_window_days,
        }

    def cancel_key_deletion(self, call: Call) -> Response:
        key = without_deletion(self.desk.managed_key(call, call.request["KeyId"]))
        self.desk.ring.put_key(key)
        return {"KeyId": key.arn}


def do_due(desk: Desk) -> Iterator[Happening]:
    """Does one thing that is due for each value taken. Raises StoreFailed, with that one thing not done."""
    now = desk.clock()
    for key in desk.ring.every_key():
        if desk.has_ended(key) or is_rotation_due(key, now):
            with desk.lock:
                happened = _maybe_done(desk, key, now)
            if happened:
                yield happened


def _maybe_done(desk: Desk, seen: Key, now_epoch: float) -> Happening | None:
    """None where a call was quicker."""
    key = desk.ring.key(seen.region, seen.key_id)
    if key is not None and desk.has_ended(key):
        desk.ring.destroy(key)
        desk.ended.discard(key.arn)
        return Happening(name="DeleteKey", key=key)
    if key is not None and is_rotation_due(key, now_epoch):
        key, version = next_version(key, AUTOMATIC, now_epoch=now_epoch, random=desk.random)
        desk.ring.rotate(key, version)
        return Happening(name="RotateKey", key=key)
    return None
