"""Rules of docs/FORMAT.md that the published vectors leave open: each broken under good keys and tags."""

from collections.abc import Mapping

import pytest

from recovery.envelope import read_header
from recovery.errors import HeaderDamaged, OtherVersion, TailDamaged, WrongKey
from recovery.index import open_index
from recovery.keys import index_key
from recovery.open import open_object
from tests.recovery.made import (
    BUCKET,
    CLIENT,
    CONTENT_KEY,
    DATA_KEY,
    KEY,
    NAME,
    TWO_LAYERS,
    fields_of,
    opened,
    single,
    unwrap,
)
from tests.recovery.sealing import column, header_of, parts_column, seal_index

COLUMNS_OF_PARTS: Mapping[str, bytes] = {
    "one checksum too many": column(4, b"\x02" + b"abcd" * 3),
    "a byte too many": column(4, b"\x02" + b"abcd" * 2 + b"!"),
    "a run id too many": column(2, bytes(36)),
    "half a run id too many": column(2, bytes(30)),
}


def test_an_index_of_37_bytes_is_refused_though_all_in_it_is_good() -> None:
    """A single-part index has 38 or more, whatever may be skipped in it."""
    with pytest.raises(TailDamaged, match="cannot have 37 bytes"):
        opened(single(b"abc", seal_index(column(0x80, b"1234"), CONTENT_KEY)))


def test_an_index_of_nothing_but_columns_to_skip_says_nothing() -> None:
    """From 38 bytes on it is an index like any other."""
    found = opened(single(b"abc", seal_index(column(0x80, b"12345"), CONTENT_KEY)))

    assert found.index.checksums == {}
    assert b"".join(found.plaintext()) == b"abc"


@pytest.mark.parametrize("tag", [1, 2, 4])
def test_a_single_part_index_has_no_columns_of_parts(tag: int) -> None:
    with pytest.raises(TailDamaged, match=f"column {tag:02X} .* no place"):
        opened(single(b"abc", seal_index(column(tag, b"\x02abcd"), CONTENT_KEY)))


@pytest.mark.parametrize("broken", COLUMNS_OF_PARTS)
def test_a_column_has_as_many_values_as_there_are_parts(broken: str) -> None:
    columns = parts_column([(1, 2, 9)]) + COLUMNS_OF_PARTS[broken]

    with pytest.raises(TailDamaged, match="bytes for 2 parts"):
        open_index(seal_index(columns, CONTENT_KEY), index_key(CONTENT_KEY), multipart=True)


@pytest.mark.parametrize("length", range(34))
def test_an_envelope_too_short_for_flags_and_seal_is_refused(length: int) -> None:
    with pytest.raises(HeaderDamaged, match=f"{length} bytes, too few"):
        read_header("1." + "A" * -(-length * 4 // 3))


def test_an_envelope_of_flags_and_seal_alone_misses_fields() -> None:
    with pytest.raises(HeaderDamaged, match="is missing"):
        read_header(header_of(0, {}, CONTENT_KEY, NAME))


@pytest.mark.parametrize("more", ["A", "AAAAA"])
def test_a_length_that_base64_never_has_is_refused(more: str) -> None:
    """A single character beyond a group of four holds no whole byte."""
    header = single(b"abc").header
    whole = header[: 2 + (len(header) - 2) // 4 * 4]

    with pytest.raises(HeaderDamaged, match="base64url"):
        read_header(whole + more)


@pytest.mark.parametrize("version", ["2", "11", "999999"])
def test_another_version_is_named(version: str) -> None:
    with pytest.raises(OtherVersion, match=f"version {version};"):
        read_header(f"{version}.anything at all")


@pytest.mark.parametrize(
    "version", ["", "0", "01", "1000000", "-1", "+1", " 1", "1 ", "\u0661", "one", "1\n"]
)
def test_what_is_no_number_is_no_version(version: str) -> None:
    with pytest.raises(HeaderDamaged, match="version's number"):
        read_header(f"{version}{single(b'abc').header[1:]}")


def test_an_empty_context_is_no_context() -> None:
    """The field may be there with no pair in it."""
    made = single(b"abc", mode=TWO_LAYERS)
    fields = fields_of(TWO_LAYERS, {2: (3).to_bytes(8, "big"), 6: b""})

    found = open_object(
        made.body, header_of(TWO_LAYERS, fields, CONTENT_KEY, NAME), bucket=BUCKET, key=KEY, unwrap=unwrap
    )

    assert found.envelope.client_context == {}
    assert b"".join(found.plaintext()) == b"abc"


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_data_key_has_32_bytes(length: int) -> None:
    """Another length is told apart from a wrong key, since it is a mistake of another kind."""
    made = single(b"abc", mode=CLIENT)

    with pytest.raises(WrongKey, match=f"has {length} bytes, not 32"):
        open_object(made.body, made.header, bucket=BUCKET, key=KEY, client_key=(DATA_KEY * 2)[:length])
