"""What a KMS said of a question, kept for a while: a data key in memory is not a permission.

A question is all that a policy can see: who asks and from where, what for, under which key and context. An
answer holds for exactly that, for `max_age_seconds` (a refusal for a second). Past it, it is asked again;
only where the KMS cannot be asked may an older yes serve on, for `max_stale_seconds` in all; where changes
cannot be heard, that bounds every yes. News of a change drops what was said about the key, and an answer that
was under way meanwhile is not kept.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, Literal

from cachetools import TLRUCache

from proxy.keys.provider import KeyServiceError, Standing

REFUSAL_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 1.0
"""How long a KMS that could not be asked is left alone by those who have an older yes."""


@dataclass(frozen=True, slots=True)
class Question:
    action: Literal["generate", "unwrap"]
    key_id: str
    """As it was named: a policy can see an alias."""
    context: frozenset[tuple[str, str]]
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionLimits:
    max_age_seconds: float = 30.0
    max_stale_seconds: float = 300.0
    """Counted from when the KMS was asked; 0 lets no older yes serve."""
    max_entries: int = 10_000


@dataclass(slots=True, kw_only=True)
class _Decision:
    key_arn: str
    refusal: KeyServiceError | None
    asked_at: float
    ask_again_at: float
    gone_at: float


class Decisions:
    """See the file's head. `clock` is monotonic, in seconds."""

    def __init__(self, limits: DecisionLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._held: TLRUCache[Question, _Decision] = TLRUCache(
            limits.max_entries, lambda _, decision, __: decision.gone_at, timer=clock
        )
        self.epoch = 0
        """Raised by every change: an answer to a question of an earlier epoch is not kept."""

    def allows(self, question: Question) -> bool:
        """True where a yes holds now; False where the KMS must be asked. Raises what it refused with."""
        decision = self._held.get(question)
        if decision is None or self._clock() >= decision.ask_again_at:
            return False
        if decision.refusal is not None:
            raise again(decision.refusal)
        return True

    def served_on(self, question: Question) -> bool:
        """The KMS cannot be asked: whether an older yes serves, which it then does for a while."""
        decision = self._held.get(question)
        if decision is None or decision.refusal is not None:
            return False
        now = self._clock()
        if now >= decision.asked_at + self._limits.max_stale_seconds:
            return False
        decision.ask_again_at = min(now + RETRY_SECONDS, decision.gone_at)
        return True

    def note(
        self,
        question: Question,
        *,
        key_arn: str,
        asked_at: float,
        epoch: int,
        refusal: KeyServiceError | None,
    ) -> None:
        """What the KMS said, which was asked at asked_at, in that epoch. key_arn is empty if not known."""
        if epoch != self.epoch:
            return
        limits = self._limits
        holds = limits.max_age_seconds if refusal is None else min(REFUSAL_SECONDS, limits.max_age_seconds)
        stays = max(holds, limits.max_stale_seconds) if refusal is None else holds
        self._held[question] = _Decision(
            key_arn=key_arn,
            refusal=refusal,
            asked_at=asked_at,
            ask_again_at=asked_at + holds,
            gone_at=asked_at + stays,
        )

    def forget(self, key_arns: Collection[str] | None) -> None:
        """What was said about these keys, and every refusal; None: all."""
        self.epoch += 1
        if key_arns is None:
            self._held.clear()
            return
        for question, decision in list(self._held.items()):
            if decision.refusal is not None or decision.key_arn in key_arns:
                self._held.pop(question, None)

    def unheard(self) -> None:
        """Changes are no longer told: a yes is worth what an older one is, and nothing new is kept."""
        self.epoch += 1
        for _, decision in list(self._held.items()):
            until = decision.asked_at + self._limits.max_stale_seconds
            decision.ask_again_at = min(decision.ask_again_at, until)

    def expire(self) -> None:
        self._held.expire()

    def clear(self) -> None:
        self._held.clear()


def again(error: KeyServiceError) -> KeyServiceError:
    """A copy to raise: one that a thousand raise grows a thousand tracebacks."""
    copy = type(error)(error.reason, code=error.code)
    copy.__cause__ = error
    return copy
