"""Forms: what is read of a browser's upload before anybody is known, and where its file is."""

import pytest

from proxy.s3.errors import S3Error
from proxy.s3.form import MAX_FIELDS_BYTES, file_end, maybe_boundary, read_fields

DELIMITER = b"--xyz"


def part(name: str, content: bytes, extra: str = "") -> bytes:
    return (
        f'--xyz\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode() + content + b"\r\n"
    )


FILE = b"the file\r\n--xy\r\n\0\xff"
FORM = (
    part("key", b"a/${filename}")
    + part("Content-Type", "text/ü".encode())
    + part("file", FILE, '; filename="n.txt"')
    + part("submit", b"behind the file")
    + b"--xyz--\r\n"
)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("multipart/form-data; boundary=xyz", b"--xyz"),
        ('Multipart/Form-Data; charset=utf-8; boundary="x y"', b"--x y"),
        ("multipart/form-data", None),
        ("application/xml", None),
        ("multipart/form-data; boundary=" + "x" * 71, b"--" + b"x" * 70),
    ],
)
def test_a_form_is_known_by_its_boundary(content_type: str, expected: bytes | None) -> None:
    assert maybe_boundary({"content-type": content_type}) == expected
    assert maybe_boundary({}) is None


def test_fields_and_file_are_found_however_the_body_arrives() -> None:
    """As long as the file's beginning is not there, more is asked for."""
    starts = FORM.index(FILE)
    for size in range(len(DELIMITER), len(FORM)):
        fields = read_fields(FORM[:size], DELIMITER)
        assert (fields is None) is (size < starts)

    fields = read_fields(FORM, DELIMITER)
    assert fields is not None
    assert fields.values == {"key": "a/${filename}", "content-type": "text/ü"}
    assert (fields.file_name, fields.file_start) == ("n.txt", starts)
    assert FORM[starts : file_end(FORM, starts, DELIMITER)] == FILE


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("n.txt", "n.txt"),
        ("C:\\Program Files\\n.txt", "n.txt"),
        ("/home/me/n.txt", "n.txt"),
        ("a\\b/c\\n.txt", "n.txt"),
        ("../..", ".."),
        ("", ""),
    ],
)
def test_a_files_name_is_behind_the_last_slash(told: str, expected: str) -> None:
    """As on S3: the path of somebody's disk is nobody else's."""
    fields = read_fields(part("file", FILE, f'; filename="{told}"') + b"--xyz--", DELIMITER)

    assert fields is not None
    assert fields.file_name == expected


@pytest.mark.parametrize(
    ("front", "code"),
    [
        (b"no form", "MalformedPOSTRequest"),
        (b"--xyz\r\n\r\n\r\n", "MalformedPOSTRequest"),
        (b'--xyz\r\nContent-Disposition: form-data; name=""\r\n\r\n', "MalformedPOSTRequest"),
        (b"--xyz\r\nContent-Disposition: attachment\r\n\r\n", "MalformedPOSTRequest"),
        (part("key", b"\xff") + b"--xyz", "MalformedPOSTRequest"),
        (part("key", b"a") + part("KEY", b"b") + b"--xyz", "InvalidArgument"),
        (part("key", b"a") + b"--xyz--\r\n", "InvalidArgument"),
        (part("key", b"a" * MAX_FIELDS_BYTES), "MaxPostPreDataLengthExceededError"),
        (b"--xyz\r\nX: " + b"a" * MAX_FIELDS_BYTES, "MaxPostPreDataLengthExceededError"),
    ],
)
def test_what_is_no_form_of_s3s_is_refused(front: bytes, code: str) -> None:
    with pytest.raises(S3Error) as caught:
        read_fields(front, DELIMITER)

    assert caught.value.code == code


def test_a_file_without_an_end_is_refused() -> None:
    with pytest.raises(S3Error) as caught:
        file_end(FORM[:-40], FORM.index(FILE), b"--other")

    assert caught.value.code == "MalformedPOSTRequest"
