"""s3cmd. It takes an ETag for the content's MD5 unless the answer says that a KMS key sealed it."""

import re
from pathlib import Path

import pytest

from recovery.envelope import Mode
from tests.clients.commands import Command, files_in, tree
from tests.clients.fetched import Fetched
from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import REGION
from tests.stores.sealgate import ALICE, Sealgate
from tests.tools import installed

FILES = {"none": b"", "one": plaintext(1), "segment": plaintext(65_536), "deep/a file+ü": plaintext(200_000)}
BY_SIZE = "--no-check-md5"
"""`sync` would compare the listing's ETags with the files' MD5."""


@pytest.fixture
def s3cmd(sealgate: Sealgate, key_arn: str, tmp_path_factory: pytest.TempPathFactory) -> Command:
    home = tmp_path_factory.mktemp("home")
    place = sealgate.url.removeprefix("http://")
    settings = {
        "access_key": ALICE.access_key,
        "secret_key": ALICE.secret_key,
        "host_base": place,
        "host_bucket": place,  # path style
        "bucket_location": REGION,
        "use_https": "False",
        "signature_v2": "False",
        "enable_multipart": "False",
        "kms_key": key_arn,
        "max_retries": "1",
    }
    text = "".join(f"{name} = {value}\n" for name, value in settings.items())
    (home / ".s3cfg").write_text(f"[default]\n{text}")
    return Command(words=(installed("s3cmd"), "--no-progress"), home=home)


def listed(s3cmd: Command, where: str) -> dict[str, int]:
    """Name and size, of `s3cmd ls`."""
    lines = (line.split(maxsplit=3) for line in s3cmd("ls", "--recursive", where).text.splitlines())
    return {url.removeprefix(where): int(size) for _, _, size, url in lines}


def test_put_and_get(*, s3cmd: Command, bucket: str, tmp_path: Path, sealed_on_store: AtRest) -> None:
    """What goes up sealed comes down as it was, and `info` tells its size and how it is sealed."""
    plain, there = plaintext(150_000), f"s3://{bucket}/put/a file+ü"
    tree(tmp_path, {"a file+ü": plain})

    put = s3cmd("put", tmp_path / "a file+ü", f"s3://{bucket}/put/")
    s3cmd("get", there, tmp_path / "back")
    info = s3cmd("info", there).text

    assert put.told == ""
    assert (tmp_path / "back").read_bytes() == plain
    assert f"File size: {len(plain)}" in info
    assert "SSE:       aws:kms" in info
    sealed_on_store(bucket, "put/a file+ü", plain)


def test_a_large_file_in_parts(
    *, s3cmd: Command, bucket: str, tmp_path: Path, sealed_on_store: AtRest
) -> None:
    """And from name to name, which is in parts as well; what is unfinished is shown and ended."""
    plain, there = plaintext(6 * 1024 * 1024), f"s3://{bucket}/parts/"
    tree(tmp_path, {"file": plain})
    in_parts = ("--config", tmp_path / "in-parts")
    settings = (
        (s3cmd.home / ".s3cfg").read_text().replace("enable_multipart = False", "enable_multipart = True")
    )
    (tmp_path / "in-parts").write_text(f"{settings}multipart_chunk_size_mb = 5\n")

    s3cmd(*in_parts, "put", tmp_path / "file", f"{there}first")
    s3cmd(*in_parts, "cp", f"{there}first", f"{there}second")
    s3cmd("get", f"{there}second", tmp_path / "back")

    assert (tmp_path / "back").read_bytes() == plain
    for name in ("first", "second"):
        sealed = sealed_on_store(bucket, f"parts/{name}", plain)
        assert sealed.envelope.flags.multipart
    assert "parts/" not in s3cmd("multipart", f"s3://{bucket}").text


def test_get_goes_on_where_it_stopped(
    *, s3cmd: Command, bucket: str, tmp_path: Path, fetched: Fetched
) -> None:
    plain, have = plaintext(150_000), 65_537
    tree(tmp_path, {"file": plain, "part": plain[:have]})
    s3cmd("put", tmp_path / "file", f"s3://{bucket}/continued")

    s3cmd("get", "--continue", f"s3://{bucket}/continued", tmp_path / "part")

    assert (tmp_path / "part").read_bytes() == plain
    assert fetched(bucket, "continued") == [(f"bytes={have}-", len(plain) - have)]


