from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from proxy.hsm.engine import Engine
from tests.hsm.api.service import Service, made_engine, served


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = made_engine(tmp_path)
    yield made
    made.close()


@pytest.fixture
async def service(engine: Engine) -> AsyncIterator[Service]:
    async with served(engine) as running:
        yield running
