"""TLS on both sides: to clients and to the store."""

import contextlib
import socket
import ssl
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.service.authority import Authority, trusting
from tests.service.clients import MIB, Paced, bare, client, paced
from tests.service.relay import Relay, relaying, server_context
from tests.service.running import Launched, launched, until, upstream
from tests.stores.seaweedfs import Store, free_ports

SIZE = 20 * MIB
DOMAIN = "s3.example.internal"
PLAIN = bytes(range(256)) * (SIZE // 256)


@pytest.fixture(scope="module")
def relay(store: Store, authority: Authority) -> Iterator[Relay]:
    """The store behind TLS."""
    own = authority.signed("store")
    with relaying(store, server_context(own.certificate_file, own.key_file)) as running:
        yield running


@pytest.fixture(scope="module")
def service(
    store: Store, relay: Relay, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Launched]:
    """TLS in front, with clients that must show a certificate, and TLS behind."""
    own = authority.signed("service", hosts=["127.0.0.1", DOMAIN, f"*.{DOMAIN}"])
    tls = {
        "certificate_file": own.certificate_file,
        "key_file": own.key_file,
        "client_ca_file": authority.ca_file,
    }
    with launched(
        store,
        Path(tmp_path_factory.mktemp("tls")),
        listen={"port": free_ports(1)[0], "tls": tls},
        domains=[DOMAIN],
        upstreams=upstream(store, url=relay.url, ca_file=authority.ca_file),
    ) as running:
        yield running


@pytest.fixture(scope="module")
def shown(authority: Authority) -> tuple[str, str]:
    """A client's certificate and key, as botocore wants them."""
    own = authority.signed("client")
    return own.certificate_file, own.key_file


@pytest.fixture(scope="module")
def s3(service: Launched, authority: Authority, shown: tuple[str, str]) -> Iterator[Any]:
    with client("s3", service.url, verify=authority.ca_file, client_cert=shown) as made:
        yield made


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    name = f"tls-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    return name


def test_twenty_mebibytes_through_both(s3: Any, bucket: str, store: Store) -> None:
    """In and out, and not a plain byte on the store."""
    s3.put_object(Bucket=bucket, Key="big", Body=PLAIN)
    got = s3.get_object(Bucket=bucket, Key="big")

    assert got["Body"].read() == PLAIN
    with bare(store) as raw:
        assert PLAIN[:64] not in raw.get_object(Bucket=bucket, Key="big")["Body"].read()


def test_a_slow_client_gets_every_byte_over_tls(
    s3: Any, bucket: str, authority: Authority, shown: tuple[str, str]
) -> None:
    """Backpressure works through TLS too: what the client does not take waits, and nothing is lost."""
    s3.put_object(Bucket=bucket, Key="slow", Body=PLAIN)
    context = trusting(authority)
    context.load_cert_chain(*shown)
    with paced(s3, "GET", bucket, "slow", tls=context) as down:
        assert down.head().startswith("HTTP/1.1 200")
        received = b"".join(down.body(SIZE // 4) for _ in range(4))

    assert received == PLAIN


def test_a_bucket_in_the_hosts_name_over_tls(
    *,
    service: Launched,
    authority: Authority,
    shown: tuple[str, str],
    s3: Any,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Under a certificate for `*.` the domain; written, read and presigned, it is that of path style."""
    resolve = socket.getaddrinfo

    def resolved(host: Any, *more: Any, **named: Any) -> Any:
        return resolve("127.0.0.1" if str(host).endswith(DOMAIN) else host, *more, **named)

    monkeypatch.setattr("socket.getaddrinfo", resolved)
    url = f"https://{DOMAIN}:{urlsplit(service.url).port}"
    style = {"addressing_style": "virtual"}
    with client("s3", url, verify=authority.ca_file, client_cert=shown, s3=style) as virtual:
        virtual.put_object(Bucket=bucket, Key="by-host", Body=PLAIN[:MIB])
        got = virtual.get_object(Bucket=bucket, Key="by-host", Range="bytes=-5")
        presigned = virtual.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "by-host"})

    assert got["Body"].read() == PLAIN[MIB - 5 : MIB]
    assert s3.get_object(Bucket=bucket, Key="by-host")["Body"].read() == PLAIN[:MIB]
    assert presigned.startswith(f"https://{bucket}.{DOMAIN}:")
    context = trusting(authority)
    context.load_cert_chain(*shown)
    with urllib.request.urlopen(presigned, timeout=10, context=context) as answer:  # noqa: S310  # our own
        assert answer.read() == PLAIN[:MIB]


def test_plain_http_is_no_way_in(service: Launched, s3: Any, bucket: str) -> None:
    """Somebody without TLS gets no S3 answer, and the service goes on."""
    plain = service.url.replace("https:", "http:")
    with client("s3", plain) as lost, pytest.raises(BotoCoreError):
        lost.list_buckets()

    assert s3.list_objects_v2(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_client_without_a_certificate_is_not_served(service: Launched, authority: Authority) -> None:
    with client("s3", service.url, verify=authority.ca_file) as nobody, pytest.raises(BotoCoreError):
        nobody.list_buckets()


def test_a_client_whose_certificate_another_signed_is_not_served(
    service: Launched, authority: Authority, stranger: Authority
) -> None:
    own = stranger.signed("client")
    cert = (own.certificate_file, own.key_file)
    with (
        client("s3", service.url, verify=authority.ca_file, client_cert=cert) as other,
        pytest.raises(BotoCoreError),
    ):
        other.list_buckets()


VERSIONS = {ssl.TLSVersion.TLSv1_1: False, ssl.TLSVersion.TLSv1_2: True, ssl.TLSVersion.TLSv1_3: True}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", VERSIONS)
def test_tls_is_1_2_at_least(
    s3: Any, bucket: str, authority: Authority, shown: tuple[str, str], version: ssl.TLSVersion
) -> None:
    context = trusting(authority)
    context.load_cert_chain(*shown)
    context.set_ciphers("ALL:@SECLEVEL=0")  # else the client itself would refuse 1.1
    context.minimum_version = context.maximum_version = version
    url = s3.generate_presigned_url("list_objects_v2", Params={"Bucket": bucket})
    if not VERSIONS[version]:
        with pytest.raises((ssl.SSLError, ConnectionError)) as refused:
            Paced(url, "GET", tls=context)
        assert "no protocols available" not in str(refused.value), "it was the client that refused"
        return
    with contextlib.closing(Paced(url, "GET", tls=context)) as asking:
        assert asking.head().startswith("HTTP/1.1 200")
        assert isinstance(asking.socket, ssl.SSLSocket)
        assert asking.socket.version() == version.name.replace("_", ".")


def test_a_store_that_loses_its_proof_is_asked_nothing(
    store: Store, tmp_path: Path, authority: Authority, stranger: Authority
) -> None:
    """A running service whose store turns up with a stranger's certificate: 503, and no request goes out."""
    right, wrong = authority.signed("store-before"), stranger.signed("store-after")
    context = server_context(right.certificate_file, right.key_file)
    with relaying(store, context) as relay:
        place = upstream(store, url=relay.url, ca_file=authority.ca_file)
        with launched(store, tmp_path, upstreams=place) as service, client("s3", service.url) as s3:
            s3.list_buckets()
            relay.shut()
            context.load_cert_chain(wrong.certificate_file, wrong.key_file)
            asked = relay.requests
            relay.open()

            with pytest.raises(ClientError) as refused:
                s3.list_buckets()

            answer = refused.value.response["ResponseMetadata"]
            assert answer["HTTPStatusCode"] == 503
            assert "retry-after" in answer["HTTPHeaders"]
            assert relay.requests == asked
            relay.shut()
            context.load_cert_chain(right.certificate_file, right.key_file)
            relay.open()
            until(lambda: s3.list_buckets()["ResponseMetadata"]["HTTPStatusCode"] == 200)
