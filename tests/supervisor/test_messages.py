"""The two messages between supervisor and child, and the environment that a child gets."""

import json
import os
import socket
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.supervisor import report, start
from proxy.supervisor.environment import ROOT, clean
from proxy.supervisor.report import Report
from proxy.supervisor.start import Start

SECRET = "never to be seen"


def test_a_start_message_arrives_as_it_was_sent() -> None:
    """The child gets sockets of its own on the descriptors, and does not pass them on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        sent = Start(
            role="worker",
            number=3,
            config_text="listen: {}\n# ü\n",
            config_path="config.yaml",
            secrets={"NAME": SECRET},
            sockets={"listen": listening},
            proxy_access_key="SGPROXY1",
            proxy_secret=SECRET,
            hsm_socket="run/hsm.sock",
        )
        inherited = os.dup(listening.fileno())
        os.set_inheritable(inherited, True)
        line = start.encode(sent).replace(
            f'"listen": {listening.fileno()}'.encode(), f'"listen": {inherited}'.encode()
        )

        received = start.decode(line)

        with received.sockets["listen"] as adopted:
            assert adopted.getsockname() == listening.getsockname()
            assert adopted.get_inheritable() is False
        assert replace(received, sockets={}) == replace(sent, sockets={})
        assert line.count(b"\n") == 1
        assert sent.name == "worker-3"


def test_a_start_message_shows_no_secret() -> None:
    """Its repr may land in a log."""
    shown = repr(
        Start(
            role="hsm",
            config_text=SECRET,
            config_path="config.yaml",
            secrets={"NAME": SECRET},
            proxy_secret=SECRET,
        )
    )

    assert SECRET not in shown


@pytest.mark.parametrize(
    "line",
    [b"", b"\n", b"{", b"[]", b"{}", b"null", b'{"sockets": {}}', b'{"sockets": {"listen": 9999}}', b"\xff"],
)
def test_what_is_no_start_message_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- whatever its text: nobody is there to read it
        start.decode(line)


@pytest.mark.parametrize(
    "told",
    [
        Report(state="ready"),
        Report(state="failed", reason="the store does not answer: start it"),
        Report(state="failed", reason="the PIN is wrong", for_good=True),
    ],
)
def test_a_report_arrives_as_it_was_sent(told: Report) -> None:
    line = report.encode(told)

    assert report.maybe_decode(line) == told
    assert line.count(b"\n") == 1


@given(st.binary() | st.from_regex(r'\{"state": ("ready"|"failed"|1)(, "reason": .*)?\}').map(str.encode))
def test_no_line_of_a_child_troubles_the_supervisor(line: bytes) -> None:
    """It means something bounded and printable, or nothing."""
    understood = report.maybe_decode(line)

    assert understood is None or understood.reason.isprintable()
    assert understood is None or len(understood.reason) <= 1000


def test_a_report_that_is_nested_beyond_reason_means_nothing() -> None:
    assert report.maybe_decode(b"[" * 10_000) is None


@pytest.mark.parametrize("reason", ["a\nb", "a\x1bb", "a\r\nb" + "x" * 5000, "\ud800"])
def test_a_reason_is_one_line(reason: str) -> None:
    """Whatever an exception's text was: it becomes the service's last line on a terminal."""
    understood = report.maybe_decode(json.dumps({"state": "failed", "reason": reason}).encode())

    assert understood is not None
    assert understood.reason.isprintable()
    assert len(understood.reason) <= 1000


@pytest.mark.parametrize(
    ("name", "plain", "with_aws"),
    [
        ("PATH", True, True),
        ("LC_ALL", True, True),
        ("SSL_CERT_FILE", True, True),
        ("OPENSSL_CONF", True, True),
        ("PYTHONWARNINGS", True, True),
        ("PYTHONSTARTUP", False, False),
        ("LD_PRELOAD", False, False),
        ("ROOT_KEY", False, False),
        ("MY_PATH", False, False),
        ("HOME", False, True),
        ("HTTPS_PROXY", False, True),
        ("https_proxy", False, True),
        ("AWS_ACCESS_KEY_ID", False, True),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", False, True),
        ("XAWS_ACCESS_KEY_ID", False, False),
    ],
)
def test_a_child_sees_what_it_needs(name: str, *, plain: bool, with_aws: bool) -> None:
    """And nothing else that somebody exported."""
    assert (name in clean({name: "x"})) is plain
    assert (name in clean({name: "x"}, aws_chain=True)) is with_aws


def test_a_child_runs_the_code_of_its_parent() -> None:
    """Not what another PYTHONPATH would offer."""
    assert clean({"PYTHONPATH": "/elsewhere"}) == {"PYTHONPATH": str(ROOT)}
    assert (ROOT / "proxy" / "cli" / "child.py").exists()
