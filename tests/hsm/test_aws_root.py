"""A root key that AWS KMS opens: moto's server stands for it."""

import base64
import json
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from botocore.session import get_session

from proxy.hsm.aws_root import CONTEXT, AwsKmsKey
from proxy.hsm.init import open_sqlite_store
from proxy.hsm.root import RootKeyError
from tests.hsm.rig import REGION, root_key_made
from tests.stores.moto_kms import moto_server
from tests.stores.seaweedfs import free_ports

SECRET = "the-secret-of-the-root-at-aws"
SALT = bytes(16)


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def kms(moto: str) -> Iterator[Any]:
    client = get_session().create_client(  # type: ignore[no-untyped-call]  # botocore is not annotated
        "kms",
        region_name=REGION,
        endpoint_url=moto,
        aws_access_key_id="AKIAROOT00000000",
        aws_secret_access_key=SECRET,
    )
    yield client
    client.close()


@pytest.fixture
def key_arn(kms: Any) -> str:
    return str(kms.create_key()["KeyMetadata"]["Arn"])


@pytest.fixture
def source(moto: str, key_arn: str, tmp_path: Path) -> AwsKmsKey:
    return AwsKmsKey(
        key_id=key_arn,
        sealed_file=tmp_path / "root.sealed",
        region=REGION,
        endpoint_url=moto,
        access_key_id="AKIAROOT00000000",
        secret_access_key=SECRET,
        connect_timeout_seconds=1,
    )


def test_a_store_opens_by_the_file_that_init_had_made(source: AwsKmsKey, kms: Any) -> None:
    """The file holds what AWS alone opens, for this purpose alone; nothing here holds the root key."""
    assert root_key_made(source) == source.sealed_file
    open_sqlite_store(source.sealed_file.with_name("hsm.db"), source, random=os.urandom).close()

    assert stat.S_IMODE(source.sealed_file.stat().st_mode) == 0o600
    blob = base64.b64decode(source.sealed_file.read_bytes())
    plain = kms.decrypt(CiphertextBlob=blob, EncryptionContext=dict(CONTEXT))["Plaintext"]
    assert plain == source.root_key(SALT, 17).reveal()
    assert [file.name for file in source.sealed_file.parent.iterdir() if plain in file.read_bytes()] == []
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.decrypt(CiphertextBlob=blob)


def test_a_file_that_is_there_is_never_replaced(source: AwsKmsKey) -> None:
    """An init that was cut off after it goes on with it."""
    source.make()
    made = source.sealed_file.read_bytes()
    with pytest.raises(RootKeyError, match="cannot be made: File exists"):
        source.make()
    assert root_key_made(source) is None
    assert source.sealed_file.read_bytes() == made


def test_a_file_in_a_directory_that_is_not_there(source: AwsKmsKey, tmp_path: Path) -> None:
    with pytest.raises(RootKeyError, match="cannot be made: No such file or directory"):
        replace(source, sealed_file=tmp_path / "none" / "root.sealed").make()


def altered(source: AwsKmsKey) -> AwsKmsKey:
    blob = bytearray(base64.b64decode(source.sealed_file.read_bytes()))
    blob[-1] ^= 1
    source.sealed_file.write_bytes(base64.b64encode(blob))
    return source


def written(source: AwsKmsKey, content: bytes) -> AwsKmsKey:
    source.sealed_file.write_bytes(content)
    return source


Fault = Callable[[AwsKmsKey, Any], AwsKmsKey]
FAULTS: dict[str, tuple[Fault, str]] = {
    "another key": (
        lambda source, kms: replace(source, key_id=kms.create_key()["KeyMetadata"]["Arn"]),
        "check that key_id names the key that sealed_file is under",
    ),
    "no such key": (
        lambda source, _: replace(source, key_id="alias/no-such-key"),
        "NotFoundException: .*: check key_id, region and endpoint_url",
    ),
    "an altered file": (
        lambda source, _: altered(source),
        "InvalidCiphertextException: .*put the sealed_file back that `sealgate hsm init` made with this key",
    ),
    "an empty file": (lambda source, _: written(source, b""), "holds nothing in base64: put the sealed_file"),
    "another file": (lambda source, _: written(source, b"\xff?"), "holds nothing in base64: put the sealed"),
    "no file": (
        lambda source, _: replace(source, sealed_file=source.sealed_file.with_name("none")),
        "none cannot be read: No such file or directory",
    ),
    "AWS is away": (
        lambda source, _: replace(source, endpoint_url=f"http://127.0.0.1:{free_ports(1)[0]}"),
        r"does not answer \(EndpointConnectionError\): check region, endpoint_url and the network",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_goes_wrong_is_one_line_that_says_what_to_do(source: AwsKmsKey, kms: Any, fault: str) -> None:
    root_key_made(source)
    damage, says = FAULTS[fault]
    damaged = damage(source, kms)

    with pytest.raises(RootKeyError, match=says) as refused:
        open_sqlite_store(source.sealed_file.with_name("hsm.db"), damaged, random=os.urandom)
    told = f"{refused.value}{damaged!r}"
    assert "\n" not in told
    assert SECRET not in told


class Refusing(BaseHTTPRequestHandler):
    """What moto does not do: answers every call with the error that the server is named for, or, where that
    is empty, as something that is no KMS.
    """

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        code = self.server.code  # type: ignore[attr-defined]  # set below
        body = json.dumps({"__type": code, "message": "said\nin two lines"}).encode() if code else b"<html>"
        self.send_response(400 if code else 200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 -- http.server's


@contextmanager
def answering(code: str) -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        server.code = code  # type: ignore[attr-defined]  # for the handler
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("DisabledException", "enable the key, or cancel its deletion, at AWS"),
        ("IncorrectKeyException", "name in key_id the key that sealed_file was made with"),
        ("UnrecognizedClientException", "check the AWS credentials, and this machine's clock"),
        ("UnheardOfException", "try again"),
    ],
)
def test_what_aws_refuses_comes_with_its_remedy(source: AwsKmsKey, code: str, says: str) -> None:
    source.make()
    with answering(code) as url, pytest.raises(RootKeyError) as refused:
        replace(source, endpoint_url=url).root_key(SALT, 17)

    assert str(refused.value).endswith(f": {code}: said in two lines: {says}")


def test_what_is_no_kms_is_called_that(source: AwsKmsKey) -> None:
    source.make()
    with answering("") as url:
        other = replace(source, endpoint_url=url)
        with pytest.raises(RootKeyError, match=r"no KMS: check region and endpoint_url"):
            other.root_key(SALT, 17)
        other.sealed_file.unlink()
        with pytest.raises(RootKeyError, match=r"no KMS: check region and endpoint_url"):
            other.make()
    assert not other.sealed_file.exists()


def test_a_host_that_botocore_does_not_take_is_named(source: AwsKmsKey) -> None:
    source.make()
    with pytest.raises(RootKeyError, match=r"https://local_kms: check region and endpoint_url"):
        replace(source, endpoint_url="https://local_kms").root_key(SALT, 17)


def test_without_credentials_the_line_says_so(source: AwsKmsKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore's chain is asked, and finds nothing."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(source.sealed_file.parent))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(RootKeyError, match=r"Unable to locate credentials.*: check the AWS credentials"):
        replace(source, access_key_id=None, secret_access_key=None).make()


def test_a_server_that_is_silent_is_not_waited_for_long(source: AwsKmsKey) -> None:
    source.make()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(RootKeyError, match=r"does not answer \(ReadTimeoutError\)"):
            replace(source, endpoint_url=url, read_timeout_seconds=0.2).root_key(SALT, 17)
