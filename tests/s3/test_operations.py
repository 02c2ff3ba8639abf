"""Operations: every one of botocore's model has a row, and nothing falls through to a plainer one."""

from contextlib import suppress
from urllib.parse import quote

import pytest
from botocore.model import OperationModel, ServiceModel
from botocore.session import get_session

from proxy.s3.errors import S3Error
from proxy.s3.operation_rows import ALIASES, ROWS, Level, Operation
from proxy.s3.operations import (
    classify,
    copy_source,
    is_reserved,
    refuse_reserved,
    refuse_unserved,
)
from proxy.s3.request import S3Request, parse_request
from proxy.s3.treatments import Treatment

NOT_S3S_GENERAL_API = {"WriteGetObjectResponse"}


def model() -> ServiceModel:
    found = get_session().get_service_model("s3")  # type: ignore[no-untyped-call]  # botocore has no annotations
    assert isinstance(found, ServiceModel)
    return found


def read(method: str, target: str, headers: dict[str, str] | None = None) -> S3Request:
    return parse_request(method=method, target=target, headers=headers or {}, domains=())


def name_of(method: str, target: str, headers: dict[str, str] | None = None) -> str:
    return classify(read(method, target, headers)).name


def row(name: str) -> Operation:
    return next(row for row in ROWS if row.name == name)


def query_members(operation: OperationModel, *, required: bool) -> list[str]:
    shape = operation.input_shape
    if shape is None:
        return []
    return [
        member.serialization["name"]
        for name, member in shape.members.items()
        if member.serialization.get("location") == "querystring"
        and (name in shape.required_members) is required
    ]


def wire_form(operation: OperationModel) -> tuple[str, str, dict[str, str]]:
    """Method, target with only what is required, and headers, as botocore would send it."""
    path, _, fixed = operation.http["requestUri"].partition("?")
    path = path.replace("{Bucket}", "bucket").replace("{Key+}", "key")
    pairs = [pair for pair in fixed.split("&") if pair]
    pairs += [f"{name}=1" for name in query_members(operation, required=True)]
    if operation.name == "ListDirectoryBuckets":  # told from ListBuckets by its host, which we do not have
        pairs.append("max-directory-buckets=1")
    headers = {"x-amz-copy-source": "a/b"} if "Copy" in operation.name else {}
    return operation.http["method"], f"{path}?{'&'.join(pairs)}", headers


@pytest.mark.parametrize("name", model().operation_names)
def test_every_operation_of_botocore_is_recognised(name: str) -> None:
    """As botocore sends it, and with each further parameter that it knows."""
    if name in NOT_S3S_GENERAL_API:
        assert row(name).treatment is Treatment.REFUSE
        return
    operation = model().operation_model(name)
    method, target, headers = wire_form(operation)

    found = classify(read(method, target, headers))

    assert found.name == ALIASES.get(name, name)
    assert found.actions
    for further in query_members(operation, required=False):
        if f"{further}=" not in target:
            assert classify(read(method, f"{target}&{further}=1", headers)) is found


def test_no_row_is_for_nothing() -> None:
    extra = {"PostObject", "PreflightBucket", "PreflightObject"}

    assert {row.name for row in ROWS} == (set(model().operation_names) - ALIASES.keys()) | extra
    assert len(ROWS) == len({row.name for row in ROWS})


@pytest.mark.parametrize("one", ROWS, ids=lambda one: one.name)
def test_what_is_not_served_is_refused_by_its_name(one: Operation) -> None:
    if one.treatment is not Treatment.REFUSE:
        refuse_unserved(one)
        return
    with pytest.raises(S3Error, match=one.name) as caught:
        refuse_unserved(one)
    assert (caught.value.code, caught.value.status) == ("NotImplemented", 501)


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("GET", "/", "ListBuckets"),
        ("GET", "/?x-id=ListBuckets", "ListBuckets"),
        ("PUT", "/bucket/", "CreateBucket"),
        ("GET", "/bucket?prefix=a", "ListObjects"),
        ("GET", "/bucket/?list-type=2&prefix=a", "ListObjectsV2"),
        ("PUT", "/bucket/key?X-Amz-Algorithm=a&X-Amz-Signature=b&X-Amz-Expires=1", "PutObject"),
        ("PUT", "/bucket/key?acl", "PutObjectAcl"),
        ("PUT", "/bucket/key?acl=", "PutObjectAcl"),
        ("PUT", "/bucket?acl", "PutBucketAcl"),
        ("GET", "/bucket/key?partNumber=1", "GetObject"),
        ("PUT", "/bucket/key?partNumber=1&uploadId=u", "UploadPart"),
        ("POST", "/bucket?delete", "DeleteObjects"),
        ("POST", "/bucket", "PostObject"),
        ("OPTIONS", "/bucket/key", "PreflightObject"),
    ],
)
def test_examples(method: str, target: str, expected: str) -> None:
    assert name_of(method, target) == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [("/bucket/key", "CopyObject"), ("/bucket/key?partNumber=1&uploadId=u", "UploadPartCopy")],
)
def test_a_copy_source_makes_it_a_copy(target: str, expected: str) -> None:
    assert name_of("PUT", target, {"x-amz-copy-source": "a/b"}) == expected


