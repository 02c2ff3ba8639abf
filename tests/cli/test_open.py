"""`sealgate inspect` and `sealgate open`: what is left when the proxy is not."""

import base64
import contextlib
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from click.testing import CliRunner, Result

from proxy.cli.main import cli
from tests.recovery.vectors import OBJECTS, body_from, plain_of
from tests.stores.sealgate import ALICE, MALLORY, Sealgate, User, serving
from tests.stores.seaweedfs import Store

BUCKET = "opened"
PLAIN = {"owned": b"", "kms": os.urandom(200_000), "a b%2Fé/x": b"a key of many kinds of characters"}
TWO_LAYERS = {"double": os.urandom(70_000), "double parts": os.urandom(5 * 1024 * 1024 + 70_000)}
"""Single-part, and uploaded in parts."""
PLAIN |= TWO_LAYERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Objects copied off the store while a service ran in `directory`; `opened` is what was asked then."""

    config: Path
    files: dict[str, Path]
    headers: dict[str, str]
    asked: dict[str, Result]
    key_arn: str

    def open(self, name: str, *options: str, **changed: str) -> Result:
        given = {"--metadata": self.headers[name], "--bucket": BUCKET, "--key": name} | changed
        pairs = [text for pair in given.items() for text in pair]
        return run("open", str(self.files[name]), *pairs, *options)


def run(*arguments: str, environment: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(cli, arguments, env=environment)


def client(service: str, url: str, user: User) -> Any:
    return _client(service, url, user.access_key, user.secret_key)


def _client(service: str, url: str, access_key: str, secret: str) -> Any:
    return boto3.client(  # type: ignore[no-untyped-call] # boto3 has no types
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),  # type: ignore[no-untyped-call] # the same
    )


@pytest.fixture(scope="module")
def copies(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Copies:
    """The service is stopped when this returns."""
    directory, taken = tmp_path_factory.mktemp("service"), tmp_path_factory.mktemp("copies")
    with serving(store, directory) as service:
        key_arn = _put(service)
        raw = _client("s3", store.url, store.access_key, store.secret_key)
        raw.put_object(Bucket=BUCKET, Key="plain", Body=b"not sealed")
        files, headers = {}, {}
        for number, name in enumerate(PLAIN):
            found = raw.get_object(Bucket=BUCKET, Key=name)
            files[name] = taken / str(number)
            files[name].write_bytes(found["Body"].read())
            headers[name] = found["Metadata"]["sealgate"]
        copied = Copies(
            config=directory / "config.yaml", files=files, headers=headers, asked={}, key_arn=key_arn
        )
        copied.asked.update(_asked(copied, service))
    return copied


def _put(service: Sealgate) -> str:
    s3, kms = client("s3", service.url, ALICE), client("kms", service.kms_url, ALICE)
    key_arn = str(kms.create_key()["KeyMetadata"]["Arn"])
    s3.create_bucket(Bucket=BUCKET)
    kms_key = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_arn}
    s3.put_object(Bucket=BUCKET, Key="owned", Body=PLAIN["owned"])
    for name in ("kms", "a b%2Fé/x"):
        s3.put_object(Bucket=BUCKET, Key=name, Body=PLAIN[name], **kms_key)
    two_layers = kms_key | {"ServerSideEncryption": "aws:kms:dsse"}
    s3.put_object(Bucket=BUCKET, Key="double", Body=PLAIN["double"], **two_layers)
    in_parts = TransferConfig(  # type: ignore[no-untyped-call] # the same
        multipart_threshold=5 * 1024**2, multipart_chunksize=5 * 1024**2
    )
    parts = io.BytesIO(PLAIN["double parts"])
    s3.upload_fileobj(parts, BUCKET, "double parts", ExtraArgs=two_layers, Config=in_parts)
    return key_arn


def _asked(copied: Copies, service: Sealgate) -> dict[str, Result]:
    """What can only be asked while the service runs."""
    config = ("--config", str(copied.config))
    with pytest.MonkeyPatch.context() as patched:
        asked = {}
        for user in (ALICE, MALLORY):
            patched.setenv("AWS_ACCESS_KEY_ID", user.access_key)
            patched.setenv("AWS_SECRET_ACCESS_KEY", user.secret_key)
            for name in ("kms", "owned"):
                asked[f"{user.name} {name}"] = copied.open(name, "--kms-endpoint", service.kms_url)
    for name in (*PLAIN, "plain", "missing"):
        asked[f"inspect {name}"] = run("inspect", f"s3://{BUCKET}/{name}", *config)
    asked["busy"] = copied.open("kms", *config)
    return asked


# --- inspect --------------------------------------------------------------------------------------


def rows(shown: Result) -> dict[str, str]:
    assert shown.exit_code == 0, shown.output
    return {line[:14].strip(): line[15:] for line in shown.stdout.splitlines()}


def test_inspect_shows_an_envelope(copies: Copies) -> None:
    """From the store itself; no key is asked."""
    shown = rows(copies.asked["inspect kms"])

    assert shown == {
        "name": f"s3://{BUCKET}/kms",
        "mode": "SSE-KMS (aws:kms)",
        "key": copies.key_arn,
        "key's blob": shown["key's blob"],
        "bucket": BUCKET,
        "context keys": "aws:s3:arn",
        "flags": "single part, data key shared, with sealed checksums",
        "plain size": "200000 bytes",
        "sealed size": f"{copies.files['kms'].stat().st_size} bytes",
        "proven": "no: a GET or `sealgate open` does that",
    }


def test_inspect_takes_any_name_and_an_empty_object(copies: Copies) -> None:
    assert rows(copies.asked["inspect a b%2Fé/x"])["plain size"] == "33 bytes"
    owned = rows(copies.asked["inspect owned"])
    assert owned["mode"] == "SSE-S3 (the service's own key)"
    assert owned["plain size"] == "0 bytes"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("plain", "is not sealed: it has no x-amz-meta-sealgate on the store"),
        ("missing", "there is no such object on the store"),
    ],
)
def test_inspect_says_what_is_no_sealed_object(copies: Copies, name: str, reason: str) -> None:
    shown = copies.asked[f"inspect {name}"]

    assert shown.exit_code == 1
    assert shown.stderr == f"Error: s3://{BUCKET}/{name}: {reason}\n"


@pytest.mark.parametrize("name", ["photos/cat.jpg", "s3://photos", "s3://photos/", "s3:///cat.jpg"])
def test_inspect_needs_a_bucket_and_a_key(copies: Copies, name: str) -> None:
    shown = run("inspect", name, "--config", str(copies.config))

    assert shown.exit_code == 1
    assert shown.stderr == f"Error: {name}: is not of the form s3://BUCKET/KEY\n"


def test_inspect_of_a_store_that_does_not_answer_is_one_line(copies: Copies, tmp_path: Path) -> None:
    """Nothing listens on port 1."""
    text = copies.config.read_text()
    url = next(line.split()[-1] for line in text.splitlines() if " url: " in line)
    (tmp_path / "config.yaml").write_text(text.replace(url, "http://127.0.0.1:1"))
    shown = run("inspect", f"s3://{BUCKET}/kms", "--config", str(tmp_path / "config.yaml"))

    assert shown.exit_code == 1
    assert shown.stderr.startswith("Error: http://127.0.0.1:1: Could not connect")
    assert shown.stderr.count("\n") == 1


# --- open -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PLAIN)
def test_open_needs_store_and_root_key_alone(copies: Copies, tmp_path: Path, name: str) -> None:
    """Of the stopped service: with the proxy and the S3 store gone, the service's own key included."""
    target = tmp_path / "opened"
    opened = copies.open(name, "--config", str(copies.config), "--output", str(target))
    piped = copies.open(name, "--config", str(copies.config))

    assert (opened.exit_code, opened.stdout) == (0, "")
    assert target.read_bytes() == PLAIN[name]
    assert [place.name for place in tmp_path.iterdir()] == ["opened"]
    assert opened.stderr.startswith(
        f"opened {len(PLAIN[name])} bytes, every one verified, under arn:aws:kms:"
    )
    assert (piped.exit_code, piped.stdout_bytes) == (0, PLAIN[name])


