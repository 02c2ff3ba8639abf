"""S3's documents: what a client may ask, what a store answers, and what is changed in between."""

import pytest
from botocore.parsers import RestXMLParser
from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st
from minio.datatypes import parse_list_objects
from minio.deleteobjects import DeleteResult
from minio.xml import unmarshal
from urllib3 import HTTPResponse

from proxy.s3.errors import S3Error, error_document
from proxy.s3.operations import is_reserved
from proxy.s3.xml import (
    Deleted,
    DeleteFailure,
    DeleteTarget,
    build_delete_objects,
    build_delete_result,
    parse_delete_objects,
    parse_delete_result,
    parse_error,
    rewrite_listing,
)

NS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def as_boto_reads_it(operation: str, body: bytes) -> dict[str, object]:
    session = get_session()  # type: ignore[no-untyped-call]  # botocore has no annotations
    shape = session.get_service_model("s3").operation_model(operation).output_shape
    parser = RestXMLParser()  # type: ignore[no-untyped-call]  # the same
    answer = {"status_code": 200, "headers": {}, "body": body}
    parsed = parser.parse(answer, shape)  # type: ignore[no-untyped-call]  # the same
    assert isinstance(parsed, dict)
    return parsed


def halved(_key: str, size: int) -> int:
    return size // 2


# The S3 API reference's example of DeleteObjects.
EXAMPLE = """<?xml version="1.0" encoding="UTF-8"?>
<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
   <Object>
      <ETag>string</ETag>
      <Key>sample1.txt</Key>
      <LastModifiedTime>timestamp</LastModifiedTime>
      <Size>7</Size>
      <VersionId>OYcLXagmS.WaD..oyH4KRguB95_YhLs7</VersionId>
   </Object>
   <Object><Key>sample2.txt</Key></Object>
   <Quiet>true</Quiet>
</Delete>"""


def test_the_reference_s_delete_is_read() -> None:
    request = parse_delete_objects(EXAMPLE.encode())

    assert request.quiet
    assert request.targets == (
        DeleteTarget(
            key="sample1.txt",
            version_id="OYcLXagmS.WaD..oyH4KRguB95_YhLs7",
            conditions=(("ETag", "string"), ("LastModifiedTime", "timestamp"), ("Size", "7")),
        ),
        DeleteTarget(key="sample2.txt"),
    )


@pytest.mark.parametrize(
    "body",
    [
        "<Delete><Object><Key>a</Key></Object></Delete>",
        f"<Delete {NS}><Quiet>false</Quiet><Object><Key>a</Key></Object></Delete>",
        '<s:Delete xmlns:s="urn:x"><s:Object><s:Key>a</s:Key></s:Object><s:Quiet/></s:Delete>',
    ],
)
def test_a_delete_is_read_with_or_without_a_namespace(body: str) -> None:
    request = parse_delete_objects(body.encode())

    assert [target.key for target in request.targets] == ["a"]
    assert not request.quiet


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<Delete/>",
        "<Delete><Quiet>true</Quiet></Delete>",
        "<Delete><Object/></Delete>",
        "<Delete><Object><Key/></Object></Delete>",
        "<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>",
        "<Delete><Object><Key>a</Key><Unknown>b</Unknown></Object></Delete>",
        "<Delete><Object><Key>a</Key></Object><Unknown/></Delete>",
        "<Delete><Object><Key>a</Key></Object><Quiet>maybe</Quiet></Delete>",
        "<Remove><Object><Key>a</Key></Object></Remove>",
        "<!DOCTYPE Delete><Delete><Object><Key>a</Key></Object></Delete>",
        '<!DOCTYPE d [<!ENTITY k "a">]><Delete><Object><Key>&k;</Key></Object></Delete>',
    ],
)
def test_a_delete_that_is_not_quite_one_is_malformed(body: str) -> None:
    """A word that was skipped could be the condition that the client relied on."""
    with pytest.raises(S3Error) as caught:
        parse_delete_objects(body.encode())

    assert caught.value.code == "MalformedXML"


def test_a_delete_names_at_most_a_thousand_keys() -> None:
    targets = [DeleteTarget(key=f"key {number}") for number in range(1001)]

    assert len(parse_delete_objects(build_delete_objects(targets[:1000])).targets) == 1000
    with pytest.raises(S3Error):
        parse_delete_objects(build_delete_objects(targets))


@given(
    key=st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"], max_codepoint=0xD7FF), min_size=1),
    version=st.sampled_from(["", "null", "a&b"]),
)
def test_what_the_store_is_sent_names_what_the_client_named(key: str, version: str) -> None:
    target = DeleteTarget(key=key, version_id=version, conditions=(("ETag", '"a"'),))

    request = parse_delete_objects(build_delete_objects([target]))

    assert request.targets == (target,)
    assert not request.quiet


DELETED = [
    Deleted(key="a<b"),
    Deleted(key="c", version_id="1", delete_marker=True, delete_marker_version_id="2"),
]
FAILED = [DeleteFailure(key="d", version_id="3", code="AccessDenied", message="no & no")]


