"""An answer to a plainer question is never taken for the one that was asked."""

import pytest

from proxy.s3.errors import S3Error
from proxy.s3.operation_rows import ROWS, Level, Operation
from proxy.s3.sub_resources import check_answer, check_document

READS = [row for row in ROWS if row.method == "GET" and row.markers]
ROOTS = {
    "GetObjectAcl": b"AccessControlPolicy",
    "GetObjectLegalHold": b"LegalHold",
    "GetObjectRetention": b"Retention",
    "GetObjectTagging": b"Tagging",
}


def row(name: str) -> Operation:
    return next(one for one in ROWS if one.name == name)


@pytest.mark.parametrize("name", ROOTS)
@pytest.mark.parametrize("document", [b"", b"plain", b"<other/>", b"\0\1", b"<Tagging", b"<Error/>"])
def test_an_object_is_not_what_hangs_on_it(name: str, document: bytes) -> None:
    with pytest.raises(S3Error, match=name) as caught:
        check_answer(row(name), {}, document)

    assert caught.value.code == "NotImplemented"


@pytest.mark.parametrize(("name", "root"), ROOTS.items())
def test_what_hangs_on_an_object_passes(name: str, root: bytes) -> None:
    """But not where it comes with metadata, which only an object has: somebody stored such a document."""
    document = b'<%s xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><a/></%s>' % (root, root)

    check_answer(row(name), {"content-type": "application/xml"}, document)
    with pytest.raises(S3Error):
        check_answer(row(name), {"x-amz-meta-sealgate": "1.AAAA"}, document)


@pytest.mark.parametrize(
    "name", ["GetBucketWebsite", "GetBucketPolicy", "GetBucketLogging", "GetBucketLocation"]
)
def test_a_listing_is_no_setting(name: str) -> None:
    for listing in (b"<ListBucketResult><Name>b</Name></ListBucketResult>", b"<ListVersionsResult/>"):
        with pytest.raises(S3Error, match=name):
            check_answer(row(name), {}, listing)
    for setting in (b"<WebsiteConfiguration/>", b'{"Statement": []}', b""):
        check_answer(row(name), {}, setting)


@pytest.mark.parametrize("length", [len(b'<?xml version="1.0"?><Tagging>'), 60, 2000])
def test_the_beginning_of_a_long_answer_says_what_it_is(length: int) -> None:
    """The rest of it has not come yet."""
    document = b'<?xml version="1.0"?><Tagging>' + b"<Tag><Key>k</Key></Tag>" * 1000

    check_answer(row("GetObjectTagging"), {}, document[:length])
    with pytest.raises(S3Error):
        check_answer(row("GetObjectAcl"), {}, document[:length])


def test_every_read_of_something_on_an_object_says_what_it_is() -> None:
    """A row that is added without its root would be a KeyError."""
    forwarded = [one for one in READS if one.level is Level.OBJECT and one.treatment.name == "FORWARD"]

    assert {one.name for one in forwarded} == ROOTS.keys()


@pytest.mark.parametrize("document", [b"<a", b"no", b'<!DOCTYPE a [<!ENTITY b "c">]><Tagging>&b;</Tagging>'])
def test_a_body_that_is_no_document_goes_nowhere(document: bytes) -> None:
    with pytest.raises(S3Error) as caught:
        check_document(row("PutBucketTagging"), document)

    assert caught.value.code == "MalformedXML"
    check_document(row("PutBucketPolicy"), document)


def test_a_body_may_be_missing() -> None:
    """As with an ACL that is given by headers."""
    check_document(row("PutObjectAcl"), b"")


@pytest.mark.parametrize("element", [b"SelectParameters", b"Type"])
def test_a_restore_that_selects_is_refused(element: bytes) -> None:
    """It would write plaintext, or what it takes for it, elsewhere on the store."""
    with pytest.raises(S3Error) as caught:
        check_document(row("RestoreObject"), b"<RestoreRequest><%s/></RestoreRequest>" % element)

    assert caught.value.code == "NotImplemented"
    check_document(row("RestoreObject"), b"<RestoreRequest><Days>1</Days></RestoreRequest>")
