"""Tries a bucket: whether it may be tried at all, then every trial, and in the end nothing of it is left.

Also when it is cancelled: what was written is taken away first, within a bound.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from proxy.finish import finish
from proxy.probe.bench import Bench
from proxy.probe.trials import CAPABILITIES, FACTS, PROMISES, Finding, Trial
from proxy.upstream.messages import Upstream, UpstreamError

CLEARING_SECONDS = 30.0


class CannotProbe(Exception):
    """The bucket is not there, not reached, or would keep what a probe writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """What the bucket says of itself."""

    versioning: str
    """Enabled, Suspended, or none."""
    object_lock: bool

    @property
    def versioned(self) -> bool:
        return self.versioning != "none"

    @property
    def needs_state_elsewhere(self) -> bool:
        """State objects come and go: where each stays as a version, or is locked, they would pile up."""
        return self.versioned or self.object_lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    bucket: Bucket
    capabilities: Mapping[str, Finding]
    promises: Mapping[str, Finding]
    facts: Mapping[str, Finding]
    left_behind: tuple[str, ...]


async def probe(upstream: Upstream, bucket: str, *, token: str) -> Probed:
    """Try everything, under names that hold `token`. Raises CannotProbe."""
    bench = Bench(upstream, bucket, f"sealgate-check-{token}/")
    try:
        told = await _look(bench)
    except UpstreamError as exc:
        raise CannotProbe(f"the store does not answer: {exc}") from exc
    cleared: list[str] = []
    try:
        found = [await _try(bench, trials) for trials in (CAPABILITIES, PROMISES, FACTS)]
    finally:
        cleared = await finish(_cleared(bench, versioned=told.versioned), within=None)
    capabilities, promises, facts = found
    return Probed(
        bucket=told, capabilities=capabilities, promises=promises, facts=facts, left_behind=tuple(cleared)
    )


async def _look(bench: Bench) -> Bucket:
    head = await bench.ask("HEAD")
    if not head.ok:
        why = {404: "there is no such bucket", 403: "the proxy's credentials may not use it"}
        raise CannotProbe(f"s3://{bench.bucket}: {why.get(head.status, f'the store answered {head}')}")
    versioning = await bench.ask("GET", query={"versioning": ""})
    status = versioning.document.get("Status") if versioning.ok else ""
    lock = await bench.ask("GET", query={"object-lock": ""})
    locked = lock.ok and lock.document.get("ObjectLockEnabled") == "Enabled"
    if locked and any(True for _ in lock.document.all("Rule")):
        raise CannotProbe(
            f"s3://{bench.bucket}: its default retention would keep what is written: try another bucket"
        )
    return Bucket(versioning=status or "none", object_lock=locked)


async def _try(bench: Bench, trials: Mapping[str, Trial]) -> dict[str, Finding]:
    found: dict[str, Finding] = {}
    for name, trial in trials.items():
        try:
            found[name] = await trial(bench)
        except UpstreamError as exc:
            found[name] = Finding(found=None, how=f"the store did not answer as HTTP asks: {exc}")
    return found


async def _cleared(bench: Bench, *, versioned: bool) -> list[str]:
    """What was left behind."""
    try:
        return await asyncio.wait_for(bench.clear(versioned=versioned), CLEARING_SECONDS)
    except (UpstreamError, TimeoutError) as exc:
        return [f"it could not be looked at: {exc}"]
