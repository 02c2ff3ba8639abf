"""S3's documents: what a client may ask and what a store answers. Listings have a file of their own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from minio.deleteobjects import DeleteResult
from minio.xml import unmarshal

from proxy.s3.errors import S3Error, error_document
from proxy.s3.xml import (
    Deleted,
    DeleteFailure,
    DeleteTarget,
    build_delete_objects,
    build_delete_result,
    parse_delete_objects,
    parse_delete_result,
    parse_error,
)
from tests.s3.boto import as_boto_reads_it

NS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


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


def test_minio_s_client_reads_the_result_of_a_delete() -> None:
    result = unmarshal(DeleteResult, build_delete_result(DELETED, FAILED, quiet=False).decode())

    assert [entry.name for entry in result.object_list] == ["a<b", "c"]
    assert [(entry.name, entry.code) for entry in result.error_list] == [("d", "AccessDenied")]


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
