"""Requests as clients make them, for the tests of this room. What signs them is our own signer."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from proxy.auth.identities import Identities, Identity
from proxy.auth.presigned import presign
from proxy.auth.sigv4 import Credentials, Signer, SigningKeys
from proxy.auth.verify import Authenticated, Authenticator

NOW = datetime(2013, 5, 24, tzinfo=UTC)
REGION = "us-east-1"
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

# The example credentials of AWS's pages.
PERMANENT = Credentials(access_key="AKIAIOSFODNN7EXAMPLE", secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
TEMPORARY = Credentials(access_key="ASIAEXAMPLE", secret="another secret", session_token="a token+/=")
ALICE = Identity(
    name="alice", account="1" * 12, arn="arn:aws:iam::111111111111:user/alice", access_keys=(PERMANENT,)
)
BOB = Identity(
    name="bob", account="1" * 12, arn="arn:aws:iam::111111111111:user/bob", access_keys=(TEMPORARY,)
)


@dataclass(frozen=True, kw_only=True)
class Wire:
    """A request as it arrives."""

    method: str = "GET"
    path: str = "/bucket/key"
    query: str = ""
    headers: dict[str, str] = field(default_factory=lambda: {"host": "s3.example"})

    def with_headers(self, **headers: str) -> "Wire":
        """The same with more headers; underscores in names stand for hyphens."""
        return replace(self, headers={**self.headers, **{n.replace("_", "-"): v for n, v in headers.items()}})

    def without(self, name: str) -> "Wire":
        return replace(self, headers={n: v for n, v in self.headers.items() if n != name})

    def signed(
        self,
        credentials: Credentials = PERMANENT,
        *,
        payload_hash: str = EMPTY_SHA256,
        at: datetime = NOW,
        region: str = REGION,
        service: str = "s3",
    ) -> "Wire":
        signer = Signer(credentials, region=region, service=service)
        added = signer.sign(
            method=self.method,
            path=self.path,
            query=self.query,
            headers=self.headers,
            payload_hash=payload_hash,
            now=at,
        )
        return replace(self, headers={**self.headers, **added})

    def presigned(
        self,
        credentials: Credentials = PERMANENT,
        *,
        expires_seconds: int = 60,
        at: datetime = NOW,
        payload_hash: str = "UNSIGNED-PAYLOAD",
    ) -> "Wire":
        added = presign(
            credentials,
            region=REGION,
            service="s3",
            method=self.method,
            path=self.path,
            query=self.query,
            headers=self.headers,
            expires_seconds=expires_seconds,
            now=at,
            payload_hash=payload_hash,
        )
        return replace(self, query=f"{self.query}&{added}" if self.query else added)


def authenticator(
    *identities: Identity, region: str | frozenset[str] = REGION, service: str = "s3"
) -> Authenticator:
    known = Identities(identities or (ALICE, BOB))
    prefixes = ("x-amz-",) if service == "s3" else ("x-amz-", "x-sealgate-")
    return Authenticator(
        known, region=region, service=service, signing_keys=SigningKeys(), must_be_signed=prefixes
    )


def authenticate(
    wire: Wire, *, now: datetime = NOW, by: Authenticator | None = None, payload_hash: str | None = None
) -> Authenticated:
    return (by or authenticator()).authenticate(
        method=wire.method,
        path=wire.path,
        query=wire.query,
        headers=wire.headers,
        now=now,
        payload_hash=payload_hash,
    )
