"""What is judged: who wants to do what with which resource, and what else is known of the request."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Value = str | tuple[str, ...]
"""One value, or those of a key that can have several."""


def named_values(prefix: str, pairs: Iterable[tuple[str, str]]) -> dict[str, Value]:
    """Condition keys that are named by their author, as tags are. Names that differ by case alone are one
    key, which then has several values: neither hides the other.
    """
    found: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for name, value in pairs:
        found[f"{prefix}{name.lower()}"] += (value,)
    return {key: values[0] if len(values) == 1 else values for key, values in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    principal_arn: str
    """Or a service's name, such as `logs.amazonaws.com`. Empty for one that nobody signed."""
    principal_account: str
    """12 digits; empty for one that nobody signed."""
    action: str
    """`kms:Decrypt`; compared without regard to case."""
    resource: str
    """An ARN, or `*` for what is no single resource."""
    conditions: Mapping[str, Value]
    """Condition keys, in lower case; one that is not known is not there."""
