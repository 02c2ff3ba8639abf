"""What a worker says that cannot begin to ask AWS KMS."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.cli.options import loaded
from proxy.config.schema import AwsBackend, Config
from proxy.keys.cache import CacheCounts
from proxy.keys.provider import KeyDescription, KeyUnavailable
from proxy.keys.routing import Backend
from proxy.metrics import Metrics
from proxy.runtime import patience
from proxy.runtime.kms import open_keys, service_key_arns
from proxy.supervisor.start import Start, StartRefused
from tests.cli.configs import written
from tests.keys.in_memory import Kms


@pytest.fixture
def config(tmp_path: Path) -> Config:
    made = loaded(written(tmp_path))
    return replace(made, kms=replace(made.kms, backends=(AwsBackend(type="aws", write=True),)))


async def test_a_profile_that_there_is_none_of(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line that names it: no fault of ours, with a trace."""
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    start = Start(role="worker", config_text="", config_path="config.yaml")

    with pytest.raises(StartRefused, match=r"^kms.backends \(aws\): no client .* \(no-such-profile\)"):
        await open_keys(config, start, Metrics(), CacheCounts(), patience_seconds=0)


class LateKms(Kms):
    """Does not answer the first calls."""

    def __init__(self, late: int) -> None:
        super().__init__()
        self.late = late

    async def describe(self, *asked: Any) -> KeyDescription:
        self.error = KeyUnavailable("no answer") if len(self.calls) < self.late else None
        return await super().describe(*asked)


def behind(keys: Kms) -> list[Backend]:
    return [Backend(name="aws", keys=keys, claims=lambda _: True, writes=True)]


async def test_a_start_waits_for_an_aws_kms_that_does_not_answer(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a key service of ours: a worker that dies in an outage is replaced when that ends."""
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0)

    owned, managed = await service_key_arns(config, behind(LateKms(3)), 60)

    assert (owned, managed) == (("alias/sealgate/owned",), ("alias/sealgate/s3",))


async def test_a_start_waits_no_longer_than_it_may(config: Config) -> None:
    """And nobody is told to make keys that may well be there."""
    with pytest.raises(StartRefused, match=r"owned: no answer: check region, endpoint_url and the cred"):
        await service_key_arns(config, behind(LateKms(3)), 0)
