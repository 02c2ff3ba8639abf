"""Proves who sent a request: reads its claim, makes the signature anew, compares.

All that can be refused without a secret (form, time, scope, unsigned headers) is refused first. From there an
unknown access key goes the same way as a known one, with a decoy for its secret, and is refused where a wrong
signature is. Pure: no clock, no randomness, no I/O; safe to share.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from proxy.auth.canonical import canonical_path, canonical_request, joined, query_pairs
from proxy.auth.claims import UNSUPPORTED, Claim, claim_from_header
from proxy.auth.errors import (
    ExpiredToken,
    HeadersNotSigned,
    InvalidToken,
    Malformed,
    Part,
    Skewed,
    UnknownAccessKey,
    Unsigned,
    UnsupportedVersion,
    WrongScope,
    WrongSignature,
)
from proxy.auth.identities import Identities, Identity
from proxy.auth.post_policy import claim_from_form
from proxy.auth.presigned import check_lifetime, claim_from_query, is_presigned, signed_queries
from proxy.auth.sigv4 import CHUNK_SIGNED, ChunkChain, Credentials, SigningKey, SigningKeys, string_to_sign

SKEW_SECONDS = 15 * 60

# Stands for the secret of an access key that nobody has. It opens nothing: no identity comes with it.
_DECOY_SECRET = "0" * 40
_is_sha256 = re.compile(r"[0-9a-f]{64}").fullmatch


class Payload(Enum):
    """How the body is bound to the signature, by x-amz-content-sha256."""

    SIGNED = auto()
    """By its SHA-256, in the claim's payload_hash."""
    UNSIGNED = auto()
    STREAMING_SIGNED = auto()
    STREAMING_SIGNED_TRAILER = auto()
    STREAMING_UNSIGNED_TRAILER = auto()


PAYLOADS = {
    "UNSIGNED-PAYLOAD": Payload.UNSIGNED,
    CHUNK_SIGNED: Payload.STREAMING_SIGNED,
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": Payload.STREAMING_SIGNED_TRAILER,
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER": Payload.STREAMING_UNSIGNED_TRAILER,
}
_CHUNK_SIGNED = {Payload.STREAMING_SIGNED, Payload.STREAMING_SIGNED_TRAILER}


