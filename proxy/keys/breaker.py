"""A circuit breaker: a KMS that keeps failing is left alone for a moment, then tried with one call.

Without it each request of a busy proxy waits for the same timeouts. Fed outcomes and a monotonic clock in
seconds; no tasks, no timers. Only KeyUnavailable is a failure: a KMS that says no is alive, and so is one
that does not take somebody's credentials.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from proxy.keys.kms_errors import NOT_OF_THE_REGION
from proxy.keys.provider import KeyServiceError, KeyUnavailable

FORGOTTEN_SECONDS: Final = 60.0
"""How long after its pause an open breaker that nobody has tried stays open: what a KMS did before that says
nothing of today. The region that stands in for another is tried only in the next outage of that one.
"""


class Breaker:
    """Closed until `failures` calls in a row failed; open for `pause_seconds`; then one probe decides.

    Each probe that fails doubles the pause, up to `longest_pause_seconds`; None: it stays as it is.
    """

    def __init__(
        self,
        *,
        failures: int,
        pause_seconds: float,
        clock: Callable[[], float],
        longest_pause_seconds: float | None = None,
    ) -> None:
        self._limit = failures
        self._pause_seconds = pause_seconds
        self._longest_pause_seconds = max(pause_seconds, longest_pause_seconds or 0)
        self._clock = clock
        self._failed_in_a_row = 0
        self._failed_probes = 0
        self._open_until = float("-inf")
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether calls are being refused, but for a probe."""
        if self._failed_in_a_row < self._limit:
            return False
        return self._probing or self._clock() < self._open_until + FORGOTTEN_SECONDS

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Put one call inside. Raises KeyUnavailable at once while open; passes on what the call raises."""
        probe = self._admit()
        try:
            yield
        except KeyUnavailable as exc:
            if exc.code in NOT_OF_THE_REGION:
                self._failed_in_a_row = 0
            elif probe or not self.is_open:  # else it began before: it says what is known already
                self._failed(probe=probe)
            raise
        except KeyServiceError:
            self._failed_in_a_row = 0
            raise
        else:
            self._failed_in_a_row = 0
        finally:
            if probe:  # also where the probe was cancelled: the next call is the next probe
                self._probing = False

    def _failed(self, *, probe: bool) -> None:
        self._failed_in_a_row += 1
        self._failed_probes = self._failed_probes + 1 if probe else 0
        pause = self._pause_seconds * 2.0 ** min(self._failed_probes, 30)
        self._open_until = self._clock() + min(pause, self._longest_pause_seconds)

    def _admit(self) -> bool:
        """Whether this call is the probe."""
        if not self.is_open:
            return False
        if self._probing or self._clock() < self._open_until:
            raise KeyUnavailable("the KMS failed repeatedly and is being left alone", code="CircuitOpen")
        self._probing = True
        return True
