"""Where values come from: the YAML, the environment, files; and what is refused there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.dump import dump_with_secrets
from proxy.config.errors import ConfigError
from proxy.config.load import load, parse
from proxy.config.schema import Config
from proxy.config.terms import Secret

Make = Callable[..., Config]
UPSTREAM = {"name": "main", "url": "https://store", "access_key_id": "AKSTORE"}
REST = """
accounts: ["111122223333"]
kms: {backends: [{type: aws, write: true}]}
"""
IDENTITIES = """
- name: ann
  account: "111122223333"
  access_keys: [{access_key_id: AKIDANN, secret_access_key: hush-hush}]
"""
FILES = {
    "/etc/sealgate/key": "from file\n",
    "/etc/sealgate/windows": "from file\r\n",
    "/etc/sealgate/two": "from file\n\n",
    "/etc/sealgate/ids.yaml": IDENTITIES,
    "/etc/sealgate/broken.yaml": "- name: [",
    "/etc/sealgate/bad.yaml": "- name: ann\n  nmae: x",
    "/elsewhere/key": "elsewhere",
}


def read(path: Path) -> str:
    if path.name == "binary":
        b"\xff".decode()
    if str(path) not in FILES:
        raise FileNotFoundError(2, "No such file or directory", str(path))
    return FILES[str(path)]


def parsed(upstream: dict[str, Any], identities: str = "identities_file: ids.yaml") -> Config:
    text = yaml.safe_dump({"upstreams": [UPSTREAM | upstream]}) + REST + identities
    env = {"STORE": "from env", "EMPTY": ""}
    return parse(text, env, read, directory=Path("/etc/sealgate"))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ({"secret_access_key": "inline"}, "inline"),
        ({"secret_access_key_env": "STORE"}, "from env"),
        ({"secret_access_key_file": "key"}, "from file"),
        ({"secret_access_key_file": "windows"}, "from file"),
        ({"secret_access_key_file": "/elsewhere/key"}, "elsewhere"),
    ],
)
def test_a_secret_may_stand_in_three_places(written: dict[str, str], value: str) -> None:
    """A file's final newline is the editor's, not the secret's."""
    assert parsed(written).upstreams[0].secret_access_key.reveal() == value


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({}, "secret_access_key: is missing: write secret_access_key or secret_access_key_env or secret_acc"),
        ({"secret_access_key": "a", "secret_access_key_env": "STORE"}, "is given 2 times: keep one of"),
        ({"secret_access_key_env": "NONE"}, "secret_access_key_env: the environment has no NONE"),
        ({"secret_access_key_env": "EMPTY"}, "secret_access_key_env: is empty"),
        ({"secret_access_key_env": 3}, "secret_access_key_env: must be the name of an environment variable"),
        ({"secret_access_key_file": ""}, "secret_access_key_file: must be the path of a file"),
        ({"secret_access_key_file": "nowhere"}, "nowhere cannot be read: No such file or directory"),
        ({"secret_access_key_file": "binary"}, "binary cannot be read: it is not UTF-8 text"),
        ({"secret_access_key_file": "two"}, "a secret is one line of text"),
    ],
)
def test_a_secret_that_is_not_there_once_is_refused(written: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(written)

    assert [message in str(p) for p in caught.value.problems] == [True]
    assert str(caught.value).startswith("upstreams[0].secret_access_key")
    assert "from file" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("broken.yaml", "identities_file: line 1, column 10: "),
        ("bad.yaml", "identities_file[0].nmae: is not a field; did you mean name?"),
        ("none.yaml", "identities_file: none.yaml cannot be read: No such file"),
    ],
)
def test_a_fault_in_the_identities_file_names_its_place(file: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed({"secret_access_key": "x"}, f"identities_file: {file}")

    assert any(str(p).startswith(message) for p in caught.value.problems), caught.value


def test_identities_come_from_a_file_of_their_own() -> None:
    """The ARN that is not written follows from account and name."""
    (ann,) = parsed({"secret_access_key": "x"}).identities

    assert (ann.name, ann.arn) == ("ann", "arn:aws:iam::111122223333:user/ann")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("region: a\nregion: b", "line 2, column 1: 'region' is written twice; keep one"),
        ("listen: {port: 1, port: 2}", "line 1, column 19: 'port' is written twice; keep one"),
        ("? [a]\n: b", "a field's name must be text"),
        ("a: [", "line 1, column 5: "),
        ("a: !!python/object:os.system x", "could not determine a constructor"),
        ("a: \x00", "is not YAML: "),
        ("- a", "must be a section with fields such as listen:"),
        ("", "the file is empty: "),
    ],
)
def test_text_that_is_no_configuration_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, {}, read)

    assert message in str(caught.value)