def test_open_asks_a_running_key_service(copies: Copies) -> None:
    """With whoever's credentials the environment holds: they must be allowed the key."""
    assert copies.asked["alice kms"].stdout_bytes == PLAIN["kms"]
    refused = copies.asked["mallory kms"]
    assert (refused.exit_code, refused.stdout_bytes) == (1, b"")
    assert refused.stderr.startswith(f"Error: {copies.key_arn}: AccessDeniedException: ")
    assert refused.stderr.count("\n") == 1


def test_open_says_how_to_get_at_the_service_s_own_key(copies: Copies) -> None:
    refused = copies.asked["alice owned"]

    assert refused.exit_code == 1
    assert refused.stderr.endswith("stop the service, and open with --config instead\n")


def test_open_keeps_off_the_store_of_a_running_service(copies: Copies) -> None:
    refused = copies.asked["busy"]

    assert refused.exit_code == 1
    assert refused.stderr.endswith(": stop the service, or ask it with --kms-endpoint\n")


def test_open_refuses_the_answer_of_a_key_that_it_did_not_ask_for(copies: Copies) -> None:
    """A key service that opens anything would let whoever writes to the store choose the key."""

    class Other(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.dumps(
                {"KeyId": copies.key_arn + "0", "Plaintext": base64.b64encode(bytes(32)).decode()}
            )
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Other) as server, ThreadPoolExecutor() as aside:
        aside.submit(server.handle_request)
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("AWS_ACCESS_KEY_ID", "A")
            patched.setenv("AWS_SECRET_ACCESS_KEY", "B")
            refused = copies.open("kms", "--kms-endpoint", f"http://127.0.0.1:{server.server_port}")

    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"Error: {copies.key_arn}: the key service answered with another key")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"--bucket": "elsewhere"}, "the header was written in the bucket 'opened', not in 'elsewhere'"),
        ({"--key": "other"}, "the content key does not open"),
        ({"--metadata": "2.AAAA"}, "the header is of version 2"),
        ({"--metadata": "nonsense"}, "the header does not begin with a version's number"),
    ],
)
def test_open_refuses_another_object_s_name_or_header(
    copies: Copies, tmp_path: Path, changed: dict[str, str], reason: str
) -> None:
    target = tmp_path / "opened"
    refused = copies.open("kms", "--config", str(copies.config), "--output", str(target), **changed)

    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"Error: {reason}")
    assert refused.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_bucket_may_have_had_another_name(copies: Copies) -> None:
    options = ("--config", str(copies.config), "--former-bucket", BUCKET)

    assert copies.open("kms", *options, **{"--bucket": "renamed"}).stdout_bytes == PLAIN["kms"]


