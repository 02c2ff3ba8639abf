"""Tags of a key: AWS's rules for names and values (AWS KMS, "Tagging keys"; AWS, "Tag naming limits")."""

import re
from collections.abc import Mapping, Sequence

from proxy.hsm.core.errors import KmsError

Tags = tuple[tuple[str, str], ...]

_ALLOWED = re.compile(r"[\w\s+\-=.:/@]*")
_RESERVED = "aws:"


def checked_tags(asked: Sequence[Mapping[str, str]], most: int) -> Tags:
    """Raises TagException."""
    tags = tuple((tag["TagKey"], tag["TagValue"]) for tag in asked)
    names = [name for name, _ in tags]
    if len(names) > most:
        raise KmsError("TagException", "Too many tags")
    if len(set(names)) < len(names):
        raise KmsError("TagException", "Duplicate tag keys")
    check_names(names)
    for text in (text for tag in tags for text in tag):
        if not _ALLOWED.fullmatch(text):
            says = "Tag keys and values hold letters, digits, spaces and _ . : / = + - @ alone"
            raise KmsError("TagException", says)
    return tags


def check_names(names: Sequence[str]) -> None:
    """Raises TagException for a name that nobody may give or take."""
    if any(name.lower().startswith(_RESERVED) for name in names):
        raise KmsError("TagException", "Tags beginning with aws: are reserved")


def merged(held: Tags, added: Tags, most: int) -> Tags:
    """The new value stands where a name is in both. Raises LimitExceededException."""
    tags = {**dict(held), **dict(added)}
    if len(tags) > most:
        raise KmsError("LimitExceededException", f"A key has at most {most} tags")
    return tuple(tags.items())


def without(held: Tags, names: Sequence[str]) -> Tags:
    """A name that is not there is no error."""
    return tuple((name, value) for name, value in held if name not in names)
