"""A key service that dies at any moment: what it acknowledged holds, and nothing is half done."""

import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.hsm import crashing
from tests.hsm.crashing import WHENS
from tests.hsm.rig import user
from tests.tools import debian

ROUNDS = 2
KILLS = 200
LONG_ROUNDS = 40
"""More than any of the random kills lets happen."""

Snapshots = list[dict[str, Any]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store as init leaves it; each run gets a copy."""
    directory = tmp_path_factory.mktemp("made")
    crashing.make(directory)
    return directory


@pytest.fixture
def fresh(made: Path, tmp_path: Path) -> Callable[[], Path]:
    def copied() -> Path:
        directory = tmp_path / "store"
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


@pytest.fixture(scope="module")
def killed() -> Iterator[Killed]:
    program = [sys.executable, "-m", "tests.hsm.crashing", "serve"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Killed(process)
        assert process.stdin is not None
        process.stdin.close()


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
    strace = debian("strace")
    expected = undisturbed(fresh(), 1)
    at, hit = 0, True
    while hit:
        at += 1
        directory = fresh()
        log = tmp_path / "strace.log"
        program = [
            *(strace, "-f", "-qq", "-o", str(log), "-e", f"trace={call}"),
            *("-e", f"inject={call}:{fault}:when={at}"),
            *(sys.executable, "-m", "tests.hsm.crashing", "run", str(directory), "1"),
        ]
        ended = subprocess.run(program, capture_output=True, check=False)
        if b"Operation not permitted" in ended.stderr:
            pytest.skip("strace may trace nothing here: the container lacks ptrace")
        hit = "INJECTED" in log.read_text() or "killed by SIGKILL" in log.read_text()
        check(directory, len(ended.stdout), expected)

    assert at > len(expected)
