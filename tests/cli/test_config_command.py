"""`sealgate config`, as a person types it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from proxy.cli.main import cli
from tests.cli.configs import ACCOUNT, IDENTITY_SECRET, STORE_SECRET, written


def test_a_good_configuration_is_summed_up(tmp_path: Path) -> None:
    """Without its secrets."""
    result = CliRunner().invoke(cli, ["config", "check", "--config", str(written(tmp_path))])

    assert result.exit_code == 0
    assert result.stdout.startswith(f"OK {tmp_path}/config.yaml\n")
    for shown in ("store (http://127.0.0.1:1)", ACCOUNT, "hsm (hsm, writes)", "127.0.0.1:any free port"):
        assert shown in result.stdout
    assert STORE_SECRET not in result.output
    assert IDENTITY_SECRET not in result.output


def test_what_is_allowed_but_seldom_meant_is_a_warning(tmp_path: Path) -> None:
    """On standard error; the configuration is good all the same."""
    path = written(tmp_path, admin={"address": "0.0.0.0", "port": 0})
    result = CliRunner().invoke(cli, ["config", "check", "--config", str(path)])

    assert result.exit_code == 0
    assert [line.split(": ")[:2] for line in result.stderr.splitlines()] == [["warning", "admin.address"]]


def test_every_fault_has_a_line_of_its_own(tmp_path: Path) -> None:
    """With the field's path first, and exit code 2."""
    path = written(tmp_path, listen={"prot": 1}, admin={"port": 70000}, kms=None)
    result = CliRunner().invoke(cli, ["config", "check", "--config", str(path)])

    assert result.exit_code == 2
    assert result.stdout == ""
    assert sorted(line.split(":")[0] for line in result.stderr.splitlines()) == [
        "admin.port",
        "kms",
        "listen.prot",
    ]


@pytest.mark.parametrize("command", [["check"], ["explain", "s3://a/b"]])
def test_a_missing_file_is_one_line(tmp_path: Path, command: list[str]) -> None:
    """It says how to name another."""
    missing = str(tmp_path / "none.yaml")
    result = CliRunner().invoke(cli, ["config", *command, "--config", missing])

    assert result.exit_code == 2
    assert result.stderr == f"{missing}: there is no such file: give --config FILE or set SEALGATE_CONFIG\n"


@pytest.mark.parametrize(
    ("content", "why"), [(b"\xff", "is not UTF-8 text"), (None, "cannot be read: Is a directory")]
)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(content) if content else path.mkdir()
    result = CliRunner().invoke(cli, ["config", "check", "--config", str(path)])

    assert result.exit_code == 2
    assert result.stderr.startswith(f"{path}: {why}: ")
    assert result.stderr.count("\n") == 1


def test_the_environment_may_name_the_configuration(tmp_path: Path) -> None:
    runner = CliRunner(env={"SEALGATE_CONFIG": str(written(tmp_path))})

    assert runner.invoke(cli, ["config", "check"]).exit_code == 0


def test_the_working_directory_s_config_yaml_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEALGATE_CONFIG", raising=False)
    written(tmp_path)

    assert CliRunner().invoke(cli, ["config", "check"]).stdout.startswith("OK config.yaml\n")


def test_an_object_s_rule_is_explained(tmp_path: Path) -> None:
    rules = [{"match": "plain", "mode": "passthrough"}]
    path = str(written(tmp_path, buckets=rules))
    found = CliRunner().invoke(cli, ["config", "explain", "--config", path, "s3://plain/a b"])

    assert found.exit_code == 0
    assert 'buckets[0], match "plain"' in found.stdout
    assert "passthrough" in found.stdout


@pytest.mark.parametrize("name", ["plain/a", "s3://", "http://plain"])
def test_what_is_no_object_s_name_is_one_line(tmp_path: Path, name: str) -> None:
    result = CliRunner().invoke(cli, ["config", "explain", "--config", str(written(tmp_path)), name])

    assert result.exit_code == 2
    assert result.stderr == f"'{name}' is not of the form s3://BUCKET/KEY\n"


def test_a_summary_tells_tls_and_the_absence_of_an_hsm(tmp_path: Path) -> None:
    parts = {
        "listen": {"address": "::1", "port": 8443, "tls": {"certificate_file": "c", "key_file": "k"}},
        "kms": {"backends": [{"type": "aws", "write": True}]},
        "hsm": None,
    }
    result = CliRunner().invoke(cli, ["config", "check", "--config", str(written(tmp_path, **parts))])

    assert "[::1]:8443 with TLS" in result.stdout
    assert "built-in HSM     none" in result.stdout
