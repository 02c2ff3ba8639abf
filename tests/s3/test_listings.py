"""A store's listing, changed in its sizes and hidden names alone, and pages made of several."""

from urllib.parse import parse_qsl

import pytest
from minio.datatypes import parse_list_objects
from urllib3 import HTTPResponse

from proxy.s3.errors import S3Error
from proxy.s3.listings import Entry, Listing, bounded, joined, onward, read_page, stretch
from tests.s3.boto import as_boto_reads_it

NS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def rewritten(document: bytes) -> bytes:
    return joined([read_page(document)], halved)


def halved(entry: Entry) -> int:
    return entry.store_size // 2


# The S3 API reference's example of ListObjectsV2, with a delimiter, and a reserved key and prefix put in.
V2 = f"""<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult {NS}>
  <Name>example-bucket</Name>
  <Prefix></Prefix>
  <KeyCount>5</KeyCount>
  <MaxKeys>1000</MaxKeys>
  <Delimiter>/</Delimiter>
  <IsTruncated>false</IsTruncated>
  <Contents>
    <Key>sample.jpg</Key>
    <LastModified>2011-02-26T01:56:20.000Z</LastModified>
    <ETag>"bf1d737a4d46a19f3bced6905cc8b902"</ETag>
    <Size>142863</Size>
    <Unknown><Size>7</Size></Unknown>
    <StorageClass>STANDARD</StorageClass>
  </Contents>
  <Contents><Key>.sealgate/x</Key><Size>4</Size></Contents>
  <Contents><Size>10</Size><Key>a&amp;b</Key></Contents>
  <CommonPrefixes><Prefix>photos/</Prefix></CommonPrefixes>
  <CommonPrefixes><Prefix>.sealgate/</Prefix></CommonPrefixes>
</ListBucketResult>"""


def test_a_listing_changes_in_its_sizes_and_hidden_names_only() -> None:
    asked: list[tuple[str, int]] = []

    def plain_size_of(entry: Entry) -> int:
        asked.append((entry.name, entry.store_size))
        return entry.store_size // 2

    expected = (
        V2.replace("142863", "71431")
        .replace("<Size>10<", "<Size>5<")
        .replace("<KeyCount>5<", "<KeyCount>3<")
        .replace("<Contents><Key>.sealgate/x</Key><Size>4</Size></Contents>", "")
        .replace("<CommonPrefixes><Prefix>.sealgate/</Prefix></CommonPrefixes>", "")
    )

    got = joined([read_page(V2.encode())], plain_size_of)

    assert got.decode() == expected
    assert asked == [("sample.jpg", 142863), ("a&b", 10)]


def test_clients_read_the_listing() -> None:
    got = rewritten(V2.encode())
    parsed = as_boto_reads_it("ListObjectsV2", got)

    assert parsed["KeyCount"] == 3
    assert parsed["CommonPrefixes"] == [{"Prefix": "photos/"}]
    contents = parsed["Contents"]
    assert isinstance(contents, list)
    assert [(entry["Key"], entry["Size"]) for entry in contents] == [("sample.jpg", 71431), ("a&b", 5)]


def test_a_listing_without_anything_to_change_is_the_store_s_own_bytes() -> None:
    document = f"<ListBucketResult {NS}><Name>b</Name><!-- note --><Prefix/></ListBucketResult>"

    assert rewritten(document.encode()) == document.encode()


@pytest.mark.parametrize("first", [True, False])
def test_encoded_keys_are_decoded_for_the_decision_and_stay_encoded(first: object) -> None:
    """The element that says so may come last."""
    url = "<EncodingType>url</EncodingType>"
    entries = (
        "<Contents><Key>a%2Bb+c</Key><Size>4</Size></Contents>"
        "<Contents><Key>%2Esealgate%2Fx</Key><Size>4</Size></Contents>"
    )
    inner = url + entries if first else entries + url
    asked: list[str] = []

    def plain_size_of(entry: Entry) -> int:
        asked.append(entry.name)
        return entry.store_size

    got = joined([read_page(f"<ListBucketResult>{inner}</ListBucketResult>".encode())], plain_size_of)

    assert asked == ["a+b c"]
    assert b"a%2Bb+c" in got
    assert b"sealgate" not in got


def test_keys_that_only_look_encoded_are_left_alone() -> None:
    entry = b"<Contents><Key>%2Esealgate%2Fx+y</Key><Size>4</Size></Contents>"
    document = b"<ListBucketResult>" + entry + b"</ListBucketResult>"

    assert b"%2Esealgate%2Fx+y" in rewritten(document)


