"""The objects that are asked for, each sealed by what opens it: Sealgate before a real store, and rclone.

The sink then answers with exactly those bytes and headers, so that each target opens what it sealed itself.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from benchmarks.asks import REGION, Account
from benchmarks.peers import Canned, rclone_sealed
from tests.stores.sealgate import ALICE, serving
from tests.stores.seaweedfs import Store

BUCKET = "bench"
SIZES: Mapping[str, int] = {"small": 4096, "large": 64 * 1024**2}
HSM_STATE = ("hsm.sqlite", "hsm.sqlite.witness", "root.key")
KEPT = ("ETag", "Content-Type", "Last-Modified", "Accept-Ranges")
CLIENT = Account(access_key=ALICE.access_key, secret_key=ALICE.secret_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """What the sink answers, the plaintext behind it, and the key service's state that opens it."""

    canned: tuple[Canned, ...]
    plain: Path
    hsm_state: Path


def aws(service: str, url: str, account: Account) -> Any:
    """A client of boto3's, as lean as it goes."""
    client_of: Any = boto3.client  # boto3 has no annotations
    config_of: Any = Config
    return client_of(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=account.access_key,
        aws_secret_access_key=account.secret_key,
        config=config_of(
            retries={"total_max_attempts": 2},
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def sealed_objects(store: Store, directory: Path) -> Objects:
    """Seals under a Sealgate of its own, which ends; its key service's state stays."""
    plain = directory / "plain" / BUCKET
    plain.mkdir(parents=True)
    for name, size in SIZES.items():
        (plain / name).write_bytes(os.urandom(size))
    home = directory / "sealing"
    home.mkdir()
    with serving(store, home) as service:
        client = aws("s3", service.url, CLIENT)
        client.create_bucket(Bucket=BUCKET)
        for name in SIZES:
            client.put_object(Bucket=BUCKET, Key=name, Body=(plain / name).read_bytes())
    canned = [*_as_stored(store, directory), *_as_rclone_stores(directory, plain.parent)]
    return Objects(canned=tuple(canned), plain=plain, hsm_state=home)


def copy_hsm_state(objects: Objects, directory: Path) -> None:
    """So that another Sealgate opens the same objects. Both files belong to a service that has ended."""
    for name in HSM_STATE:
        shutil.copy2(objects.hsm_state / name, directory / name)


def _as_stored(store: Store, directory: Path) -> list[Canned]:
    client = aws("s3", store.url, Account(access_key=store.access_key, secret_key=store.secret_key))
    return [
        _canned(directory, f"/{BUCKET}/{name}", client.get_object(Bucket=BUCKET, Key=name)) for name in SIZES
    ]


def _canned(directory: Path, path: str, answer: Mapping[str, Any]) -> Canned:
    name = path.rpartition("/")[2]
    told = {key.lower(): value for key, value in answer["ResponseMetadata"]["HTTPHeaders"].items()}
    kept = {key: told[key.lower()] for key in KEPT if key.lower() in told}
    kept |= {key: value for key, value in told.items() if key.startswith("x-amz-meta-")}
    body, headers = directory / f"{name}.sealed", directory / f"{name}.headers"
    body.write_bytes(answer["Body"].read())
    headers.write_text("".join(f"{key}: {value}\r\n" for key, value in kept.items()))
    return Canned(path=path, headers=headers, body=body)


def _as_rclone_stores(directory: Path, plain: Path) -> list[Canned]:
    """The files, and the one listing from which rclone learns of them and of their bucket."""
    stored = rclone_sealed(directory, plain)
    files = [path for path in stored.rglob("*") if path.is_file()]
    headers = directory / "rclone.headers"
    modified = "Thu, 01 Jan 2026 00:00:00 GMT"
    headers.write_text(f'ETag: "sink-1"\r\nLast-Modified: {modified}\r\nAccept-Ranges: bytes\r\n')
    listing = directory / "rclone.xml"
    listing.write_text(_listing(stored, files))
    found = [Canned(path=f"/rclone/{path.relative_to(stored)}", headers=headers, body=path) for path in files]
    return [*found, Canned(path="/rclone", headers=headers, body=listing)]


def _listing(stored: Path, files: list[Path]) -> str:
    """Answers every listing alike: rclone leaves aside what does not belong to the directory it asked for."""
    contents = "".join(
        f"<Contents><Key>{path.relative_to(stored)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        f'<ETag>"sink-1"</ETag><Size>{path.stat().st_size}</Size><StorageClass>STANDARD</StorageClass></Contents>'
        for path in files
    )
    prefixes = "".join(
        f"<CommonPrefixes><Prefix>{path.name}/</Prefix></CommonPrefixes>"
        for path in stored.iterdir()
        if path.is_dir()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>rclone</Name><MaxKeys>1000</MaxKeys>'
        f"<KeyCount>{len(files)}</KeyCount><IsTruncated>false</IsTruncated>{contents}{prefixes}</ListBucketResult>"
    )