def test_a_copy_source_means_nothing_elsewhere() -> None:
    assert name_of("GET", "/bucket/key", {"x-amz-copy-source": "a/b"}) == "GetObject"
    assert name_of("PUT", "/bucket/key?tagging", {"x-amz-copy-source": "a/b"}) == "PutObjectTagging"


@pytest.mark.parametrize(
    ("method", "target", "code"),
    [
        ("PUT", "/bucket/key?nonsense", "NotImplemented"),
        ("PUT", "/bucket/key?ACL", "NotImplemented"),
        ("PUT", "/bucket/key?versionId=1", "NotImplemented"),
        ("PUT", "/bucket/key?partNumber=1", "NotImplemented"),
        ("PUT", "/bucket/key?acl&tagging", "NotImplemented"),
        ("PUT", "/bucket/key?x-amz-acl=private", "NotImplemented"),
        ("DELETE", "/bucket/key?nonsense", "NotImplemented"),
        ("GET", "/bucket?id=1", "NotImplemented"),
        ("GET", "/bucket?location&prefix=a", "NotImplemented"),
        ("GET", "/?nonsense", "NotImplemented"),
        ("GET", "/bucket?list-type=1", "InvalidArgument"),
        ("GET", "/bucket?list-type=", "InvalidArgument"),
        ("POST", "/bucket/key", "MethodNotAllowed"),
        ("POST", "/bucket/key?acl", "MethodNotAllowed"),
        ("GET", "/bucket/key?uploads", "MethodNotAllowed"),
        ("HEAD", "/bucket?location", "MethodNotAllowed"),
        ("HEAD", "/", "MethodNotAllowed"),
        ("PATCH", "/bucket/key", "MethodNotAllowed"),
        ("PATCH", "/bucket/key?acl", "MethodNotAllowed"),
        ("get", "/bucket/key", "MethodNotAllowed"),
    ],
)
def test_nothing_falls_through(method: str, target: str, code: str) -> None:
    """`PUT ?acl` must not overwrite the object, and neither must any word that we do not know."""
    with pytest.raises(S3Error) as caught:
        classify(read(method, target))

    assert caught.value.code == code


@pytest.mark.parametrize("known", sorted({name for row in ROWS for name in row.markers}))
def test_no_sub_resource_is_ever_the_object_itself(known: str) -> None:
    """Put, deleted or read with a sub-resource's name, it is that sub-resource or nothing."""
    for method, plain in (("PUT", "PutObject"), ("DELETE", "DeleteObject"), ("GET", "GetObject")):
        if (method, known) == ("GET", "partNumber"):
            continue
        with suppress(S3Error):
            assert name_of(method, f"/bucket/key?{known}") != plain


@pytest.mark.parametrize(
    ("key", "reserved"),
    [
        (".sealgate/", True),
        (".sealgate/uploads/x", True),
        (".sealgate/../x", True),
        (".sealgate", False),
        (".sealgate-x/", False),
        ("a/.sealgate/x", False),
        ("/.sealgate/x", True),
        ("./.sealgate/x", True),
        ("a/../.sealgate/x", True),
        ("../.sealgate/x", True),
        ("a/b/../.sealgate/x", False),
        ("\\.sealgate\\x", True),
        (".sealgate\\x", True),
        ("a\\.sealgate/x", False),
        ("", False),
    ],
)
def test_the_reserved_prefix_is_seen_however_a_store_cleans_paths(key: str, reserved: object) -> None:
    assert is_reserved(key) is reserved


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/bucket/.sealgate/x", {}),
        ("/bucket/%2Esealgate%2Fx", {}),
        ("/bucket?prefix=.sealgate/", {}),
        ("/bucket?prefix=%2Esealgate%2Fuploads", {}),
        ("/bucket/key", {"x-amz-copy-source": "/other/.sealgate/x"}),
        ("/bucket/key", {"x-amz-copy-source": "other/%2Esealgate%2Fx?versionId=1"}),
    ],
)
def test_reserved_names_are_refused_as_key_prefix_and_source(target: str, headers: dict[str, str]) -> None:
    with pytest.raises(S3Error) as caught:
        refuse_reserved(read("PUT", target, headers))

    assert caught.value.code == "AccessDenied"


