"""A key service that dies at any moment: what it acknowledged holds, and nothing is half done."""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.hsm import crashing
from tests.hsm.crashing import MOST_SYNCS, WHENS
from tests.hsm.rig import user
from tests.tools import debian

ROUNDS = 2
KILLS = 200
MEMORY = "/dev/shm"  # noqa: S108 -- a directory of its own is made there
ENOUGH_BYTES = 8 << 20
LONG_ROUNDS = 40
"""More than any of the random kills lets happen."""

Snapshots = list[dict[str, Any]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """In memory where the machine has such a place: a kill takes nothing that was written, and no disk is
    waited for.
    """
    in_memory = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH_BYTES
    with TemporaryDirectory(dir=MEMORY if in_memory else tmp_path_factory.getbasetemp()) as made:
        yield Path(made)


@pytest.fixture(scope="module")
def made(place: Path) -> Path:
    """A store as init leaves it; each run gets a copy."""
    directory = place / "made"
    directory.mkdir()
    crashing.make(directory)
    return directory


@pytest.fixture
def fresh(made: Path, place: Path) -> Callable[[], Path]:
    def copied() -> Path:
        directory = place / "store"
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(made, directory)
        return directory

    return copied


def undisturbed(directory: Path, rounds: int) -> Snapshots:
    """What the store holds before the first step and after each."""
    with closing(crashing.opened(directory)) as engine:
        found = [crashing.snapshot(engine)]
        crashing.run(engine, rounds, lambda: found.append(crashing.snapshot(engine)))
    return found


def check(directory: Path, acknowledged: int, expected: Snapshots) -> None:
    """All that was promised, and at most the one step more that was under way; and it goes on."""
    with closing(crashing.opened(directory)) as engine:
        held = crashing.snapshot(engine)
        engine.call(user(), "CreateKey", {})

    assert held in expected[acknowledged : acknowledged + 2]


class Killed:
    """A server of runs that kill themselves at a statement."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(
        self, directory: Path, rounds: int, when: str, at: int, pause_microseconds: int = 0
    ) -> tuple[int, bool]:
        """Acknowledged steps, and whether it died."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{directory} {rounds} {when} {at} {pause_microseconds}\n")
        self._process.stdin.flush()
        count, status = self._process.stdout.readline().split()
        return int(count), int(status) != 0


@contextmanager
def killing(*under: str) -> Iterator[Killed]:
    program = [*under, sys.executable, "-m", "tests.hsm.crashing"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Killed(process)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture(scope="module")
def killed() -> Iterator[Killed]:
    with killing() as made:
        yield made


@pytest.mark.parametrize("when", WHENS)
def test_killed_at_any_statement(fresh: Callable[[], Path], killed: Killed, when: str) -> None:
    """Before and after each, those of the start among them."""
    expected = undisturbed(fresh(), ROUNDS)
    at, died, seen = 0, True, set()
    while died:
        at += 1
        directory = fresh()
        acknowledged, died = killed.run(directory, ROUNDS, when, at)
        check(directory, acknowledged, expected)
        seen.add(acknowledged)

    assert seen == set(range(len(expected)))
    assert at > 3 * len(expected)


def test_killed_at_random(fresh: Callable[[], Path], killed: Killed) -> None:
    """As a machine does it: at any moment, in any of its calls."""
    expected = undisturbed(fresh(), LONG_ROUNDS)
    chance = random.Random(3)  # noqa: S311 -- when to kill
    seen = set()
    for _ in range(KILLS):
        directory = fresh()
        at, pause = chance.randrange(40), chance.randrange(3000)
        acknowledged, died = killed.run(directory, LONG_ROUNDS, "random", at, pause)
        check(directory, acknowledged, expected)
        assert died
        seen.add(acknowledged)

    assert len(seen) > 20


@pytest.mark.parametrize("call", ["fdatasync", "fsync"])
@pytest.mark.parametrize("fault", ["signal=SIGKILL", "error=EIO"])
def test_killed_at_any_sync_or_refused_it(
    fresh: Callable[[], Path], tmp_path: Path, call: str, fault: str
) -> None:
    """The store's, and the witness's. A disk that says no is a step that was not done."""
    log = tmp_path / "strace.log"
    under = [*strace(log, call), "-e", f"inject={call}:{fault}:when={MOST_SYNCS}"]
    expected = undisturbed(fresh(), 1)
    at, hit = 0, True
    with killing(*under) as killed:
        while hit:
            at += 1
            directory = fresh()
            acknowledged, died = killed.run(directory, 1, call, at)
            hit = died or log.read_text().count("INJECTED") == at
            check(directory, acknowledged, expected)

    assert len(expected) < at < MOST_SYNCS


def strace(log: Path, call: str) -> list[str]:
    """Tells of that call alone. Where a container may trace nothing, the test is skipped."""
    program = [debian("strace"), "-f", "-qq", "-o", str(log), "-e", f"trace={call}"]
    tried = subprocess.run([*program, "true"], capture_output=True, check=False)
    if b"Operation not permitted" in tried.stderr:
        pytest.skip("strace may trace nothing here: the container lacks ptrace")
    return program
