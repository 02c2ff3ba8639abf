"""Who cannot prove who they are gets S3's refusal, sees nothing and changes nothing."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.e2e.at_rest import plaintext
from tests.e2e.wire import UNSIGNED, sign
from tests.faults.evidence import Evidence
from tests.faults.wire import (
    Got,
    ask,
    own_address,
    presigned,
    send_as_is,
    signing_at,
    talking,
    target_of,
)
from tests.stores.sealgate import ALICE, BOB, Sealgate

OLD, NEW = plaintext(1000, seed=1), plaintext(900, seed=2)
META = {"x-amz-meta-kind": "report"}
DENIED = (403, "AccessDenied")
MISMATCH = (403, "SignatureDoesNotMatch")
MALFORMED = (400, "AuthorizationHeaderMalformed")
BAD_QUERY = (400, "AuthorizationQueryParametersError")

Headers = dict[str, str]
Forged = Callable[[str, str], tuple[str, Headers]]
"""Given method and URL, the URL and headers to send instead."""


def signed(method: str, url: str, **more: Any) -> Headers:
    return sign(method, url, META, payload_hash=UNSIGNED, **more)


def changed(header: str, pattern: str, by: str) -> Forged:
    """A good request with one header rewritten after it was signed."""

    def forge(method: str, url: str) -> tuple[str, Headers]:
        headers = signed(method, url)
        rewritten = re.sub(pattern, by, headers[header])
        assert rewritten != headers[header]
        return url, headers | {header: rewritten}

    return forge


def without(header: str) -> Forged:
    def forge(method: str, url: str) -> tuple[str, Headers]:
        return url, {name: value for name, value in signed(method, url).items() if name != header}

    return forge


def added(**headers: str) -> Forged:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda method, url: (url, signed(method, url) | named)


def signed_by(**changes: Any) -> Forged:
    return lambda method, url: (url, signed(method, url, user=replace(ALICE, **changes)))


def skewed(seconds: float) -> Forged:
    def forge(method: str, url: str) -> tuple[str, Headers]:
        with signing_at(seconds_from_now=seconds):
            return url, signed(method, url)

    return forge


def other_place(change: Callable[[str], str]) -> Forged:
    """Signed for the URL, sent to another."""
    return lambda method, url: (change(url), signed(method, url))


def with_token(method: str, url: str) -> tuple[str, Headers]:
    token = {"x-amz-security-token": "a-token-nobody-gave"}
    return url, sign(method, url, token, payload_hash=UNSIGNED)


BY_HEADER: dict[str, tuple[Forged, tuple[int, str]]] = {
    "last digit": (changed("Authorization", "(?<=.)[0-9a-f]$", "x"), MISMATCH),
    "zero signature": (changed("Authorization", "Signature=.*", f"Signature={'0' * 64}"), MISMATCH),
    "empty signature": (changed("Authorization", "Signature=.*", "Signature="), MISMATCH),
    "path": (other_place(lambda url: url + "-else"), MISMATCH),
    "bucket": (other_place(lambda url: re.sub("(faults-.{8})", r"\g<1>0", url)), MISMATCH),
    "query": (other_place(lambda url: url + "?versionId=null"), MISMATCH),
    "signed header": (changed("x-amz-meta-kind", "report", "other"), MISMATCH),
    "payload hash": (changed("X-Amz-Content-SHA256", UNSIGNED, "0" * 64), MISMATCH),
    "method": (lambda _, url: (url, signed("POST", url)), MISMATCH),
    "another's secret": (signed_by(secret_key=BOB.secret_key), MISMATCH),
    "another's access key": (changed("Authorization", ALICE.access_key, BOB.access_key), MISMATCH),
    "unknown access key": (signed_by(access_key="AKIANOBODY000000"), (403, "InvalidAccessKeyId")),
    "16 minutes old": (skewed(-16 * 60), (403, "RequestTimeTooSkewed")),
    "16 minutes early": (skewed(16 * 60), (403, "RequestTimeTooSkewed")),
    "date changed": (changed("X-Amz-Date", "T.{6}Z", "T000000Z"), (403, "")),
    "no date": (without("X-Amz-Date"), DENIED),
    "no date that is one": (changed("X-Amz-Date", ".*", "yesterday"), DENIED),
    "region": (changed("Authorization", "us-east-1", "eu-west-9"), MALFORMED),
    "service": (changed("Authorization", "/s3/", "/ec2/"), MALFORMED),
    "day of the scope": (changed("Authorization", "/20[0-9]{6}/", "/20000101/"), MALFORMED),
    "credential": (changed("Authorization", "/aws4_request", ""), MALFORMED),
    "signed headers": (changed("Authorization", "SignedHeaders=[^,]*, ?", ""), MALFORMED),
    "signed header gone": (without("x-amz-meta-kind"), MALFORMED),
    "header not signed": (added(x_amz_meta_more="not signed"), DENIED),
    "encryption not signed": (added(x_amz_server_side_encryption="AES256"), DENIED),
    "SigV2": (
        changed("Authorization", ".*", f"AWS {ALICE.access_key}:c2lnbmF0dXJl"),
        (400, "InvalidRequest"),
    ),
    "SigV4A": (
        changed("Authorization", "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        (400, "InvalidRequest"),
    ),
    "algorithm": (changed("Authorization", "AWS4-HMAC-SHA256", "AWS5-HMAC-SHA3"), (400, "InvalidArgument")),
    "anonymous": (lambda _, url: (url, {}), DENIED),
    "empty authorization": (lambda _, url: (url, {"Authorization": ""}), DENIED),
    "token": (with_token, (400, "InvalidToken")),
}


def presigned_then(change: Callable[[str], str] = str, **settings: Any) -> Forged:
    return lambda method, url: (change(presigned(method, url, **settings)), {})


def presigned_at(seconds: float) -> Forged:
    def forge(method: str, url: str) -> tuple[str, Headers]:
        with signing_at(seconds_from_now=seconds):
            return presigned(method, url, expires=300), {}

    return forge


def parameter(name: str, value: str | None) -> Callable[[str], str]:
    by = "" if value is None else f"{name}={value}&"
    return lambda url: re.sub(f"{name}=[^&]*&?", by, url).rstrip("&")


BY_QUERY: dict[str, tuple[Forged, tuple[int, str]]] = {
    "expired": (presigned_at(-301), DENIED),
    "16 minutes early": (presigned_at(16 * 60), DENIED),
    "lengthened": (presigned_then(parameter("X-Amz-Expires", "3000")), MISMATCH),
    "eight days": (presigned_then(expires=8 * 86_400), BAD_QUERY),
    "no lifetime": (presigned_then(parameter("X-Amz-Expires", "0")), DENIED),
    "lifetime in words": (presigned_then(parameter("X-Amz-Expires", "long")), BAD_QUERY),
    "signature": (presigned_then(parameter("X-Amz-Signature", "0" * 64)), MISMATCH),
    "signature missing": (presigned_then(parameter("X-Amz-Signature", None)), BAD_QUERY),
    "date missing": (presigned_then(parameter("X-Amz-Date", None)), BAD_QUERY),
    "credential missing": (presigned_then(parameter("X-Amz-Credential", None)), BAD_QUERY),
    "path": (presigned_then(lambda url: url.replace("?", "-else?", 1)), MISMATCH),
    "parameter added": (presigned_then(lambda url: f"{url}&response-content-type=text/html"), MISMATCH),
    "unknown access key": (
        presigned_then(user=replace(ALICE, access_key="AKIANOBODY000000")),
        (403, "InvalidAccessKeyId"),
    ),
    "header not signed": (lambda m, url: (presigned(m, url), {"x-amz-meta-more": "1"}), DENIED),
    "signed twice": (lambda m, url: (presigned(m, url), signed(m, url)), (400, "InvalidArgument")),
    "SigV2": (
        lambda _, url: (f"{url}?AWSAccessKeyId={ALICE.access_key}&Expires=9999999999&Signature=x", {}),
        (400, "InvalidRequest"),
    ),
}


@pytest.fixture(scope="module")
def old_key(s3: Any, bucket: str) -> str:
    """An object that refused requests neither read nor change."""
    s3.put_object(Bucket=bucket, Key="old", Body=OLD)
    return "old"


def refuse(method: str, url: str, forged: Forged) -> Got:
    place, headers = forged(method, url)
    return send_as_is(method, place, headers, NEW if method == "PUT" else b"")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize("fault", BY_HEADER)
def test_a_request_signed_wrongly(
    *,
    sealgate: Sealgate,
    raw: Any,
    s3: Any,
    bucket: str,
    old_key: str,
    evidence: Evidence,
    method: str,
    fault: str,
) -> None:
    """One answer of S3's for each fault, recorded with its code, and nothing happened."""
    forged, (status, code) = BY_HEADER[fault]

    answer = refuse(method, f"{sealgate.url}/{bucket}/{old_key}", forged)

    assert answer.status == status
    if method != "HEAD":
        assert answer.code == (code or answer.code)
    assert OLD not in answer.body
    event = evidence.of(answer.request_id)
    assert event["errorCode"] == (code or event["errorCode"])
    assert [each["Key"] for each in raw.list_objects_v2(Bucket=bucket)["Contents"]] == [old_key]
    assert s3.get_object(Bucket=bucket, Key=old_key)["Body"].read() == OLD


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("fault", BY_QUERY)
def test_a_presigned_url_that_is_none(
    *, sealgate: Sealgate, raw: Any, s3: Any, bucket: str, old_key: str, method: str, fault: str
) -> None:
    """Expired, early, altered or of another kind."""
    forged, told = BY_QUERY[fault]

    answer = refuse(method, f"{sealgate.url}/{bucket}/{old_key}", forged)

    assert answer.told == told
    assert OLD not in answer.body
    assert [each["Key"] for each in raw.list_objects_v2(Bucket=bucket)["Contents"]] == [old_key]
    assert s3.get_object(Bucket=bucket, Key=old_key)["Body"].read() == OLD


