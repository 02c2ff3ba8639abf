"""What the tests of the service share: authorities of certificates."""

import pytest

from tests.service.authority import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nobody configured."""
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")
