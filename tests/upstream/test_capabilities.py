"""What is known of stores, and the names under which they keep things."""

import pytest

from proxy.upstream.capabilities import PRESETS, Capabilities

NAMES = {"aws", "minio", "ceph", "seaweedfs", "juicefs", "garage", "r2", "b2", "gcs", "generic"}


def test_the_generic_store_claims_nothing() -> None:
    """What is not known of a store is not relied upon."""
    assert PRESETS["generic"] == Capabilities()
    assert set(PRESETS) == NAMES


@pytest.mark.parametrize(
    ("key", "seaweedfs", "juicefs"),
    [
        ("a/b", "a/b", "a/b"),
        ("a//b", "a/b", "a/b"),
        ("a////b//c", "a/b/c", "a/b/c"),
        ("/a", "a", "a"),
        ("//a", "a", "a"),
        ("a//", "a/", "a/"),
        ("a\\b", "a/b", "a\\b"),
        ("\\a", "a", "\\a"),
        ("a\\\\b", "a/b", "a\\\\b"),
        ("a/\\b", "a/b", "a/\\b"),
        ("\\.sealgate\\x", ".sealgate/x", "\\.sealgate\\x"),
        ("/", "", ""),
        ("//", "", ""),
        ("\\", "", "\\"),
        ("a%2F%2Fb", "a%2F%2Fb", "a%2F%2Fb"),
    ],
)
def test_the_name_that_a_store_keeps(key: str, seaweedfs: str, juicefs: str) -> None:
    """As tried on the stores themselves; tests/e2e asks them again."""
    assert PRESETS["seaweedfs"].stored_key(key) == seaweedfs
    assert PRESETS["juicefs"].stored_key(key) == juicefs
    assert PRESETS["generic"].stored_key(key) == key


@pytest.mark.parametrize("key", ["a//b", "/a", "a\\b", "//"])
@pytest.mark.parametrize("preset", sorted(NAMES))
def test_a_kept_name_is_kept_as_it_is(preset: str, key: str) -> None:
    store = PRESETS[preset]

    assert store.stored_key(store.stored_key(key)) == store.stored_key(key)
