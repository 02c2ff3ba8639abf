"""The XML of multipart uploads: a client's list is held to its schema, a store's is changed where it must."""

import pytest

from proxy.s3.errors import S3Error
from proxy.s3.multipart import (
    CompletedPart,
    CompleteRefused,
    StorePart,
    build_complete,
    build_completed,
    build_initiated,
    in_order,
    listed_uploads,
    parse_complete,
    parse_completed,
    parse_initiated,
    parse_part_number,
    parse_parts,
    rewrite_parts,
    rewrite_uploads,
)

NS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def complete(parts: str) -> bytes:
    return f"<CompleteMultipartUpload {NS}>{parts}</CompleteMultipartUpload>".encode()


PART = "<Part><PartNumber>1</PartNumber><ETag>&quot;abc&quot;</ETag></Part>"


def test_a_clients_list_is_read() -> None:
    second = (
        "<Part><ETag>def</ETag><ChecksumCRC32>AAAAAQ==</ChecksumCRC32><PartNumber>10000</PartNumber></Part>"
    )

    assert parse_complete(complete(PART + second)) == (
        CompletedPart(number=1, etag="abc"),
        CompletedPart(number=10_000, etag="def", checksums={2: b"\0\0\0\1"}),
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<CompleteMultipartUpload>",
        complete(""),
        complete("<Part/>"),
        complete("text" + PART),
        complete(PART + "<Other/>"),
        complete("<Part><PartNumber>1</PartNumber></Part>"),
        complete("<Part><ETag>a</ETag></Part>"),
        complete("<Part><PartNumber>1</PartNumber><ETag></ETag></Part>"),
        complete("<Part><PartNumber>one</PartNumber><ETag>a</ETag></Part>"),
        complete("<Part><PartNumber>1</PartNumber><PartNumber>2</PartNumber><ETag>a</ETag></Part>"),
        complete("<Part><PartNumber>1</PartNumber><ETag>a</ETag><IfMatch>b</IfMatch></Part>"),
        complete("<Part><PartNumber>1</PartNumber><ETag><b>a</b></ETag></Part>"),
        b"<!DOCTYPE x><CompleteMultipartUpload/>",
        b"<Complete>" + PART.encode() + b"</Complete>",
        complete(PART * 10_001),
    ],
)
def test_what_is_no_list_of_parts_is_malformed(body: bytes) -> None:
    with pytest.raises(S3Error) as refused:
        parse_complete(body)
    assert refused.value.code == "MalformedXML"


@pytest.mark.parametrize("text", ["0", "-1", "10001", "99999999999999999999", "1.5", "", "\u0661"])
def test_a_part_number_out_of_range_is_an_invalid_argument(text: str) -> None:
    with pytest.raises(S3Error) as refused:
        parse_part_number(text)
    assert refused.value.code == "InvalidArgument"


@pytest.mark.parametrize("text", ["0", "-1", "10001"])
def test_so_it_is_in_a_list(text: str) -> None:
    with pytest.raises(S3Error) as refused:
        parse_complete(complete(f"<Part><PartNumber>{text}</PartNumber><ETag>a</ETag></Part>"))
    assert refused.value.code == "InvalidArgument"


def test_a_malformed_checksum_in_a_list_is_refused() -> None:
    with pytest.raises(S3Error) as refused:
        parse_complete(complete(PART.replace("</ETag>", "</ETag><ChecksumCRC32>AA==</ChecksumCRC32>")))
    assert refused.value.code == "InvalidRequest"


@pytest.mark.parametrize("numbers", [[2, 1], [1, 3, 2], [1, 2, 1]])
def test_numbers_must_not_fall(numbers: list[int]) -> None:
    with pytest.raises(S3Error) as refused:
        in_order([CompletedPart(number=number, etag="a") for number in numbers])
    assert refused.value.code == "InvalidPartOrder"


def test_of_a_part_that_is_named_again_the_last_counts() -> None:
    """A client that sent it twice may list both; the Ceph project's suite does."""
    named = [(1, "a"), (3, "b"), (3, "c"), (7, "d")]

    kept = in_order([CompletedPart(number=number, etag=etag) for number, etag in named])

    assert [(part.number, part.etag) for part in kept] == [(1, "a"), (3, "c"), (7, "d")]


def test_the_list_for_the_store_reads_back() -> None:
    made = build_complete([(1, "abc"), (10_000, "d<ef")])

    assert [(part.number, part.etag) for part in parse_complete(made)] == [(1, "abc"), (10_000, "d<ef")]


