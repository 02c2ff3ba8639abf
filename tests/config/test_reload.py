"""Which changes of a configuration a running service takes up."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from proxy.config.quotas import HsmPrices, HsmQuotas
from proxy.config.reload import FIXED, files_of, refusals
from proxy.config.root_key import RootKey
from proxy.config.schema import Config, Hsm, HsmListen, Tls


@pytest.fixture
def old(make: Callable[..., Config]) -> Config:
    return replace(make({}), hsm=Hsm(store="/keys", root_key=RootKey(file="/root.key")))


def changed(config: Config, path: str) -> Config:
    """With another value at a dotted path."""
    others: dict[str, Any] = {
        "workers": 7,
        "run_directory": "/elsewhere",
        "fips": "required",
        "address": "127.0.0.9",
        "port": 1,
        "store": "/other",
        "witness": "/other",
        "root_key": RootKey(env="KEY"),
        "regions": ("eu-central-1",),
        "socket": "/other.sock",
        "listen": HsmListen(port=1),
        "quotas": HsmQuotas(tags_per_key=1),
        "prices": HsmPrices(key_month=2.0),
        "test_reset": True,
    }
    section, _, name = path.rpartition(".")
    if not section:
        return replace(config, **{name: others[name]})
    return replace(config, **{section: replace(getattr(config, section), **{name: others[name]})})


@pytest.mark.parametrize("path", [*(p for p in FIXED if p != "admin"), "admin.port", "admin.address"])
def test_what_a_running_service_hangs_on_is_refused_by_name(old: Config, path: str) -> None:
    [refusal] = refusals(old, changed(old, path))

    named = "admin" if path.startswith("admin") else path
    assert str(refusal) == f"{named}: has changed: restart the service for that, or write what it was"


def test_the_key_service_comes_and_goes_with_a_restart(old: Config) -> None:
    for one, other in ((old, replace(old, hsm=None)), (replace(old, hsm=None), old)):
        assert [problem.path for problem in refusals(one, other)] == ["hsm"]


def test_everything_else_is_taken_up(old: Config) -> None:
    """No field is forgotten: what is not named is allowed."""
    free = {field.name for field in fields(Config)} - {path.split(".")[0] for path in FIXED}

    assert free == {
        *("region", "domains", "upstreams", "buckets", "accounts", "identities", "kms", "limits", "audit"),
        *("policies", "reload", "inventory_file"),
    }
    assert refusals(old, replace(old, region="eu-central-1", domains=("s3.example.com",))) == []
    tls = Tls(certificate_file="/cert", key_file="/key")
    assert refusals(old, replace(old, listen=replace(old.listen, tls=tls, max_connections=5))) == []


def test_files_that_processes_read_themselves_are_known(old: Config) -> None:
    """A renewed certificate is a change though the configuration is the same."""
    tls = Tls(certificate_file="/cert", key_file="/key", client_ca_file="/clients")
    upstream = replace(old.upstreams[0], ca_file="/store")
    new = replace(old, listen=replace(old.listen, tls=tls), upstreams=(upstream,))

    assert list(files_of(new)) == ["/cert", "/key", "/clients", "/store"]
    assert list(files_of(replace(old, upstreams=(replace(upstream, ca_file=None),)))) == []
