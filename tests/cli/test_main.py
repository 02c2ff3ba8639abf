"""The command line as a whole."""

import logging
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from proxy.cli import logs
from proxy.cli.main import COMMANDS, cli

PROGRAM = [sys.executable, "-c", "from proxy.cli.main import main; main()"]


def test_help_answers_at_once() -> None:
    """Under a second from the shell, as no command is imported for it."""
    durations = []
    for _ in range(3):
        started = time.monotonic()
        answered = subprocess.run([*PROGRAM, "--help"], capture_output=True, text=True, check=True)
        durations.append(time.monotonic() - started)

    assert min(durations) < 1
    assert all(name in answered.stdout for name in COMMANDS)
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", *PROGRAM[1:], "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"yaml", "cryptography", "asyncio"} & {
        line.split("|")[-1].strip() for line in loaded.stderr.splitlines()
    }


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(cli, ["--version"], prog_name="sealgate").stdout.startswith("sealgate 0.")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is one of the two, or none")
def test_no_command_leaves_a_core_dump() -> None:
    """A key service's store and its root key are opened by commands too: hsm, open."""
    asked = (
        "import ctypes, resource; from proxy.cli import main as m;"
        "m.cli = lambda **_: print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3));"
        "m.main()"
    )
    answered = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert answered.stdout == "(0, 0) 0\n"


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["serve"],
        ["dev"],
        ["inspect"],
        ["open"],
        ["config"],
        ["config", "check"],
        ["config", "explain"],
        ["hsm"],
        ["hsm", "init"],
    ],
)
def test_every_command_explains_itself(command: list[str]) -> None:
    """Those that do something with an example."""
    answered = CliRunner().invoke(cli, [*command, "--help"])

    assert answered.exit_code == 0
    assert "Usage: " in answered.stdout
    if command not in (["config"], ["hsm"]):
        assert "Example: sealgate " in answered.stdout


def test_a_command_that_is_not_there_is_one_line() -> None:
    answered = CliRunner().invoke(cli, ["sevre"])

    assert answered.exit_code == 2
    assert "No such command 'sevre'" in answered.stderr


@pytest.mark.parametrize(
    ("level", "ours", "theirs"),
    [("debug", "debug", "warning"), ("warning", "warning", "warning"), ("error", "error", "error")],
)
def test_libraries_are_not_heard_below_warnings(
    level: str, ours: str, theirs: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Their debug lines show whole requests."""
    root, product = logging.getLogger(), logging.getLogger("proxy")
    kept = (root.handlers[:], root.level, product.level)
    try:
        logs.set_up("worker-0", level)
        for name in ("proxy.somewhere", "botocore"):
            for each in logs.LEVELS:
                logging.getLogger(name).log(
                    logging.getLevelNamesMapping()[each.upper()], "%s\n%s", name, each
                )
    finally:
        root.handlers[:], root.level = kept[0], kept[1]
        product.setLevel(kept[2])
    lines = [line.split(" ", 1)[1] for line in capfd.readouterr().err.splitlines()]

    assert lines == [
        f"{each.upper()} worker-0 {name}\\x0a{each}"
        for name, least in (("proxy.somewhere", ours), ("botocore", theirs))
        for each in logs.LEVELS[logs.LEVELS.index(least) :]
    ]
