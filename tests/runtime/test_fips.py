"""What `fips: required` decides, with the state of the libraries given."""

import asyncio
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from proxy.cli.child import Role
from proxy.cli.options import loaded
from proxy.config.dump import dump_with_secrets
from proxy.runtime.fips import LIBRARIES, demand_fips
from proxy.runtime.hsm import run_hsm
from proxy.runtime.worker import run_worker
from proxy.supervisor.start import Start, StartRefused
from tests.cli.configs import written


@pytest.mark.parametrize(
    ("active", "named"),
    [
        ({"one": True, "other": True}, None),
        ({"one": False, "other": True}, "in one:"),
        ({"one": True, "other": False}, "in other:"),
        ({"one": False, "other": False}, "in one and other:"),
    ],
)
def test_every_library_must_have_it(tmp_path: Path, active: dict[str, bool], named: str | None) -> None:
    config = replace(loaded(written(tmp_path)), fips="required")
    states = {library: partial(active.__getitem__, library) for library in active}
    if named is None:
        demand_fips(config, states)
        return
    with pytest.raises(StartRefused, match=named) as refused:
        demand_fips(config, states)

    assert "\n" not in str(refused.value)


def test_off_asks_nobody(tmp_path: Path) -> None:
    """Nor does YAML's own reading of the word matter."""
    path = written(tmp_path)
    path.write_text(path.read_text() + "\nfips: off\n")

    demand_fips(loaded(path), {"one": lambda: pytest.fail("it was asked")})


@pytest.mark.parametrize(("name", "role"), [("hsm", run_hsm), ("worker", run_worker)])
async def test_each_process_that_does_cryptography_asks(tmp_path: Path, name: str, role: Role) -> None:
    """Before it opens anything."""
    config = replace(loaded(written(tmp_path)), fips="required")
    start = Start(role=name, config_text=dump_with_secrets(config), config_path=str(tmp_path / "config.yaml"))

    with pytest.raises(StartRefused, match="fips: OpenSSL's FIPS provider is not active"):
        await role(start, ready=lambda _=None: None, stop=asyncio.Event())
    assert os.listdir(tmp_path) == ["config.yaml"]  # noqa: PTH208 -- pathlib's way counts as blocking here


def test_the_libraries_can_be_asked() -> None:
    """Without a provider, which no machine of ours has, they say no and do not fail."""
    assert {library: type(active()) for library, active in LIBRARIES.items()} == dict.fromkeys(
        LIBRARIES, bool
    )