@pytest.mark.parametrize("place", [5, 100_000, -1])
def test_a_failed_open_leaves_no_file(copies: Copies, tmp_path: Path, place: int) -> None:
    """And to standard output goes nothing that was not verified."""
    damaged = bytearray(copies.files["kms"].read_bytes())
    damaged[place] ^= 1
    (tmp_path / "body").write_bytes(damaged)
    source = Copies(
        config=copies.config,
        files={"kms": tmp_path / "body"},
        headers=copies.headers,
        asked={},
        key_arn=copies.key_arn,
    )
    options = ("--config", str(copies.config))
    to_file = source.open("kms", *options, "--output", str(tmp_path / "opened"))
    piped = source.open("kms", *options)

    assert [to_file.exit_code, piped.exit_code] == [1, 1]
    assert [place.name for place in tmp_path.iterdir()] == ["body"]
    assert PLAIN["kms"].startswith(piped.stdout_bytes)
    assert len(piped.stdout_bytes) % 65_536 == 0
    assert piped.stderr.count("\n") == 1


def test_open_overwrites_nothing(copies: Copies) -> None:
    """Least of all the object that it reads."""
    before = copies.files["kms"].read_bytes()
    refused = copies.open("kms", "--config", str(copies.config), "--output", str(copies.files["kms"]))

    assert refused.exit_code == 1
    assert refused.stderr == f"Error: {copies.files['kms']}: exists: choose another --output\n"
    assert copies.files["kms"].read_bytes() == before