def test_prefixes_that_share_an_element() -> None:
    """Some stores put all of them into one."""
    document = (
        b"<ListBucketResult><KeyCount>2</KeyCount><CommonPrefixes><Prefix>a/</Prefix><Prefix>.sealgate/</Prefix>"
        b"</CommonPrefixes></ListBucketResult>"
    )
    got = rewritten(document)

    assert got == (
        b"<ListBucketResult><KeyCount>1</KeyCount><CommonPrefixes><Prefix>a/</Prefix>"
        b"</CommonPrefixes></ListBucketResult>"
    )


def test_versions_have_sizes_and_delete_markers_have_none() -> None:
    document = (
        b'<v:ListVersionsResult xmlns:v="urn:x"><v:Version><v:Key>a</v:Key><v:Size> 8 </v:Size></v:Version>'
        b"<v:DeleteMarker><v:Key>b</v:Key></v:DeleteMarker>"
        b"<v:DeleteMarker><v:Key>.sealgate/b</v:Key></v:DeleteMarker></v:ListVersionsResult>"
    )
    got = rewritten(document)

    assert b"<v:Size>4</v:Size>" in got
    assert got.count(b"<v:DeleteMarker>") == 1


def test_minio_s_client_reads_a_listing() -> None:
    """It has a parser of its own, which minds namespaces."""
    got = rewritten(V2.encode())
    objects, truncated, *_ = parse_list_objects(HTTPResponse(got, preload_content=True))

    assert [(entry.object_name, entry.size) for entry in objects] == [
        ("sample.jpg", 71431),
        ("a&b", 5),
        ("photos/", None),
    ]
    assert not truncated


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html>busy</html>",
        b"<Error><Code>SlowDown</Code></Error>",
        b"<ListBucketResult><Contents><Key>a</Key><Size>many</Size></Contents></ListBucketResult>",
        b"<ListBucketResult><Contents><Key>a</Key><Size/></Contents></ListBucketResult>",
        b"<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>",
    ],
)
def test_an_answer_that_is_no_listing_never_reaches_the_client(document: bytes) -> None:
    """A store that talks nonsense is an error, and not an empty bucket."""
    with pytest.raises(S3Error) as caught:
        rewritten(document)

    assert caught.value.code == "InternalError"


# Two pages of one listing: the reserved names of the first are made up for by the second.
FIRST = """<ListBucketResult><IsTruncated>true</IsTruncated><NextMarker>.sealgate/b</NextMarker><Name>b</Name>
 <KeyCount>4</KeyCount><Contents><Key>!</Key><Size>2</Size></Contents>
 <Contents><Key>.sealgate/a</Key><Size>2</Size></Contents> <Contents><Key>.sealgate/b</Key></Contents>
 <CommonPrefixes><Prefix>-/</Prefix></CommonPrefixes></ListBucketResult>"""
SECOND = """<ListBucketResult><Name>b</Name><IsTruncated>%s</IsTruncated>%s<KeyCount>2</KeyCount>
 <Contents><Key>a</Key><Size>8</Size><Odd/></Contents>
 <CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes></ListBucketResult>"""
JOINED = """<ListBucketResult><IsTruncated>%s</IsTruncated>%s<Name>b</Name>
 <KeyCount>4</KeyCount><Contents><Key>!</Key><Size>1</Size></Contents>
  <Contents><Key>a</Key><Size>4</Size><Odd/></Contents>
 <CommonPrefixes><Prefix>-/</Prefix></CommonPrefixes><CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes></ListBucketResult>"""
GOES_ON = ("true", "<NextMarker>b/</NextMarker>")
ENDS = ("false", "")


@pytest.mark.parametrize("how", [GOES_ON, ENDS])
def test_two_pages_become_one(how: tuple[str, str]) -> None:
    """Entries stand behind those of their kind, and what follows is as the last page has it."""
    pages = [read_page(FIRST.encode()), read_page((SECOND % how).encode())]

    assert " ".join(joined(pages, halved).decode().split()) == " ".join((JOINED % how).split())


def test_a_page_behind_which_only_reserved_names_lie_is_the_last() -> None:
    pages = [read_page(FIRST.encode()), read_page((SECOND % GOES_ON).encode())]

    assert " ".join(joined(pages, halved, ended=True).decode().split()) == " ".join((JOINED % ENDS).split())


