"""Whose a file is that takes another's place.

A command that root types (`sudo sealgate hsm restore`) must leave files that the service's user can open:
those of another owner would end its next start.
"""

import os
from contextlib import suppress
from pathlib import Path


def keep_owner(held: int, place: Path) -> None:
    """Gives an open file to whom `place` belongs, or where nothing is there its directory.

    Where this user may not, or the file system knows no owners, it stays as it is. By descriptor: whoever
    owns the directory could have put a link to another's file in the place of a name.
    """
    with suppress(OSError):
        there = (place if place.exists() else place.parent).stat()
        os.fchown(held, there.st_uid, there.st_gid)


def keep_owner_of(file: Path, place: Path) -> None:
    """The same for one that is closed."""
    with suppress(OSError):
        held = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            keep_owner(held, place)
        finally:
            os.close(held)
