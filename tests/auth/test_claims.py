"""Claims that cannot be read, in the header and in the query, and what the client is told."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.auth.canonical import canonical_request
from proxy.auth.errors import AuthError, Malformed, Part, Unsigned, UnsupportedVersion
from proxy.auth.sigv4 import SigningKeys, signature
from proxy.auth.verify import PAYLOADS, Payload
from tests.auth.forge import ALICE, EMPTY_SHA256, NOW, PERMANENT, Wire, authenticate

SIGNED = Wire().signed()
AUTHORIZATION = SIGNED.headers["authorization"]
PRESIGNED = Wire().presigned()

# (text in the Authorization header, text in its place)
BAD_HEADERS = [
    ("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256"),
    ("AWS4-HMAC-SHA256 ", "aws4-hmac-sha256 "),
    ("AWS4-HMAC-SHA256 ", "Bearer "),
    ("AKIAIOSFODNN7EXAMPLE/", ""),
    ("AKIAIOSFODNN7EXAMPLE/", "/"),
    ("AKIAIOSFODNN7EXAMPLE/", "AKIA/IOSFODNN7EXAMPLE/"),
    ("AKIAIOSFODNN7EXAMPLE/", "AKIA\tX/"),
    ("AKIAIOSFODNN7EXAMPLE/", "A" * 129 + "/"),
    ("/20130524/", "/20130525/"),
    ("/20130524/", "/2013524/"),
    ("/20130524/", "//"),
    ("/aws4_request", "/aws4_reques"),
    ("/aws4_request", ""),
    ("/aws4_request", "/aws4_request/"),
    ("Credential=", "credential="),
    ("Credential=", "Credential"),
    ("Signature=", "Signature=0, Signature="),
    ("Signature=", "Other=0, Signature="),
    ("SignedHeaders=", "SignedHeaders=host, SignedHeaders="),
    ("host;x-amz", "Host;x-amz"),
    ("host;x-amz", "host;host;x-amz"),
    ("host;x-amz", "x-amz-absent;x-amz"),
    ("host;x-amz", "x-amz"),
    ("host;x-amz", ";host;x-amz"),
    ("host;x-amz-content-sha256;x-amz-date", "host;x-amz-date;x-amz-content-sha256"),
    ("host;x-amz-content-sha256;x-amz-date", ""),
    (", SignedHeaders", " SignedHeaders"),
    (", Signature=", ", Sig="),
]

BAD_DATES = [
    "",
    "20130524",
    "20130524T000000",
    "20130524T000000+",
    "2013-05-24T00:00:00Z",
    "20130524t000000Z",
    "20130524T000000z",
    "20131324T000000Z",
    "20130532T000000Z",
    "20130524T006000Z",
    "20130524T0000\u0660\u0660Z",
    "20130524T0000 0Z",
    " 20130524T000000Z",
    "20130524T000000Z ",
    "20130524T0000000Z",
    "2013W215T000000Z",
    "20130524T00:00:Z",
    "Fri, 24 May 2013 00:00:00 GMT",
]

BAD_QUERIES = [
    ("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=AWS4"),
    ("X-Amz-Algorithm=AWS4-HMAC-SHA256", "x=y"),
    ("X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F", "X-Amz-Credential="),
    ("X-Amz-Credential=", "X="),
    ("%2Faws4_request", ""),
    ("X-Amz-Date=20130524T000000Z", "x=y"),
    ("X-Amz-Date=20130524", "X-Amz-Date=20130523"),
    ("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders="),
    ("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=absent%3Bhost"),
    ("X-Amz-SignedHeaders=host", "x=y"),
    ("X-Amz-Signature=", "x="),
    ("X-Amz-Expires=60", "x=y"),
    ("X-Amz-Expires=60", "X-Amz-Expires=60&X-Amz-Expires=61"),
    ("X-Amz-Expires=60", "X-Amz-Expires=60&X%2DAmz%2DExpires=60"),
    ("X-Amz-Signature=", "X-Amz-Signature=0&X-Amz-Signature="),
    *(
        ("X-Amz-Expires=60", f"X-Amz-Expires={text}")
        for text in ("-1", "604801", "", "1.5", "60s", "0x1", "%2B60", "%D9%A6", "9" * 5000)
    ),
]

VERSIONS = {
    "SigV2 by header": (Wire().with_headers(authorization="AWS AKIAIOSFODNN7EXAMPLE:c2lnbmF0dXJl"), "SigV2"),
    "SigV2 by query": (Wire(query="AWSAccessKeyId=AKIA&Signature=c2ln&Expires=1"), "SigV2"),
    "SigV4A by header": (
        SIGNED.with_headers(authorization=AUTHORIZATION.replace("HMAC-SHA256", "ECDSA-P256-SHA256")),
        "SigV4A",
    ),
    "SigV4A by query": (
        replace(PRESIGNED, query=PRESIGNED.query.replace("HMAC-SHA256", "ECDSA-P256-SHA256")),
        "SigV4A",
    ),
    "SigV4A's chunks": (Wire().signed(payload_hash="STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"), "SigV4A"),
}


@pytest.mark.parametrize(("there", "instead"), BAD_HEADERS)
def test_an_authorization_header_that_cannot_be_read(there: str, instead: str) -> None:
    assert there in AUTHORIZATION

    with pytest.raises(Malformed) as refused:
        authenticate(SIGNED.with_headers(authorization=AUTHORIZATION.replace(there, instead, 1)))

    assert refused.value.part in (Part.AUTHORIZATION, Part.MECHANISM)
    assert refused.value.what == str(refused.value)


@pytest.mark.parametrize(("there", "instead"), BAD_QUERIES)
def test_a_query_that_cannot_be_read(there: str, instead: str) -> None:
    assert there in PRESIGNED.query

    with pytest.raises(Malformed) as refused:
        authenticate(replace(PRESIGNED, query=PRESIGNED.query.replace(there, instead, 1)))

    assert refused.value.part is Part.QUERY


@pytest.mark.parametrize("text", BAD_DATES)
def test_a_date_that_cannot_be_read(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        authenticate(SIGNED.with_headers(x_amz_date=text))

    assert refused.value.part is Part.DATE


@pytest.mark.parametrize(
    "text", ["", "yesterday", "Fri, 32 May 2013 00:00:00 GMT", "Fri, 24 May 2013 00:00:00"]
)
def test_a_date_header_that_cannot_be_read(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        authenticate(SIGNED.without("x-amz-date").with_headers(date=text))

    assert refused.value.part is Part.DATE


@pytest.mark.parametrize("date", ["Fri, 24 May 2013 00:00:00 GMT", "20130524T000000Z"])
def test_date_stands_in_for_a_missing_x_amz_date(date: str) -> None:
    """The time is signed in its own line, so Date itself need not be among the headers."""
    wire = Wire().with_headers(x_amz_content_sha256=EMPTY_SHA256, date=date)
    signed = sign_without_x_amz_date(wire)

    assert authenticate(signed).identity is ALICE


def sign_without_x_amz_date(wire: Wire) -> Wire:
    scope = "20130524/us-east-1/s3/aws4_request"
    names = sorted(wire.headers)
    canonical = canonical_request(
        method=wire.method,
        path=wire.path,
        query=wire.query,
        headers=wire.headers,
        signed_headers=names,
        payload_hash=EMPTY_SHA256,
    )
    key = SigningKeys().get(PERMANENT, day="20130524", region="us-east-1", service="s3")
    made = signature(key, "20130524T000000Z", scope, canonical)
    credential = f"Credential={PERMANENT.access_key}/{scope}"
    signed_headers = f"SignedHeaders={';'.join(names)}"
    return wire.with_headers(authorization=f"AWS4-HMAC-SHA256 {credential},{signed_headers},Signature={made}")


@pytest.mark.parametrize("name", VERSIONS)
def test_other_signatures_are_refused_by_name(name: str) -> None:
    wire, version = VERSIONS[name]

    with pytest.raises(UnsupportedVersion) as refused:
        authenticate(wire)

    assert refused.value.version == version


@pytest.mark.parametrize("wire", [Wire(), Wire(query="acl&prefix=a"), Wire().with_headers(authorization="")])
def test_a_request_without_credentials_is_told_apart(wire: Wire) -> None:
    """A rule may let it through, which it must not for any other refusal."""
    with pytest.raises(Unsigned):
        authenticate(wire)


def test_two_ways_of_signing_leave_open_which_one_counts() -> None:
    both = replace(SIGNED, query=PRESIGNED.query)

    with pytest.raises(Malformed) as refused:
        authenticate(both)

    assert refused.value.part is Part.MECHANISM


@pytest.mark.parametrize("text", PAYLOADS)
def test_words_for_a_body_without_a_hash(text: str) -> None:
    proof = authenticate(Wire().signed(payload_hash=text))

    assert proof.payload is PAYLOADS[text]
    assert (proof.chunks is not None) == (
        proof.payload in (Payload.STREAMING_SIGNED, Payload.STREAMING_SIGNED_TRAILER)
    )


@pytest.mark.parametrize(
    "text", ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "unsigned-payload", "STREAMING"]
)
def test_a_payload_hash_that_is_none(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        authenticate(Wire().signed(payload_hash=text))

    assert refused.value.part is Part.PAYLOAD_HASH


def test_a_missing_payload_hash_is_refused_in_the_header_form() -> None:
    with pytest.raises(Malformed) as refused:
        authenticate(SIGNED.without("x-amz-content-sha256"))

    assert refused.value.part is Part.PAYLOAD_HASH


@given(st.text(max_size=200), st.text("X-AmzSignatureCredl=&%2F/;,", max_size=200))
def test_nonsense_is_refused_and_nothing_else(authorization: str, query: str) -> None:
    """Whatever strangers send, the one outcome is an AuthError."""
    for wire in (
        Wire(query=query).with_headers(authorization=authorization),
        SIGNED.with_headers(authorization="AWS4-HMAC-SHA256 " + authorization),
        replace(PRESIGNED, query=PRESIGNED.query + "&X-Amz-" + query),
        replace(PRESIGNED, query=PRESIGNED.query.replace("AKIA", query)),
    ):
        with pytest.raises(AuthError):
            authenticate(wire, now=NOW)
