"""Certificates are renewed while clients are connected."""

import shutil
import signal
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.reloading import asked, asked_directly, changed, reloaded
from tests.service.authority import Authority
from tests.service.clients import MIB, client, paced
from tests.service.running import Launched, launched, until
from tests.stores.seaweedfs import Store, free_ports

BUCKET = "renewed"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def service(
    store: Store, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Launched]:
    own = authority.signed("first")
    tls = {"certificate_file": own.certificate_file, "key_file": own.key_file}
    listen = {"port": free_ports(1)[0], "tls": tls}
    with launched(store, Path(tmp_path_factory.mktemp("renewed")), workers=2, listen=listen) as running:
        with client("s3", running.url, verify=authority.ca_file) as s3:
            s3.create_bucket(Bucket=BUCKET)
            s3.put_object(Bucket=BUCKET, Key="object", Body=bytes(MIB))
        yield running


def shown(service: Launched) -> set[str]:
    """The certificates that new connections are shown, by either worker."""
    address = ("127.0.0.1", service.config["listen"]["port"])
    return {ssl.get_server_certificate(address) for _ in range(12)}


def put_over(authority: Authority, service: Launched, name: str, *, key_of: str | None = None) -> str:
    """Another certificate under the same names, as a renewal leaves it; its text."""
    tls = service.config["listen"]["tls"]
    made = authority.signed(name)
    shutil.copy(made.certificate_file, tls["certificate_file"])
    key = authority.signed(key_of).key_file if key_of else made.key_file
    shutil.copy(key, tls["key_file"])
    return ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(Path(made.certificate_file).read_text()))


def test_new_connections_see_the_new_certificate_and_old_ones_go_on(
    service: Launched, authority: Authority
) -> None:
    """The configuration is the same to the letter: the files are what has changed."""
    trusting = ssl.create_default_context(cafile=authority.ca_file)
    with (
        client("s3", service.url, verify=authority.ca_file) as s3,
        paced(s3, "PUT", BUCKET, "up", length=2 * MIB, tls=trusting) as up,
    ):
        up.send(bytes(MIB))
        until(lambda: service.number("sealgate_s3_requests_in_flight") == 1)
        renewed = put_over(authority, service, "second")

        reloaded(service)

        assert shown(service) == {renewed}
        up.send(bytes(MIB))
        assert up.head().startswith("HTTP/1.1 200")


def test_a_key_that_does_not_fit_leaves_the_old_certificate(service: Launched, authority: Authority) -> None:
    before = put_over(authority, service, "third")
    reloaded(service)
    put_over(authority, service, "fourth", key_of="fifth")

    code, told = asked(service)

    assert code == 1
    assert "worker-0: listen.tls: " in told
    assert shown(service) == {before}


def test_tls_can_be_taken_away_and_given_back(service: Launched, authority: Authority) -> None:
    put_over(authority, service, "sixth")
    with changed(service, listen={"port": service.config["listen"]["port"]}):
        assert asked_directly(service)["done"]
        with client("s3", service.url.replace("https", "http")) as s3:
            assert s3.head_object(Bucket=BUCKET, Key="object")["ContentLength"] == MIB
    reloaded(service)
    with client("s3", service.url, verify=authority.ca_file) as s3:
        assert s3.head_object(Bucket=BUCKET, Key="object")["ContentLength"] == MIB


def test_a_stop_in_the_middle_of_reloads_is_a_stop(store: Store, tmp_path: Path) -> None:
    """Nothing hangs, and nothing is left."""
    with launched(store, tmp_path, workers=2) as service:
        for _ in range(5):
            service.process.send_signal(signal.SIGHUP)
        service.process.terminate()

        assert service.ended() == 0, service.stderr
        assert service.left() == []
        assert "Traceback" not in service.stderr
