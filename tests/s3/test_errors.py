"""Errors: every code that the code raises has a row, and documents are what S3 clients read."""

import ast
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from botocore.parsers import RestXMLParser

from proxy.s3.errors import TABLE, S3Error, error_document

PROXY = Path(__file__).parent.parent.parent / "proxy"


def _literal_codes() -> set[str]:
    calls = [
        node
        for file in PROXY.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "S3Error"
    ]
    return {
        call.args[0].value
        for call in calls
        if call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    }


def test_every_code_that_is_raised_by_name_has_its_status_and_words() -> None:
    """A code without a row would be a KeyError in the middle of a refusal."""
    codes = _literal_codes()

    assert len(codes) > 20
    assert codes <= TABLE.keys()


@pytest.mark.parametrize("code", TABLE)
def test_a_row_is_complete(code: str) -> None:
    status, message = TABLE[code]

    assert 300 <= status < 600
    assert message


def test_a_code_of_ours_takes_status_and_words_from_the_table() -> None:
    error = S3Error("NoSuchKey")

    assert (error.status, error.message) == (404, "The specified key does not exist.")


def test_words_of_the_line_that_raises_win() -> None:
    assert S3Error("InvalidArgument", "so and so").message == "so and so"


def test_a_store_s_own_code_needs_its_status() -> None:
    """Stores have codes of their own; a mistake of ours must not become one."""
    assert S3Error("XMinioStorageFull", "full", status=507).status == 507
    with pytest.raises(KeyError):
        S3Error("XMinioStorageFull", "full")


def test_boto_reads_the_document() -> None:
    error = S3Error("InvalidRange", RangeRequested="bytes=9-", ActualObjectSize="9")
    body = error_document(error, "/bucket/a&b", "REQ", "HOST")

    parser = RestXMLParser()  # type: ignore[no-untyped-call]  # botocore has no annotations
    parsed = parser.parse({"status_code": 416, "headers": {}, "body": body}, None)  # type: ignore[no-untyped-call]  # the same

    assert parsed["Error"]["Code"] == "InvalidRange"
    assert parsed["Error"]["ActualObjectSize"] == "9"
    assert parsed["Error"]["Message"] == "The requested range is not satisfiable"


def test_the_document_stays_well_formed_whatever_a_client_sent() -> None:
    """The path is a stranger's text."""
    nasty = "</Resource>\0\x1b\ud800<x>&'\""
    root = ET.fromstring(error_document(S3Error("AccessDenied"), nasty, "id"))  # noqa: S314 - our own document

    assert root.findtext("Resource") == "</Resource>\ufffd\ufffd\ufffd<x>&'\""
    assert [child.tag for child in root] == ["Code", "Message", "Resource", "RequestId", "HostId"]
