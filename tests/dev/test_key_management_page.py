"""The sessions of docs/key-management.md, typed as they stand there, in order, against one `sealgate dev`."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dev.page import Step, steps
from tests.dev.running import Dev, dev

PAGE = Path(__file__).parents[2] / "docs" / "key-management.md"
END = "::end of step::"
STOPPED = "stop sealgate dev"
"""What the page says, in a comment, where its reader stops the service."""


class Shell:
    """One bash for the whole page, so that what is set stays set."""

    def __init__(self, home: Path) -> None:
        programs = str(Path(sys.executable).parent)
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=home,
            env={"HOME": str(home), "PATH": f"{programs}:{os.environ['PATH']}", "AWS_MAX_ATTEMPTS": "1"},
        )

    def typed(self, command: str) -> str:
        """What it prints, on both streams."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        # Its own standard input is where the next command comes from.
        stdin.write(f"{{ {command}\n}} </dev/null\necho '{END}'\n")
        stdin.flush()
        printed = []
        for line in stdout:
            before, found, _ = line.partition(END)
            printed.append(before)
            if found:
                break
        return "".join(printed)

    def closed(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


@pytest.fixture
def home() -> Iterator[Path]:
    """Short enough a path for the sockets below it."""
    with tempfile.TemporaryDirectory(prefix="sg") as directory:
        yield Path(directory)


@pytest.fixture
def shell(home: Path) -> Iterator[Shell]:
    opened = Shell(home)
    yield opened
    opened.closed()


@pytest.fixture
def service(home: Path) -> Iterator[Dev]:
    """Where `sealgate dev` keeps its data if nothing else is said."""
    directory = home / ".local" / "share" / "sealgate-dev"
    directory.parent.mkdir(parents=True)
    with dev(directory) as started:
        started.until_ready()
        yield started


def test_the_page_s_sessions_print_what_they_show(shell: Shell, service: Dev) -> None:
    """All of them are tried, so that one report names each that does not."""
    found = list(steps(PAGE))
    stop = PAGE.read_text()[: PAGE.read_text().index(f"<!-- {STOPPED} -->")].count("\n")
    wrong = []
    for step in found:
        if step.line > stop and service.process.poll() is None:
            service.process.send_signal(signal.SIGTERM)
            assert service.ended() == 0, service.output
        printed = shell.typed(step.command)
        if not step.fits(printed):
            wrong.append(_report(step, printed))

    assert len(found) > 30, "the page has lost its sessions"
    assert wrong == [], "\n".join(wrong)


def _report(step: Step, printed: str) -> str:
    return f"{PAGE.name}:{step.line}: $ {step.command}\nshows\n{step.shown}\nand prints\n{printed}"


@pytest.mark.parametrize(
    ("shown", "printed", "fits"),
    [
        ("", "", True),
        ("", "x\n", False),
        ("a   b", "a b\n", True),
        ("a ... c", "a b\nb c\n", True),
        ("a...c", "ac", True),
        ("...", "", True),
        ("a.", "ab", False),
        ("a", "b a", False),
    ],
)
def test_what_is_shown_fits_what_is_printed_or_not(shown: str, printed: str, *, fits: bool) -> None:
    assert Step(line=1, command="", shown=shown).fits(printed) is fits


def test_blocks_are_read_as_steps(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "text\n```console\n$ a\n> b\nc\n$ d\n```\n```sh\n$ no\n```\n```console\n$ e\n> not a command\n```\n"
    )

    assert [(step.line, step.command, step.shown) for step in steps(page)] == [
        (3, "a\nb", "c"),
        (6, "d", ""),
        (12, "e\nnot a command", ""),
    ]