def test_yaml_merge_keys_are_not_taken_for_doubles() -> None:
    """A field written beside `<<` overrides the merged one, as YAML says."""
    text = f"""
    upstreams: [{{name: main, url: "http://store", access_key_id: AKSTORE, secret_access_key: x}}]
    kms: {{backends: [{{type: aws, write: true}}]}}
    accounts: ["111122223333"]
    identities: {yaml.safe_load(IDENTITIES)}
    admin: &where {{address: 127.0.0.1, port: 9000}}
    listen: {{<<: *where, port: 9001}}
    """

    assert parse(text, {}, read).listen.port == 9001


def test_relative_paths_start_at_the_file(tmp_path: Path, make: Make) -> None:
    """The service finds its files wherever it is started from."""
    config = make(hsm={"store": "hsm.sqlite", "root_key": {"file": "/keys/root"}})
    file = tmp_path / "sealgate.yaml"
    file.write_text(dump_with_secrets(config).replace(str(Path("hsm.sqlite")), "state/hsm.sqlite"))

    hsm = load(file, {}).hsm

    assert hsm is not None
    assert hsm.store == str(tmp_path / "state/hsm.sqlite")
    assert hsm.root_key.file == "/keys/root"
    assert hsm.socket == str(tmp_path / "run/hsm.sock")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"\xe9")

    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file or directory"):
        load(tmp_path / "none.yaml", {})
    with pytest.raises(ConfigError, match="latin: cannot be read: it is not UTF-8 text"):
        load(tmp_path / "latin", {})


def test_a_secret_shows_itself_to_nobody_unasked(make: Make) -> None:
    """Neither alone nor inside the whole configuration."""
    config = make()

    assert "s3cret" not in repr(config)
    assert "s3cret" not in f"{config.upstreams[0].secret_access_key}"
    assert config.upstreams[0].secret_access_key == Secret("s3cret")
    assert config.upstreams[0].secret_access_key != Secret("s3cre")
    assert config.upstreams[0].secret_access_key != "s3cret"
    assert len({Secret("a"), Secret("a")}) == 1


LINE = st.text(st.characters(exclude_characters="\x7f", exclude_categories=["Cs", "Cc"]), min_size=1).filter(
    str.strip
)


@given(secret=LINE, tag=st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_dumped_is_read_back_the_same(secret: str, tag: str) -> None:
    """A child that gets the text over a pipe works with the configuration that was checked."""
    identities = yaml.safe_dump({"identities": [yaml.safe_load(IDENTITIES)[0] | {"tags": {"t": tag}}]})
    config = parsed({"secret_access_key": secret}, identities)

    assert config.upstreams[0].secret_access_key == Secret(secret)
    assert parse(dump_with_secrets(config), {}, read) == config


@pytest.mark.parametrize("written", ["2027-12-31", '"2027-12-31"'])
def test_a_day_is_text_with_and_without_quotes(written: str) -> None:
    """YAML would make a date of it, and an error of its own of a day that is in no calendar."""
    text = yaml.safe_dump({"upstreams": [UPSTREAM | {"secret_access_key": "inline"}]}) + REST
    text += f"identities_file: ids.yaml\nbuckets: [{{match: old, mode: migrate, until: {written}}}]"
    found = parse(text, {}, read, directory=Path("/etc/sealgate"))

    assert found.buckets[0].until == "2027-12-31"
    assert parse(dump_with_secrets(found), {}, read) == found
