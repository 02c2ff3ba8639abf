"""What a worker says that cannot begin to ask AWS KMS."""

from dataclasses import replace
from pathlib import Path

import pytest

from proxy.cli.options import loaded
from proxy.config.schema import AwsBackend
from proxy.keys.cache import CacheCounts
from proxy.metrics import Metrics
from proxy.runtime.kms import open_keys
from proxy.supervisor.start import Start, StartRefused
from tests.cli.configs import written


async def test_a_profile_that_there_is_none_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line that names it: no fault of ours, with a trace."""
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    config = loaded(written(tmp_path))
    config = replace(config, kms=replace(config.kms, backends=(AwsBackend(type="aws", write=True),)))
    start = Start(role="worker", config_text="", config_path="config.yaml")

    with pytest.raises(StartRefused, match=r"^kms.backends \(aws\): no client .* \(no-such-profile\)"):
        await open_keys(config, start, Metrics(), CacheCounts())
