"""A bucket policy, taken apart and put together again.

Statements with conditions on the encryption headers are the proxy's to judge: the store never sees those
headers, and would find that each write lacks them. They are kept here, and the rest is the store's. Only what
can be judged whole is taken: a Deny of PutObject. What such a statement says of other actions, or allows,
would be half here and half there, and is refused by name.
"""

import json
from dataclasses import dataclass
from typing import Any

from proxy.s3.errors import S3Error

ENCRYPTION_KEYS = "s3:x-amz-server-side-encryption"
"""What their names begin with, in lower case."""
MAX_BYTES = 20 * 1024
_ACTION = "s3:putobject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    kept: bytes
    """A policy of the statements that are judged here; empty where there is none."""
    passed: bytes
    """A policy of the others; empty where there is none."""


def split_policy(document: bytes) -> Split:
    """The document itself is passed where nothing of it is judged here, also where it is no policy at all.

    Raises S3Error NotImplemented.
    """
    policy = _maybe_policy(document)
    statements = _statements(policy)
    kept = [each for each in statements if _is_ours(each)]
    if policy is None or not kept:
        return Split(kept=b"", passed=document)
    if len(document) > MAX_BYTES:
        raise S3Error("MalformedPolicy", f"A policy has at most {MAX_BYTES} bytes.")
    for each in kept:
        _refuse_half(each)
    rest = [each for each in statements if not _is_ours(each)]
    return Split(kept=_with(policy, kept), passed=_with(policy, rest) if rest else b"")


def joined_policy(original: bytes, stores: bytes) -> bytes:
    """The policy as a client is told of it: as it was put, where the store still has its part of it.

    `stores` is what the store has now, empty where it has none.
    """
    split = split_policy(original)
    if _maybe_policy(split.passed) == _maybe_policy(stores):
        return original
    now, ours = _maybe_policy(stores), _maybe_policy(split.kept)
    if now is None or ours is None:
        return split.kept
    return _with(now, _statements(now) + _statements(ours))


def _maybe_policy(document: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(document.decode())
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _statements(policy: dict[str, Any] | None) -> list[Any]:
    found = (policy or {}).get("Statement", [])
    return found if isinstance(found, list) else [found]


def _with(policy: dict[str, Any], statements: list[Any]) -> bytes:
    return json.dumps(policy | {"Statement": statements}, separators=(",", ":")).encode()


def _is_ours(statement: Any) -> bool:
    conditions = statement.get("Condition") if isinstance(statement, dict) else None
    if not isinstance(conditions, dict):
        return False
    keys = (key for each in conditions.values() if isinstance(each, dict) for key in each)
    return any(key.lower().startswith(ENCRYPTION_KEYS) for key in keys)


def _refuse_half(statement: dict[str, Any]) -> None:
    actions = statement.get("Action", [])
    actions = actions if isinstance(actions, list) else [actions]
    only_puts = bool(actions) and all(str(each).lower() == _ACTION for each in actions)
    if statement.get("Effect") != "Deny" or not only_puts:
        named = f" ({statement['Sid']})" if isinstance(statement.get("Sid"), str) else ""
        raise S3Error(
            "NotImplemented",
            f"A statement{named} that asks for {ENCRYPTION_KEYS}* must be a Deny of s3:PutObject alone.",
        )
