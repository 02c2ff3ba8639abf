"""Tries a bucket: whether it may be tried at all, then every trial, and in the end nothing of it is left.

Also when it is cancelled: what was written is taken away first, within a bound.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.finish import finish
from proxy.probe.bench import Bench
from proxy.probe.sub_resources import TRIED, settings_of_buckets, settings_of_objects
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
    operations: Mapping[str, Finding]
    """Those that change a sub-resource, by name."""
    left_behind: tuple[str, ...]


async def probe(upstream: Upstream, bucket: str, *, token: str) -> Probed:
    """Try everything, under names that hold `token`. Raises CannotProbe."""
    bench = Bench(upstream, bucket, f"sealgate-check-{token}/")
    own = Bench(upstream, f"sealgate-check-{token}", "")
    try:
        told = await _look(bench)
    except UpstreamError as exc:
        raise CannotProbe(f"the store does not answer: {exc}") from exc
    cleared: list[str] = []
    try:
        found = [await _try(bench, trials) for trials in (CAPABILITIES, PROMISES, FACTS)]
        operations = await _try_settings(bench, own)
    finally:
        cleared = await _finished(_cleared(bench, own, versioned=told.versioned))
    capabilities, promises, facts = found
    return Probed(
        bucket=told,
        capabilities=capabilities,
        promises=promises,
        facts=facts,
        operations=operations,
        left_behind=tuple(cleared),
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


async def _try_settings(bench: Bench, own: Bench) -> dict[str, Finding]:
    try:
        return {**await settings_of_objects(bench), **await settings_of_buckets(own)}
    except UpstreamError as exc:
        return dict.fromkeys(TRIED, Finding(found=None, how=f"the store did not answer as HTTP asks: {exc}"))


async def _cleared(bench: Bench, own: Bench, *, versioned: bool) -> list[str]:
    """What stayed of both."""
    left = await bench.clear(versioned=versioned)
    if (await own.ask("HEAD")).ok:
        left += await own.clear(versioned=True)
        answer = await own.ask("DELETE")
        left += [] if answer.ok else [f"the bucket {own.bucket}: {answer}"]
    return left


async def _finished(clearing: Coroutine[Any, Any, list[str]]) -> list[str]:
    """Run the clearing to its end, holding back a cancellation until then. What was left behind."""
    try:
        return await finish(asyncio.wait_for(clearing, CLEARING_SECONDS), within=None)
    except (UpstreamError, TimeoutError) as exc:
        return [f"it could not be looked at: {exc}"]
