"""A running engine for the tests of this room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hsm.rig import Rig, running


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with running(tmp_path) as started:
        yield started
