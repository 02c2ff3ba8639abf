"""What a process that will hold secrets does first: no core dump, no debugger, no life without its parent.

Best effort: each step works where the system has it, and the rest of the design does not lean on it alone
(a child also notices its supervisor's death at the start pipe).
"""

import contextlib
import ctypes
import resource
import signal
import sys

# linux/prctl.h
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4


def forbid_core_dumps() -> None:
    """Neither a file nor, where the kernel pipes dumps to a program (for which the limit counts nothing),
    that.
    """
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(PR_SET_DUMPABLE, 0)


def end_with_parent(number: signal.Signals = signal.SIGTERM) -> None:
    """The signal follows the parent's death. Where it died before this call, the start pipe's end says so."""
    _prctl(PR_SET_PDEATHSIG, number)


def _prctl(option: int, value: int) -> None:
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
