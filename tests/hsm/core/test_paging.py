"""Lists in pages."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.paging import page


@given(st.sets(st.text(min_size=1, max_size=4), max_size=30), st.integers(1, 10))
def test_all_pages_together_are_the_whole_list(names: set[str], limit: int) -> None:
    """Nothing twice, nothing left out, and only the last page says it is the last."""
    ordered = sorted(names)
    seen: list[str] = []
    request: dict[str, Any] = {"Limit": limit}
    while True:
        found, following = page(ordered, request, default=5, most=10)
        assert len(found) == limit or not following["Truncated"]
        seen += found
        if not following["Truncated"]:
            break
        request["Marker"] = following["NextMarker"]

    assert seen == ordered
    assert "NextMarker" not in following


def test_a_name_that_went_away_does_not_disturb_the_next_page() -> None:
    _, following = page(["a", "b", "c"], {"Limit": 2}, default=5, most=10)

    assert page(["a", "c"], {"Marker": following["NextMarker"]}, default=5, most=10)[0] == ["c"]


@pytest.mark.parametrize("marker", ["!", "YQ", "/w==", "_w==", "ä"])
def test_a_marker_that_is_not_ours_is_refused(marker: str) -> None:
    with pytest.raises(KmsError) as caught:
        page(["a"], {"Marker": marker}, default=5, most=10)

    assert caught.value.code == "InvalidMarkerException"


@pytest.mark.parametrize("limit", [-1, 0, 11])
def test_a_limit_out_of_bounds_is_refused(limit: int) -> None:
    with pytest.raises(KmsError) as caught:
        page(["a"], {"Limit": limit}, default=5, most=10)

    assert caught.value.code == "ValidationException"
