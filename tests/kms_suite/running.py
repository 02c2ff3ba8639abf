"""The key service as the suite meets it: `sealgate serve` on a store that was made for tests."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import yaml

from proxy.hsm.core.quotas import RATES
from tests.kms_suite.users import CALLER, REGIONS
from tests.stores.sealgate import Sealgate, config_for, identity, run, serving
from tests.stores.seaweedfs import Store

A_SECOND = 100_000.0


@contextlib.contextmanager
def key_service(store: Store, directory: Path) -> Iterator[Sealgate]:
    """In the suite's account and regions, held to no rate, and to be emptied between two tests."""
    config = config_for(store, directory)
    hsm = config["hsm"] | {
        "regions": list(REGIONS),
        "quotas": {"requests": [{"operation": each, "per_second": A_SECOND} for each in RATES]},
        "test_reset": True,
    }
    sections = {"accounts": [CALLER.account], "identities": [identity(CALLER)], "hsm": hsm}
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump(config | sections))
    run("hsm", "init", "--for-tests", "--config", str(path))
    with serving(store, directory, **sections) as service:
        yield service