def test_a_second_sync_transfers_nothing(
    *, s3cmd: Command, bucket: str, tmp_path: Path, sealed_on_store: AtRest
) -> None:
    here, there, back = tree(tmp_path / "here", FILES), f"s3://{bucket}/sync/", tmp_path / "back"
    back.mkdir()

    assert s3cmd("sync", BY_SIZE, f"{here}/", there).text.count("upload:") == len(FILES)
    assert s3cmd("sync", BY_SIZE, f"{here}/", there).text == ""
    assert s3cmd("sync", BY_SIZE, there, f"{back}/").text.count("download:") == len(FILES)
    assert s3cmd("sync", BY_SIZE, there, f"{back}/").text == ""

    assert files_in(back) == FILES
    assert listed(s3cmd, there) == {name: len(body) for name, body in FILES.items()}
    for name, body in FILES.items():
        sealed_on_store(bucket, f"sync/{name}", body)


def test_cp_mv_and_modify(*, s3cmd: Command, bucket: str, tmp_path: Path, sealed_on_store: AtRest) -> None:
    """By CopyObject, the last one onto itself."""
    plain, there = plaintext(150_000), f"s3://{bucket}/names/"
    tree(tmp_path, {"file": plain})
    s3cmd("put", tmp_path / "file", f"{there}first")

    s3cmd("cp", f"{there}first", f"{there}second")
    s3cmd("mv", f"{there}first", f"{there}third")
    s3cmd("modify", "--add-header=content-type:text/x", f"{there}third")

    assert listed(s3cmd, there) == {"second": len(plain), "third": len(plain)}
    for name in ("second", "third"):
        sealed_on_store(bucket, f"names/{name}", plain)
    assert "text/x" in s3cmd("info", f"{there}third").text


def test_del(*, s3cmd: Command, bucket: str, tmp_path: Path, sealed_on_store: AtRest) -> None:
    """One, what a sync finds gone, and all."""
    here, there = tree(tmp_path / "here", FILES), f"s3://{bucket}/del/"
    s3cmd("sync", BY_SIZE, f"{here}/", there)
    (here / "none").unlink()

    assert s3cmd("del", f"{there}one").text.count("delete:") == 1
    (here / "one").unlink()
    assert s3cmd("sync", BY_SIZE, "--delete-removed", f"{here}/", there).text.count("delete:") == 1
    assert s3cmd("del", "--recursive", "--force", there).text.count("delete:") == 2

    assert not [name for name in sealed_on_store.keys(bucket) if name.startswith("del/")]
    assert "does not exist" in s3cmd("get", f"{there}one", tmp_path / "back", fails=True).told


@pytest.mark.parametrize("parts", [False, True], ids=["one piece", "parts"])
def test_encryption_by_option(
    *, s3cmd: Command, bucket: str, tmp_path: Path, key_arn: str, sealed_on_store: AtRest, parts: bool
) -> None:
    """As the manual has it, and not by the settings. (`--server-side-encryption` without a key's id asks for
    AES256, and then it takes the ETag for an MD5.)
    """
    settings = s3cmd.home / ".s3cfg"
    settings.write_text(re.sub("(?m)^(kms_key|enable_multipart).*\n", "", settings.read_text()))
    plain, there = plaintext(5_500_000 if parts else 150_000), f"s3://{bucket}/sse/{parts}"
    tree(tmp_path, {"file": plain})
    wish = ("--server-side-encryption", f"--server-side-encryption-kms-id={key_arn}")

    s3cmd("put", *wish, "--multipart-chunk-size-mb=5", tmp_path / "file", there)
    s3cmd("get", there, tmp_path / "back")

    assert (tmp_path / "back").read_bytes() == plain
    assert "SSE:       aws:kms" in s3cmd("info", there).text
    sealed = sealed_on_store(bucket, f"sse/{parts}", plain)
    assert sealed.envelope.flags.mode is Mode.KEY_SERVICE
    assert sealed.envelope.flags.multipart is parts
