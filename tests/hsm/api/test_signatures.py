"""Nothing but health is unauthenticated, and each way of failing has AWS's name."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from proxy.audit.event import Outcome
from proxy.auth.sigv4 import Credentials
from tests.hsm.api.service import ADMIN, Service
from tests.hsm.api.wire import post, signed

WRONG_SECRET = replace(ADMIN, access_keys=(Credentials(access_key="AKADMIN", secret="guess"),))
NOBODY = replace(ADMIN, access_keys=(Credentials(access_key="AKNOBODY", secret="guess"),))

Headers = dict[str, str]
BROKEN: dict[str, tuple[Callable[[str], Headers], str]] = {
    "no signature": (
        lambda _: {"x-amz-target": "TrentService.ListKeys"},
        "MissingAuthenticationTokenException",
    ),
    "a wrong secret": (lambda u: signed(u, "ListKeys", b"{}", who=WRONG_SECRET), "InvalidSignatureException"),
    "an unknown access key": (
        lambda u: signed(u, "ListKeys", b"{}", who=NOBODY),
        "UnrecognizedClientException",
    ),
    "another body": (lambda u: signed(u, "ListKeys", b"{ }"), "InvalidSignatureException"),
    "another service": (lambda u: signed(u, "ListKeys", b"{}", service="s3"), "InvalidSignatureException"),
    "another region": (lambda u: signed(u, "ListKeys", b"{}", region="mars-1"), "InvalidSignatureException"),
    "an old date": (
        lambda u: signed(u, "ListKeys", b"{}", now=datetime.now(UTC) - timedelta(minutes=16)),
        "InvalidSignatureException",
    ),
    "a future date": (
        lambda u: signed(u, "ListKeys", b"{}", now=datetime.now(UTC) + timedelta(minutes=16)),
        "InvalidSignatureException",
    ),
    "a torn header": (
        lambda u: signed(u, "ListKeys", b"{}") | {"authorization": "AWS4-HMAC-SHA256 Credential=x"},
        "IncompleteSignatureException",
    ),
    "another scheme": (
        lambda u: signed(u, "ListKeys", b"{}") | {"authorization": "AWS AKADMIN:c2ln"},
        "IncompleteSignatureException",
    ),
    "an unsigned header of ours": (
        lambda u: signed(u, "ListKeys", b"{}") | {"x-amz-extra": "1"},
        "InvalidSignatureException",
    ),
    "another action": (
        lambda u: signed(u, "ListKeys", b"{}") | {"x-amz-target": "TrentService.CreateKey"},
        "InvalidSignatureException",
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_call_that_is_not_proven_is_refused_and_recorded(service: Service, broken: str) -> None:
    """No engine hears of it, and the event says what was tried, by nobody proven."""
    headers, code = BROKEN[broken]

    answer = await post(service.url + "/", headers(service.url), b"{}")

    assert (answer.status, answer.code) == (400, code)
    [event] = service.recorded.events
    assert (event.error_code, event.user_identity.arn, event.details.outcome) == (code, "", Outcome.COMPLETED)
    assert event.request_id == answer.headers["x-amzn-RequestId"]


@pytest.mark.parametrize("path", ["/", "/ping"])
async def test_health_needs_no_signature(service: Service, path: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(service.url + path) as response:
        assert (response.status, await response.text()) == (200, "healthy\n")
    assert service.recorded.events == []


@pytest.mark.parametrize(
    ("method", "path", "changed"),
    [
        ("GET", "/keys", {}),
        ("PUT", "/", {}),
        ("POST", "/keys", {}),
        ("POST", "/?a=b", {}),
        ("POST", "/", {"content-type": "text/plain"}),
        ("POST", "/", {"x-amz-target": "TrentService.MakeCoffee"}),
        ("POST", "/", {"x-amz-target": "OtherService.ListKeys"}),
        ("POST", "/", {"x-amz-target": "ListKeys"}),
        ("POST", "/", {"x-amz-target": ""}),
    ],
)
async def test_what_is_no_operation_is_unknown(
    service: Service, method: str, path: str, changed: dict[str, Any]
) -> None:
    """Also for callers who prove themselves; where method and path break the signature, that comes first."""
    headers = signed(service.url, "ListKeys", b"{}", headers=changed)

    answer = await post(service.url + path, headers, b"{}", method=method)

    expected = "UnknownOperationException" if (method, path) == ("POST", "/") else "InvalidSignatureException"
    assert (answer.status, answer.code) == (400, expected)
