"""Emptying the store between two tests: Reset, an action of our own.

There is no such action unless the configuration says so (hsm.test_reset), and a service whose store was not
made for tests refuses to start with that: so no store of anybody's keys can be emptied, however it is
configured.
"""

from dataclasses import dataclass
from typing import Any

from proxy.hsm.engine_desk import Call, Desk
from proxy.hsm.store import StoreKeepsKeys

RESET = "Reset"


@dataclass(frozen=True, slots=True)
class ResetActions:
    desk: Desk

    def __post_init__(self) -> None:
        """Raises StoreKeepsKeys."""
        if self.desk.ring.purpose is None:
            raise StoreKeepsKeys(
                "hsm.test_reset: the store was not made for tests, and must not be emptied: leave that out,"
                " or make another store with `sealgate hsm init --for-tests`"
            )

    def reset(self, _call: Call) -> dict[str, Any]:
        """Of all accounts and regions."""
        self.desk.ring.clear()
        return {}
