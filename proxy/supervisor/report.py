"""What a child tells its supervisor: one JSON line each time, over a pipe of its own.

A child parses what strangers send and may be theirs, so the supervisor's side takes nothing on trust: lines
are bounded, their text is cut and freed of control characters, and what it does not understand means nothing.
"""

import json
from dataclasses import dataclass
from typing import Literal

LONGEST_LINE = 16 * 1024
LONGEST_REASON = 1000
STATES = ("ready", "failed", "prepared", "swapped", "dropped", "refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    state: Literal["ready", "failed", "prepared", "swapped", "dropped", "refused"]
    reason: str = ""
    """Why it failed or refused: one line for the operator."""
    number: int = 0
    """Of the reload that it is about."""
    for_good: bool = False
    """It failed, and another start would do harm."""


def encode(report: Report) -> bytes:
    told = {"state": report.state, "reason": one_line(report.reason), "number": report.number}
    if report.for_good:
        told["for_good"] = True
    return json.dumps(told).encode() + b"\n"


def maybe_decode(line: bytes) -> Report | None:
    """None for a line that is no report of ours."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or told.get("state") not in STATES:
        return None
    number = told.get("number", 0)
    return Report(
        state=told["state"],
        reason=one_line(str(told.get("reason", ""))),
        number=number if isinstance(number, int) else 0,
        for_good=told.get("for_good") is True,
    )


def one_line(text: str) -> str:
    """At most LONGEST_REASON characters, no line breaks or terminal codes."""
    return "".join(c if c.isprintable() else " " for c in text)[:LONGEST_REASON].strip()
