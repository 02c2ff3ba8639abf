"""Who gets in, who does not, and what both are told."""

import hmac
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

import proxy.auth.sigv4
from proxy.auth.errors import (
    AuthError,
    ExpiredToken,
    HeadersNotSigned,
    InvalidToken,
    Skewed,
    UnknownAccessKey,
    WrongScope,
    WrongSignature,
)
from proxy.auth.sigv4 import Credentials, SigningKey, derive_signing_key
from proxy.auth.verify import Authenticated, Payload
from tests.auth.forge import ALICE, BOB, NOW, PERMANENT, REGION, TEMPORARY, Wire, authenticate, authenticator

PUT = Wire(
    method="PUT",
    path="/bucket/a//b/../c%2Fd+é",
    query="partNumber=1&uploadId=x%2Fy",
    headers={"host": "s3.example", "content-type": "text/plain", "x-amz-meta-a": "b c"},
)
SIGNED_PUT = PUT.signed()
PRESIGNED_PUT = PUT.presigned()
STRANGER = Credentials(access_key="AKIASTRANGER", secret="s")


def with_flipped_bytes(text: str) -> Iterator[str]:
    for at, character in enumerate(text):
        yield text[:at] + chr(ord(character) ^ 1) + text[at + 1 :]


def tampered(wire: Wire) -> Iterator[Wire]:
    """The request with one byte changed, each in its turn."""
    yield from (replace(wire, method=text) for text in with_flipped_bytes(wire.method))
    yield from (replace(wire, path=text) for text in with_flipped_bytes(wire.path))
    yield from (replace(wire, query=text) for text in with_flipped_bytes(wire.query))
    for name, value in wire.headers.items():
        for text in with_flipped_bytes(value):
            yield replace(wire, headers={**wire.headers, name: text})


def test_a_signed_request_proves_its_sender() -> None:
    proof = authenticate(SIGNED_PUT)

    assert proof.identity is ALICE
    assert proof.payload is Payload.SIGNED
    assert proof.chunks is None
    assert proof.claim.by_query is False
    assert proof.claim.expires_seconds is None
    assert proof.claim.scope == "20130524/us-east-1/s3/aws4_request"
    assert proof.claim.signature not in repr(proof)


def test_a_presigned_request_proves_its_sender() -> None:
    proof = authenticate(PRESIGNED_PUT)

    assert proof.identity is ALICE
    assert proof.payload is Payload.UNSIGNED
    assert proof.claim.by_query is True
    assert proof.claim.expires_seconds == 60


@pytest.mark.parametrize("wire", [SIGNED_PUT, PRESIGNED_PUT], ids=["header", "query"])
def test_any_byte_changed_is_refused(wire: Wire) -> None:
    """Method, path, query, signed headers, and each part of the claim itself."""
    known = authenticator()
    accepted = []
    for changed in tampered(wire):
        try:
            authenticate(changed, by=known)
        except AuthError:
            continue
        accepted.append(changed)

    assert accepted == []


@pytest.mark.parametrize(
    "changed",
    [
        replace(SIGNED_PUT, query=""),
        replace(SIGNED_PUT, query=SIGNED_PUT.query + "&acl"),
        replace(SIGNED_PUT, query="uploadId=x%2Fy"),
        replace(SIGNED_PUT, path="/bucket/a/b/../c%2Fd+é"),
        replace(SIGNED_PUT, path="/bucket/a/c%2Fd+é"),
        replace(SIGNED_PUT, path="/bucket/a//b/../c/d+é"),
        replace(SIGNED_PUT, path="/bucket/a//b/../c%2Fd%20é"),
        replace(PRESIGNED_PUT, query=PRESIGNED_PUT.query + "&acl"),
        SIGNED_PUT.with_headers(authorization=SIGNED_PUT.headers["authorization"].upper()[-64:]),
        SIGNED_PUT.with_headers(authorization=SIGNED_PUT.headers["authorization"][:-1]),
        SIGNED_PUT.with_headers(authorization=SIGNED_PUT.headers["authorization"][:-1] + "é"),
        SIGNED_PUT.with_headers(authorization=SIGNED_PUT.headers["authorization"][:-1] + "\udcff"),
    ],
)
def test_another_meaning_is_refused(changed: Wire) -> None:
    with pytest.raises(AuthError):
        authenticate(changed)


