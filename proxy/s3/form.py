"""A browser's upload: multipart/form-data as S3 takes it. Fields stand before the file; what comes behind it
does not count.

Pure, and in two steps, since nobody is known before the fields are read: `read_fields` looks at the bounded
front of the body, `file_end` at the rest.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from proxy.s3.errors import S3Error

MAX_FIELDS_BYTES = 20 * 1024
"""S3's bound on what stands before the file (Amazon's "POST Object")."""
_BOUNDARY = re.compile(
    r'multipart/form-data\s*;.*?boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE
)
_DISPOSITION = re.compile(rb"content-disposition:[ \t]*form-data;(.*)", re.IGNORECASE)
_PARAMETER = re.compile(rb';?\s*(name|filename)="([^"]*)"', re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """What the form says, by lower-case name, and where in the body its file begins."""

    values: Mapping[str, str]
    file_name: str
    file_start: int


def maybe_boundary(headers: Mapping[str, str]) -> bytes | None:
    """The delimiter of a form's parts; None where the body is no form."""
    found = _BOUNDARY.match(headers.get("content-type", ""))
    return f"--{found[1] or found[2]}".encode() if found else None


def read_fields(front: bytes, delimiter: bytes) -> Fields | None:
    """The fields before the file; None where more of the body is needed. Raises S3Error."""
    values: dict[str, str] = {}
    if not delimiter.startswith(front[: len(delimiter)]):
        raise S3Error("MalformedPOSTRequest")
    at = len(delimiter)
    while front[at : at + 2] != b"--":
        head_end = front.find(b"\r\n\r\n", at)
        if head_end < 0:
            _refuse_if_full(front)
            return None
        name, file_name = _names(front[at:head_end])
        if name == "file":
            return Fields(values=values, file_name=file_name, file_start=head_end + 4)
        end = front.find(b"\r\n" + delimiter, head_end + 4)
        if end < 0:
            _refuse_if_full(front)
            return None
        if name in values:
            raise S3Error("InvalidArgument", "A form field is repeated.", ArgumentName=name)
        values[name] = _text(front[head_end + 4 : end])
        at = end + 2 + len(delimiter)
    raise S3Error(
        "InvalidArgument", "POST requires exactly one file upload per request.", ArgumentName="file"
    )


def file_end(body: bytes | bytearray, start: int, delimiter: bytes) -> int:
    """Where the file that begins at `start` ends. What comes behind it does not count."""
    end = body.find(b"\r\n" + delimiter, start)
    if end < 0:
        raise S3Error("MalformedPOSTRequest")
    return end


def _names(head: bytes) -> tuple[str, str]:
    lines = [found for line in head.split(b"\r\n") if (found := _DISPOSITION.fullmatch(line))]
    if len(lines) != 1:
        raise S3Error("MalformedPOSTRequest")
    parameters = {name.lower(): _text(value) for name, value in _PARAMETER.findall(lines[0][1])}
    if not parameters.get(b"name"):
        raise S3Error("MalformedPOSTRequest")
    # Some browsers tell where the file lay; its name is behind the last slash of either kind.
    file_name = re.split(r"[/\\]", parameters.get(b"filename", ""))[-1]
    return parameters[b"name"].lower(), file_name


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as exc:
        raise S3Error("MalformedPOSTRequest") from exc


def _refuse_if_full(front: bytes) -> None:
    if len(front) > MAX_FIELDS_BYTES:
        raise S3Error("MaxPostPreDataLengthExceededError", MaxSizeAllowed=str(MAX_FIELDS_BYTES))