@pytest.mark.parametrize(
    ("file", "options", "line"),
    [
        ("missing", (), "{0}/missing: No such file or directory"),
        ("body", ("--output", "{0}/no/such/place"), "{0}/no/such/"),
        ("body", ("--client-key-file", "{0}/missing"), "{0}/missing: No such file or directory"),
        ("body", ("--client-key-file", "{0}/body"), "{0}/body: holds no key: write its 32 bytes there"),
    ],
)
def test_open_names_the_file_that_is_not_as_it_should_be(
    copies: Copies, tmp_path: Path, file: str, options: tuple[str, ...], line: str
) -> None:
    (tmp_path / "body").write_bytes(copies.files["kms"].read_bytes())
    refused = run(
        *("open", str(tmp_path / file), "--metadata", copies.headers["kms"], "--bucket", BUCKET),
        *("--key", "kms", "--config", str(copies.config)),
        *(option.format(tmp_path) for option in options),
    )

    assert refused.exit_code == 1
    assert refused.stderr.startswith("Error: " + line.format(tmp_path))
    assert refused.stderr.count("\n") == 1


def test_a_key_that_the_rules_do_not_accept_is_refused(copies: Copies, tmp_path: Path) -> None:
    """Else whoever writes to the store could have anything opened that was sealed under a key of theirs."""
    config = tmp_path / "config.yaml"
    rule = "buckets:\n- {match: '*', keys: ['arn:aws:kms:eu-west-1:444455556666:key/*']}\n"
    config.write_text(copies.config.read_text() + rule)
    refused = copies.open("kms", "--config", str(config))

    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"Error: {copies.key_arn}: the header names this key, but {config} ")


@pytest.mark.parametrize("name", TWO_LAYERS)
def test_a_rule_of_other_keys_opens_the_outer_layer(copies: Copies, tmp_path: Path, name: str) -> None:
    """It is under the service's own key, which no rule names; the inner key is the one that a rule bounds."""
    config = tmp_path / "config.yaml"
    for accepted, code in ((copies.key_arn, 0), ("arn:aws:kms:eu-west-1:444455556666:key/*", 1)):
        config.write_text(copies.config.read_text() + f"buckets:\n- {{match: '*', keys: ['{accepted}']}}\n")
        opened = copies.open(name, "--config", str(config))
        assert (opened.exit_code, opened.stdout_bytes) == (code, PLAIN[name] if code == 0 else b"")


def test_a_missing_root_key_is_one_line(copies: Copies) -> None:
    root_key = copies.config.with_name("root.key")
    with contextlib.ExitStack() as back:
        root_key.rename(root_key.with_name("away"))
        back.callback(root_key.with_name("away").rename, root_key)
        refused = copies.open("kms", "--config", str(copies.config))

    assert refused.exit_code == 1
    assert refused.stderr == f"Error: file {root_key} cannot be read: No such file or directory\n"


CLIENTS_OWN = [name for name, vector in OBJECTS.items() if vector["mode"] == "client"]


@pytest.mark.parametrize("name", CLIENTS_OWN)
@pytest.mark.parametrize("in_base64", [False, True])
def test_a_client_s_own_key_needs_no_configuration(tmp_path: Path, name: str, *, in_base64: bool) -> None:
    """SSE-C: the published vectors, under the key as it is and as clients send it."""
    vector = OBJECTS[name]
    key = bytes.fromhex(vector["data_key"])
    (tmp_path / "key").write_bytes(base64.b64encode(key) + b"\n" if in_base64 else key)
    (tmp_path / "body").write_bytes(body_from(name))
    arguments = (
        *("open", str(tmp_path / "body"), "--metadata", vector["header"], "--bucket", vector["bucket"]),
        *("--key", bytes.fromhex(vector["key"]).decode(), "--config", str(tmp_path / "none.yaml")),
    )
    opened = run(*arguments, "--client-key-file", str(tmp_path / "key"))
    without = run(*arguments)

    assert (opened.exit_code, opened.stdout_bytes) == (0, plain_of(name))
    assert opened.stderr.endswith("under the client's key\n")
    assert without.exit_code == 1
    assert without.stderr.startswith("Error: the object is sealed under a client's own key (SSE-C)")
