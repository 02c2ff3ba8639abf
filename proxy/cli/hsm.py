"""`sealgate hsm …`: work on the key service's own store, while no service runs on it."""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import click

from proxy.cli.identities import entry_lines
from proxy.cli.lockout import noting, told
from proxy.cli.options import ConfigRefused, config_option, loaded, read
from proxy.config.errors import ConfigError
from proxy.config.load import parse
from proxy.config.schema import Config, Hsm
from proxy.config.sources import plain_values
from proxy.config.terms import Name
from proxy.hsm.copies import accept as accept_store
from proxy.hsm.copies import back_up
from proxy.hsm.copies import restore as put_back
from proxy.hsm.init import InitResult, initialise
from proxy.hsm.lockout import KeyUnclear, resetting
from proxy.hsm.root import RootKeyError
from proxy.hsm.store import StoreBusy, StoreError
from proxy.hsm.witness import witness_of
from proxy.runtime.fips import demand_fips
from proxy.runtime.root_key import root_key_source
from proxy.supervisor.start import StartRefused


@click.group()
def hsm() -> None:
    """Work on the store of the built-in key service."""


@hsm.command(epilog="Example: sealgate hsm init --config config.yaml --account 123456789012 --name admin")
@config_option
@click.option("--account", metavar="ID", help="Twelve digits. [default: the configuration's first account]")
@click.option("--name", default="admin", show_default=True, help="What the first identity is called.")
@click.option("--for-tests", is_flag=True, help="A store that hsm.test_reset may empty: never for real keys.")
def init(config_path: Path, account: str | None, name: str, *, for_tests: bool) -> None:
    """Make the root key, the store and an administrator.

    The secret of this first identity is shown once. The configuration may still lack its identities.
    Refuses to run on a store that exists.
    """
    _check_name(name)
    config = _without_its_identities(config_path, account, name)
    if config.hsm is None:
        raise ConfigRefused(["hsm: is missing: write the section with store and root_key"])
    if account is not None and account not in config.accounts:
        raise ConfigRefused([f"accounts: {account} is not among them: add it, or choose another --account"])
    with _told_as_errors():
        demand_fips(config)
        _make_directories(config.hsm)
        made = initialise(
            Path(config.hsm.store),
            root_key_source(config.hsm.root_key, os.environ),
            account=account or config.accounts[0],
            region=config.hsm.regions[0],
            clock=time.time,
            random=os.urandom,
            witness=Path(config.hsm.witness) if config.hsm.witness else None,
            make_root_key=True,
            for_tests=for_tests,
        )
    click.echo(_told(made, config.hsm.store, config_path, name), nl=False)


@hsm.command(epilog="Example: sealgate hsm backup --config config.yaml /backup/hsm-2026-11-25.sqlite")
@config_option
@click.argument("copy", type=click.Path(path_type=Path))
def backup(config_path: Path, copy: Path) -> None:
    """Write a proven copy of the store to COPY.

    Also while the service runs. The root key opens it once, which proves it.

    Keep it apart from the root key: who has both has every KMS key.
    """
    section = _section(config_path)
    with _told_as_errors():
        found = back_up(
            Path(section.store), copy, root_key_source(section.root_key, os.environ), random=os.urandom
        )
    click.echo(f"{copy}: {found.records} records, change {found.generation}, all opened with the root key")


@hsm.command(epilog="Example: sealgate hsm restore --config config.yaml /backup/hsm-2026-11-25.sqlite")
@config_option
@click.argument("copy", type=click.Path(path_type=Path))
@click.option(
    "--accept-older", is_flag=True, help="Also where a newer store was seen here: keys made since are gone."
)
def restore(config_path: Path, copy: Path, *, accept_older: bool) -> None:
    """Put COPY in the store's place. The service must be stopped; what was there is kept beside it."""
    section = _section(config_path)
    _make_directories(section)
    source = root_key_source(section.root_key, os.environ)
    with _told_as_errors():
        found, kept = put_back(
            copy,
            Path(section.store),
            source,
            witness_of(Path(section.store), section.witness),
            random=os.urandom,
            accept_older=accept_older,
        )
    click.echo(f"{section.store}: {found.records} records, change {found.generation}")
    if kept:
        click.echo(f"What was there before: {kept}")


@hsm.command(epilog="Example: sealgate hsm accept --config config.yaml")
@config_option
def accept(config_path: Path) -> None:
    """Take the store as it is for the newest one.

    For when the witness says otherwise, or is not there. Keys that were made after this copy are gone, and
    what they sealed cannot be read.
    """
    section = _section(config_path)
    with _told_as_errors():
        found = accept_store(
            Path(section.store),
            root_key_source(section.root_key, os.environ),
            witness_of(Path(section.store), section.witness),
            random=os.urandom,
        )
    click.echo(f"{section.store}: accepted, with {found.records} records at change {found.generation}")


