"""What is remembered of one operation while it runs, for its audit event.

Handlers note facts as they learn them; whatever ends the operation, the event tells how far it came.
"""

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from proxy.audit.event import Outcome
from proxy.auth.identities import Identity

_now = time.perf_counter_ns


class Phase(StrEnum):
    """Where an operation's time goes. What is none of these is the gateway's own.

    Strings, because each is looked up several times a request: hashing a plain Enum is a call into Python.
    """

    AUTH = "auth"
    KMS = "kms"
    STORE = "store"
    """Until the head of the store's answer."""
    CRYPTO = "crypto"
    """Sealing or opening."""
    CLIENT = "client"
    """Waiting for the client to send or to take."""


@dataclass(slots=True, kw_only=True)
class Trace:
    request_id: str
    started: datetime
    started_ns: int = field(default_factory=_now)
    operation: str = "Unknown"
    bucket: str = ""
    key: str = ""
    version_id: str = ""
    source: tuple[str, str, str] | None = None
    """Of a copy: the bucket, key and version (or "") that it reads."""
    upload_id: str = ""
    part_number: str = ""
    range: str = ""
    identity: Identity | None = None
    access_key: str = ""
    """As it was claimed, proven or not."""
    key_arn: str = ""
    kms_region: str = ""
    """Where the data key was made or opened, if not in the region that key_arn names."""
    data_key_scope: str = ""
    encryption: str = ""
    key_cached: bool | None = None
    store_request_id: str = ""
    status: int = 0
    error_code: str = ""
    error_message: str = ""
    integrity_violation: str = ""
    """What was found wrong with the bytes on the store; empty while nothing was."""
    damaged_upload: str = ""
    """How it was found that the store did not receive what was sent, and what became of it."""
    plaintext_read: bool = False
    """What was read lay there in the clear, under a rule that seals what is written."""
    undecided: bool = False
    """Whether it may be is known only once its body is read. The store is asked nothing before."""
    outcome: Outcome = Outcome.COMPLETED
    spent_ns: dict[Phase, int] = field(default_factory=dict)

    def during(self, phase: Phase) -> AbstractContextManager[None]:
        """Adds the time inside to the phase's."""
        return _Span(self.spent_ns, phase)

    def elapsed_ns(self) -> int:
        return _now() - self.started_ns


class _Span:
    __slots__ = ("_began", "_phase", "_spent")

    def __init__(self, spent: dict[Phase, int], phase: Phase) -> None:
        self._spent = spent
        self._phase = phase

    def __enter__(self) -> None:
        self._began = _now()

    def __exit__(self, *_: object) -> None:
        self._spent[self._phase] = self._spent.get(self._phase, 0) + _now() - self._began
