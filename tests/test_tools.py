"""A missing tool is told with the line that brings it, and is no excuse where CI is set."""

from pathlib import Path

import pytest

from tests.tools import debian

LINE = "curl is not there: apt-get install -y curl"


@pytest.fixture(autouse=True)
def nothing_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def test_a_laptop_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match=LINE):
        debian("curl")


def test_ci_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match=LINE):
        debian("curl")


def test_what_is_there_is_found(tmp_path: Path) -> None:
    (tmp_path / "curl").touch(mode=0o755)

    assert debian("curl") == str(tmp_path / "curl")


def test_a_package_that_the_list_leaves_out_is_a_defect_of_the_test() -> None:
    with pytest.raises(AssertionError, match=r"tests/apt\.txt"):
        debian("curl", package="libsomething")