@hsm.command("reset-policy", epilog="Example: sealgate hsm reset-policy --config config.yaml alias/photos")
@config_option
@click.argument("key", metavar="KEY")
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset_policy(config_path: Path, key: str, *, yes: bool) -> None:
    """Give a key whose policy lets nobody in another one.

    KEY is an id, an ARN or an alias, of any account. It gets the policy that keys are made with, under which
    the identity policies of its account decide. Nothing else of it changes: grants stay as they are.

    The service must be stopped. It stands in the audit trail as PutKeyPolicy by an Operator.
    """
    config = loaded(config_path)
    section = _section_of(config)
    opened = resetting(
        Path(section.store),
        root_key_source(section.root_key, os.environ),
        witness_of(Path(section.store), section.witness),
        clock=time.time,
        random=os.urandom,
    )
    with _told_as_errors(), noting(config) as note, opened as store:
        locked = store.find(key)
        click.echo(told(config, locked), err=True)
        if not yes:
            click.confirm("Reset it?", abort=True, err=True)
        note(store.reset(locked.key))
    click.echo(
        f"{locked.key.arn}: the identity policies of account {locked.key.account} decide now", err=True
    )


def _section(config_path: Path) -> Hsm:
    return _section_of(loaded(config_path))


def _section_of(config: Config) -> Hsm:
    if config.hsm is None:
        raise ConfigRefused(["hsm: is missing: this configuration has no built-in key service"])
    with _told_as_errors():
        demand_fips(config)
    return config.hsm


@contextmanager
def _told_as_errors() -> Iterator[None]:
    try:
        yield
    except StoreBusy as exc:
        raise click.ClickException(f"{exc}: stop the service, then run this again") from None
    except (StoreError, RootKeyError, KeyUnclear, StartRefused) as exc:
        raise click.ClickException(str(exc)) from None


def _make_directories(section: Hsm) -> None:
    """For the service's user alone, where they are not there yet. Raises ClickException."""
    root = section.root_key
    sealed = [each.sealed_file for each in (root.aws_kms, root.pkcs11) if each]
    for file in filter(None, (section.store, section.witness, root.file, *sealed)):
        directory = Path(file).parent
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as exc:
            raise click.ClickException(f"{directory} cannot be made: {exc.strerror}") from None


def _check_name(name: str) -> None:
    shape = get_args(Name)[1]
    if not re.fullmatch(shape.pattern, name):
        raise ConfigRefused([f"--name: must be {shape.hint}"])


def _without_its_identities(path: Path, account: str | None, name: str) -> Config:
    """The checked configuration, in which an identity stands in where there is none yet. Raises
    ConfigRefused.
    """
    try:
        values = plain_values(read(path))
        if isinstance(values, dict):
            _stand_in(values, path.absolute().parent, account, name)
        # JSON is YAML. What only YAML knows, such as a date, is text here, and refused as what it was.
        text = json.dumps(values, default=str)
        return parse(text, os.environ, lambda file: file.read_text("utf-8"), directory=path.absolute().parent)
    except ConfigError as exc:
        raise ConfigRefused([str(problem) for problem in exc.problems]) from None


def _stand_in(values: dict[Any, Any], directory: Path, account: str | None, name: str) -> None:
    file = values.get("identities_file")
    if values.get("identities") or (isinstance(file, str) and (directory / file).exists()):
        return
    values.pop("identities_file", None)
    if account is not None:
        values.setdefault("accounts", [account])
    accounts = values.get("accounts")
    first = accounts[0] if isinstance(accounts, list) and accounts else account
    nobody = {"access_key_id": "STANDIN", "secret_access_key": "stand-in"}
    values["identities"] = [{"name": name, "account": account or first, "access_keys": [nobody]}]


def _told(made: InitResult, store: str, config_path: Path, name: str) -> str:
    root_key = f"Root key: {made.root_key_file} (new)\n" if made.root_key_file else ""
    return f"""\
Store:    {store} (new)
{root_key}Back up both, apart from each other: without the root key nothing that was sealed can be opened.

The first administrator. Put these lines under `identities:` in {config_path}, or into the file that
its identities_file names. The secret is not shown again.

  - {entry_lines({"name": name})[0]}
    account: "{made.account}"
    access_keys:
      - access_key_id: {made.access_key_id}
        secret_access_key: {made.secret_access_key}
    policies:
      - Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: ["s3:*", "kms:*"]
            Resource: "*"
"""
