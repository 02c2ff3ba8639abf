"""Starts that must not succeed: one line says what to do, and nothing is left running."""

import contextlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.authority import Authority
from tests.service.relay import relaying, server_context
from tests.service.running import Launched, launched, upstream
from tests.stores.seaweedfs import Store, free_ports


@pytest.fixture(scope="module")
def hopeless(
    store: Store, authority: Authority, stranger: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Launched]]:
    """Starts that wait for a store until they give up: begun together, as each takes half a minute.

    Of this module alone: much later their ports and process numbers are another's.
    """
    right, wrong = (
        authority.signed("store-elsewhere", hosts=["elsewhere.example"]),
        stranger.signed("store-strange"),
    )
    with contextlib.ExitStack() as opened:
        misnamed = opened.enter_context(
            relaying(store, server_context(right.certificate_file, right.key_file))
        )
        unknown = opened.enter_context(
            relaying(store, server_context(wrong.certificate_file, wrong.key_file))
        )
        places = {
            "nobody": {"url": f"http://127.0.0.1:{free_ports(1)[0]}"},
            "misnamed": {"url": misnamed.url, "ca_file": authority.ca_file},
            "unknown": {"url": unknown.url, "ca_file": authority.ca_file},
        }
        yield {
            name: opened.enter_context(
                launched(
                    store, directory, "--log-level", "debug", ready=False, upstreams=upstream(store, **place)
                )
            )
            for name, place in places.items()
            for directory in [Path(tmp_path_factory.mktemp(name))]
        }
        assert misnamed.requests == unknown.requests == 0, "a request went to a store that proved nothing"


@pytest.fixture(scope="module", autouse=True)
def _begun_early(hopeless: dict[str, Launched]) -> None:
    """So that their half minute runs while other tests do."""


def refused(service: Launched, *, code: int = 1) -> str:
    """The line that says why. The service has ended by itself, and with it every process it started."""
    assert service.ended() == code, service.stderr
    assert "Traceback" not in service.stderr
    assert "ready" not in service.stderr.splitlines()
    assert service.left() == []
    assert service.stdout == ""
    ports = [service.config[name]["port"] for name in ("listen", "admin")]
    assert [port for port in ports if answers(port)] == []
    return service.last_line


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("field", ["listen", "admin"])
def test_a_port_in_use(store: Store, tmp_path: Path, field: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        changes: dict[str, Any] = {field: {"port": port}}
        with launched(store, tmp_path, ready=False, **changes) as service:
            assert service.ended() == 1
            assert service.last_line == (
                f"Error: {field}: 127.0.0.1:{port} is in use: stop what listens there, or choose another port"
            )


def test_a_second_service_on_one_hsm_store(store: Store, tmp_path: Path) -> None:
    """Neither takes the other's socket away; the first serves on."""
    with launched(store, tmp_path) as first:
        hsm = first.config["hsm"]
        second = tmp_path / "second"
        second.mkdir()
        with launched(store, second, ready=False, initialised=False, hsm={**hsm, "listen": None}) as service:
            why = refused(service, code=1)
        assert why == f"Error: hsm.socket: {hsm['socket']} is in use: stop the service that listens there"
        elsewhere = {**hsm, "listen": None, "socket": str(second / "run" / "hsm.sock")}
        with launched(store, second, ready=False, initialised=False, hsm=elsewhere) as service:
            why = refused(service)
        assert hsm["store"] in why
        assert first.ready()[0] == 200


def test_a_store_of_keys_that_was_never_made(store: Store, tmp_path: Path) -> None:
    with launched(store, tmp_path, ready=False, initialised=False) as service:
        assert refused(service) == (
            f"Error: hsm-0: {tmp_path}/hsm.sqlite does not exist; `sealgate hsm init` makes it"
        )


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda file: file.write_text("5a" * 32), "is not the one that this store was made with"),
        (lambda file: file.unlink(), "cannot be read: No such file or directory"),
        (lambda file: file.chmod(0o644), "is open to other users; chmod 600 it"),
        (lambda file: file.write_text("5a"), "root.key"),
    ],
)
def test_a_root_key_that_does_not_fit(store: Store, tmp_path: Path, damage: Any, why: str) -> None:
    """What was in the file is not told."""
    run_init(store, tmp_path)
    damage(tmp_path / "root.key")

    with launched(store, tmp_path, ready=False) as service:
        told = refused(service)

    assert told.startswith("Error: hsm-0: ")
    assert str(tmp_path / "root.key") in told
    assert why in told
    assert "5a5a" not in service.stderr


