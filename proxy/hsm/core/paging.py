"""Lists in pages, as AWS's Limit, Marker, NextMarker and Truncated have them.

A marker is the last name given, so a page stays right when keys come and go between two calls.
"""

import base64
import binascii
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from proxy.hsm.core.errors import KmsError


def page(
    ordered: Sequence[str], request: Mapping[str, Any], *, default: int, most: int
) -> tuple[Sequence[str], dict[str, Any]]:
    """The names of the request's page, out of all in ascending order, and the response's members about what
    follows.
    """
    limit = default if request.get("Limit") is None else request["Limit"]
    if not 1 <= limit <= most:
        raise KmsError("ValidationException", f"Limit must be between 1 and {most}")
    start = bisect_right(ordered, _after(request["Marker"])) if request.get("Marker") is not None else 0
    found = ordered[start : start + limit]
    if start + limit >= len(ordered):
        return found, {"Truncated": False}
    return found, {"Truncated": True, "NextMarker": base64.urlsafe_b64encode(found[-1].encode()).decode()}


def _after(marker: str) -> str:
    try:
        return base64.b64decode(marker.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError) as exc:
        raise KmsError("InvalidMarkerException", "Could not deserialize marker") from exc
