"""`make bench`: measures, prints the tables, writes RESULTS.md.

Everything runs on 127.0.0.1 and ends with it.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from benchmarks import peers, report
from benchmarks.measure import Bench, Figures
from benchmarks.native import LoadFailed, build
from benchmarks.scene import scene

ROUNDS, QUICK_ROUNDS, QUICK_SCALE = 5, 1, 0.2
TOOLS = {"cc": "gcc libc6-dev", peers.NGINX: "nginx-light"}
"""By what they come with, from Debian; benchmarks/apt.txt has the same names."""


def main() -> int:
    arguments = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="a smoke test: all parts, few requests")
    arguments.add_argument("--rounds", type=int)
    arguments.add_argument(
        "--output", type=Path, help="instead of RESULTS.md, which a quick run leaves alone"
    )
    arguments.add_argument("--beside", help="another Sealgate's command, to compare processor time with")
    given = arguments.parse_args()
    if lack := _lack():
        _say(lack)
        return 2
    signal.signal(signal.SIGTERM, _interrupt)
    began = time.monotonic()
    rounds = given.rounds or (QUICK_ROUNDS if given.quick else ROUNDS)
    with tempfile.TemporaryDirectory(prefix="sealgate-bench-") as name:
        try:
            figures = _figures(Path(name), quick=given.quick, rounds=rounds, beside=given.beside)
        except LoadFailed as exc:
            _say(f"a target did not answer as it should: {exc}")
            return 1
        except RuntimeError as exc:
            _say(f"something did not start: {exc}")
            return 1
        except KeyboardInterrupt:
            _say("interrupted; nothing is left running")
            return 130
    run = report.Run(quick=given.quick, seconds=time.monotonic() - began)
    text = report.page(figures, run)
    sys.stdout.write(text)
    output = given.output or (None if given.quick else report.RESULTS)
    if output:
        output.write_text(text)
    return 0


def _figures(directory: Path, *, quick: bool, rounds: int, beside: str | None) -> Figures:
    programs = build(directory)
    _say("starting store, proxies and peers")
    with scene(programs, directory, beside=beside) as running:
        scale = QUICK_SCALE if quick else 1.0
        return Bench(running, programs, directory, scale=scale, rounds=rounds, say=_say).whole()


def _lack() -> str:
    """One line about what this machine needs; empty where it has all."""
    if not {0, 1} <= os.sched_getaffinity(0):
        return "the bench needs the cores 0 and 1"
    missing = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    if missing:
        return f"apt-get install -y {' '.join(missing)}"
    return "" if shutil.which(peers.RCLONE) else "rclone is not installed: run it by `make bench`"


def _say(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
