"""Where AWS KMS is asked while its first region is away; the schema of it."""

from dataclasses import dataclass
from typing import Annotated

from proxy.config.terms import Bounds, GrantToken, Region, Url


@dataclass(frozen=True, slots=True, kw_only=True)
class FailoverRegion:
    """A region that holds replicas of the backend's multi-Region keys. Without URLs: AWS's own."""

    region: Region
    endpoint_url: Url | None = None
    sts_endpoint_url: Url | None = None
    grant_tokens: Annotated[tuple[GrantToken, ...], Bounds(0, 10)] = ()
    """Of the grants of that region's keys."""
