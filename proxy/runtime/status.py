"""What a process tells the observer of itself: its numbers, and whether it should be sent requests."""

from dataclasses import dataclass
from importlib.metadata import version

from proxy.admin.readiness import Facts, Readiness, readiness
from proxy.metrics import AUDIT_QUEUE, RUNNING, Metrics
from proxy.runtime.telling import Told
from proxy.runtime.trail import Trail


@dataclass(slots=True, kw_only=True)
class Status:
    """What every process with an audit trail knows of itself. A worker knows more: `WorkerStatus`."""

    metrics: Metrics
    proven: bool = False
    draining: bool = False
    trail: Trail | None = None

    def begin(self, trail: Trail) -> None:
        """What every process with an audit trail tells."""
        self.trail = trail
        self.metrics.watch(AUDIT_QUEUE, read=lambda: trail.depth)
        self.metrics.count(RUNNING, version("sealgate"))

    def tell(self) -> Told:
        return Told(readiness=self.readiness(), snapshot=self.metrics.snapshot())

    def readiness(self) -> Readiness:
        return readiness(
            Facts(
                proven=self.proven,
                draining=self.draining,
                keys_serve=self.keys_serve(),
                troubles=tuple(self.troubles()),
            )
        )

    def troubles(self) -> list[str]:
        """What a person should know, each in a sentence, though requests may still be served."""
        return list(self.trail.troubles) if self.trail else []

    def keys_serve(self) -> bool:
        """Whether a data key can be had. A process that needs none can always do its work."""
        return True
