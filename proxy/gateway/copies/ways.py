"""Which way a copy goes, as a table: what the source is, what the target will be, whether they lie together.

A body moves on the store where it can stay as it is. It passes through us where it must be sealed, opened, or
cannot be bound to the envelope that was read.
"""

from collections.abc import Mapping
from enum import Enum, auto

from proxy.gateway.call import Call
from proxy.gateway.copies.source import Source
from proxy.gateway.rules import Mode
from proxy.gateway.sealing_plan import plan_for
from proxy.s3.copying import wanted_checksum
from proxy.s3.encryption import parse_encryption
from proxy.s3.errors import S3Error
from proxy.seal.envelope import Mode as SealMode


class Form(Enum):
    """How a body lies on its store."""

    SEALED = auto()
    PLAIN = auto()
    MARKER = auto()
    """The name ends in a slash and there is no body: nothing to seal."""


class Way(Enum):
    REWRAPPED = auto()
    """The store copies the body; the content key gets a new envelope."""
    AS_IT_IS = auto()
    """The store copies body and all."""
    THROUGH = auto()
    """Read, opened and sealed as the two names ask for, written."""
    REFUSED = auto()
    """What was sealed would lie in the clear."""


# Source, target, and whether the body can stay where it is (`_can_stay`).
WAYS: Mapping[tuple[Form, Form, bool], Way] = {
    (Form.SEALED, Form.SEALED, True): Way.REWRAPPED,
    (Form.SEALED, Form.SEALED, False): Way.THROUGH,
    (Form.SEALED, Form.PLAIN, True): Way.REFUSED,
    (Form.SEALED, Form.PLAIN, False): Way.REFUSED,
    (Form.SEALED, Form.MARKER, True): Way.THROUGH,
    (Form.SEALED, Form.MARKER, False): Way.THROUGH,
    (Form.PLAIN, Form.SEALED, True): Way.THROUGH,
    (Form.PLAIN, Form.SEALED, False): Way.THROUGH,
    (Form.PLAIN, Form.PLAIN, True): Way.AS_IT_IS,
    (Form.PLAIN, Form.PLAIN, False): Way.THROUGH,
    (Form.PLAIN, Form.MARKER, True): Way.THROUGH,
    (Form.PLAIN, Form.MARKER, False): Way.THROUGH,
}


def way_of(call: Call, source: Source) -> Way:
    """Raises S3Error AccessDenied where the target's rule takes no plaintext of sealed objects."""
    form = Form.PLAIN if source.sealed is None else Form.SEALED
    way = WAYS[form, target_form(call, source), _can_stay(call, source)]
    if way is Way.REFUSED:
        refuse_plaintext_copy(call, source)
        return Way.THROUGH
    return way


def refuse_plaintext_copy(call: Call, source: Source) -> None:
    """Raise AccessDenied where a sealed source would lie in the clear, and the rule does not allow that."""
    if source.sealed is not None and not call.rule.plaintext_copies:
        raise S3Error(
            "AccessDenied",
            "The copy would lie on the store in the clear, and the rule of its name does not allow that.",
        )


def target_form(call: Call, source: Source) -> Form:
    if call.rule.mode is Mode.PASSTHROUGH:
        return Form.PLAIN
    return Form.MARKER if call.request.key.endswith("/") and source.plain_length == 0 else Form.SEALED


def _can_stay(call: Call, source: Source) -> bool:
    """Whether the store can copy the body that was looked at, and the copy then is all that was asked for.

    Without a condition or a version, a body that is overwritten meanwhile would get an older envelope. A
    checksum that nobody knows yet takes a reading of the body, and so does a layer more or less.
    """
    if source.call.store.name != call.store.name:
        return False
    by_etag = call.store.capabilities.conditional_copies and source.etag != ""
    if not (by_etag or source.fixed_version):
        return False
    if source.opened is not None and _in_two_layers(call) != (source.opened.outer_content_key is not None):
        return False
    sought = wanted_checksum(call.request.headers)
    return sought is None or source.sealed is None or sought in source.checksums


def _in_two_layers(call: Call) -> bool:
    """Whether the target will be."""
    return plan_for(call, parse_encryption(call.request.headers)).mode is SealMode.DOUBLE
