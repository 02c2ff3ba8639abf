"""One `sealgate dev --demo` that the tests of this room look at."""

from collections.abc import Iterator

import pytest

from tests.dev.running import Dev, dev


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    with dev(tmp_path_factory.mktemp("dev") / "data", "--demo") as started:
        started.until(lambda: "rclone" in started.output)
        yield started
