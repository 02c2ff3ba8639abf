"""What headers and indexes are made of."""

import pytest

from proxy.seal.checksums import COMPOSITE, SIZES, checksum_size, pack_checksums, unpack_checksums
from proxy.seal.fields import pack_fields, unpack_fields


@pytest.mark.parametrize("length_bytes", [2, 4])
def test_fields_stand_by_rising_tag_whatever_order_they_came_in(length_bytes: int) -> None:
    values = {0x80: b"later", 3: b"", 1: bytes(300)}

    packed = pack_fields(values, length_bytes=length_bytes)

    assert packed[0] == 1
    assert packed == pack_fields(dict(sorted(values.items())), length_bytes=length_bytes)
    assert unpack_fields(packed, length_bytes=length_bytes) == values


def test_no_prefix_of_fields_reads_as_fields_but_at_a_border() -> None:
    packed = pack_fields({1: b"ab", 2: b"c"}, length_bytes=2)

    readable = [
        size for size in range(len(packed) + 1) if unpack_fields(packed[:size], length_bytes=2) is not None
    ]

    assert readable == [0, 5, 9]


def test_checksums_stand_by_rising_code_whatever_order_they_came_in() -> None:
    checksums = {6 | COMPOSITE: bytes(32), 6: bytes(range(32)), 2: b"1234"}

    packed = pack_checksums(checksums)

    assert packed[0] == 2
    assert unpack_checksums(packed) == checksums


@pytest.mark.parametrize("code", range(256))
def test_a_checksums_code_says_its_length(code: int) -> None:
    """COMPOSITE changes the kind, not the length; codes 1 to 10 are known."""
    assert checksum_size(code) == SIZES.get(code % 128)
    assert (checksum_size(code) is not None) == (1 <= code % 128 <= 10)
