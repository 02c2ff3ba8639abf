"""The service as an operator meets it: real processes, real signals."""

import json
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.supervisor.running import running, tell, until


def test_workers_start_when_the_hsm_is_ready(tmp_path: Path) -> None:
    """Then the service is ready."""
    with running(tmp_path) as service:
        service.until_ready()

        assert [note for note in service.notes() if note != "worker-0 is ready"] == [
            "hsm-0 begins",
            "hsm-0 is ready",
            "worker-0 begins",
        ]
        assert int(service.ask()) in service.children()


def test_a_killed_worker_is_replaced_and_no_connection_is_reset(tmp_path: Path) -> None:
    """Connections that come meanwhile wait for the next worker; the HSM is left alone."""
    with running(tmp_path, policy={"first_delay_seconds": 0.2}) as service:
        service.until_ready()
        first, hsm = int(service.ask()), service.asked_hsm()
        os.kill(first, signal.SIGKILL)

        with service.connected() as queued:
            answer = int(tell(queued, "pid"))

        assert answer != first
        assert answer in service.left()
        assert service.asked_hsm() == hsm
        assert "worker-0 died: it was ended by SIGKILL; another starts in 0.2 s" in service.stderr()


def test_a_killed_hsm_is_replaced_while_its_workers_go_on(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        service.until_ready()
        worker, first = service.ask(), int(service.asked_hsm())
        os.kill(first, signal.SIGKILL)

        assert int(service.asked_hsm()) != first
        assert service.ask() == worker


def test_every_worker_has_a_socket_of_its_own(tmp_path: Path) -> None:
    """With one of them dead, what the kernel gave to its socket waits for its replacement."""
    with running(tmp_path, workers=2, policy={"first_delay_seconds": 0.2}) as service:
        service.until_ready()
        workers = {service.ask() for _ in range(40)}
        os.kill(int(min(workers)), signal.SIGKILL)

        after = {service.ask() for _ in range(40)}

        assert len(workers) == 2
        assert len(after) == 2
        assert min(workers) not in after
        assert max(workers) in after


def test_five_deaths_in_a_minute_end_the_service(tmp_path: Path) -> None:
    """The error says how often, where, and why the last time."""
    with running(tmp_path, **{"worker-0": {"exit": 3}}) as service:
        assert service.ended() == 1
        assert (
            service.last_line()
            == "Error: worker-0: died 5 times in 60 s; the last time: it exited with code 3"
        )
        assert service.notes().count("worker-0 begins") == 5
        assert service.notes()[-1] == "hsm-0 ends"
        assert service.left() == []


@pytest.mark.parametrize("place", ["hsm-0", "worker-0"])
@pytest.mark.parametrize(
    ("act", "start_seconds", "error"),
    [
        ({"refuse": "the store does not answer: start it"}, 60, "the store does not answer: start it"),
        ({"crash": "oh\nno"}, 60, "RuntimeError: oh no"),
        ({"hang": True}, 3.5, "it was not ready within 3.5 s"),
    ],
)
def test_a_first_start_that_fails_ends_the_service(
    tmp_path: Path, place: str, act: dict[str, object], start_seconds: float, error: str
) -> None:
    """At once, with the one line that says why, and without a second try."""
    with running(tmp_path, start_seconds=start_seconds, **{place: act}) as service:
        assert service.ended() == 1
        assert service.last_line() == f"Error: {place}: {error}"
        assert service.notes().count(f"{place} begins") == 1
        assert place == "worker-0" or "worker-0 begins" not in service.notes()
        assert "ready" not in service.stdout()
        assert service.left() == []


def test_a_replacement_that_says_that_another_would_do_harm_ends_the_service(tmp_path: Path) -> None:
    """After the first; any other failure of a place that was filled before is tried five times."""
    with running(tmp_path, **{"hsm-0": {"bar_second": "the PIN is wrong"}}) as service:
        service.until_ready()
        os.kill(int(service.asked_hsm()), signal.SIGKILL)

        assert service.ended() == 1
        assert service.last_line() == "Error: hsm-0: the PIN is wrong"
        assert service.notes().count("hsm-0 begins") == 2
        assert service.left() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_the_service_drains(tmp_path: Path, number: signal.Signals) -> None:
    """What is in flight is answered, new connections are refused, and the HSM goes last."""
    with running(tmp_path, **{"worker-0": {"slow_seconds": 0.8}}) as service:
        service.until_ready()
        with service.connected() as client:
            client.sendall(b"slow\n")
            service.until_note("worker-0 has a slow request")
            service.process.send_signal(number)
            service.until_note("worker-0 stops")
            until(lambda: refused(service.port))
            assert "worker-0 ends" not in service.notes()
            with client.makefile() as answers:
                answer = answers.readline()

        assert service.ended() == 0
        assert int(answer) in service.children()
        assert service.notes()[-4:] == ["worker-0 stops", "worker-0 ends", "hsm-0 stops", "hsm-0 ends"]
        assert service.left() == []


def test_what_does_not_drain_in_time_is_killed(tmp_path: Path) -> None:
    with running(tmp_path, drain_seconds=0.3, **{"worker-0": {"stuck": True}}) as service:
        service.until_ready()
        service.process.terminate()

        assert service.ended() == 0
        assert "worker-0 did not end in 0.4 s: killed" in service.stderr()
        assert service.left() == []


def test_a_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    with running(tmp_path, drain_seconds=60, **{"worker-0": {"stuck": True}}) as service:
        service.until_ready()
        service.process.send_signal(signal.SIGINT)
        service.until_note("worker-0 stops")
        service.process.send_signal(signal.SIGINT)

        assert service.ended() == 1
        assert service.last_line() == "Error: stopped at once: requests in progress were cut"
        assert service.left() == []


@pytest.mark.parametrize("place", ["hsm-0", "worker-0"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_in_the_middle_of_its_start_the_service_leaves_nothing(
    tmp_path: Path, place: str, number: signal.Signals
) -> None:
    with running(tmp_path, drain_seconds=10, **{place: {"hang": True}}) as service:
        service.until_note(f"{place} begins")
        started = time.monotonic()
        service.process.send_signal(number)

        assert service.ended() == 0
        assert time.monotonic() - started < 5
        assert service.left() == []


@pytest.mark.parametrize("act", [{}, {"stuck": True}])
def test_a_killed_supervisor_takes_its_children_along(tmp_path: Path, act: dict[str, object]) -> None:
    """Also those whose loop is stuck, when their time to drain is over."""
    with running(tmp_path, drain_seconds=0.3, **{"worker-0": act}) as service:
        service.until_ready()
        children = service.left()
        service.process.kill()
        service.ended()

        assert len(children) == 2
        until(lambda: service.left() == [])


def test_a_supervisor_killed_during_the_start_leaves_nothing(tmp_path: Path) -> None:
    with running(tmp_path, drain_seconds=0.3, **{"hsm-0": {"hang": True}}) as service:
        service.until_note("hsm-0 begins")
        service.process.kill()

        until(lambda: service.left() == [])


def test_secrets_cross_the_pipe_alone(tmp_path: Path) -> None:
    """No child sees what was exported, nor a secret in arguments or environment; none leaves a core dump."""
    with running(tmp_path) as service:
        service.until_ready()
        environment = json.loads(service.ask("environment"))
        access_key, secret = json.loads(service.ask("credential"))

        assert "EXPORTED_SECRET" not in environment
        assert json.loads(service.asked_hsm("credential")) == [access_key, secret]
        assert len(secret) == 40
        assert secret not in str(environment) + service.ask("arguments") + service.stderr()
        assert json.loads(service.ask("secrets")) == {"UPSTREAM_SECRET": "only for the worker"}
        assert json.loads(service.asked_hsm("secrets")) == {}
        limit = next(row for row in json.loads(service.ask("limits")).splitlines() if "core" in row)
        assert limit.split()[4:6] == ["0", "0"]
        assert json.loads(service.ask("prctl")) == [0, signal.SIGTERM]
        assert json.loads(service.ask("loop")) == "uvloop"


def test_ctrl_c_reaches_the_supervisor_alone(tmp_path: Path) -> None:
    """A terminal signals a whole process group; it is for the supervisor to say when each child stops."""
    with running(tmp_path) as service:
        service.until_ready()

        assert {os.getpgid(pid) for pid in service.children()} == set(service.children())


def test_the_proxy_credential_is_another_at_each_start(tmp_path: Path) -> None:
    """And the same for a child's replacement, as its peer goes on with it."""
    credentials = []
    for _ in range(2):
        with running(tmp_path) as service:
            service.until_ready()
            credentials.append(json.loads(service.ask("credential")))
            os.kill(int(service.ask()), signal.SIGKILL)
            until(lambda: service.stderr().count("worker-0 is ready") == 2)
            assert json.loads(service.ask("credential")) == credentials[-1]

    assert credentials[0][0] != credentials[1][0]
    assert credentials[0][1] != credentials[1][1]


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_start_message_larger_than_a_pipe_arrives(tmp_path: Path) -> None:
    """A configuration may have a hundred thousand identities; a pipe holds 64 KiB."""
    with running(tmp_path, padding_bytes=3_000_000) as service:
        service.until_ready()

        assert int(service.ask()) in service.left()


def test_a_child_leaves_ctrl_c_to_its_supervisor(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        service.until_ready()
        worker = int(service.ask())
        os.kill(worker, signal.SIGINT)
        time.sleep(0.05)

        assert int(service.ask()) == worker


def test_closing_has_time_of_its_own(tmp_path: Path) -> None:
    """What drained to the very end of its time still writes its last records."""
    slow = {"worker-0": {"slow_seconds": 0.5}}
    with running(tmp_path, drain_seconds=0.2, closing_seconds=5, **slow) as service:
        service.until_ready()
        with service.connected() as client:
            client.sendall(b"slow\n")
            service.until_note("worker-0 has a slow request")
            service.process.terminate()

            assert service.ended() == 0
            assert "worker-0 ends" in service.notes()