@pytest.mark.parametrize(
    ("seconds", "forge"),
    [(-14 * 60, skewed), (14 * 60, skewed), (-290, presigned_at), (14 * 60, presigned_at)],
)
def test_clocks_may_differ_a_little(
    sealgate: Sealgate, bucket: str, old_key: str, seconds: float, forge: Callable[[float], Forged]
) -> None:
    answer = refuse("GET", f"{sealgate.url}/{bucket}/{old_key}", forge(seconds))

    assert (answer.status, answer.body) == (200, OLD)


def test_guessing_is_slowed_for_one_address_alone(sealgate: Sealgate, bucket: str, old_key: str) -> None:
    """After a hundred wrong signatures SlowDown; the right one and other addresses do not feel it."""
    guesser = own_address()
    url = f"{sealgate.url}/{bucket}/{old_key}"
    _, wrong = changed("Authorization", "Signature=.*", f"Signature={'0' * 64}")("GET", url)
    with talking(url, source=guesser) as talk:
        told = []
        for _ in range(130):
            talk.head("GET", target_of(url), wrong)
            told.append(talk.got().told)

    assert told[:100] == [MISMATCH] * 100
    assert told[-1] == (503, "SlowDown")
    assert ask("GET", url, source=guesser).body == OLD
    assert send_as_is("GET", url, wrong).told == MISMATCH