def test_other_names_are_not_refused() -> None:
    refuse_reserved(read("PUT", "/bucket/key?prefix=a", {"x-amz-copy-source": "other/key"}))
    refuse_reserved(read("GET", "/bucket/%252Esealgate%2Fx"))


@pytest.mark.parametrize("source", ["", "/", "bucket", "bucket/", "/bucket/", "//key"])
def test_a_copy_source_names_bucket_and_key(source: str) -> None:
    with pytest.raises(S3Error) as caught:
        copy_source(read("PUT", "/bucket/key", {"x-amz-copy-source": source}))

    assert caught.value.code == "InvalidArgument"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("other/../secret/key", "InvalidURI"),
        ("other/%2e%2e/secret/key", "InvalidURI"),
        ("Other/key", "InvalidBucketName"),
        ("../key", "InvalidBucketName"),
        ("arn:aws:s3:us-east-1:111122223333:accesspoint/mine/object/key", "NotImplemented"),
        ("other/" + "k" * 1025, "KeyTooLongError"),
        ("other/%zz", "InvalidURI"),
    ],
)
def test_a_copy_source_is_held_to_the_rules_of_every_name(source: str, code: str) -> None:
    """A store that cleans its paths would else read another bucket than the one that was allowed."""
    with pytest.raises(S3Error) as caught:
        copy_source(read("PUT", "/bucket/key", {"x-amz-copy-source": source}))

    assert caught.value.code == code


def test_a_copy_source_is_decoded_once() -> None:
    source = f"/bucket/{quote('a b?é/%41')}?versionId=v.1"

    assert copy_source(read("PUT", "/b-1/k", {"x-amz-copy-source": source})) == ("bucket", "a b?é/%41", "v.1")


# What is done with each operation. A new row, or another treatment, is a line here too.
TREATMENTS = {
    Treatment.SEAL: "PutObject",
    Treatment.SEAL_FORM: "PostObject",
    Treatment.OPEN: "GetObject",
    Treatment.HEAD: "HeadObject",
    Treatment.LIST: "ListObjects ListObjectsV2 ListObjectVersions",
    Treatment.ATTRIBUTES: "GetObjectAttributes",
    Treatment.LIST_BUCKETS: "ListBuckets",
    Treatment.COPY: "CopyObject",
    Treatment.COPY_PART: "UploadPartCopy",
    Treatment.CREATE_UPLOAD: "CreateMultipartUpload",
    Treatment.UPLOAD_PART: "UploadPart",
    Treatment.COMPLETE_UPLOAD: "CompleteMultipartUpload",
    Treatment.ABORT_UPLOAD: "AbortMultipartUpload",
    Treatment.LIST_PARTS: "ListParts",
    Treatment.LIST_UPLOADS: "ListMultipartUploads",
    Treatment.DELETE: "DeleteObject",
    Treatment.DELETE_BUCKET: "DeleteBucket",
    Treatment.DELETE_MANY: "DeleteObjects",
    Treatment.BUCKET_POLICY: "PutBucketPolicy GetBucketPolicy DeleteBucketPolicy",
    Treatment.BUCKET_ENCRYPTION: "PutBucketEncryption GetBucketEncryption DeleteBucketEncryption",
    Treatment.UPDATE_ENCRYPTION: "UpdateObjectEncryption",
    Treatment.PREFLIGHT: "PreflightBucket PreflightObject",
    Treatment.REFUSE: """
        CreateBucketMetadataConfiguration
        CreateBucketMetadataTableConfiguration CreateSession
        DeleteBucketMetadataConfiguration DeleteBucketMetadataTableConfiguration DeleteObjectAnnotation
        GetBucketMetadataConfiguration GetBucketMetadataTableConfiguration
        GetObjectAnnotation GetObjectTorrent ListDirectoryBuckets
        ListObjectAnnotations PutObjectAnnotation
        RenameObject SelectObjectContent UpdateBucketMetadataAnnotationTableConfiguration
        UpdateBucketMetadataInventoryTableConfiguration UpdateBucketMetadataJournalTableConfiguration
        WriteGetObjectResponse
    """,
}


def test_each_operation_is_treated_as_its_line_says() -> None:
    """What is not in a line is forwarded as it is: bodies of such operations hold nothing of an object."""
    told = {name: treatment for treatment, names in TREATMENTS.items() for name in names.split()}

    assert {row.name: told.get(row.name, Treatment.FORWARD) for row in ROWS} == {
        row.name: row.treatment for row in ROWS
    }
    assert told.keys() <= {row.name for row in ROWS}


@pytest.mark.parametrize("level", Level)
def test_every_level_has_operations(level: Level) -> None:
    assert any(row.level is level and row.treatment is not Treatment.REFUSE for row in ROWS)