class ChunkSignatures:
    """Checks the signatures of one aws-chunked body. After WrongSignature the body must be given up."""

    __slots__ = ("_access_key", "_chain")

    def __init__(self, claim: Claim, key: SigningKey) -> None:
        self._access_key = claim.access_key
        self._chain = ChunkChain(key, timestamp=claim.timestamp, scope=claim.scope, seed=claim.signature)

    def check(self, chunk_sha256_hex: str, signature: str) -> None:
        self._compare(self._chain.sign(chunk_sha256_hex), signature)

    def check_trailer(self, trailer_sha256_hex: str, signature: str) -> None:
        self._compare(self._chain.sign_trailer(trailer_sha256_hex), signature)

    def _compare(self, expected: str, signature: str) -> None:
        if not _same(expected, signature):
            raise WrongSignature(access_key=self._access_key, string_to_sign=self._chain.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated:
    """Proof of who sent a request, and what is still to be proven of its body."""

    identity: Identity
    claim: Claim
    payload: Payload
    chunks: ChunkSignatures | None
    """There where the payload is signed chunk by chunk."""


class Authenticator:
    """Authenticates requests to one service.

    region is the one that scopes must name, or the several. Headers whose names begin with one of
    must_be_signed are refused outside the signature.
    """

    __slots__ = ("_decoys", "_identities", "_keys", "_must_be_signed", "_regions", "_service")

    def __init__(
        self,
        identities: Identities,
        *,
        region: str | frozenset[str],
        service: str,
        signing_keys: SigningKeys,
        must_be_signed: tuple[str, ...] = ("x-amz-",),
    ) -> None:
        self._identities = identities
        self._regions = frozenset((region,)) if isinstance(region, str) else region
        self._service = service
        self._keys = signing_keys
        # Apart, so that guessed names cannot push real keys out, and yet kept, so that a second try with an
        # unknown name is as quick as one with a known name.
        self._decoys = SigningKeys()
        self._must_be_signed = must_be_signed

    def authenticate(
        self,
        *,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        now: datetime,
        payload_hash: str | None = None,
    ) -> Authenticated:
        """Who sent this request. path and query are as on the wire, now is aware.

        payload_hash is the body's own where the service does not have it sent (all but S3). Raises AuthError.
        """
        pairs = query_pairs(query)
        claim = _claim_of(pairs, headers, payload_hash)
        payload = _payload_of(claim.payload_hash)
        _check_time(claim, now)
        self._check_scope(claim)
        self._check_signed_headers(claim, headers)
        texts = [
            string_to_sign(
                claim.timestamp,
                claim.scope,
                canonical_request(
                    method=method,
                    path=canonical_path(path, self._service),
                    query=signed_query,
                    headers=headers,
                    signed_headers=claim.signed_headers,
                    payload_hash=claim.payload_hash,
                ),
            )
            for signed_query in (signed_queries(pairs) if claim.by_query else (joined(pairs),))
        ]
        identity, key = self._signer_of(claim, texts, now)
        chunks = ChunkSignatures(claim, key) if payload in _CHUNK_SIGNED else None
        return Authenticated(identity=identity, claim=claim, payload=payload, chunks=chunks)

    def authenticate_form(self, fields: Mapping[str, str], *, now: datetime) -> Authenticated:
        """Who signed the policy of this form; whether the policy lets the form pass is asked then.

        `fields` by lower-case name. Raises AuthError.
        """
        claim = claim_from_form(fields)
        self._check_scope(claim)
        identity, _ = self._signer_of(claim, (fields["policy"],), now)
        return Authenticated(identity=identity, claim=claim, payload=Payload.UNSIGNED, chunks=None)

    def _signer_of(self, claim: Claim, texts: Sequence[str], now: datetime) -> tuple[Identity, SigningKey]:
        """Whose signature it is, of one of texts."""
        found = self._identities.maybe_by_access_key(claim.access_key)
        if found is None:
            keys, credentials = self._decoys, Credentials(access_key=claim.access_key, secret=_DECOY_SECRET)
        else:
            keys, credentials = self._keys, found[1]
        key = keys.get(credentials, day=claim.date, region=claim.region, service=claim.service)
        # Each is tried, whether one before it was right or not: a known key takes no less time than others.
        matches = [_same(key.sign(text), claim.signature) for text in texts]
        if found is None:
            raise UnknownAccessKey(claim.access_key)
        if not any(matches):
            raise WrongSignature(access_key=claim.access_key, string_to_sign=texts[0])
        if not _same(credentials.session_token, claim.session_token):
            raise InvalidToken(claim.access_key)
        if credentials.expires_at is not None and now >= credentials.expires_at:
            raise ExpiredToken(access_key=claim.access_key, expired_at=credentials.expires_at)
        return found[0], key

    def _check_scope(self, claim: Claim) -> None:
        for field, got, expected in (
            ("region", claim.region, self._regions),
            ("service", claim.service, (self._service,)),
        ):
            if got not in expected:
                raise WrongScope(
                    field=field, got=got, expected=tuple(sorted(expected)), by_query=claim.by_query
                )

    def _check_signed_headers(self, claim: Claim, headers: Mapping[str, str]) -> None:
        unsigned = [
            name
            for name in headers
            if name.startswith(self._must_be_signed) and name not in claim.signed_headers
        ]
        if unsigned:
            raise HeadersNotSigned(tuple(sorted(unsigned)))


def _claim_of(pairs: list[tuple[str, str]], headers: Mapping[str, str], payload_hash: str | None) -> Claim:
    by_header = bool(headers.get("authorization"))
    if pairs and is_presigned(pairs):
        if by_header:
            raise Malformed("sign by header or by query, not both", part=Part.MECHANISM)
        return claim_from_query(pairs, headers, payload_hash=payload_hash)
    if not by_header:
        raise Unsigned
    return claim_from_header(headers, payload_hash=payload_hash)


def _payload_of(payload_hash: str) -> Payload:
    if _is_sha256(payload_hash):
        return Payload.SIGNED
    if payload_hash in UNSUPPORTED:
        raise UnsupportedVersion(UNSUPPORTED[payload_hash])
    if payload_hash not in PAYLOADS:
        raise Malformed(
            f"x-amz-content-sha256 must be a SHA-256 in hex or one of {', '.join(PAYLOADS)}",
            part=Part.PAYLOAD_HASH,
        )
    return PAYLOADS[payload_hash]


def _check_time(claim: Claim, now: datetime) -> None:
    if claim.expires_seconds is not None:
        check_lifetime(claim, expires_seconds=claim.expires_seconds, now=now, skew_seconds=SKEW_SECONDS)
    elif abs(now - claim.signed_at) > timedelta(seconds=SKEW_SECONDS):
        raise Skewed(signed_at=claim.signed_at, now=now, allowed_seconds=SKEW_SECONDS)


def _same(expected: str, given: str) -> bool:
    """In constant time, whatever text was given."""
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogateescape"))
