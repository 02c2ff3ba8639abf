"""The AWS command line, as its user types it."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import pytest

from recovery.envelope import Mode
from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.own_keys import OWN
from tests.e2e.sdk import REGION
from tests.stores.sealgate import ALICE, Sealgate

AWS = Path(sys.executable).parent / "aws"
PLAIN = plaintext(150_000)
LARGE = plaintext(3 * 1024 * 1024)
IN_PARTS = plaintext(9 * 1024 * 1024 + 7)
"""Above what the command sends in one piece."""


class Aws:
    def __init__(self, s3_url: str, kms_url: str, home: Path) -> None:
        self._urls = {"kms": kms_url}
        self._s3_url = s3_url
        self._home = home

    def __call__(self, *words: object, stdin: bytes | None = None, fails: bool = False) -> str:
        """Its output; with fails, what it says on standard error."""
        done = subprocess.run(
            [str(AWS), "--endpoint-url", self._urls.get(str(words[0]), self._s3_url), *map(str, words)],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=60,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self._home),
                "AWS_ACCESS_KEY_ID": ALICE.access_key,
                "AWS_SECRET_ACCESS_KEY": ALICE.secret_key,
                "AWS_DEFAULT_REGION": REGION,
                "AWS_MAX_ATTEMPTS": "1",
            },
        )
        assert (done.returncode != 0) is fails, done.stderr.decode()
        return (done.stderr if fails else done.stdout).decode()

    def json(self, *words: object) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self(*words, "--output", "json"))
        return answer


@pytest.fixture(scope="session")
def aws(sealgate: Sealgate, tmp_path_factory: pytest.TempPathFactory) -> Aws:
    return Aws(sealgate.url, sealgate.kms_url, tmp_path_factory.mktemp("home"))


def test_cp_to_and_from(
    *, aws: Aws, bucket: str, key_arn: str, tmp_path: Path, sealed_on_store: AtRest
) -> None:
    """What goes up sealed comes down as it was."""
    source, target = tmp_path / "a file.bin", tmp_path / "back.bin"
    for plain in (b"", PLAIN, IN_PARTS, LARGE):
        source.write_bytes(plain)

        aws("s3", "cp", source, f"s3://{bucket}/cli/", "--sse", "aws:kms", "--sse-kms-key-id", key_arn)
        sealed_on_store(bucket, "cli/a file.bin", plain)
        aws("s3", "cp", f"s3://{bucket}/cli/a file.bin", target)

        assert target.read_bytes() == plain
    assert f"{len(LARGE)} a file.bin" in aws("s3", "ls", f"s3://{bucket}/cli/")


def test_a_stream_to_standard_output(aws: Aws, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="text", Body=b"plain words\n" * 100)

    assert aws("s3", "cp", f"s3://{bucket}/text", "-") == "plain words\n" * 100


def test_sync_knows_what_is_there(aws: Aws, bucket: str, tmp_path: Path, sealed_on_store: AtRest) -> None:
    """Sizes in the listing are the plaintext's, so a second run copies nothing."""
    for name, size in (("one", 1), ("two", 65_536), ("deep/three", 70_000)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(plaintext(size))
        os.utime(tmp_path / name, (0, 0))  # older than the object, whose date has no fraction of a second

    assert aws("s3", "sync", tmp_path, f"s3://{bucket}/tree").count("upload:") == 3
    assert aws("s3", "sync", tmp_path, f"s3://{bucket}/tree") == ""
    sealed_on_store(bucket, "tree/deep/three", plaintext(70_000))
    (tmp_path / "one").unlink()
    assert "delete:" in aws("s3", "sync", "--delete", tmp_path, f"s3://{bucket}/tree")
    assert aws("s3", "rm", "--recursive", f"s3://{bucket}/tree").count("delete:") == 2


def test_s3api_with_all_that_belongs_to_an_object(
    *, aws: Aws, bucket: str, key_arn: str, tmp_path: Path, sealed_on_store: AtRest
) -> None:
    file, part = tmp_path / "body", tmp_path / "part"
    file.write_bytes(PLAIN)
    where = ("--bucket", bucket, "--key", "s3api")

    put = aws.json(
        *("s3api", "put-object", *where, "--body", file, "--metadata", "a=b", "--content-type", "text/x"),
        *(
            "--server-side-encryption",
            "aws:kms",
            "--ssekms-key-id",
            key_arn,
            "--checksum-algorithm",
            "SHA256",
        ),
    )
    head = aws.json("s3api", "head-object", *where, "--checksum-mode", "ENABLED")
    got = aws.json("s3api", "get-object", *where, "--range", "bytes=65530-65540", part)

    assert (put["SSEKMSKeyId"], head["ChecksumSHA256"]) == (key_arn, put["ChecksumSHA256"])
    assert (head["Metadata"], head["ContentType"], head["ContentLength"]) == (
        {"a": "b"},
        "text/x",
        len(PLAIN),
    )
    assert got["ContentRange"] == f"bytes 65530-65540/{len(PLAIN)}"
    assert part.read_bytes() == PLAIN[65_530:65_541]
    sealed_on_store(bucket, "s3api", PLAIN)
    assert "NotImplemented" in aws("s3api", "get-object-torrent", *where, part, fails=True)


def test_cp_and_mv_from_name_to_name(aws: Aws, s3: Any, bucket: str, sealed_on_store: AtRest) -> None:
    """By CopyObject, and above 8 MB in parts: `aws s3` splits a copy as it does an upload."""
    bodies = {"small": PLAIN, "large": plaintext(9 * 1024 * 1024)}
    for name, plain in bodies.items():
        s3.put_object(
            Bucket=bucket, Key=f"from/{name}", Body=plain, Metadata={"a": "b"}, ContentType="text/x"
        )

    aws("s3", "cp", "--recursive", f"s3://{bucket}/from/", f"s3://{bucket}/copied/")
    aws("s3", "mv", "--recursive", f"s3://{bucket}/from/", f"s3://{bucket}/moved/")

    for name, plain in bodies.items():
        for place in ("copied", "moved"):
            got = s3.get_object(Bucket=bucket, Key=f"{place}/{name}")
            assert got["Body"].read() == plain
            # Version 1 of the command line forgets the metadata of what it copies in parts.
            assert name == "large" or (got["Metadata"], got["ContentType"]) == ({"a": "b"}, "text/x")
    assert not [name for name in sealed_on_store.keys(bucket) if name.startswith("from/")]
    assert aws("s3", "sync", f"s3://{bucket}/copied/", f"s3://{bucket}/moved/") == ""


def test_sync_and_mv_of_what_goes_in_parts(
    *, aws: Aws, bucket: str, tmp_path: Path, sealed_on_store: AtRest
) -> None:
    """Up, idle, down; then away from one side and from the other."""
    here, back, there = tmp_path / "here", tmp_path / "back", f"s3://{bucket}/large"
    here.mkdir()
    (here / "file").write_bytes(IN_PARTS)
    os.utime(here / "file", (0, 0))  # older than the object, whose date has no fraction of a second

    assert aws("s3", "sync", here, there).count("upload:") == 1
    assert aws("s3", "sync", here, there) == ""
    sealed = sealed_on_store(bucket, "large/file", IN_PARTS)
    assert sealed.envelope.flags.multipart
    assert aws("s3", "sync", there, back).count("download:") == 1
    assert (back / "file").read_bytes() == IN_PARTS

    aws("s3", "mv", f"{there}/file", here / "file")
    assert (here / "file").read_bytes() == IN_PARTS
    aws("s3", "mv", here / "file", f"{there}/moved")
    assert not (here / "file").exists()
    assert [name for name in sealed_on_store.keys(bucket) if name.startswith("large/")] == ["large/moved"]


@pytest.mark.parametrize("plain", [PLAIN, IN_PARTS], ids=["one piece", "parts"])
def test_cp_under_the_user_s_own_key(
    *, aws: Aws, bucket: str, tmp_path: Path, sealed_on_store: AtRest, plain: bytes
) -> None:
    """SSE-C up, from name to name, and down; without the key nothing comes."""
    source, target, key = tmp_path / "file", tmp_path / "back", tmp_path / "key"
    source.write_bytes(plain)
    key.write_bytes(OWN.plain)
    own = ("--sse-c", "AES256", "--sse-c-key", f"fileb://{key}")
    of_source = ("--sse-c-copy-source", "AES256", "--sse-c-copy-source-key", f"fileb://{key}")
    place = f"s3://{bucket}/own/{len(plain)}"

    aws("s3", "cp", source, place, *own)
    aws("s3", "cp", place, f"{place}-copy", *own, *of_source)
    aws("s3", "cp", f"{place}-copy", target, *own)

    assert target.read_bytes() == plain
    for name in (f"own/{len(plain)}", f"own/{len(plain)}-copy"):
        sealed_on_store(bucket, name, plain, client_key=OWN.plain)
    assert "400" in aws("s3", "cp", place, tmp_path / "none", fails=True)
    assert not (tmp_path / "none").exists()


SSE = {
    "--sse": ("AES256", Mode.SERVICE_OWNED),
    "--sse AES256": ("AES256", Mode.SERVICE_OWNED),
    "--sse aws:kms": ("aws:kms", Mode.KEY_SERVICE),
    "--sse aws:kms --sse-kms-key-id": ("aws:kms", Mode.KEY_SERVICE),
}


@pytest.mark.parametrize("options", SSE)
def test_each_sse_option(
    *, aws: Aws, s3: Any, bucket: str, key_arn: str, tmp_path: Path, sealed_on_store: AtRest, options: str
) -> None:
    """In one piece, in parts, from name to name; what asks for no key id is under the account's aws/s3."""
    wanted, mode = SSE[options]
    words = options.split() + ([key_arn] if options.endswith("key-id") else [])
    place = f"sse{options.replace(' ', '')}"
    for name, plain in (("small", PLAIN), ("parts", IN_PARTS)):
        (tmp_path / name).write_bytes(plain)

    aws("s3", "cp", "--recursive", tmp_path, f"s3://{bucket}/{place}/", *words)
    aws("s3", "cp", f"s3://{bucket}/{place}/small", f"s3://{bucket}/{place}/copied", *words)

    for name, plain in (("small", PLAIN), ("parts", IN_PARTS), ("copied", PLAIN)):
        head = s3.head_object(Bucket=bucket, Key=f"{place}/{name}")
        assert head["ServerSideEncryption"] == wanted
        assert ("SSEKMSKeyId" in head) is (wanted == "aws:kms")
        assert (head.get("SSEKMSKeyId") == key_arn) is options.endswith("key-id")
        sealed = sealed_on_store(bucket, f"{place}/{name}", plain, opens=options.endswith("key-id"))
        assert sealed.envelope.flags.mode is mode


def test_s3api_in_two_layers(
    *, aws: Aws, bucket: str, key_arn: str, tmp_path: Path, sealed_on_store: AtRest
) -> None:
    """`aws s3 cp` of version 1 does not know the word, `s3api` does."""
    source, target = tmp_path / "file", tmp_path / "back"
    source.write_bytes(PLAIN)
    where = ("--bucket", bucket, "--key", "double")
    wish = ("--server-side-encryption", "aws:kms:dsse", "--ssekms-key-id", key_arn)

    put = aws.json("s3api", "put-object", *where, "--body", source, *wish)
    aws("s3", "cp", f"s3://{bucket}/double", target)

    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms:dsse", key_arn)
    assert target.read_bytes() == PLAIN
    assert sealed_on_store(bucket, "double", PLAIN).envelope.flags.mode is Mode.TWO_LAYERS


def test_presign(aws: Aws, s3: Any, bucket: str) -> None:
    """With SigV4, which version 1 of the command line must be told to use here."""
    aws("configure", "set", "default.s3.signature_version", "s3v4")
    s3.put_object(Bucket=bucket, Key="signed", Body=PLAIN)

    for lifetime in ((), ("--expires-in", "604800")):
        url = aws("s3", "presign", f"s3://{bucket}/signed", *lifetime).strip()
        assert "X-Amz-Signature=" in url
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  # our own loopback URL
            assert answer.read() == PLAIN
    too_long = aws("s3", "presign", f"s3://{bucket}/signed", "--expires-in", "604801").strip()
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(too_long, timeout=10)  # noqa: S310  # the same
    with caught.value:
        assert b"AuthorizationQueryParametersError" in caught.value.read()


def test_buckets(aws: Aws) -> None:
    name = f"client-{uuid.uuid4()}"

    aws("s3", "mb", f"s3://{name}")
    assert name in aws("s3", "ls")
    aws("s3", "rb", f"s3://{name}")
    assert name not in aws("s3", "ls")


def test_aws_kms_makes_the_key_that_seals(
    aws: Aws, bucket: str, tmp_path: Path, sealed_on_store: AtRest
) -> None:
    """The same user, the same command line, the other service."""
    arn = aws.json("kms", "create-key", "--description", "of a test")["KeyMetadata"]["Arn"]
    alias = f"alias/{uuid.uuid4()}"
    aws("kms", "create-alias", "--alias-name", alias, "--target-key-id", arn)
    (tmp_path / "body").write_bytes(PLAIN)
    options = ("--sse", "aws:kms", "--sse-kms-key-id", alias)

    aws("s3", "cp", tmp_path / "body", f"s3://{bucket}/keyed", *options)
    sealed = sealed_on_store(bucket, "keyed", PLAIN)
    aws("kms", "disable-key", "--key-id", arn)

    assert sealed.envelope.inner.data_key is not None
    assert sealed.envelope.inner.data_key.key_arn == arn
    # Another bucket has no cached data key, so the change is felt at once.
    aws("s3", "mb", f"s3://{bucket[:-1]}z")
    answer = aws("s3", "cp", tmp_path / "body", f"s3://{bucket[:-1]}z/keyed", *options, fails=True)
    assert "KMS.DisabledException" in answer
    aws("s3", "rb", f"s3://{bucket[:-1]}z")
