"""Signature Version 4: the keys, the signature, and the signer of what we send.

Rules: AWS, "Create a signed AWS API request". Verifying (verify.py) and presigning (presigned.py) use the
same functions, so each way checks the other. Time is an argument; nothing is global. A day's signing key
costs four HMACs and is kept, so that a signature costs one hash and one HMAC.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from proxy.auth.canonical import canonical_path, canonical_query, canonical_request

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
CHUNK_SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
"""What stands for the hash of a body whose chunks are signed one by one."""
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

# What a connection or a middle box may add, drop or rewrite on the way: hop-by-hop headers (RFC 9110, 7.6.1)
# and tracing, as botocore has them; and accept-encoding, which the front ends of GCS and R2 rewrite
# (aws/aws-sdk-go-v2#1816).
UNSIGNED_HEADERS = frozenset(
    (
        *("connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"),
        *("transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id"),
        *("baggage", "traceparent", "tracestate"),
        *("accept-encoding", "authorization"),
    )
)

# Numbers in two digits: 0.2 us for a timestamp, where strftime takes 1.5 and isoformat 0.9.
_TWO = tuple(f"{number:02}" for number in range(60))


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An access key. Permanent ones have no session token."""

    access_key: str
    secret: str = field(repr=False)
    session_token: str = field(default="", repr=False)
    expires_at: datetime | None = None
    """From then on it proves nothing; None: always good."""


class SigningKey:
    """The key of one day, region and service, 32 bytes. It signs and shows nothing.

    Both hashes of an HMAC (RFC 2104, 2) are kept with their pad already in: 0.6 us a signature, where a
    copied hmac.HMAC takes 0.9 and hmac.digest 1.5.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        self._inner = sha256(_padded(key, 0x36))
        self._outer = sha256(_padded(key, 0x5C))

    def sign(self, text: str) -> str:
        """HMAC-SHA256 in lower-case hex."""
        inner = self._inner.copy()
        inner.update(text.encode("utf-8", "surrogateescape"))
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.hexdigest()


def _padded(key: bytes, pad: int) -> bytes:
    return bytes(byte ^ pad for byte in key.ljust(sha256().block_size, b"\0"))


def derive_signing_key(secret: str, day: str, region: str, service: str) -> SigningKey:
    key = b"AWS4" + secret.encode()
    for step in (day, region, service, TERMINATOR):
        key = hmac.digest(key, step.encode("utf-8", "surrogateescape"), "sha256")
    return SigningKey(key)


class SigningKeys:
    """A bounded memo of derived keys; the oldest goes when it is full.

    The secret is part of what an entry is found by, so a credential whose secret was changed is another one.
    """

    __slots__ = ("_capacity", "_keys")

    def __init__(self, *, capacity: int = 1024) -> None:
        self._capacity = capacity
        self._keys: dict[tuple[str, str, str, str, str], SigningKey] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, credentials: Credentials, *, day: str, region: str, service: str) -> SigningKey:
        """The key for day (YYYYMMDD); derived when it is not here."""
        name = (credentials.access_key, day, region, service, credentials.secret)
        found = self._keys.get(name)
        if found is None:
            if len(self._keys) >= self._capacity:
                del self._keys[next(iter(self._keys))]
            found = self._keys[name] = derive_signing_key(credentials.secret, day, region, service)
        return found


def timestamp_of(now: datetime) -> str:
    """YYYYMMDDTHHMMSSZ; now is in UTC and aware."""
    if now.tzinfo is not UTC and now.utcoffset() != timedelta():
        raise AssertionError("time is given in UTC")
    day = f"{now.year:04}{_TWO[now.month]}{_TWO[now.day]}"
    return f"{day}T{_TWO[now.hour]}{_TWO[now.minute]}{_TWO[now.second]}Z"


def scope_of(day: str, region: str, service: str) -> str:
    return f"{day}/{region}/{service}/{TERMINATOR}"


def string_to_sign(timestamp: str, scope: str, canonical: str) -> str:
    hashed = sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{ALGORITHM}\n{timestamp}\n{scope}\n{hashed}"


def signature(key: SigningKey, timestamp: str, scope: str, canonical: str) -> str:
    """64 lower-case hex digits."""
    return key.sign(string_to_sign(timestamp, scope, canonical))


class ChunkChain:
    """The signatures of one aws-chunked body: each covers the one before, the first covers the request's.

    Rules: AWS, "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks"
    and "... Including Trailing Headers". Of use once.
    """

    __slots__ = ("_key", "_last", "_scope", "_timestamp", "text")

    def __init__(self, key: SigningKey, *, timestamp: str, scope: str, seed: str) -> None:
        """`seed` is the signature of the request's head."""
        self._key = key
        self._timestamp = timestamp
        self._scope = scope
        self._last = seed
        self.text = ""
        """What was signed last."""

    def sign(self, chunk_sha256_hex: str) -> str:
        """The next chunk's signature; the last chunk is the empty one."""
        return self._sign("PAYLOAD", EMPTY_SHA256, chunk_sha256_hex)

    def sign_trailer(self, trailer_sha256_hex: str) -> str:
        """The trailers' signature, after the empty chunk's. Each counts as `name:value` and a line feed."""
        return self._sign("TRAILER", trailer_sha256_hex)

    def _sign(self, what: str, *hashes: str) -> str:
        lines = (f"{ALGORITHM}-{what}", self._timestamp, self._scope, self._last, *hashes)
        self.text = "\n".join(lines)
        self._last = self._key.sign(self.text)
        return self._last


