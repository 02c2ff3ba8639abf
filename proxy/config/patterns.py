"""Patterns over key ARNs: `*` is any text, `?` one character, nothing else is special.

An ARN is six fields between colons, and a wildcard stays in its field; only the last field of a shorter
pattern stands for all the fields that it leaves out. So `arn:aws:kms:*:111122223333:key/*` is about one
account alone, and two such patterns of two accounts never mean the same key.
"""

import re

FIELDS = 6


def covers(pattern: str, text: str) -> bool:
    """Whether the pattern matches the whole text."""
    patterns = pattern.split(":", FIELDS - 1)
    texts = text.split(":", len(patterns) - 1)
    return len(patterns) == len(texts) and all(map(_covers_field, patterns, texts))


def meet(one: str, other: str) -> bool:
    """Whether some text may match both patterns."""
    shorter = min(one.count(":"), other.count(":"), FIELDS - 1)
    return all(map(_fields_meet, one.split(":", shorter), other.split(":", shorter)))


def _covers_field(pattern: str, text: str) -> bool:
    wild = {"*": ".*", "?": "."}
    return bool(re.fullmatch("".join(wild.get(c) or re.escape(c) for c in pattern), text, re.DOTALL))


def _fields_meet(one: str, other: str) -> bool:
    """A walk over pairs of places in them, each pair once."""
    todo, seen = [(0, 0)], set[tuple[int, int]]()
    while todo:
        place = todo.pop()
        if place in seen:
            continue
        seen.add(place)
        i, j = place
        if (i, j) == (len(one), len(other)):
            return True
        a, b = one[i : i + 1], other[j : j + 1]
        if a == "*":  # it ends here, or takes what comes in the other
            todo += [(i + 1, j)] + ([(i, j + 1)] if b else [])
        if b == "*":
            todo += [(i, j + 1)] + ([(i + 1, j)] if a else [])
        if a and b and "*" not in {a, b} and (a == b or "?" in {a, b}):
            todo.append((i + 1, j + 1))
    return False
