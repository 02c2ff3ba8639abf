"""What a newcomer meets: one command, and everything answers."""

import json
import os
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.dev.running import Dev, client, dev, store_client


def test_env_points_tools_at_everything(running: Dev) -> None:
    """The lines that `source` needs, and no others."""
    lines = (running.directory / "env").read_text().splitlines()
    env = running.env
    admin = next(line.split()[-1] for line in running.output.splitlines() if "health" in line)

    assert [line.split("=")[0] for line in lines] == [
        "export AWS_ACCESS_KEY_ID",
        "export AWS_SECRET_ACCESS_KEY",
        "export AWS_REGION",
        "export AWS_DEFAULT_REGION",
        "export AWS_ENDPOINT_URL_S3",
        "export AWS_ENDPOINT_URL_KMS",
        "export STORE_ENDPOINT_URL",
        "export STORE_ACCESS_KEY_ID",
        "export STORE_SECRET_ACCESS_KEY",
        "export SEALGATE_CONFIG",
    ]
    assert client("s3", env).list_buckets()["Owner"]
    assert client("kms", env).list_keys()["Keys"]
    assert store_client(env).list_buckets()["Buckets"]
    with urllib.request.urlopen(f"{admin}/readyz", timeout=10) as answer:  # noqa: S310 # our own loopback URL
        assert answer.status == 200


def test_env_is_all_that_commands_need(running: Dev) -> None:
    """No region, endpoint or --config is left to say."""
    programs = Path(sys.executable).parent
    environ = {**running.env, "PATH": os.environ["PATH"], "AWS_CONFIG_FILE": "/nonexistent"}

    keys = _printed(environ, programs / "aws", "kms", "list-keys", "--output", "json")
    shown = _printed(environ, programs / "sealgate", "inspect", "s3://sealgate-demo/letters/hello.txt")

    assert json.loads(keys)["Keys"]
    assert "SSE-KMS" in shown


def _printed(environ: dict[str, str], *command: str | Path) -> str:
    return subprocess.run(command, env=environ, check=True, capture_output=True, text=True, timeout=60).stdout


def test_what_is_kept_is_its_owner_s_alone(running: Dev) -> None:
    """Directories 0700, files 0600; within its own directory the store does as it likes."""
    places = [running.directory, *running.directory.rglob("*")]
    ours = [place for place in places if "store/data/" not in str(place)]

    assert [place for place in ours if stat.S_IMODE(place.stat().st_mode) & 0o077] == []


def test_the_demo_shows_the_whole_way(running: Dev) -> None:
    """Key, bucket, ciphertext and its key, the file come back, the trail, and how to go on."""
    output = running.output
    key_arn = client("kms", running.env).describe_key(KeyId="alias/sealgate-demo")["KeyMetadata"]["Arn"]
    sealed = store_client(running.env).get_object(Bucket="sealgate-demo", Key="letters/hello.txt")["Body"]
    steps = [output.index(f"\n{number}. ") for number in range(1, 7)]

    assert steps == sorted(steps)
    assert f"key            {key_arn}" in output
    assert sealed.read(16).hex(" ") in output
    assert "1800 bytes, the same" in output
    trail = output[steps[5] :]
    for event in ("CreateKey", "CreateBucket", "PutObject", "GenerateDataKey", "GetObject", "Decrypt"):
        assert event in trail
    assert f"source {running.directory}/env" in output
    assert all(f"\n   {tool} " in output for tool in ("aws", "python", "rclone"))


def test_no_secret_is_printed(running: Dev) -> None:
    """Nor logged."""
    secrets = [running.env["AWS_SECRET_ACCESS_KEY"], running.env["STORE_SECRET_ACCESS_KEY"]]
    secrets.append((running.directory / "secrets" / "root.key").read_text().strip())
    texts = [running.output, *(log.read_text() for log in (running.directory / "logs").iterdir())]

    assert [secret for secret in secrets if any(secret in text for text in texts)] == []


def test_a_second_run_is_kept_out(running: Dev) -> None:
    with dev(running.directory) as second:
        assert second.ended() == 1

    last = second.output.splitlines()[-1]
    assert last == (
        f"Error: {running.directory}: is in use by another `sealgate dev`:"
        " stop it, or choose another --data-dir"
    )
    assert client("s3", running.env).list_buckets()["Owner"]
