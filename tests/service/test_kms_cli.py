"""`aws kms` against the built-in key service, as an administrator types it."""

import base64
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.service.clients import client
from tests.stores.sealgate import ALICE, Sealgate, run

Kms = Callable[..., Any]


@pytest.fixture
def kms(sealgate: Sealgate, tmp_path: Path) -> Kms:
    """kms("create-key", …) gives what the command prints; `--plaintext` and the like take files."""
    aws = shutil.which("aws", path=str(Path(sys.executable).parent))
    assert aws is not None
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": ALICE.access_key,
        "AWS_SECRET_ACCESS_KEY": ALICE.secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_KMS": sealgate.kms_url,
        "AWS_MAX_ATTEMPTS": "1",
    }

    def run(*arguments: str, code: int = 0) -> Any:
        done = subprocess.run(
            [aws, "kms", *arguments, "--output", "json"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout or "null") if not code else done.stderr

    return run


def test_an_administrators_afternoon(kms: Kms, tmp_path: Path) -> None:
    """A key is made, named, used, put to sleep and woken."""
    alias = f"alias/cli-{uuid.uuid4()}"
    made = kms("create-key", "--description", "by hand")["KeyMetadata"]
    kms("create-alias", "--alias-name", alias, "--target-key-id", made["KeyId"])

    described = kms("describe-key", "--key-id", alias)["KeyMetadata"]
    assert (described["Arn"], described["Description"]) == (made["Arn"], "by hand")
    assert made["KeyId"] in {key["KeyId"] for key in kms("list-keys")["Keys"]}
    [named] = [each for each in kms("list-aliases")["Aliases"] if each["AliasName"] == alias]
    assert named["TargetKeyId"] == made["KeyId"]

    data_key = kms("generate-data-key", "--key-id", alias, "--key-spec", "AES_256")
    assert len(base64.b64decode(data_key["Plaintext"])) == 32

    plain, blob = tmp_path / "plain", tmp_path / "blob"
    plain.write_bytes(b"by hand")
    context = ["--encryption-context", "purpose=test"]
    sealed = kms("encrypt", "--key-id", alias, "--plaintext", f"fileb://{plain}", *context)
    blob.write_bytes(base64.b64decode(sealed["CiphertextBlob"]))
    opened = kms("decrypt", "--ciphertext-blob", f"fileb://{blob}", *context)
    assert base64.b64decode(opened["Plaintext"]) == b"by hand"
    assert opened["KeyId"] == made["Arn"]

    other = kms("create-key")["KeyMetadata"]["Arn"]
    moved = kms(
        "re-encrypt",
        *("--ciphertext-blob", f"fileb://{blob}", "--source-encryption-context", "purpose=test"),
        *("--destination-key-id", other, "--destination-encryption-context", "purpose=moved"),
    )
    assert (moved["SourceKeyId"], moved["KeyId"]) == (made["Arn"], other)

    kms("disable-key", "--key-id", made["KeyId"])
    assert kms("describe-key", "--key-id", alias)["KeyMetadata"]["KeyState"] == "Disabled"
    refused = kms("decrypt", "--ciphertext-blob", f"fileb://{blob}", *context, code=255)
    assert "DisabledException" in refused
    kms("enable-key", "--key-id", made["KeyId"])
    assert base64.b64decode(kms("decrypt", "--ciphertext-blob", f"fileb://{blob}", *context)["Plaintext"])


def test_the_product_s_own_commands_reach_the_running_service(sealgate: Sealgate) -> None:
    """Over TCP, as one of several identities, and what the workers' caches saved."""
    config = ("--config", str(sealgate.directory / "config.yaml"), "--identity", ALICE.name)
    made = json.loads(run("keys", "create", "--description", "by us", *config, "--output", "json"))
    cost = json.loads(run("keys", "cost", *config, "--output", "json"))
    bucket = f"keyed-{uuid.uuid4()}"
    rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": made["Arn"]}
    with client("s3", sealgate.url) as s3:
        for name in (bucket, f"{bucket}-not"):
            s3.create_bucket(Bucket=name)
        s3.put_bucket_encryption(
            Bucket=bucket,
            ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]},
        )
    told = run("keys", "delete", made["KeyId"], "--days", "7", "--yes", *config)
    assert f"{bucket}: its default encryption" in told
    assert f"{bucket}-not" not in told

    assert made["KeyId"] in run("keys", "list", *config)
    assert made["Arn"] in {line["KeyArn"] for line in cost["Keys"]}
    assert set(cost["Saved"]) == {"Amount", "Calls"}
    assert "PendingDeletion" in run("keys", "describe", made["KeyId"], *config)
