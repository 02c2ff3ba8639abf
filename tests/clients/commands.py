"""A client that is a program: started with its own settings and home, and nothing of the user's."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    out: bytes
    told: str
    """Standard error."""

    @property
    def text(self) -> str:
        return self.out.decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    words: tuple[str, ...]
    home: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *more: object, stdin: bytes = b"", fails: bool = False) -> Said:
        done = subprocess.run(
            [*self.words, *map(str, more)],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=SECONDS,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.home),
                "TZ": "UTC",
                "LC_ALL": "C.UTF-8",
                **self.environ,
            },
        )
        said = Said(out=done.stdout, told=done.stderr.decode())
        assert (done.returncode != 0) is fails, f"{done.returncode}: {said.told}"
        return said


def tree(root: Path, files: Mapping[str, bytes]) -> Path:
    """A directory with these files in it."""
    for name, body in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(body)
    return root


def files_in(root: Path) -> dict[str, bytes]:
    """The inverse of `tree`."""
    return {str(each.relative_to(root)): each.read_bytes() for each in root.rglob("*") if each.is_file()}