def test_boto_reads_the_result_of_a_delete() -> None:
    parsed = as_boto_reads_it("DeleteObjects", build_delete_result(DELETED, FAILED, quiet=False))

    assert parsed["Deleted"] == [
        {"Key": "a<b"},
        {"Key": "c", "VersionId": "1", "DeleteMarker": True, "DeleteMarkerVersionId": "2"},
    ]
    assert parsed["Errors"] == [{"Key": "d", "VersionId": "3", "Code": "AccessDenied", "Message": "no & no"}]


def test_a_result_is_read_back() -> None:
    assert parse_delete_result(build_delete_result(DELETED, FAILED, quiet=False)) == (DELETED, FAILED)
    assert parse_delete_result(build_delete_result(DELETED, FAILED, quiet=True)) == ([], FAILED)


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

    def plain_size_of(key: str, size: int) -> int:
        asked.append((key, size))
        return size // 2

    expected = (
        V2.replace("142863", "71431")
        .replace("<Size>10<", "<Size>5<")
        .replace("<KeyCount>5<", "<KeyCount>3<")
        .replace("<Contents><Key>.sealgate/x</Key><Size>4</Size></Contents>", "")
        .replace("<CommonPrefixes><Prefix>.sealgate/</Prefix></CommonPrefixes>", "")
    )

    got = rewrite_listing(V2.encode(), plain_size_of=plain_size_of, hidden=is_reserved)

    assert got.decode() == expected
    assert asked == [("sample.jpg", 142863), ("a&b", 10)]


def test_clients_read_the_listing() -> None:
    got = rewrite_listing(V2.encode(), plain_size_of=halved, hidden=is_reserved)
    parsed = as_boto_reads_it("ListObjectsV2", got)

    assert parsed["KeyCount"] == 3
    assert parsed["CommonPrefixes"] == [{"Prefix": "photos/"}]
    contents = parsed["Contents"]
    assert isinstance(contents, list)
    assert [(entry["Key"], entry["Size"]) for entry in contents] == [("sample.jpg", 71431), ("a&b", 5)]


def test_a_listing_without_anything_to_change_is_the_store_s_own_bytes() -> None:
    document = f"<ListBucketResult {NS}><Name>b</Name><!-- note --><Prefix/></ListBucketResult>"

    assert rewrite_listing(document.encode(), plain_size_of=halved, hidden=is_reserved) == document.encode()


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

    def plain_size_of(key: str, size: int) -> int:
        asked.append(key)
        return size

    got = rewrite_listing(
        f"<ListBucketResult>{inner}</ListBucketResult>".encode(),
        plain_size_of=plain_size_of,
        hidden=is_reserved,
    )

    assert asked == ["a+b c"]
    assert b"a%2Bb+c" in got
    assert b"sealgate" not in got


def test_keys_that_only_look_encoded_are_left_alone() -> None:
    entry = b"<Contents><Key>%2Esealgate%2Fx+y</Key><Size>4</Size></Contents>"
    document = b"<ListBucketResult>" + entry + b"</ListBucketResult>"

    assert b"%2Esealgate%2Fx+y" in rewrite_listing(document, plain_size_of=halved, hidden=is_reserved)


def test_prefixes_that_share_an_element() -> None:
    """Some stores put all of them into one."""
    document = (
        b"<ListBucketResult><KeyCount>2</KeyCount><CommonPrefixes><Prefix>a/</Prefix><Prefix>.sealgate/</Prefix>"
        b"</CommonPrefixes></ListBucketResult>"
    )
    got = rewrite_listing(document, plain_size_of=halved, hidden=is_reserved)

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
    got = rewrite_listing(document, plain_size_of=halved, hidden=is_reserved)

    assert b"<v:Size>4</v:Size>" in got
    assert got.count(b"<v:DeleteMarker>") == 1


def test_minio_s_client_reads_a_listing() -> None:
    """It has a parser of its own, which minds namespaces."""
    got = rewrite_listing(V2.encode(), plain_size_of=halved, hidden=is_reserved)
    objects, truncated, *_ = parse_list_objects(HTTPResponse(got, preload_content=True))

    assert [(entry.object_name, entry.size) for entry in objects] == [
        ("sample.jpg", 71431),
        ("a&b", 5),
        ("photos/", None),
    ]
    assert not truncated


def test_minio_s_client_reads_the_result_of_a_delete() -> None:
    result = unmarshal(DeleteResult, build_delete_result(DELETED, FAILED, quiet=False).decode())

    assert [entry.name for entry in result.object_list] == ["a<b", "c"]
    assert [(entry.name, entry.code) for entry in result.error_list] == [("d", "AccessDenied")]


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
        rewrite_listing(document, plain_size_of=halved, hidden=is_reserved)

    assert caught.value.code == "InternalError"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (error_document(S3Error("NoSuchKey", "gone"), "/b/k", "id"), ("NoSuchKey", "gone")),
        (b"<Error><Code>Odd</Code></Error>", ("Odd", "")),
        (b"", ("", "")),
        (b"<html>busy</html>", ("", "")),
        (b"<Error><Code>", ("", "")),
        (b"<!DOCTYPE x><Error><Code>a</Code></Error>", ("", "")),
    ],
)
def test_a_store_s_error_is_read_whatever_it_is(document: bytes, expected: tuple[str, str]) -> None:
    assert parse_error(document) == expected
