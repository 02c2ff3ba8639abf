"""What a running service can take up of a changed configuration, and which files that comes from.

Fed two checked configurations, names what is another and needs a restart: addresses and their sockets, the
number of processes, and what the key service's store hangs on. Everything else can change while the service
runs.
"""

from collections.abc import Iterator
from typing import Any

from proxy.config.errors import Problem
from proxy.config.schema import Config

# Dotted names; a section that is in one configuration alone is another too.
FIXED = (
    "workers",
    "run_directory",
    "fips",
    "listen.address",
    "listen.port",
    "admin",
    "hsm.store",
    "hsm.witness",
    "hsm.root_key",
    "hsm.regions",
    "hsm.socket",
    "hsm.listen",
    "hsm.quotas",
    "hsm.prices",
    "hsm.test_reset",
)


def refusals(old: Config, new: Config) -> list[Problem]:
    """A line for each field that must be as it was."""
    if (old.hsm is None) != (new.hsm is None):
        return [Problem("hsm", "is added or left out: restart the service for that")]
    return [
        Problem(path, "has changed: restart the service for that, or write what it was")
        for path in FIXED
        if _at(old, path) != _at(new, path)
    ]


def files_of(config: Config) -> Iterator[str]:
    """The files that processes read themselves when they take the configuration up."""
    tls = config.listen.tls
    if tls:
        yield from filter(None, (tls.certificate_file, tls.key_file, tls.client_ca_file))
    yield from filter(None, (upstream.ca_file for upstream in config.upstreams))


def _at(config: Config, path: str) -> Any:
    value: Any = config
    for name in path.split("."):
        value = getattr(value, name, None)
    return value
