"""`python -P -m proxy.cli.leash SIGNAL PARENT PROGRAM …` becomes PROGRAM, with SIGNAL when its parent ends.

So that nothing outlives `sealgate dev`, also where that is killed and can stop nobody. The kernel's promise
holds across execve; a parent that is gone already (it is not PARENT any more) is noticed before.
"""

import os
import signal
import sys
from collections.abc import Sequence

from proxy.supervisor.harden import end_with_parent


def main(arguments: Sequence[str]) -> None:
    number, parent, *program = arguments
    end_with_parent(signal.Signals(int(number)))
    if os.getppid() == int(parent):
        os.execv(program[0], program)  # noqa: S606 - no shell is wanted


def leashed(program: Sequence[str], number: signal.Signals) -> list[str]:
    """The command that starts `program` (a path and its arguments) as a child of this process."""
    return [sys.executable, "-P", "-m", "proxy.cli.leash", str(int(number)), str(os.getpid()), *program]


if __name__ == "__main__":
    main(sys.argv[1:])
