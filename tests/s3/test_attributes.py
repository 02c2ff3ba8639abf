"""GetObjectAttributes: its headers and its document."""

import pytest

from proxy.s3.attributes import (
    MOST_LISTED,
    NAMES,
    Attributes,
    PartAttributes,
    PartsPage,
    Wish,
    build_attributes,
    parse_wish,
)
from proxy.s3.errors import S3Error
from proxy.s3.markup import read

ALL = ",".join(sorted(NAMES))


def test_names_may_be_written_with_spaces_and_numbers_have_defaults() -> None:
    wish = parse_wish({"x-amz-object-attributes": "ETag, ObjectSize"})

    assert wish == Wish(names=frozenset({"ETag", "ObjectSize"}), max_parts=MOST_LISTED, after=0)


@pytest.mark.parametrize(("asked", "given"), [("0", 0), ("1", 1), ("1000", 1000), ("999999", 1000)])
def test_a_page_has_at_most_a_thousand_parts(asked: str, given: int) -> None:
    headers = {"x-amz-object-attributes": ALL, "x-amz-max-parts": asked, "x-amz-part-number-marker": "7"}

    assert (parse_wish(headers).max_parts, parse_wish(headers).after) == (given, 7)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-amz-object-attributes": ""},
        {"x-amz-object-attributes": "ETag,Color"},
        {"x-amz-object-attributes": "etag"},
        {"x-amz-object-attributes": ALL, "x-amz-max-parts": "-1"},
        {"x-amz-object-attributes": ALL, "x-amz-max-parts": "9" * 10},
        {"x-amz-object-attributes": ALL, "x-amz-part-number-marker": "x"},
    ],
)
def test_what_is_no_attribute_or_no_number_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(S3Error) as refused:
        parse_wish(headers)

    assert refused.value.code == "InvalidArgument"


FOUND = Attributes(
    etag='"an-etag"',
    plain_length=12,
    storage_class="STANDARD",
    checksums={"x-amz-checksum-crc32": "AAAAAA==-2", "x-amz-checksum-type": "COMPOSITE"},
    parts=PartsPage(
        count=9,
        listed=[PartAttributes(number=3, plain_length=5, checksums={"x-amz-checksum-crc32": "AAAAAA=="})],
        truncated=True,
    ),
)


def test_the_document_holds_what_was_asked_for_and_no_more() -> None:
    for name in NAMES:
        wish = Wish(names=frozenset({name}), max_parts=1, after=2)
        assert [child.name for child in read(build_attributes(wish, FOUND)).children] == [name]


def test_parts_come_as_a_page() -> None:
    wish = Wish(names=NAMES, max_parts=1, after=2)

    root = read(build_attributes(wish, FOUND))

    [parts] = root.all("ObjectParts")
    [part] = parts.all("Part")
    assert {child.name: child.text for child in parts.children if not child.children} == {
        "PartsCount": "9",
        "PartNumberMarker": "2",
        "NextPartNumberMarker": "3",
        "MaxParts": "1",
        "IsTruncated": "true",
    }
    assert {child.name: child.text for child in part.children} == {
        "PartNumber": "3",
        "Size": "5",
        "ChecksumCRC32": "AAAAAA==",
    }
    [checksum] = root.all("Checksum")
    assert checksum.get("ChecksumType") == "COMPOSITE"
    assert root.get("ETag") == "an-etag"


def test_an_object_in_one_piece_has_no_parts_and_may_have_no_checksum() -> None:
    plain = Attributes(etag='"x"', plain_length=0, storage_class="STANDARD")

    root = read(build_attributes(Wish(names=NAMES, max_parts=1, after=0), plain))

    assert [child.name for child in root.children] == ["ETag", "StorageClass", "ObjectSize"]