class Signer:
    """Signs requests by header for one credential, region and service. Safe to share."""

    __slots__ = ("_constant", "_credentials", "_keys", "_region", "_service")

    def __init__(
        self, credentials: Credentials, *, region: str, service: str, signing_keys: SigningKeys | None = None
    ) -> None:
        self._credentials = credentials
        self._region = region
        self._service = service
        self._keys = SigningKeys(capacity=2) if signing_keys is None else signing_keys
        token = credentials.session_token
        self._constant = {"x-amz-security-token": token} if token else {}

    def sign(
        self,
        *,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        payload_hash: str,
        now: datetime,
    ) -> dict[str, str]:
        """The headers to add: authorization, x-amz-date, the session token, and for S3 x-amz-content-sha256.

        headers are those that go on the wire, host among them; all are signed but UNSIGNED_HEADERS. One that
        is to be added replaces the caller's. payload_hash is hex or one of S3's words for an unsigned body.
        """
        timestamp = timestamp_of(now)
        added = {"x-amz-date": timestamp, **self._constant}
        if self._service == "s3":
            added["x-amz-content-sha256"] = payload_hash
        sent = {**headers, **added}
        names = sorted(sent.keys() - UNSIGNED_HEADERS)
        canonical = canonical_request(
            method=method,
            path=canonical_path(path, self._service),
            query=canonical_query(query),
            headers=sent,
            signed_headers=names,
            payload_hash=payload_hash,
        )
        added["authorization"] = self._authorization(timestamp, names, canonical)
        return added

    def chain(self, added: Mapping[str, str]) -> ChunkChain:
        """For the chunks of a body whose head got these headers from `sign`, CHUNK_SIGNED being its hash."""
        timestamp = added["x-amz-date"]
        scope, key = self._scope_and_key(timestamp)
        seed = added["authorization"].rpartition("=")[2]
        return ChunkChain(key, timestamp=timestamp, scope=scope, seed=seed)

    def _scope_and_key(self, timestamp: str) -> tuple[str, SigningKey]:
        day = timestamp[:8]
        key = self._keys.get(self._credentials, day=day, region=self._region, service=self._service)
        return scope_of(day, self._region, self._service), key

    def _authorization(self, timestamp: str, names: list[str], canonical: str) -> str:
        scope, key = self._scope_and_key(timestamp)
        return (
            f"{ALGORITHM} Credential={self._credentials.access_key}/{scope}, "
            f"SignedHeaders={';'.join(names)}, Signature={signature(key, timestamp, scope, canonical)}"
        )
