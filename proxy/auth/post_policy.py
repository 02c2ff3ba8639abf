"""A form's policy: what whoever signed it lets a stranger's browser upload.

Rules: Amazon, "Creating a POST Policy". Every field of the form must be spoken for by a condition, but for
those that carry the signature. Pure: fields and time are arguments.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from proxy.auth.claims import Claim, read_credential, read_timestamp
from proxy.auth.errors import Malformed, MalformedPolicy, Part, PolicyRefuses, Unsigned, UnsupportedVersion
from proxy.auth.sigv4 import ALGORITHM

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
_SIGV2 = ("signature", "awsaccesskeyid")
_SPOKEN_FOR = {"policy", "x-amz-signature", "file"}
_IGNORED = "x-ignore-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    operator: str
    """eq or starts-with."""
    field: str
    value: str

    def holds(self, fields: Mapping[str, str]) -> bool:
        found = fields.get(self.field, "")
        return found.startswith(self.value) if self.operator == "starts-with" else found == self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    expires_at: datetime
    conditions: tuple[Condition, ...]
    least_bytes: int = 0
    most_bytes: int | None = None

    def check(self, fields: Mapping[str, str], *, bucket: str, now: datetime, file_name: str = "") -> None:
        """Raises PolicyRefuses where the form is not what was signed for.

        The key is judged as the object will have it; a condition may name the file, too.
        """
        if now >= self.expires_at:
            raise PolicyRefuses("Policy expired.")
        known = {**fields, "bucket": bucket}
        if "key" in fields:
            known["key"] = named(fields["key"], file_name)
        for each in self.conditions:
            asked = replace(each, value=named(each.value, file_name)) if each.field == "key" else each
            if not asked.holds(known):
                condition = json.dumps([each.operator, f"${each.field}", each.value])
                raise PolicyRefuses(f"Policy Condition failed: {condition}")
        spoken_for = {each.field for each in self.conditions} | _SPOKEN_FOR | {"bucket"}
        extra = [name for name in fields if name not in spoken_for and not name.startswith(_IGNORED)]
        if extra:
            raise PolicyRefuses(f"Extra input fields: {', '.join(sorted(extra))}")


def named(text: str, file_name: str) -> str:
    """With the name of the form's file in its place."""
    return text.replace("${filename}", file_name)


def claim_from_form(fields: Mapping[str, str]) -> Claim:
    """Who the form says has signed its policy. Raises AuthError."""
    if any(name in fields for name in _SIGV2):
        raise UnsupportedVersion("SigV2")
    if "policy" not in fields:
        raise Unsigned
    for name in ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"):
        if name not in fields:
            raise Malformed(f"Bucket POST must contain a field named '{name}'", part=Part.MECHANISM)
    if fields["x-amz-algorithm"] != ALGORITHM:
        raise Malformed(f"x-amz-algorithm must be {ALGORITHM}", part=Part.MECHANISM)
    timestamp = fields["x-amz-date"]
    access_key, date, region, service = read_credential(
        fields["x-amz-credential"], timestamp=timestamp, part=Part.MECHANISM
    )
    return Claim(
        access_key=access_key,
        date=date,
        region=region,
        service=service,
        signed_headers=(),
        signature=fields["x-amz-signature"],
        timestamp=timestamp,
        signed_at=read_timestamp(timestamp),
        expires_seconds=None,
        by_query=False,
        payload_hash=UNSIGNED_PAYLOAD,
        session_token=fields.get("x-amz-security-token", ""),
    )


def read_policy(encoded: str) -> Policy:
    """The policy as it was signed. Raises MalformedPolicy."""
    try:
        document = json.loads(base64.b64decode(encoded, validate=True))
        expires_at = datetime.fromisoformat(document["expiration"])
        entries = [entry for condition in document["conditions"] for entry in _entries(condition)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise MalformedPolicy from exc
    if expires_at.tzinfo is None:
        raise MalformedPolicy
    ranges = [entry for entry in entries if isinstance(entry, range)]
    return Policy(
        expires_at=expires_at,
        conditions=tuple(entry for entry in entries if isinstance(entry, Condition)),
        least_bytes=max((each.start for each in ranges), default=0),
        most_bytes=min((each.stop for each in ranges), default=None),
    )


def _entries(condition: Any) -> Iterator[Condition | range]:
    """ValueError and its like where it is none."""
    if isinstance(condition, dict):
        for name, value in condition.items():
            yield Condition(operator="eq", field=name.lower(), value=_text(value))
        return
    operator, first, second = condition
    if operator.lower() == "content-length-range":
        yield range(int(first), int(second))
        return
    if operator.lower() not in {"eq", "starts-with"} or not first.startswith("$"):
        raise ValueError(operator)
    yield Condition(operator=operator.lower(), field=first[1:].lower(), value=_text(second))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