@pytest.mark.parametrize(
    "same",
    [
        replace(SIGNED_PUT, path="/bucket/a//b/../c%2fd%2B%c3%a9"),
        replace(SIGNED_PUT, query="uploadId=x%2fy&&partNumber=1&"),
        SIGNED_PUT.with_headers(x_amz_meta_a=" \tb  c "),
        SIGNED_PUT.with_headers(user_agent="anything", content_length="3"),
        SIGNED_PUT.with_headers(authorization=SIGNED_PUT.headers["authorization"].replace(", ", ",")),
    ],
)
def test_another_spelling_of_the_same_request_is_accepted(same: Wire) -> None:
    assert authenticate(same).identity is ALICE


def test_an_unknown_access_key_is_told_from_a_wrong_secret() -> None:
    with pytest.raises(UnknownAccessKey) as unknown:
        authenticate(PUT.signed(STRANGER))
    with pytest.raises(WrongSignature) as wrong:
        authenticate(PUT.signed(replace(PERMANENT, secret="guess")))

    assert unknown.value.access_key == "AKIASTRANGER"
    assert wrong.value.access_key == PERMANENT.access_key
    assert wrong.value.string_to_sign.startswith("AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3")


def test_nobody_gets_in_with_the_decoys_secret() -> None:
    """The decoy is in the source for all to read, so it must open nothing."""
    decoy = Credentials(access_key="AKIASTRANGER", secret=proxy.auth.verify._DECOY_SECRET)

    with pytest.raises(UnknownAccessKey):
        authenticate(PUT.signed(decoy))


