"""XML: bounded, without a DTD, and written so that a parser reads back what was meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.s3.markup import MAX_DEPTH, MarkupError, element, escaped, read


def test_a_document_becomes_nodes_that_know_their_bytes() -> None:
    document = b'<?xml version="1.0"?><a xmlns="urn:x"> <b>1&amp;2</b><b/><c><d>\xc3\xa9</d></c></a>'
    root = read(document)

    assert (root.name, root.get("b"), root.get("none")) == ("a", "1&2", "")
    assert [document[node.start : node.end] for node in root.all("b")] == [b"<b>1&amp;2</b>", b"<b/>"]
    assert root.children[2].get("d") == "é"
    assert document[root.start : root.end] == document[21:]


def test_prefixes_are_taken_off() -> None:
    root = read(b'<s3:a xmlns:s3="urn:x"><s3:b>1</s3:b></s3:a>')

    assert (root.name, root.get("b")) == ("a", "1")


def test_what_is_not_asked_for_is_read_past_with_all_that_is_in_it() -> None:
    root = read(b"<a><b><c>inner</c></b><c>outer</c></a>", only={"c"})

    assert [(node.name, node.text) for node in root.children] == [("c", "outer")]


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"text",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"<a>&undefined;</a>",
        b"<a>\xff</a>",
        b'<?xml version="1.0" encoding="iso-8859-1"?><a>\xff</a>',
        b"<a>\x00</a>",
        b"<a>&#0;</a>",
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1/x.dtd"><a/>',
        '<?xml version="1.0" encoding="utf-16"?><a/>'.encode("utf-16"),
        *("<x><y/></x>".encode(encoding) for encoding in ("utf-16", "utf-16-le", "utf-16-be")),
        b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
        b"<x><y>" + b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH + b"</y></x>",
    ],
)
@pytest.mark.parametrize("only", [None, {"y"}])
def test_what_is_no_plain_xml_is_refused(document: bytes, only: set[str] | None) -> None:
    """No entity grows, nothing is fetched, no decoder is chosen by a stranger."""
    with pytest.raises(MarkupError):
        read(document, only=only)


def test_the_bounds_themselves_are_allowed() -> None:
    document = b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH

    assert read(document, max_bytes=len(document)).name == "a"
    with pytest.raises(MarkupError):
        read(document, max_bytes=len(document) - 1)


LEGAL = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff").filter(
        lambda character: character >= " " or character in "\t\r\n"
    )
)


@given(LEGAL)
def test_text_comes_back_as_it_was_written(text: str) -> None:
    """Line ends too, which a parser would fold into one kind."""
    assert read(element("a", text).encode()).text == text


@given(st.text())
def test_whatever_is_written_is_well_formed(text: str) -> None:
    assert len(read(element("a", text).encode()).text) == len(text)


def test_plain_text_is_left_alone() -> None:
    assert escaped("plain/key.bin") == "plain/key.bin"


@pytest.mark.parametrize(
    "inner",
    [
        "<b/>",
        "<b></b>",
        "<b>/></b>",
        '<b x=">"/>',
        '<b x="/"></b>',
        "<b><c/></b>",
        "<b><skipped/></b>",
        "<b><c></c></b >",
        "<b><![CDATA[/>]]></b>",
        "<b><!--/--></b>",
        "<b />",
    ],
)
@pytest.mark.parametrize("only", [None, {"b", "c"}])
@pytest.mark.parametrize("after", ["", "<c/>", " text ", "<!-- > -->"])
def test_an_element_s_bytes_are_exactly_its_own(inner: str, only: set[str] | None, after: str) -> None:
    """They are what is cut out of a listing."""
    document = f"<a>{inner}{after}</a>".encode()
    node = next(read(document, only=only).all("b"))

    assert document[node.start : node.end].decode() == inner
