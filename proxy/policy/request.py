"""What is judged: who wants to do what with which resource, and what else is known of the request."""

from collections.abc import Mapping
from dataclasses import dataclass

Value = str | tuple[str, ...]
"""One value, or those of a key that can have several."""


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
