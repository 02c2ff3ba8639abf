"""What a request says of its own signature, read and not yet believed.

Both ways of carrying it (the header here, the query in presigned.py) end in one Claim. Whatever cannot be
read in one way only is Malformed; signatures of other kinds are named.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from proxy.auth.errors import Malformed, Part, UnsupportedVersion
from proxy.auth.identities import is_access_key
from proxy.auth.sigv4 import ALGORITHM, TERMINATOR, scope_of

UNSUPPORTED = {
    "AWS": "SigV2",
    "AWS4-ECDSA-P256-SHA256": "SigV4A",
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD": "SigV4A",
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER": "SigV4A",
}
_is_timestamp = re.compile(r"[0-9]{8}T[0-9]{6}Z").fullmatch
_FIELDS = {"Credential", "SignedHeaders", "Signature"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    access_key: str
    date: str
    """The scope's day, YYYYMMDD."""
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str = field(repr=False)
    timestamp: str
    """As it is signed, YYYYMMDDTHHMMSSZ."""
    signed_at: datetime
    expires_seconds: int | None
    """None where the header carries the signature."""
    by_query: bool
    payload_hash: str
    """Hex of SHA-256, or one of S3's words for a body that is not hashed as a whole."""
    session_token: str = field(repr=False)

    @property
    def scope(self) -> str:
        return scope_of(self.date, self.region, self.service)


def claim_from_header(headers: Mapping[str, str], *, payload_hash: str | None) -> Claim:
    """The claim in `authorization`, which is there; payload_hash overrules x-amz-content-sha256."""
    algorithm, _, rest = headers["authorization"].strip().partition(" ")
    refuse_other_algorithms(algorithm, part=Part.MECHANISM)
    fields = _fields(rest)
    timestamp, signed_at = _time_of(headers)
    access_key, date, region, service = read_credential(
        fields["Credential"], timestamp=timestamp, part=Part.AUTHORIZATION
    )
    if payload_hash is None:
        payload_hash = headers.get("x-amz-content-sha256")
        if payload_hash is None:
            raise Malformed("x-amz-content-sha256 is missing", part=Part.PAYLOAD_HASH)
    return Claim(
        access_key=access_key,
        date=date,
        region=region,
        service=service,
        signed_headers=read_signed_headers(fields["SignedHeaders"], headers, part=Part.AUTHORIZATION),
        signature=fields["Signature"],
        timestamp=timestamp,
        signed_at=signed_at,
        expires_seconds=None,
        by_query=False,
        payload_hash=payload_hash,
        session_token=headers.get("x-amz-security-token", ""),
    )


def refuse_other_algorithms(algorithm: str, *, part: Part) -> None:
    if algorithm == ALGORITHM:
        return
    if algorithm in UNSUPPORTED:
        raise UnsupportedVersion(UNSUPPORTED[algorithm])
    raise Malformed(f"the signing algorithm must be {ALGORITHM}", part=part)


def read_credential(text: str, *, timestamp: str, part: Part) -> tuple[str, str, str, str]:
    """Access key, day, region, service. The day must be the timestamp's."""
    pieces = text.split("/")
    if len(pieces) != 5:
        raise Malformed(f"Credential must be KEY/YYYYMMDD/REGION/SERVICE/{TERMINATOR}", part=part)
    access_key, date, region, service, terminator = pieces
    if not is_access_key(access_key):
        raise Malformed("the access key id in Credential is not of its form", part=part)
    if date != timestamp[:8]:
        raise Malformed("the day in Credential is not the day of the request", part=part)
    if terminator != TERMINATOR:
        raise Malformed(f"Credential must end in {TERMINATOR}", part=part)
    return access_key, date, region, service


def read_signed_headers(text: str, headers: Mapping[str, str], *, part: Part) -> tuple[str, ...]:
    """The names, which must be sorted, unlike, and all in headers; host must be among them."""
    names = text.split(";")
    if names != sorted(set(names)):
        raise Malformed("SignedHeaders must be sorted, each name once", part=part)
    if not headers.keys() >= set(names):
        raise Malformed("SignedHeaders names a header that is not there", part=part)
    if "host" not in names:
        raise Malformed("host must be signed", part=part)
    return tuple(names)


def read_timestamp(text: str) -> datetime:
    """YYYYMMDDTHHMMSSZ, and no other of ISO 8601's forms."""
    if _is_timestamp(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass  # such as a 13th month: refused below like any other text
    raise Malformed("the date must be YYYYMMDDTHHMMSSZ", part=Part.DATE)


def _fields(rest: str) -> dict[str, str]:
    pairs = [piece.strip().partition("=") for piece in rest.split(",")]
    fields = {name: value for name, _, value in pairs}
    if len(pairs) != len(_FIELDS) or fields.keys() != _FIELDS:
        raise Malformed(
            "Authorization must have Credential, SignedHeaders and Signature, each once",
            part=Part.AUTHORIZATION,
        )
    return fields


def _time_of(headers: Mapping[str, str]) -> tuple[str, datetime]:
    """The time signed. Date may be in the form of x-amz-date or of HTTP (RFC 9110, 5.6.7)."""
    text = headers.get("x-amz-date")
    if text is not None:
        return text, read_timestamp(text)
    text = headers.get("date", "")
    if not text.endswith(" GMT"):
        return text, read_timestamp(text)
    try:
        signed_at = datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    except ValueError:
        raise Malformed("Date is not of HTTP's form", part=Part.DATE) from None
    return signed_at.strftime("%Y%m%dT%H%M%SZ"), signed_at
