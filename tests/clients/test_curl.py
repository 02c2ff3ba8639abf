"""curl, which signs by itself: S3 from a shell."""

from pathlib import Path
from typing import Any

import pytest

from tests.clients.commands import Command
from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import REGION
from tests.stores.sealgate import ALICE, Sealgate
from tests.tools import debian

PLAIN = plaintext(150_000)
UNSIGNED = ("--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD")
"""Debian's curl does not send this header by itself."""


@pytest.fixture
def curl(tmp_path: Path) -> Command:
    signing = ("--aws-sigv4", f"aws:amz:{REGION}:s3", "--user", f"{ALICE.access_key}:{ALICE.secret_key}")
    return Command(words=(debian("curl"), "--silent", "--show-error", *signing, *UNSIGNED), home=tmp_path)


def test_an_object_goes_in_and_comes_out(
    *, curl: Command, sealgate: Sealgate, bucket: str, tmp_path: Path, sealed_on_store: AtRest
) -> None:
    url, file = f"{sealgate.url}/{bucket}/curl/an%20object", tmp_path / "file"
    file.write_bytes(PLAIN)

    curl("--fail", "--upload-file", file, url)

    assert curl("--fail", url).out == PLAIN
    assert curl("--fail", "--range", "65530-65540", url).out == PLAIN[65_530:65_541]
    assert f"content-length: {len(PLAIN)}" in curl("--fail", "--head", url).text.lower()
    sealed_on_store(bucket, "curl/an object", PLAIN)
    curl("--fail", "--request", "DELETE", url)
    assert "404" in curl("--fail", url, fails=True).told
    assert "curl/an object" not in sealed_on_store.keys(bucket)


def test_a_wrong_secret_is_refused(*, sealgate: Sealgate, bucket: str, s3: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket=bucket, Key="closed", Body=PLAIN)
    signing = ("--aws-sigv4", f"aws:amz:{REGION}:s3", "--user", f"{ALICE.access_key}:another-secret")
    curl = Command(words=(debian("curl"), "--silent", *signing, *UNSIGNED), home=tmp_path)

    assert b"SignatureDoesNotMatch" in curl(f"{sealgate.url}/{bucket}/closed").out
