"""Key material does not show itself."""

import copy
import pickle
from dataclasses import asdict

import pytest

from proxy.hsm.core.material import KeyMaterial, wipe
from proxy.hsm.core.model import new_version
from proxy.hsm.core.records import version_record

SECRET = b"thirty-two bytes of key material"


def test_nothing_that_prints_shows_the_bytes() -> None:
    material = KeyMaterial(SECRET)
    version = new_version("id", 1, material, 0.0)

    shown = f"{material!r} {material} {version!r} {version_record(version)!r} {[material]}"

    assert "thirty" not in shown
    assert SECRET.hex() not in shown


def test_it_is_neither_pickled_nor_copied() -> None:
    material = KeyMaterial(SECRET)

    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            attempt(material)
    with pytest.raises(TypeError):
        asdict(new_version("id", 1, material, 0.0))


def test_it_takes_a_bytearray_over_and_leaves_zeros() -> None:
    given = bytearray(SECRET)
    material = KeyMaterial(given)

    assert given == bytes(32)
    assert material.reveal() == SECRET


def test_wiping_overwrites_the_bytes_themselves() -> None:
    material = KeyMaterial(SECRET)
    held = material.reveal()

    material.wipe()
    material.wipe()

    assert held == bytes(32)
    with pytest.raises(ValueError, match="wiped"):
        material.reveal()


def test_it_is_wiped_when_it_is_dropped() -> None:
    material = KeyMaterial(SECRET)
    held = material.reveal()

    del material

    assert held == bytes(32)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_it_is_32_bytes(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        KeyMaterial(bytes(size))


def test_labels_give_keys_that_differ() -> None:
    material = KeyMaterial(SECRET)

    assert len({material.derive(label) for label in (b"", b"a", b"b", b"a\x01")}) == 4


def test_wipe_keeps_the_length() -> None:
    held = bytearray(b"abc")
    wipe(held)

    assert held == b"\0\0\0"
