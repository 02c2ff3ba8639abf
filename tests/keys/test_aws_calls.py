"""One call to AWS KMS: how long it may take, and what is counted of it."""

import asyncio
from contextlib import aclosing

import pytest

from proxy.keys.aws import AwsKmsSettings, open_aws_keys
from proxy.keys.provider import KeyUnavailable
from tests.hsm.api.service import REGION
from tests.keys.conftest import CALLER, aws_settings
from tests.keys.gate import gate_to

CONTEXT = {"aws:s3:arn": "arn:aws:s3:::bucket"}


async def test_a_region_that_hangs_holds_nobody_longer_than_one_call_takes() -> None:
    """However many wait for a connection to it: else a hundred at one connection wait for fifty seconds."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    settings = aws_settings(url, connections=1, read_timeout_seconds=0.5, connect_timeout_seconds=0.5)
    keys = await open_aws_keys(settings)
    async with aclosing(keys), asyncio.timeout(20):
        calls = (keys.generate(f"alias/{n}", CONTEXT, CALLER, fresh=True) for n in range(100))
        ends = await asyncio.gather(*calls, return_exceptions=True)
    server.close()

    assert {type(each) for each in ends} == {KeyUnavailable}


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 7), (2, 15), (3, 24), (8, 56 + 31 + 20 * 2)])
def test_a_call_takes_its_attempts_and_the_pauses_between_them(attempts: int, seconds: float) -> None:
    assert AwsKmsSettings(region=REGION, attempts=attempts).longest_call_seconds == seconds


async def test_a_dry_run_s_yes_is_counted_as_one(moto_url: str) -> None:
    """AWS says it by an error, which is none."""
    seen: list[tuple[str, str]] = []
    async with gate_to(moto_url) as gate:
        gate.fault = (412, "DryRunOperationException")
        keys = await open_aws_keys(aws_settings(gate.url), observe=lambda *told: seen.append(told))
        async with aclosing(keys):
            await keys.may_generate("alias/a", CONTEXT, CALLER)

    assert seen == [(REGION, "ok")]
