"""Which KMS keys are at a service that sees the proxy alone, so that who may use them is decided here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedKeys:
    at_such_a_service: Callable[[str], bool]
    """By ARN."""
    names_too: bool
    """Whether ids and aliases are names at such a service."""
    arn_of: Callable[[str], Awaitable[str]]
    """What an id or alias stands for there; a moment old at most. Raises KeyServiceError."""
    is_managed: Callable[[str], bool]
    """By ARN: whether the key stands for the service-managed one."""
    has_session: Callable[[str], bool]
    """By the identity's ARN: whether it is somebody to that service itself, which then judges it."""
