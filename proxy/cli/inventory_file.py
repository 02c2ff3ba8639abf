"""Where the last inventory lies: a file that the configuration names, written whole or not at all, 0600.

A bucket's figures are put in as soon as it is through, so that an end in between loses one bucket's work.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from proxy.cli.whole_file import whole_file
from proxy.config.schema import Config
from proxy.hsm.durable import sync_directory
from proxy.hsm.owner import keep_owner
from proxy.jobs.inventory.counts import DamagedInventory, Inventory, inventory_of

NAME = "inventory.json"


def inventory_path(config: Config) -> Path | None:
    """None where the configuration has no place for one."""
    if config.inventory_file is not None:
        return Path(config.inventory_file)
    return Path(config.hsm.store).with_name(NAME) if config.hsm else None


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryFile:
    path: Path

    def read(self) -> Inventory | None:
        """None where none was taken. Raises DamagedInventory, and OSError."""
        try:
            return inventory_of(json.loads(self.path.read_text("utf-8")))
        except FileNotFoundError:
            return None
        except ValueError:  # neither JSON nor UTF-8
            raise DamagedInventory("is not one that `sealgate inventory` wrote") from None

    def change(self, changed: Callable[[Inventory], Inventory]) -> None:
        """By what is there now: another walk may have written meanwhile. A damaged one is begun anew.

        Raises OSError.
        """
        with _alone(self.path.parent):
            try:
                there = self.read()
            except DamagedInventory:
                there = None
            self._write(changed(there or Inventory()))

    def _write(self, inventory: Inventory) -> None:
        with whole_file(self.path) as file:
            keep_owner(file.fileno(), self.path)  # root may take it, and another ask `sealgate keys`
            file.write(json.dumps(inventory.as_json(), indent=1).encode())
        sync_directory(self.path.parent)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)
