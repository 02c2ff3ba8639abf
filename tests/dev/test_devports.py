"""Which ports are taken: those asked for, the usual ones, or free ones."""

import socket

import pytest

from proxy.cli.devports import PortRefused, Wanted, choose


def wanted(port: int, *, given: bool = False) -> Wanted:
    return Wanted(option="--port", port=port, given=given)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def test_the_usual_port_is_taken_where_it_is_free() -> None:
    port = free_port()

    assert choose({"s3": wanted(port)}, ()) == {"s3": port}


def test_a_default_gives_way_to_what_was_asked_for() -> None:
    """In whichever order the two come."""
    port = free_port()
    found = choose({"s3": wanted(port), "kms": wanted(port, given=True)}, ())

    assert found["kms"] == port
    assert found["s3"] != port


def test_all_ports_differ_and_can_be_bound() -> None:
    found = choose(dict.fromkeys("abcd", wanted(0, given=True)), [str(n) for n in range(60)])

    assert len(set(found.values())) == 64
    for port in found.values():
        socket.create_server(("127.0.0.1", port)).close()


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_port_in_use_is_refused_only_where_it_was_asked_for(host: str) -> None:
    with socket.create_server((host, 0)) as held:
        port = held.getsockname()[1]

        assert choose({"s3": wanted(port)}, ())["s3"] != port
        with pytest.raises(PortRefused, match=rf"--port {port}: 127\.0\.0\.1:{port} is in use: stop "):
            choose({"s3": wanted(port, given=True)}, ())
