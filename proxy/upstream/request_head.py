"""Writes a request's head. Fed text, returns bytes; refuses what could be read as a second header or request.

Names are lower-case tokens (RFC 9110, 5.6.2); values may hold any byte but CR, LF and NUL (5.5).
"""

import re
from collections.abc import Mapping

_METHOD = re.compile(r"[A-Z]+")
_TARGET = re.compile(r"/[!-~]*")
_NAMES = re.compile(r"(?:[!#$%&'*+\-.^_`|~0-9a-z]+\n)+")


def request_head(method: str, path: str, query: str, headers: Mapping[str, str]) -> bytes:
    """The head with its closing blank line.

    ValueError where a part cannot stand on the wire; the text of the error shows no value.
    """
    target = f"{path}?{query}" if query else path
    if not _METHOD.fullmatch(method) or not _TARGET.fullmatch(target) or "?" in path or "#" in target:
        raise ValueError("method, path or query has a character that must be percent-encoded")
    if not _NAMES.fullmatch("\n".join(headers) + "\n"):
        raise ValueError("a header's name is not a lower-case token")
    values = "".join(headers.values())
    if "\r" in values or "\n" in values or "\0" in values:
        raise ValueError("a header's value holds CR, LF or NUL")
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("utf-8", "surrogateescape")