def test_a_machine_without_a_fips_provider(store: Store, tmp_path: Path) -> None:
    """Nor is a flag enough that is set without one."""
    run_init(store, tmp_path)
    unfounded = tmp_path / "openssl.cnf"
    unfounded.write_text("openssl_conf = a\n[a]\nalg_section = b\n[b]\ndefault_properties = fips=yes\n")
    environ = {"OPENSSL_CONF": str(unfounded)}
    with launched(store, tmp_path, ready=False, fips="required", environ=environ) as service:
        told = refused(service)

    assert told == (
        "Error: fips: OpenSSL's FIPS provider is not active in the Python package cryptography and"
        " Python itself: activate it (OPENSSL_CONF; docs/operations.md says how), or write fips: off"
    )


@pytest.mark.parametrize("wrong", [{"secret_access_key": "no-such-secret"}, {"access_key_id": "NOSUCHKEY"}])
def test_credentials_that_the_store_refuses(store: Store, tmp_path: Path, wrong: dict[str, str]) -> None:
    with launched(store, tmp_path, ready=False, upstreams=upstream(store, **wrong)) as service:
        assert refused(service) == (
            "Error: worker-0: self-test: the store store: it refuses the proxy's credentials: "
            "check access_key_id and secret_access_key of upstreams"
        )


def test_a_store_that_does_not_answer(hopeless: dict[str, Launched]) -> None:
    """It is waited for, half a minute; meanwhile the log says so once."""
    service = hopeless["nobody"]
    told = refused(service)

    assert told.startswith(
        "Error: worker-0: self-test: the store store answers: it does not: no connection: "
    )
    assert told.endswith(": check url and ca_file of upstreams")
    assert service.stderr.count("trying again for 30 s") == 1


@pytest.mark.parametrize("place", ["misnamed", "unknown"])
def test_a_store_whose_certificate_proves_nothing(hopeless: dict[str, Launched], place: str) -> None:
    """Another host's certificate, or one of an authority that was not named. No request goes out."""
    told = refused(hopeless[place])

    assert "certificate verify failed" in told
    assert told.endswith(": check url and ca_file of upstreams")


@pytest.mark.parametrize("path", ["nowhere/audit.jsonl", "."])
def test_an_audit_file_that_cannot_be_written(store: Store, tmp_path: Path, path: str) -> None:
    sinks = [{"type": "file", "path": str(tmp_path / path)}]
    with launched(store, tmp_path, ready=False, audit={"sinks": sinks}) as service:
        told = refused(service)

    assert re.match(r"Error: [a-z]+-0: audit\.sinks: ", told)
    assert str((tmp_path / path).resolve()) in told
    assert told.endswith(": name a file that can be written")


@pytest.mark.parametrize(
    ("missing", "content"),
    [("certificate_file", None), ("key_file", "this is no PEM\n"), ("client_ca_file", None)],
)
def test_tls_files_that_are_not_there_or_hold_nothing(
    store: Store, tmp_path: Path, authority: Authority, missing: str, content: str | None
) -> None:
    own = authority.signed("refused")
    tls = {
        "certificate_file": own.certificate_file,
        "key_file": own.key_file,
        "client_ca_file": authority.ca_file,
    }
    tls[missing] = str(tmp_path / "such-a-file")
    if content:
        Path(tls[missing]).write_text(content)
    listen = {"port": free_ports(1)[0], "tls": tls}
    with launched(store, tmp_path, ready=False, listen=listen) as service:
        told = refused(service)

    assert told.startswith("Error: worker-0: listen.tls: ")
    assert str(tmp_path / "such-a-file") in told


@pytest.mark.parametrize("content", [None, "this is no PEM\n"])
def test_a_ca_file_that_is_not_there_or_holds_nothing(
    store: Store, tmp_path: Path, content: str | None
) -> None:
    ca_file = tmp_path / "ca.pem"
    if content:
        ca_file.write_text(content)
    place = upstream(store, url="https://127.0.0.1:1", ca_file=str(ca_file))
    with launched(store, tmp_path, ready=False, upstreams=place) as service:
        told = refused(service)

    assert told.startswith(f"Error: worker-0: upstreams (store): ca_file: {ca_file}: ")
    assert told.endswith(": name a PEM file that can be read")


def test_faults_of_the_configuration_are_a_line_each(store: Store, tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        "regoin": "us-east-1",
        "limits": {"drain_seconds": -1},
        "accounts": ["111122223333"],
    }
    with launched(store, tmp_path, ready=False, initialised=False, **changes) as service:
        assert service.ended() == 2
        lines = service.stderr.splitlines()

    assert len(lines) == 2, lines
    assert {line.split(":")[0] for line in lines} == {"regoin", "limits.drain_seconds"}


def run_init(store: Store, directory: Path) -> None:
    """As the operator did long ago: the store of keys is there, and nothing runs."""
    with launched(store, directory, ready=False):
        pass
