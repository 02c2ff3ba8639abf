"""However it ends, and whenever, nothing of it goes on running."""

import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.dev.running import Dev, client, dev, processes

# Moments of a start, in their order.
MOMENTS: dict[str, Callable[[Dev], bool]] = {
    "the directory is locked": lambda run: (run.directory / "lock").exists(),
    "the store starts": lambda run: (run.directory / "logs" / "store.log").exists(),
    "the proxy starts": lambda run: (run.directory / "logs" / "sealgate.log").exists(),
    "the key service starts": lambda run: (run.directory / "run" / "hsm.sock").exists(),
    "it is ready": lambda run: "ready" in run.output.splitlines(),
}


def until_none_is_left(run: Dev) -> None:
    deadline = time.monotonic() + 20
    while left := run.left():
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_stops_all_of_it_at_any_moment(tmp_path: Path, moment: str) -> None:
    """Also in the middle of the start, and without a word that a person need not read."""
    with dev(tmp_path / "data") as run:
        run.until(lambda: MOMENTS[moment](run))
        run.process.send_signal(signal.SIGINT)
        code = run.ended()

        assert run.left() == []
        assert code == (0 if moment != "the directory is locked" else code)
        assert "Traceback" not in run.output
        assert "Error" not in run.output


@pytest.mark.parametrize("moment", ["the store starts", "the key service starts", "it is ready"])
def test_a_killed_run_leaves_nothing_running(tmp_path: Path, moment: str) -> None:
    """And its data can be used again at once."""
    with dev(tmp_path / "data") as run:
        run.until(lambda: MOMENTS[moment](run))
        run.process.kill()
        run.ended()
        until_none_is_left(run)


def test_it_ends_when_a_part_of_it_does(tmp_path: Path) -> None:
    """One line says which part, and where to look."""
    with dev(tmp_path / "data") as run:
        run.until_ready()
        (weed,) = [pid for pid, command in processes(run.process.pid) if "weed" in command.split()[0]]
        os.kill(weed, signal.SIGKILL)

        assert run.ended() == 1
        assert run.left() == []
        last = run.output.splitlines()[-1]
        assert last.startswith("Error: the store ended: ")
        assert last.endswith(f"(see {run.directory}/logs/store.log)")


def test_data_stay_between_runs_and_taken_ports_are_passed_by(tmp_path: Path) -> None:
    """What was acknowledged just before Ctrl-C is there, under the same credentials, on whatever ports."""
    body = b"once acknowledged, kept" * 10_000
    with dev(tmp_path / "data") as run:
        run.until_ready()
        before = run.env
        client("s3", before).create_bucket(Bucket="kept")
        client("s3", before).put_object(Bucket="kept", Key="a/b", Body=body)
        run.process.send_signal(signal.SIGINT)
        assert run.ended() == 0
    with ExitStack() as held:
        for port in (9000, 9003):
            with suppress(OSError):  # taken already, by whomever
                held.enter_context(socket.create_server(("127.0.0.1", port)))
        again = held.enter_context(dev(tmp_path / "data", ports=()))
        again.until(lambda: again.output.splitlines().count("ready") == 2)
        after = again.env

        assert client("s3", after).get_object(Bucket="kept", Key="a/b")["Body"].read() == body
        same = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "STORE_SECRET_ACCESS_KEY")
        assert [after[name] for name in same] == [before[name] for name in same]
        assert not after["AWS_ENDPOINT_URL_S3"].endswith(":9000")
        assert not after["STORE_ENDPOINT_URL"].endswith(":9003")
        assert again.output.count("(port 9000 is taken)") == 1
