"""From the example to a first object: copy, adapt, init, paste, check, serve, put and get."""

import re
from pathlib import Path

import pytest
import yaml

from tests.service.clients import client
from tests.service.running import Launched, until
from tests.stores.sealgate import User, run
from tests.stores.seaweedfs import Store, free_ports

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"


@pytest.fixture
def adapted(store: Store, tmp_path: Path) -> Path:
    """The example with the sections that a first try has no use for left out, and one's own store in it."""
    listen, admin, hsm = free_ports(3)
    text = EXAMPLE.read_text()
    text = without(text, "tls:", "client_ca_file:", "ca_file:", "certificate_file:", "key_file:")
    text = without(text, "anonymous_as:")  # an identity that the first administrator is not
    text = replaced(text, r"url: https://store\S+", f"url: {store.url}")
    text = replaced(text, r"access_key_id_env: STORE_ACCESS_KEY_ID", f"access_key_id: {store.access_key}")
    text = replaced(text, r"preset: generic", "preset: seaweedfs")
    for default, mine in ((8080, listen), (9090, admin), (8081, hsm)):
        text = replaced(text, rf"port: {default}\b", f"port: {mine}")
    sections = yaml.safe_load(text)
    del sections["identities"]
    sections["kms"]["backends"] = sections["kms"]["backends"][:1]
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(sections))
    return path


def without(text: str, *names: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.strip().startswith(names))


def replaced(text: str, pattern: str, mine: str) -> str:
    assert re.search(pattern, text), pattern
    return re.sub(pattern, mine, text, count=1)


def test_from_the_example_to_a_first_object(adapted: Path, store: Store) -> None:
    environment = {"STORE_SECRET_ACCESS_KEY": store.secret_key}
    config = ("--config", str(adapted))

    told = run("hsm", "init", *config, environ=environment)
    assert "The secret is not shown again." in told
    lines = told[told.index("  - name: admin") :]
    adapted.write_text(f"{adapted.read_text()}identities:\n{lines}")

    checked = run("config", "check", *config, environ=environment)
    assert checked.startswith(f"OK {adapted}")
    assert store.secret_key not in checked
    explained = run("config", "explain", "s3://photos/raw/1.jpg", *config, environ=environment)
    assert "buckets[0]" in explained
    assert "alias/photos" in explained

    sections = yaml.safe_load(adapted.read_text())
    [key] = sections["identities"][0]["access_keys"]
    admin = User(
        name="admin", account="", access_key=key["access_key_id"], secret_key=key["secret_access_key"]
    )
    service = Launched(adapted, sections, (), environment)
    try:
        service.until_ready()
        with client("s3", service.url, admin) as s3:
            s3.create_bucket(Bucket="newcomers-bucket")
            s3.put_object(Bucket="newcomers-bucket", Key="first", Body=b"hello")
            assert s3.get_object(Bucket="newcomers-bucket", Key="first")["Body"].read() == b"hello"
        until((adapted.parent / "state" / "audit.jsonl").exists)
    finally:
        service.closed()

    again = run("hsm", "init", *config, environ=environment, check=False)
    assert "initialised already; nothing was changed" in again
