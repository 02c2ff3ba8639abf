"""What a process tells the observer, over a real socket, and what the observer makes of anything else."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.admin.readiness import Readiness
from proxy.metrics import KMS_SECONDS, Metrics
from proxy.runtime.telling import Told, encode, maybe_decode, telling
from proxy.supervisor.sockets import bind_unix

READINESS = Readiness(ready=False, reasons=("draining",), troubles=("ä",))


def answer() -> Told:
    metrics = Metrics()
    metrics.s3_request(
        "GetObject", status=200, outcome="completed", bytes_in=1, bytes_out=2, phases_us={}, total_us=3
    )
    metrics.observe(KMS_SECONDS, 0.1, "hsm")
    return Told(life="a", number=1, readiness=READINESS, snapshot=metrics.snapshot())


async def test_each_connection_is_answered_once_and_ended(tmp_path: Path) -> None:
    """The life stays, the number rises."""
    path = tmp_path / "run" / "worker-0.sock"
    lines = []
    async with telling(bind_unix("run_directory", path), answer):
        for _ in range(2):
            reader, writer = await asyncio.open_unix_connection(str(path))
            lines.append(maybe_decode(await reader.read()))
            writer.close()

    first, second = lines
    assert first is not None
    assert second is not None
    assert (first.readiness, first.number, second.number) == (READINESS, 1, 2)
    assert first.life == second.life != answer().life


def test_an_answer_arrives_as_it_was_sent() -> None:
    line = encode(answer())

    assert maybe_decode(line) == answer()
    assert maybe_decode(line[:-1]) is None, "what is cut may be a smaller number"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda told: told.pop("snapshot"),
        lambda told: told.update(snapshot=[]),
        lambda told: told.update(number="many"),
        lambda told: told["readiness"].pop("troubles"),
        lambda told: told["snapshot"].update(numbers={"a": [[["x"], "1"]]}),
        lambda told: told["snapshot"].update(histograms={"a": [[["x"], 1, 1]]}),
        lambda told: told["snapshot"].update(histograms={"a": [[["x"], [1]]]}),
    ],
)
def test_what_is_no_answer_of_ours_means_nothing(spoil: Any) -> None:
    """A worker parses what strangers send, and may be theirs."""
    told = json.loads(encode(answer()))
    spoil(told)

    assert maybe_decode(json.dumps(told).encode() + b"\n") is None


@given(st.binary().map(lambda line: line + b"\n"))
def test_no_line_troubles_the_observer(line: bytes) -> None:
    assert maybe_decode(line) is None
