"""Presigned URLs: the signature in the query, made here and read here.

Rules: AWS, "Authenticating Requests: Using Query Parameters". A URL lives up to seven days from its date on;
clocks may differ by the usual skew at its start, and not at its end.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from urllib.parse import quote, unquote

from proxy.auth.canonical import canonical_path, canonical_request, joined, query_pairs
from proxy.auth.claims import (
    Claim,
    read_credential,
    read_signed_headers,
    read_timestamp,
    refuse_other_algorithms,
)
from proxy.auth.errors import Expired, Malformed, NotYetValid, Part, UnsupportedVersion
from proxy.auth.sigv4 import (
    ALGORITHM,
    UNSIGNED_HEADERS,
    Credentials,
    SigningKeys,
    scope_of,
    signature,
    timestamp_of,
)

LONGEST_SECONDS = 7 * 24 * 3600
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
SIGNATURE = "X-Amz-Signature"
TOKEN = "X-Amz-Security-Token"  # noqa: S105  # a name, and no token

_SIGNS = {"X-Amz-Algorithm", "X-Amz-Credential", SIGNATURE}
_REQUIRED = {*_SIGNS, "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders"}
_OPTIONAL = {TOKEN, "X-Amz-Content-Sha256"}
_KNOWN = _REQUIRED | _OPTIONAL


def presign(
    credentials: Credentials,
    *,
    region: str,
    service: str,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    expires_seconds: int,
    now: datetime,
    payload_hash: str = UNSIGNED_PAYLOAD,
) -> str:
    """The query to add to the URL's own. headers, host among them, must be sent with it as they are."""
    timestamp = timestamp_of(now)
    scope = scope_of(timestamp[:8], region, service)
    names = sorted(headers.keys() - UNSIGNED_HEADERS)
    parameters = {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key}/{scope}",
        "X-Amz-Date": timestamp,
        "X-Amz-Expires": str(expires_seconds),
        "X-Amz-SignedHeaders": ";".join(names),
    }
    if credentials.session_token:
        parameters[TOKEN] = credentials.session_token
    added = joined((name, quote(value, safe="")) for name, value in parameters.items())
    canonical = canonical_request(
        method=method,
        path=canonical_path(path, service),
        query=joined(query_pairs(f"{query}&{added}")),
        headers=headers,
        signed_headers=names,
        payload_hash=payload_hash,
    )
    key = SigningKeys().get(credentials, day=timestamp[:8], region=region, service=service)
    return f"{added}&{SIGNATURE}={signature(key, timestamp, scope, canonical)}"


def is_presigned(pairs: list[tuple[str, str]]) -> bool:
    """Whether a query (as canonical pairs) carries a signature. SigV2's is UnsupportedVersion."""
    names = {name for name, _ in pairs}
    if "AWSAccessKeyId" in names:
        raise UnsupportedVersion("SigV2")
    return not names.isdisjoint(_SIGNS)


def claim_from_query(
    pairs: list[tuple[str, str]], headers: Mapping[str, str], *, payload_hash: str | None
) -> Claim:
    """The claim in a query that is_presigned; payload_hash overrules what the request says."""
    given = _parameters(pairs)
    refuse_other_algorithms(given["X-Amz-Algorithm"], part=Part.QUERY)
    timestamp = given["X-Amz-Date"]
    signed_at = read_timestamp(timestamp)
    access_key, date, region, service = read_credential(
        given["X-Amz-Credential"], timestamp=timestamp, part=Part.QUERY
    )
    token = _either(given, headers, TOKEN) or ""
    if payload_hash is None:
        payload_hash = _either(given, headers, "X-Amz-Content-Sha256") or UNSIGNED_PAYLOAD
    return Claim(
        access_key=access_key,
        date=date,
        region=region,
        service=service,
        signed_headers=read_signed_headers(given["X-Amz-SignedHeaders"], headers, part=Part.QUERY),
        signature=given[SIGNATURE],
        timestamp=timestamp,
        signed_at=signed_at,
        expires_seconds=_expires(given["X-Amz-Expires"]),
        by_query=True,
        payload_hash=payload_hash,
        session_token=token,
    )


def signed_queries(pairs: list[tuple[str, str]]) -> Iterator[str]:
    """What the signature may cover: the whole query but itself, or the same without the session token.

    Some signers append the token when they have signed. It is compared with the credential's in any case, so
    that nothing hangs on its being signed.
    """
    signed = [pair for pair in pairs if pair[0] != SIGNATURE]
    yield joined(signed)
    without = [pair for pair in signed if pair[0] != TOKEN]
    if len(without) != len(signed):
        yield joined(without)


def check_lifetime(claim: Claim, *, expires_seconds: int, now: datetime, skew_seconds: int) -> None:
    """Valid from skew_seconds before its date to expires_seconds after it, both included; with 0, never."""
    if now < claim.signed_at - timedelta(seconds=skew_seconds):
        raise NotYetValid(signed_at=claim.signed_at, now=now)
    expired_at = claim.signed_at + timedelta(seconds=expires_seconds)
    if now > expired_at or expires_seconds == 0:
        raise Expired(expired_at=expired_at, now=now, expires_seconds=expires_seconds)


def _parameters(pairs: list[tuple[str, str]]) -> dict[str, str]:
    found = [(name, value) for name, value in pairs if name in _KNOWN]
    given = {name: unquote(value) for name, value in found}
    missing = _REQUIRED - given.keys()
    if missing:
        raise Malformed(f"{min(missing)} is missing", part=Part.QUERY)
    if len(given) != len(found):
        raise Malformed("a query parameter of the signature is there twice", part=Part.QUERY)
    return given


def _either(given: Mapping[str, str], headers: Mapping[str, str], name: str) -> str | None:
    """A value that may stand in the query or in a header; two that differ leave open which one counts."""
    in_query, in_header = given.get(name), headers.get(name.lower())
    if in_query is not None and in_header is not None and in_query != in_header:
        raise Malformed(f"{name} differs in query and header", part=Part.QUERY)
    return in_header if in_query is None else in_query


def _expires(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= len(str(LONGEST_SECONDS)):
        seconds = int(text)
        if seconds <= LONGEST_SECONDS:
            return seconds
    raise Malformed(f"X-Amz-Expires must be 1 to {LONGEST_SECONDS}", part=Part.QUERY)