def test_a_stores_success_has_an_etag() -> None:
    answer = b"<CompleteMultipartUploadResult><ETag>&quot;x-2&quot;</ETag></CompleteMultipartUploadResult>"

    assert parse_completed(b"\n \n" + answer) == '"x-2"'


def test_a_200_that_holds_an_error_is_one() -> None:
    """S3 sends the status before it knows how the Complete ends."""
    with pytest.raises(CompleteRefused) as refused:
        parse_completed(b"<Error><Code>InternalError</Code><Message>no</Message></Error>")
    assert refused.value.code == "InternalError"


def test_answers_to_clients_escape_what_they_name() -> None:
    done = build_completed(
        location="http://h/b/k", bucket="b", key="a&<b", etag='"e"', checksum=(2, "AA==-1", "COMPOSITE")
    )

    assert b"<Key>a&amp;&lt;b</Key>" in done
    assert b"<ChecksumCRC32>AA==-1</ChecksumCRC32><ChecksumType>COMPOSITE</ChecksumType>" in done
    assert parse_initiated(build_initiated(bucket="b", key="k&", upload_id="sg1.x.y")) == "sg1.x.y"


def test_an_upload_without_an_id_is_the_stores_fault() -> None:
    with pytest.raises(S3Error) as refused:
        parse_initiated(b"<InitiateMultipartUploadResult/>")
    assert refused.value.code == "InternalError"


LISTED = (
    b"<ListPartsResult><Bucket>b</Bucket><UploadId>store</UploadId><IsTruncated>true</IsTruncated>"
    b"<NextPartNumberMarker>10000</NextPartNumberMarker><New>kept</New>"
    b"<Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag><Size>128</Size></Part>"
    b"<Part><PartNumber>10000</PartNumber><ETag>b</ETag><Size>96</Size></Part></ListPartsResult>"
)


def test_a_page_of_parts_is_read() -> None:
    page = parse_parts(LISTED)

    assert page.parts == (
        StorePart(number=1, etag="a", size=128),
        StorePart(number=10_000, etag="b", size=96),
    )
    assert page.next_marker == "10000"
    assert parse_parts(LISTED.replace(b"true", b"false")).next_marker == ""


def test_a_page_of_parts_is_shown_with_plain_sizes_and_without_ours() -> None:
    shown = rewrite_parts(
        LISTED,
        upload_id="sg1.a.store",
        plain_size_of=lambda part: 100 if part.number == 1 else None,
        told=lambda _: {2: "AAAAAA=="},
    )

    assert b"<UploadId>sg1.a.store</UploadId>" in shown
    assert b"<Size>100</Size><ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part></ListPartsResult>" in shown
    assert b"<New>kept</New>" in shown


@pytest.mark.parametrize("broken", [b"<Part/>", b"<Part><PartNumber>x</PartNumber><Size>1</Size></Part>"])
def test_a_list_of_parts_that_is_none_is_the_stores_fault(broken: bytes) -> None:
    with pytest.raises(S3Error) as refused:
        parse_parts(b"<ListPartsResult>" + broken + b"</ListPartsResult>")
    assert refused.value.code == "InternalError"


UPLOADS = (
    b"<ListMultipartUploadsResult><EncodingType>url</EncodingType><UploadIdMarker/>"
    b"<NextUploadIdMarker>two</NextUploadIdMarker>"
    b"<Upload><Key>a%2Fb</Key><UploadId>one</UploadId></Upload>"
    b"<Upload><Key>.sealgate/x</Key><UploadId>own</UploadId></Upload>"
    b"<Upload><Key>c</Key><UploadId>two</UploadId></Upload>"
    b"<CommonPrefixes><Prefix>.sealgate/</Prefix></CommonPrefixes></ListMultipartUploadsResult>"
)


def test_uploads_are_shown_under_the_clients_ids() -> None:
    shown = rewrite_uploads(
        UPLOADS,
        upload_ids={("a/b", "one"): "sg1.1.one", ("c", "two"): "sg1.2.two"},
        hidden=lambda key: key.startswith(".sealgate/"),
    )

    assert listed_uploads(UPLOADS) == [("a/b", "one"), (".sealgate/x", "own"), ("c", "two")]
    assert listed_uploads(shown) == [("a/b", "sg1.1.one"), ("c", "sg1.2.two")]
    assert b"<NextUploadIdMarker>sg1.2.two</NextUploadIdMarker>" in shown
    assert b"sealgate" not in shown
