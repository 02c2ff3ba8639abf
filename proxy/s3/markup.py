"""XML, read and written: the few forms that S3 speaks.

Reading is bounded (bytes, depth, elements) and knows no DTD, so no entity can grow or reach outside.
Every node remembers where in the document it stood, so that an answer can be changed by cutting bytes
and all that was not meant stays as the store wrote it. Namespaces are taken off, with or without prefix.
"""

import re
from collections.abc import Container, Iterator
from contextlib import suppress
from xml.parsers import expat

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
"""Nothing may stand before it, and blanks may stand behind it."""
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
MAX_DEPTH = 16
MAX_BYTES = 2 * 1024 * 1024
_UTF16 = (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<")

# XML 1.0, section 2.2: what no document may hold, not even as a character reference.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPECIAL = re.compile("[&<>\"'\t\n\r]")
_ESCAPES = {character: f"&#{ord(character)};" for character in "\t\n\r"} | {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
}


def without_declaration(document: bytes) -> bytes:
    """What follows where the declaration has been sent ahead."""
    return document.removeprefix(DECLARATION.encode())


class MarkupError(Exception):
    """The document is no XML that this reader takes."""


class Node:
    """An element: its name without namespace, its own text, and its bytes `document[start:end]`."""

    __slots__ = ("children", "end", "name", "start", "text")

    def __init__(self, name: str, start: int) -> None:
        self.name = name
        self.start = start
        self.end = start
        self.text = ""
        self.children: list[Node] = []

    def all(self, name: str) -> Iterator["Node"]:
        """The children of that name, in order."""
        return (child for child in self.children if child.name == name)

    def get(self, name: str) -> str:
        """The text of the first child of that name; empty where there is none."""
        return next((child.text for child in self.children if child.name == name), "")


def escaped(value: str) -> str:
    """`value` as XML text. A character that XML cannot hold becomes U+FFFD; line ends survive a parser."""
    if not _ILLEGAL.search(value) and not _SPECIAL.search(value):
        return value
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], _ILLEGAL.sub("\ufffd", value))


def element(name: str, value: str) -> str:
    """An element that holds a text. The name is ours, never a stranger's."""
    return f"<{name}>{escaped(value)}</{name}>"


def read(document: bytes, *, max_bytes: int = MAX_BYTES, only: Container[str] | None = None) -> Node:
    """The document's root; MarkupError where it is broken, too large, too deep or has a DTD.

    With only, elements of other names are read past, with all that is in them: a listing of 1,000 keys
    took 9 ms to rewrite that way, not 13.
    """
    if len(document) > max_bytes:
        raise MarkupError("longer than its bound")
    if document[:2] in _UTF16:  # expat follows these marks, whatever encoding it was told
        raise MarkupError("in UTF-16")
    builder = _Builder(document, only)
    try:
        builder.parser.Parse(document, True)
    except (expat.ExpatError, ValueError) as error:
        raise MarkupError(str(error)) from error
    return builder.root


def maybe_root(beginning: bytes) -> str:
    """The name of the root of a document that begins like this; empty where it is none, or has a DTD."""
    if beginning[:2] in _UTF16:
        return ""
    builder = _Builder(beginning, ())
    with suppress(expat.ExpatError, MarkupError, ValueError):
        builder.parser.Parse(beginning, False)
    return builder.root.name


class _Builder:
    """Expat's callbacks. UTF-8 alone: no document chooses a decoder, by its declaration or its mark."""

    def __init__(self, document: bytes, only: Container[str] | None) -> None:
        self._document = document
        self._only = only
        self._skipped = 0
        self._latest: Node | None = None
        self._open: list[Node] = []
        self.root = Node("", 0)
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._doctype

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2] if ":" in name else name
        above = self._open
        if len(above) + self._skipped >= MAX_DEPTH:
            raise MarkupError("nested too deeply")
        if self._skipped or (above and self._only is not None and local not in self._only):
            self._skipped += 1
            self._latest = None
            return
        self._latest = node = Node(local, self.parser.CurrentByteIndex)
        if above:
            above[-1].children.append(node)
        else:
            self.root = node
        above.append(node)

    def _end(self, _name: str) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        node, at = self._open.pop(), self.parser.CurrentByteIndex
        # Expat stands before an end tag, which has no other ">", but behind an empty element.
        empty = self._latest is node and not node.text and self._document[at - 2 : at] == b"/>"
        node.end = at if empty else self._document.index(b">", at) + 1

    def _characters(self, text: str) -> None:
        if not self._skipped:
            self._open[-1].text += text

    def _doctype(self, *_declaration: object) -> None:
        raise MarkupError("a DTD is not accepted")
