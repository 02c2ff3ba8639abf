"""restic: encrypts for itself, in packs of its own; ours is the second lock, and its `check` reads it all."""

import json
import uuid
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.clients.commands import Command, files_in, tree
from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import REGION
from tests.stores.sealgate import ALICE, Sealgate
from tests.tools import debian

FILES = {"none": b"", "one": plaintext(1), "deep/segment": plaintext(65_537), "large": plaintext(9_000_000)}
PACK_MIB = 4
"""The smallest that it makes: the large file fills two."""


@pytest.fixture
def restic(sealgate: Sealgate, bucket: str, tmp_path: Path) -> Command:
    environ = {
        "RESTIC_REPOSITORY": f"s3:{sealgate.url}/{bucket}/{uuid.uuid4()}",
        "RESTIC_PASSWORD": "of the test",
        "RESTIC_CACHE_DIR": str(tmp_path / "cache"),
        "AWS_ACCESS_KEY_ID": ALICE.access_key,
        "AWS_SECRET_ACCESS_KEY": ALICE.secret_key,
        "AWS_DEFAULT_REGION": REGION,
    }
    return Command(words=(debian("restic"), "--quiet"), home=tmp_path, environ=environ)


def test_backup_check_and_restore(
    *, restic: Command, s3: Any, bucket: str, tmp_path: Path, sealed_on_store: AtRest
) -> None:
    """Its own check reads every pack; what comes back is what went in."""
    here = tree(tmp_path / "here", FILES)

    restic("init")
    restic("backup", "--pack-size", PACK_MIB, here)
    (here / "one").write_bytes(b"changed")
    restic("backup", "--pack-size", PACK_MIB, here)
    restic("check", "--read-data")
    restic("restore", "latest", "--target", tmp_path / "back")

    assert files_in(Path(f"{tmp_path}/back{here}")) == files_in(here)
    packs = [name for name in sealed_on_store.keys(bucket) if "/data/" in name]
    assert len(packs) > 1
    for name in packs:
        pack = s3.get_object(Bucket=bucket, Key=name)["Body"].read()
        assert name.endswith(sha256(pack).hexdigest())
        sealed_on_store(bucket, name, pack)


def test_what_is_forgotten_goes(restic: Command, tmp_path: Path) -> None:
    """Packs are read, written anew and deleted: by ranges, PUT and DeleteObject."""
    here = tree(tmp_path / "here", FILES)
    restic("init")
    restic("backup", here)
    (here / "large").unlink()
    restic("backup", here)

    restic("forget", "--keep-last", 1, "--prune", "--max-unused", 0)
    restic("check", "--read-data")

    snapshots = json.loads(restic("snapshots", "--json").text)
    assert len(snapshots) == 1
    assert json.loads(restic("stats", "--mode", "raw-data", "--json").text)["total_size"] < len(
        FILES["large"]
    )