@pytest.mark.parametrize(
    "empty",
    [
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        (
            "<ListBucketResult>"
            "<CommonPrefixes><Prefix>.sealgate/</Prefix></CommonPrefixes><IsTruncated>true</IsTruncated>"
            "</ListBucketResult>"
        ),
    ],
)
def test_a_page_that_shows_nothing_takes_the_entries_of_the_next(empty: str) -> None:
    got = joined([read_page(empty.encode()), read_page((SECOND % ENDS).encode())], halved)
    parsed = as_boto_reads_it("ListObjects", got)

    assert parsed["Contents"] == [{"Key": "a", "Size": 4}]
    assert parsed["CommonPrefixes"] == [{"Prefix": "b/"}]
    assert parsed["IsTruncated"] is False


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("<Contents><Key>a</Key></Contents>", {"marker": "a"}),
        ("<NextMarker>b</NextMarker><Contents><Key>a</Key></Contents>", {"marker": "b"}),
        ("<NextMarker>a%2Fb</NextMarker><EncodingType>url</EncodingType>", {"marker": "a/b"}),
        (  # SeaweedFS
            "<NextMarker>a%2Fb</NextMarker><EncodingType>url</EncodingType><Contents><Key>a%252Fb</Key></Contents>",
            {"marker": "a%2Fb"},
        ),
        (
            (
                "<NextMarker>a%2Fb</NextMarker><EncodingType>url</EncodingType><Contents><Key>a%252Fb</Key></Contents>"
                "<Contents><Key>a%2Fb</Key></Contents>"
            ),
            {"marker": "a/b"},
        ),
        ("<Contents><Key>.sealgate/a</Key></Contents>", {"marker": ".sealgate/~"}),
        (
            "<Contents><Key>a</Key></Contents><CommonPrefixes><Prefix>.sealgate/</Prefix></CommonPrefixes>",
            {"marker": "a"},
        ),
        ("<CommonPrefixes><Prefix>.sealgate/</Prefix></CommonPrefixes>", {"marker": ".sealgate/"}),
        ("<CommonPrefixes><Prefix>.sealgate/u</Prefix></CommonPrefixes>", {"marker": ".sealgate/~"}),
        ("<Contents><Key>.sealgate/~a</Key></Contents>", {"marker": ".sealgate/~a"}),
    ],
)
def test_what_follows_a_page_is_asked_for_behind_it(inner: str, expected: dict[str, str]) -> None:
    page = read_page(f"<ListBucketResult>{inner}</ListBucketResult>".encode())

    assert onward(Listing.OBJECTS, page) == expected


def test_each_listing_goes_on_in_its_own_words() -> None:
    v2 = read_page(
        b"<ListBucketResult><NextContinuationToken>t/+=</NextContinuationToken></ListBucketResult>"
    )
    reserved = read_page(
        b"<R:ListVersionsResult xmlns:R='r'><Version><Key>.sealgate/a</Key></Version></R:ListVersionsResult>"
    )
    versions = read_page(
        b"<ListVersionsResult><NextKeyMarker>k</NextKeyMarker><NextVersionIdMarker>v</NextVersionIdMarker>"
        b"</ListVersionsResult>"
    )

    assert onward(Listing.OBJECTS_V2, v2) == {"continuation-token": "t/+="}
    assert onward(Listing.OBJECTS_V2, reserved) == {"start-after": ".sealgate/~"}
    assert onward(Listing.VERSIONS, reserved) == {"key-marker": ".sealgate/~"}
    assert onward(Listing.VERSIONS, versions) == {"key-marker": "k", "version-id-marker": "v"}


@pytest.mark.parametrize("listing", Listing)
def test_a_store_that_does_not_say_how_it_goes_on_is_an_error(listing: Listing) -> None:
    """And not a page that is asked for again and again."""
    with pytest.raises(S3Error) as caught:
        onward(listing, read_page(b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"))

    assert caught.value.code == "InternalError"


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("", ""),
        ("max-keys=1000", "max-keys=1000"),
        ("max-keys=0", "max-keys=0"),
        ("max-keys=1001&prefix=a%2Fb", "max-keys=1000&prefix=a%2Fb"),
        ("max-keys=0000002000", "max-keys=1000"),
        (f"max-keys={'9' * 5000}", "max-keys=1000"),
        ("max-keys=many", "max-keys=many"),
        ("max-keys=-1", "max-keys=-1"),
        ("max-keys=", "max-keys="),
        ("max-keys=%D9%A1%D9%A1%D9%A1%D9%A1%D9%A1", "max-keys=%D9%A1%D9%A1%D9%A1%D9%A1%D9%A1"),
    ],
)
def test_no_store_is_asked_for_more_than_a_thousand(asked: str, sent: str) -> None:
    """What is no number is the store's to refuse."""
    assert bounded(parse_qsl(asked, keep_blank_values=True), asked) == sent


def test_another_stretch_is_asked_for_in_the_clients_words() -> None:
    query = [
        ("list-type", "2"),
        ("prefix", "ä b+/"),
        ("start-after", "x"),
        ("max-keys", "9"),
        ("delimiter", "/"),
    ]

    assert stretch(query, {"continuation-token": "t/"}) == (
        "list-type=2&prefix=%C3%A4%20b%2B%2F&delimiter=%2F&continuation-token=t%2F"
    )
    assert stretch(query, {"prefix": "."}, without="delimiter") == "list-type=2&prefix=."
