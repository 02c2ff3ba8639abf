"""Text with wildcards and variables, compiled once: `arn:aws:s3:::home/${aws:username}/*`.

A pattern is pieces of text between stars, a piece is runs of text between question marks. Matching is greedy
from the left, which is right for stars and never goes back: its time is bounded by text times pattern,
whoever wrote either. What a variable stands for is text and never a wildcard.
"""

import re
from collections.abc import Callable, Mapping
from enum import Enum, auto

from proxy.policy.malformed import MalformedPolicy
from proxy.policy.request import Value


class Wild(Enum):
    ANY = auto()
    """`*`"""
    ONE = auto()
    """`?`"""


class Variable:
    """`${key}` or `${key, 'default'}`; keys in lower case."""

    __slots__ = ("default", "key")

    def __init__(self, key: str, default: str | None) -> None:
        self.key = key
        self.default = default

    def text(self, conditions: Mapping[str, Value]) -> str | None:
        """None where the request has no such key, or several values of it."""
        value = conditions.get(self.key)
        return value if isinstance(value, str) else self.default


Token = str | Wild | Variable
Matches = Callable[[str], bool]
Bound = Callable[[str, Mapping[str, Value]], bool]
"""Whether a text matches, given what variables stand for."""

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_INNER = re.compile(r"\s*([A-Za-z0-9-]+:[^,']+?)\s*(?:,\s*'([^']*)'\s*)?")
_LITERAL = {"*": "*", "?": "?", "$": "$"}


def tokens_of(text: str, *, where: str, wild: bool, variables: bool) -> tuple[Token, ...]:
    """`wild`: whether * and ? stand for others. Raises MalformedPolicy for a variable that is none."""
    tokens: list[Token] = []
    end = 0
    for found in _VARIABLE.finditer(text) if variables else ():
        tokens += _wild(text[end : found.start()], wild=wild)
        tokens.append(_variable(found.group(1), where))
        end = found.end()
    rest = text[end:]
    if variables and "${" in rest:
        raise MalformedPolicy(where, f"a variable is not closed: {text}")
    return (*tokens, *_wild(rest, wild=wild))


def _wild(text: str, *, wild: bool) -> list[Token]:
    if not wild:
        return [text] if text else []
    split = re.split(r"([*?])", text)
    names: dict[str, Token] = {"*": Wild.ANY, "?": Wild.ONE}
    return [names.get(part, part) for part in split if part]


def _variable(inner: str, where: str) -> Token:
    if inner in _LITERAL:
        return _LITERAL[inner]
    found = _INNER.fullmatch(inner)
    if found is None:
        raise MalformedPolicy(where, f"this is no variable: ${{{inner}}}")
    return Variable(found.group(1).lower(), found.group(2))


def variables_in(tokens: tuple[Token, ...]) -> frozenset[str]:
    """The condition keys that are named."""
    return frozenset(token.key for token in tokens if isinstance(token, Variable))


def needed_in(tokens: tuple[Token, ...]) -> frozenset[str]:
    """Those of them that have no default."""
    return frozenset(token.key for token in tokens if isinstance(token, Variable) and token.default is None)


def matcher(tokens: tuple[Token, ...]) -> Matches:
    """Of tokens without variables."""
    pieces: list[list[str]] = [[""]]
    for token in tokens:
        if token is Wild.ANY:
            pieces.append([""])
        elif token is Wild.ONE:
            pieces[-1].append("")
        else:
            assert isinstance(token, str)
            pieces[-1][-1] += token
    compiled = [_Piece(tuple(parts)) for parts in pieces]
    first, last = compiled[0], compiled[-1]
    if len(compiled) == 1:
        return first.is_all_of
    middle = [piece for piece in compiled[1:-1] if piece.length]
    if not middle and not last.length:
        return first.begins
    return _Glob(first, middle, last).matches


def bound(tokens: tuple[Token, ...], compile_tokens: Callable[[tuple[Token, ...]], Matches]) -> Bound:
    """Matches for each request: at once compiled, or as its variables are. An unknown one matches nothing."""
    if not variables_in(tokens):
        fixed = compile_tokens(tokens)
        return lambda text, _: fixed(text)

    def matches(text: str, conditions: Mapping[str, Value]) -> bool:
        filled: list[Token] = []
        for token in tokens:
            if isinstance(token, Variable):
                value = token.text(conditions)
                if value is None:
                    return False
                filled.append(value)
            else:
                filled.append(token)
        return compile_tokens(tuple(filled))(text)

    return matches


def arn_matcher(tokens: tuple[Token, ...]) -> Matches:
    """Each of an ARN's six parts for itself; the last one has all further colons."""
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if not isinstance(token, str):
            parts[-1].append(token)
            continue
        for index, text in enumerate(token.split(":", 6 - len(parts))):
            if index:
                parts.append([])
            if text:
                parts[-1].append(text)
    if tokens == (Wild.ANY,):
        return lambda _: True
    if len(parts) != 6:
        return lambda _: False
    segments = [matcher(tuple(part)) for part in parts]

    def matches(text: str) -> bool:
        given = text.split(":", 5)
        return len(given) == 6 and all(segment(part) for segment, part in zip(segments, given, strict=True))

    return matches


class _Piece:
    """Runs of text with one free character between each two."""

    __slots__ = ("length", "parts")

    def __init__(self, parts: tuple[str, ...]) -> None:
        self.parts = parts
        self.length = sum(map(len, parts)) + len(parts) - 1

    def at(self, text: str, place: int) -> bool:
        if place + self.length > len(text):
            return False
        for part in self.parts:
            if not text.startswith(part, place):
                return False
            place += len(part) + 1
        return True

    def begins(self, text: str) -> bool:
        return text.startswith(self.parts[0]) if len(self.parts) == 1 else self.at(text, 0)

    def is_all_of(self, text: str) -> bool:
        return (
            text == self.parts[0] if len(self.parts) == 1 else len(text) == self.length and self.at(text, 0)
        )

    def find(self, text: str, begin: int, end: int) -> int:
        """The first place from begin on where it ends before end; -1 where there is none."""
        if len(self.parts) == 1:
            return text.find(self.parts[0], begin, end)
        places = range(begin, end - self.length + 1)
        return next((place for place in places if self.at(text, place)), -1)


class _Glob:
    __slots__ = ("_first", "_last", "_middle")

    def __init__(self, first: _Piece, middle: list[_Piece], last: _Piece) -> None:
        self._first = first
        self._middle = middle
        self._last = last

    def matches(self, text: str) -> bool:
        place, end = self._first.length, len(text) - self._last.length
        if end < place or not self._first.at(text, 0) or not self._last.at(text, end):
            return False
        for piece in self._middle:
            found = piece.find(text, place, end)
            if found < 0:
                return False
            place = found + piece.length
        return True