def test_an_unknown_access_key_costs_what_a_wrong_signature_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first time and every time after, so that time does not say which access keys exist."""
    counts: Counter[str] = Counter()

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def count(*args: Any) -> Any:
            counts[name] += 1
            return function(*args)

        return count

    def cost(wire: Wire) -> Counter[str]:
        counts.clear()
        with pytest.raises((UnknownAccessKey, WrongSignature)):
            authenticate(wire, by=known)
        return counts.copy()

    known, wrong, unknown = (
        authenticator(),
        PUT.signed(replace(PERMANENT, secret="guess")),
        PUT.signed(STRANGER),
    )
    monkeypatch.setattr(hmac, "digest", counted("derive", hmac.digest))
    monkeypatch.setattr(hmac, "compare_digest", counted("compare", hmac.compare_digest))
    monkeypatch.setattr(SigningKey, "sign", counted("sign", SigningKey.sign))

    assert cost(wrong) == cost(unknown) == {"derive": 4, "compare": 1, "sign": 1}
    assert cost(wrong) == cost(unknown) == {"compare": 1, "sign": 1}


def test_guessed_access_keys_do_not_push_real_keys_out() -> None:
    known = authenticator()
    authenticate(SIGNED_PUT, by=known)
    kept = len(known._keys)

    with pytest.raises(UnknownAccessKey):
        authenticate(PUT.signed(STRANGER), by=known)

    assert len(known._keys) == kept


@pytest.mark.parametrize("seconds", [-900, 0, 900])
def test_a_clock_within_the_skew_is_good_enough(seconds: int) -> None:
    assert authenticate(SIGNED_PUT, now=NOW + timedelta(seconds=seconds)).identity is ALICE


@pytest.mark.parametrize("seconds", [-901, -900.000001, 900.000001, 901])
def test_a_clock_past_the_skew_is_refused(seconds: float) -> None:
    now = NOW + timedelta(seconds=seconds)

    with pytest.raises(Skewed) as refused:
        authenticate(SIGNED_PUT, now=now)

    assert (refused.value.signed_at, refused.value.now, refused.value.allowed_seconds) == (NOW, now, 900)


@pytest.mark.parametrize(
    ("region", "service", "field", "expected"),
    [("eu-west-1", "s3", "region", ("us-east-1",)), ("us-east-1", "kms", "service", ("s3",))],
)
def test_a_scope_elsewhere_is_told_what_would_do(
    region: str, service: str, field: str, expected: tuple[str, ...]
) -> None:
    elsewhere = PUT.with_headers(x_amz_content_sha256="UNSIGNED-PAYLOAD")

    with pytest.raises(WrongScope) as refused:
        authenticate(elsewhere.signed(region=region, service=service))

    assert (refused.value.field, refused.value.expected) == (field, expected)
    assert refused.value.got in (region, service)
    assert refused.value.by_query is False


def test_a_service_may_have_several_regions() -> None:
    known = authenticator(region=frozenset({"eu-west-1", "us-east-1"}))

    assert authenticate(PUT.signed(region="eu-west-1"), by=known).claim.region == "eu-west-1"
    with pytest.raises(WrongScope) as refused:
        authenticate(PUT.signed(region="eu-west-2"), by=known)
    assert refused.value.expected == ("eu-west-1", "us-east-1")


@pytest.mark.parametrize("wire", [SIGNED_PUT, PRESIGNED_PUT], ids=["header", "query"])
def test_headers_that_change_the_meaning_must_be_signed(wire: Wire) -> None:
    """Whoever holds a signed request could otherwise add an ACL to it."""
    with pytest.raises(HeadersNotSigned) as refused:
        authenticate(wire.with_headers(x_amz_tagging="t", x_amz_acl="public-read"))

    assert refused.value.names == ("x-amz-acl", "x-amz-tagging")


def test_which_headers_must_be_signed_is_the_services_choice() -> None:
    known = authenticator(service="kms")
    signed = PUT.signed(service="kms", payload_hash="0" * 64).with_headers(x_sealgate_principal="arn:x")

    with pytest.raises(HeadersNotSigned):
        authenticate(signed, by=known, payload_hash="0" * 64)


@pytest.mark.parametrize("by", ["header", "query"])
def test_a_session_token_belongs_to_its_credential(by: str) -> None:
    def sent(credentials: Credentials) -> Wire:
        return PUT.signed(credentials) if by == "header" else PUT.presigned(credentials)

    assert authenticate(sent(TEMPORARY)).identity is BOB
    for wrong in (
        replace(TEMPORARY, session_token="another"),
        replace(TEMPORARY, session_token=""),
        replace(PERMANENT, session_token="any"),
    ):
        with pytest.raises(InvalidToken) as refused:
            authenticate(sent(wrong))
        assert refused.value.access_key == wrong.access_key


@pytest.mark.parametrize("by", ["header", "query", "form"])
@pytest.mark.parametrize(("seconds", "over"), [(-1, False), (0, True), (1, True)])
def test_a_session_token_is_good_until_its_time(by: str, seconds: int, *, over: bool) -> None:
    """And only whoever has its secret hears that it is over."""
    credentials = replace(TEMPORARY, expires_at=NOW - timedelta(seconds=seconds))
    known = authenticator(replace(BOB, access_keys=(credentials,)))

    def enter(secret: str) -> Authenticated:
        who = replace(credentials, secret=secret)
        if by == "form":
            return known.authenticate_form(form_of(who), now=NOW)
        return authenticate(PUT.signed(who) if by == "header" else PUT.presigned(who), by=known)

    if not over:
        assert enter(credentials.secret).identity.name == "bob"
        return
    with pytest.raises(ExpiredToken) as refused:
        enter(credentials.secret)
    assert (refused.value.access_key, refused.value.expired_at) == ("ASIAEXAMPLE", credentials.expires_at)
    with pytest.raises(WrongSignature):
        enter("guess")


def form_of(who: Credentials) -> dict[str, str]:
    scope = f"20130524/{REGION}/s3/aws4_request"
    key = derive_signing_key(who.secret, "20130524", REGION, "s3")
    return {
        "policy": "e30=",
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": f"{who.access_key}/{scope}",
        "x-amz-date": "20130524T000000Z",
        "x-amz-security-token": who.session_token,
        "x-amz-signature": key.sign("e30="),
    }


def test_a_token_may_be_appended_to_a_url_that_was_signed_without_it() -> None:
    """AWS has signers that do so. It is compared all the same, and nothing else may be appended."""
    unsigned = PUT.presigned(replace(TEMPORARY, session_token=""))

    def appended(more: str) -> Wire:
        return replace(unsigned, query=f"{unsigned.query}&{more}")

    assert authenticate(appended("X-Amz-Security-Token=a%20token%2B%2F%3D")).identity is BOB
    for wrong in ("X-Amz-Security-Token=another", "X-Amz-Security-Token="):
        with pytest.raises(InvalidToken):
            authenticate(appended(wrong))
    with pytest.raises(WrongSignature):
        authenticate(appended("X-Amz-Security-Token=a%20token%2B%2F%3D&versionId=1"))


def test_a_wrong_token_is_told_only_to_who_has_the_secret() -> None:
    with pytest.raises(WrongSignature):
        authenticate(PUT.signed(Credentials(access_key="ASIAEXAMPLE", secret="guess", session_token="a")))


@pytest.mark.parametrize(
    "error",
    [
        UnknownAccessKey("K"),
        InvalidToken("K"),
        ExpiredToken(access_key="K", expired_at=NOW),
        HeadersNotSigned(("a",)),
        WrongSignature(access_key="K", string_to_sign="text"),
        WrongScope(field="region", got="a", expected=("b", "c"), by_query=True),
    ],
)
def test_an_error_says_one_sentence(error: AuthError) -> None:
    assert str(error)
    assert "\n" not in str(error)
