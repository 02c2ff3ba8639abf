"""rclone. It takes an ETag for the content's MD5 unless it is told that the server seals under KMS."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.clients.commands import Command, files_in, tree
from tests.clients.fetched import Fetched
from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.own_keys import OWN
from tests.e2e.sdk import REGION
from tests.stores.sealgate import ALICE, Sealgate
from tests.tools import installed

FILES = {
    "none": b"",
    "one": plaintext(1),
    "segment": plaintext(65_536),
    "deep/a file+ü": plaintext(200_000),
    "deep/deeper/large": plaintext(7_000_000),
}
"""The large one is above rclone's own part size."""
NOTHING = "There was nothing to transfer"


@pytest.fixture
def rclone(sealgate: Sealgate, key_arn: str, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """With one remote, `s3`, that writes each object in one piece."""
    remote = {
        "type": "s3",
        "provider": "Other",
        "endpoint": sealgate.url,
        "region": REGION,
        "access_key_id": ALICE.access_key,
        "secret_access_key": ALICE.secret_key,
        "server_side_encryption": "aws:kms",
        "sse_kms_key_id": key_arn,
        "upload_cutoff": "1G",
    }
    return Command(
        words=(installed("rclone"), "--verbose", "--retries=1", "--low-level-retries=1"),
        home=tmp_path_factory.mktemp("home"),
        environ={f"RCLONE_CONFIG_S3_{name.upper()}": value for name, value in remote.items()}
        | {"RCLONE_CONFIG": os.devnull},
    )


def listed(rclone: Command, where: str) -> dict[str, int]:
    """Name and size, of `rclone lsl`."""
    lines: Iterable[list[str]] = (line.split(maxsplit=3) for line in rclone("lsl", where).text.splitlines())
    return {name: int(size) for size, _, _, name in lines}


def test_a_second_sync_transfers_nothing(
    *, rclone: Command, bucket: str, tmp_path: Path, sealed_on_store: AtRest
) -> None:
    """Sizes and dates agree with the files, and `check` does, by the sums that rclone keeps and by bytes."""
    here, there = tree(tmp_path / "here", FILES), f"s3:{bucket}/sync"

    assert rclone("sync", here, there).told.count("Copied (new)") == len(FILES)
    assert NOTHING in rclone("sync", here, there).told

    assert listed(rclone, there) == {name: len(body) for name, body in FILES.items()}
    for way in ((), ("--download",)):
        said = rclone("check", *way, here, there).told
        assert "0 differences found" in said
        assert f"{len(FILES)} matching files" in said
        assert "hashes could not be checked" not in said
    for name, body in FILES.items():
        sealed_on_store(bucket, f"sync/{name}", body)


def test_sync_follows_what_changes(
    *, rclone: Command, bucket: str, tmp_path: Path, sealed_on_store: AtRest
) -> None:
    """One file changes, one goes, and the same comes back down; the second way down is idle too."""
    here, there, back = tree(tmp_path / "here", FILES), f"s3:{bucket}/changes", tmp_path / "back"
    rclone("sync", here, there)
    (here / "one").write_bytes(b"longer than it was")
    (here / "none").unlink()

    said = rclone("sync", here, there).told

    assert re.findall(r"INFO  : (\S+): (Copied|Deleted)", said) == [("one", "Copied"), ("none", "Deleted")]
    assert rclone("sync", there, back).told.count("Copied (new)") == len(FILES) - 1
    assert files_in(back) == files_in(here)
    assert NOTHING in rclone("sync", there, back).told
    rclone("delete", there)
    assert not [name for name in sealed_on_store.keys(bucket) if name.startswith("changes/")]


def test_a_large_file_in_parts(
    *, rclone: Command, bucket: str, tmp_path: Path, sealed_on_store: AtRest
) -> None:
    """As rclone sends what is above its cutoff; the file that comes back is the same."""
    plain, file, there = plaintext(11_000_000), tmp_path / "large", f"s3:{bucket}/parts/large"
    file.write_bytes(plain)

    rclone("copyto", "--s3-upload-cutoff=5Mi", "--s3-chunk-size=5Mi", file, there)

    sealed = sealed_on_store(bucket, "parts/large", plain)
    assert sealed.opened is not None
    assert len(sealed.opened.parts) == 3
    rclone("copyto", there, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == plain
    found = rclone("check", "--download", tmp_path, f"s3:{bucket}/parts", "--include=large").told
    assert "0 differences found" in found


def test_a_stream_and_a_sync_in_parts(
    *, rclone: Command, bucket: str, tmp_path: Path, sealed_on_store: AtRest
) -> None:
    """One whose length nobody said, and a tree with a large file in it, twice."""
    plain, there = plaintext(6_000_000), f"s3:{bucket}/streams"
    in_parts = ("--s3-upload-cutoff=5Mi", "--s3-chunk-size=5Mi", "--streaming-upload-cutoff=1Ki")
    here = tree(tmp_path / "here", {"rcat": plain, "small": b"four"})

    rclone("rcat", *in_parts, f"{there}/rcat", stdin=plain)
    rclone("copyto", *in_parts, here / "rcat", f"{there}/first")
    rclone("moveto", *in_parts, f"{there}/first", f"{there}/second")
    rclone("sync", "--size-only", *in_parts, here, f"s3:{bucket}/streams-2")

    for name in ("streams/rcat", "streams/second", "streams-2/rcat"):
        sealed = sealed_on_store(bucket, name, plain)
        assert sealed.opened is not None
    assert NOTHING in rclone("sync", *in_parts, here, f"s3:{bucket}/streams-2").told


@pytest.mark.parametrize(("offset", "count"), [(0, 1), (65_535, 2), (65_536, 65_536), (199_999, 1)])
def test_cat_reads_a_range(
    *, rclone: Command, bucket: str, fetched: Fetched, offset: int, count: int
) -> None:
    key, plain = f"cat {offset}", plaintext(200_000)
    rclone("rcat", "--size", len(plain), f"s3:{bucket}/{key}", stdin=plain)

    said = rclone("cat", "--offset", offset, "--count", count, f"s3:{bucket}/{key}")

    assert said.out == plain[offset : offset + count]
    assert fetched(bucket, key)[-1][0].startswith(f"bytes={offset}-")


def test_one_object_copied_moved_and_removed(
    *, rclone: Command, bucket: str, tmp_path: Path, sealed_on_store: AtRest
) -> None:
    """Between this side and that."""
    plain, file, back = plaintext(70_000), tmp_path / "file", tmp_path / "back"
    file.write_bytes(plain)

    rclone("copyto", file, f"s3:{bucket}/single/copied")
    rclone("moveto", file, f"s3:{bucket}/single/moved")
    for name in ("copied", "moved"):
        sealed_on_store(bucket, f"single/{name}", plain)
    rclone("moveto", f"s3:{bucket}/single/moved", back)

    assert not file.exists()
    assert back.read_bytes() == plain
    assert listed(rclone, f"s3:{bucket}/single") == {"copied": len(plain)}
    rclone("deletefile", f"s3:{bucket}/single/copied")
    assert listed(rclone, f"s3:{bucket}/single") == {}


def test_copied_moved_and_touched_from_name_to_name(
    *, rclone: Command, bucket: str, tmp_path: Path, sealed_on_store: AtRest
) -> None:
    """By CopyObject: nothing comes down and goes up again, and a date is set by a copy onto itself."""
    here, there = tree(tmp_path / "here", FILES), f"s3:{bucket}/names"
    rclone("sync", here, f"{there}/first")

    copied = rclone("sync", f"{there}/first", f"{there}/second").told
    moved = rclone("move", f"{there}/first", f"{there}/third").told
    rclone("touch", "--timestamp", "2001-02-03T04:05:06", f"{there}/third/one")

    assert copied.count("Copied (server-side copy)") == len(FILES)
    assert moved.count("Copied (server-side copy)") == len(FILES)
    for name, body in FILES.items():
        for place in ("second", "third"):
            sealed_on_store(bucket, f"names/{place}/{name}", body)
    assert "2001-02-03 04:05:06" in rclone("lsl", f"{there}/third/one").text
    assert listed(rclone, there) == {
        f"{place}/{name}": len(body) for place in ("second", "third") for name, body in FILES.items()
    }


def test_sync_under_the_user_s_own_key(
    *, rclone: Command, bucket: str, tmp_path: Path, sealed_on_store: AtRest
) -> None:
    """SSE-C: up in one piece and in parts, a second run that is idle, from name to name, and down again."""
    here, there, back = tree(tmp_path / "here", FILES), f"s3:{bucket}/own", tmp_path / "back"
    own = Command(
        words=(
            *rclone.words,
            *("--s3-sse-customer-algorithm", "AES256", "--s3-sse-customer-key-base64", OWN.in_base64),
            *("--s3-server-side-encryption", "", "--s3-sse-kms-key-id", "", "--s3-upload-cutoff", "5M"),
        ),
        home=rclone.home,
        environ=rclone.environ,
    )

    own("sync", here, there)
    assert NOTHING in own("sync", here, there).told
    own("copyto", f"{there}/segment", f"{there}/copied")
    own("sync", there, back)

    assert files_in(back) == FILES | {"copied": FILES["segment"]}
    for name, body in files_in(back).items():
        sealed_on_store(bucket, f"own/{name}", body, client_key=OWN.plain)
    rclone("copyto", f"{there}/segment", tmp_path / "none", fails=True)
    assert not (tmp_path / "none").exists()
