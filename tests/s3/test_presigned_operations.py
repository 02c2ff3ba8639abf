"""URLs for each operation that is served, signed by boto3: good for seven days, for that operation alone."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.model import Shape

from proxy.auth.errors import AuthError, Expired, Malformed, WrongSignature
from proxy.auth.identities import Identities, Identity
from proxy.auth.sigv4 import Credentials, SigningKeys
from proxy.auth.verify import Authenticated, Authenticator
from proxy.s3.operation_rows import ROWS
from proxy.s3.operations import classify
from proxy.s3.request import parse_request
from proxy.s3.treatments import Treatment

WEEK = 7 * 24 * 3600
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
ACCOUNT = "111122223333"
ALICE = Identity(
    name="alice",
    account=ACCOUNT,
    arn=f"arn:aws:iam::{ACCOUNT}:user/alice",
    access_keys=(Credentials(access_key="AKIAALICE", secret="secret"),),
)
BY_OTHER_WAYS = {Treatment.REFUSE, Treatment.PREFLIGHT, Treatment.SEAL_FORM}
SERVED = [row.name for row in ROWS if row.treatment not in BY_OTHER_WAYS]
NAMED: Any = xform_name
"""GetObject is get_object. (botocore has no annotations.)"""
NAMES: dict[str, Any] = {"Bucket": "bucket", "Key": "a/key +ü", "CopySource": "bucket/source"}


def value_of(shape: Any, name: str = "") -> Any:
    """The least that botocore takes for this shape."""
    if name in NAMES:
        return NAMES[name]
    if shape.type_name == "structure":
        return {each: value_of(inner, each) for each, inner in required(shape).items()}
    if shape.type_name == "string" and not shape.enum:
        return "1" * max(1, shape.metadata.get("min", 1))
    plain = {"list": [], "map": {}, "boolean": True, "integer": 1, "long": 1, "timestamp": NOW, "blob": b""}
    return plain.get(shape.type_name, shape.enum[0] if shape.type_name == "string" else 1)


def required(shape: Any) -> dict[str, Shape]:
    """Of a union the first of its members: it needs one of them, whichever."""
    names = list(shape.members)[:1] if shape.is_tagged_union else shape.required_members
    return {name: shape.members[name] for name in names}


@cache
def client() -> Any:
    """One for all: to make it takes longer than to sign everything."""
    session: Any = boto3.session.Session
    config: Any = Config
    return session().client(
        "s3",
        endpoint_url="http://s3.example",
        region_name="us-east-1",
        aws_access_key_id="AKIAALICE",
        aws_secret_access_key="secret",
        config=config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )


class Presigned:
    """A URL, and the headers that must go with it."""

    def __init__(self, operation: str, *, seconds: int = WEEK) -> None:
        model = client().meta.service_model.operation_model(operation)
        self.method = model.http["method"]
        self.headers: dict[str, str] = {"host": "s3.example"}
        parameters = value_of(model.input_shape) if model.input_shape else {}
        client().meta.events.register("before-sign.s3", self._see)
        try:
            method = NAMED(operation)
            self.url = client().generate_presigned_url(method, Params=parameters, ExpiresIn=seconds)
        finally:
            client().meta.events.unregister("before-sign.s3", self._see)
        [signed_at] = parse_qs(urlsplit(self.url).query)["X-Amz-Date"]
        self.signed_at = datetime.fromisoformat(signed_at)

    def _see(self, request: Any, **_: object) -> None:
        """What is signed beside the host, and so sent along.

        A body is no part of a URL. botocore would put it into the query, and fails where it is no JSON.
        """
        request.data = b""
        self.headers |= {name.lower(): _text(value) for name, value in request.headers.items()}

    def read_as(self, method: str = "") -> str:
        place = urlsplit(self.url)
        target = f"{place.path}?{place.query}"
        request = parse_request(method=method or self.method, target=target, headers=self.headers, domains=())
        return classify(request).name

    def proven(
        self, at: datetime, *, method: str = "", headers: Mapping[str, str] | None = None
    ) -> Authenticated:
        place = urlsplit(self.url)
        known = Authenticator(
            Identities([ALICE]), region="us-east-1", service="s3", signing_keys=SigningKeys()
        )
        return known.authenticate(
            method=method or self.method,
            path=place.path,
            query=place.query,
            headers=self.headers if headers is None else headers,
            now=at,
        )


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


@pytest.mark.parametrize("operation", SERVED)
def test_a_url_for_each_operation_is_good_for_a_week(operation: str) -> None:
    """To the second, and a clock may be a quarter of an hour late at its start."""
    signed = Presigned(operation)

    assert signed.read_as() == operation
    for after in (-900, 0, WEEK):
        assert signed.proven(signed.signed_at + timedelta(seconds=after)).identity is ALICE
    with pytest.raises(Expired):
        signed.proven(signed.signed_at + timedelta(seconds=WEEK + 1))


@pytest.mark.parametrize("operation", SERVED)
def test_a_url_is_good_for_nothing_else(operation: str) -> None:
    """Not for another method, nor without a header that was signed, nor a second longer than a week."""
    signed = Presigned(operation)
    other = "DELETE" if signed.method != "DELETE" else "PUT"

    with pytest.raises(WrongSignature):
        signed.proven(signed.signed_at, method=other)
    for name in signed.headers:
        rest = {each: value for each, value in signed.headers.items() if each != name}
        if name in signed.url.partition("X-Amz-SignedHeaders=")[2].partition("&")[0]:
            with pytest.raises(AuthError):
                signed.proven(signed.signed_at, headers=rest)
    longer = Presigned(operation, seconds=WEEK + 1)
    with pytest.raises(Malformed):
        longer.proven(longer.signed_at)
