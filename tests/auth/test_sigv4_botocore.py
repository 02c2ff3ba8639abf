"""botocore as the reference: on random requests both signers agree, and what botocore signed is accepted."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlsplit

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.auth.canonical import canonical_query
from proxy.auth.errors import WrongSignature
from proxy.auth.presigned import presign
from proxy.auth.sigv4 import Credentials
from tests.auth.forge import PERMANENT, TEMPORARY, Wire, authenticate, authenticator

# botocore has no types.
AUTH: Any = botocore.auth
AWSRequest: Any = botocore.awsrequest.AWSRequest

HOST = "bucket.s3.example:9000"
RANDOM = settings(max_examples=250, deadline=None)

# Characters with a meaning in URLs, in signing or in UTF-8, and dots and slashes by themselves.
names = st.text("ab/.+ %&=?#~-_*!'();:@$,[]\"\\éሴ\U0001f600", max_size=8)
segments = st.one_of(names, st.sampled_from(["", ".", "..", "a/b", "..."]))
keys = st.lists(segments, min_size=1, max_size=5).map("/".join)
pairs = st.lists(st.tuples(names.filter(bool), names), max_size=5)
header_values = st.text("ab \t:;,=\"'é\U0001f600", max_size=12)
headers = st.dictionaries(
    st.sampled_from(["x-amz-meta-a", "x-amz-acl", "content-type", "range", "te", "user-agent", "x-amz-b"]),
    header_values,
)
bodies = st.binary(max_size=16)
credentials = st.sampled_from([PERMANENT, TEMPORARY])


def encoded_path(key: str) -> str:
    """As S3 clients do it: slashes stay, unless the escape itself is meant."""
    return "/" + "/".join(quote(segment, safe="~") for segment in key.split("/"))


def encoded_query(parameters: list[tuple[str, str]]) -> str:
    """An empty value now and then without its equals sign, as sub-resources have it."""
    return "&".join(
        quote(name, safe="")
        if not value and len(name) % 2
        else f"{quote(name, safe='')}={quote(value, safe='')}"
        for name, value in parameters
    )


def of_botocore(ours: Credentials) -> Any:
    make: Any = botocore.credentials.Credentials
    return make(ours.access_key, ours.secret, ours.session_token or None)


def request_of(wire: Wire, body: bytes) -> Any:
    url = f"http://{HOST}{wire.path}" + (f"?{wire.query}" if wire.query else "")
    return AWSRequest(method=wire.method, url=url, headers=wire.headers, data=body)


def time_of(request: Any) -> datetime:
    return datetime.strptime(request.context["timestamp"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def sent(request: Any) -> Wire:
    """What botocore would put on the wire."""
    parts = urlsplit(request.url)
    received = {name.lower(): value for name, value in request.headers.items()}
    return Wire(method=request.method, path=parts.path, query=parts.query, headers=received)


@RANDOM
@given(keys, pairs, headers, bodies, credentials)
def test_s3_requests_by_header(
    key: str, parameters: list[tuple[str, str]], extra: dict[str, str], body: bytes, who: Credentials
) -> None:
    """The same headers to add, whatever the key, query and blanks in headers; and accepted as they came."""
    wire = Wire(
        method="PUT", path=encoded_path(key), query=encoded_query(parameters), headers={"host": HOST, **extra}
    )
    request = request_of(wire, body)

    AUTH.S3SigV4Auth(of_botocore(who), "s3", "us-east-1").add_auth(request)

    arrived, now = sent(request), time_of(request)
    assert wire.signed(who, payload_hash=sha256(body).hexdigest(), at=now).headers == arrived.headers
    assert authenticate(arrived, now=now).identity.access_keys == (who,)


@RANDOM
@given(keys, pairs, headers, credentials)
def test_s3_requests_by_query(
    key: str, parameters: list[tuple[str, str]], extra: dict[str, str], who: Credentials
) -> None:
    wire = Wire(path=encoded_path(key), query=encoded_query(parameters), headers={"host": HOST, **extra})
    request = request_of(wire, b"")

    AUTH.S3SigV4QueryAuth(of_botocore(who), "s3", "us-east-1", expires=60).add_auth(request)

    arrived, now = sent(request), time_of(request)
    operation = arrived.query.partition("X-Amz-Algorithm=")[0].rstrip("&")
    added = presign(
        who,
        region="us-east-1",
        service="s3",
        method="GET",
        path=wire.path,
        query=operation,
        headers=wire.headers,
        expires_seconds=60,
        now=now,
    )
    assert added.rpartition("=")[2] == arrived.query.rpartition("=")[2]
    assert authenticate(arrived, now=now).identity.access_keys == (who,)


@RANDOM
@given(keys, pairs, headers, bodies, credentials)
def test_requests_to_other_services(
    key: str, parameters: list[tuple[str, str]], extra: dict[str, str], body: bytes, who: Credentials
) -> None:
    """Paths are normalised and encoded twice; the payload's hash is signed and not sent."""
    wire = Wire(
        method="POST",
        path=encoded_path(key),
        query=encoded_query(parameters),
        headers={"host": HOST, **extra},
    )
    request, payload_hash = request_of(wire, body), sha256(body).hexdigest()

    AUTH.SigV4Auth(of_botocore(who), "kms", "us-east-1").add_auth(request)

    arrived, now = sent(request), time_of(request)
    assert wire.signed(who, payload_hash=payload_hash, at=now, service="kms").headers == arrived.headers
    proof = authenticate(arrived, now=now, by=authenticator(service="kms"), payload_hash=payload_hash)
    assert proof.identity.access_keys == (who,)


@RANDOM
@given(pairs)
def test_a_query_given_as_parameters_has_the_same_form(parameters: list[tuple[str, str]]) -> None:
    """botocore encodes what it is given decoded; we get the wire's form, in lower-case escapes too."""
    raw = "&".join(f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in parameters)
    reference = AUTH.SigV4Auth(None, "s3", "r")._canonical_query_string_params(parameters)

    assert canonical_query(raw) == reference
    assert canonical_query(raw.replace("%20", "+")) == reference
    assert canonical_query(raw.replace("%C3%A9", "%c3%a9").replace("%2F", "%2f")) == reference


def test_a_body_other_than_the_signed_one_is_refused_where_its_hash_is_not_sent() -> None:
    request = request_of(Wire(method="POST", path="/", headers={"host": HOST}), b"{}")
    AUTH.SigV4Auth(of_botocore(PERMANENT), "kms", "us-east-1").add_auth(request)

    with pytest.raises(WrongSignature):
        authenticate(
            sent(request),
            now=time_of(request),
            by=authenticator(service="kms"),
            payload_hash=sha256(b"[]").hexdigest(),
        )
