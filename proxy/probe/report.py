"""What a probe comes to, beside what the configuration says: for a person, and as JSON."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from proxy.probe.probe import Probed
from proxy.probe.trials import Finding
from proxy.upstream.capabilities import Capabilities

MEANINGS = {
    "equal_parts": "wants parts of one size",
    "consecutive_parts": "wants part numbers without gaps",
    "checksum_trailers": "takes checksums behind the body",
    "checksum_headers": "checks CRC32Cs before the body",
    "checksum_parts": "checks CRC32Cs of parts",
    "md5_etags": "has MD5s for ETags",
    "unsigned_payload": "takes unsigned bodies",
    "conditional_writes": "obeys conditions on a write",
    "conditional_copies": "obeys conditions on a copy",
    "conditional_deletes": "obeys conditions on a delete",
    "collapses_slashes": "keeps a//b as a/b",
    "turns_backslashes": "keeps a\\b as a/b",
    "drops_folder_bodies": "keeps no body under a name that ends in /",
    "reads_back": "gives back what was written",
    "keeps_metadata": "keeps metadata byte for byte",
    "forgets_cut_uploads": "makes nothing of a cut upload",
    "metadata_bytes": "metadata, bytes at most",
    "segment_bytes": "name between two slashes, bytes at most",
    "checks_payload_hashes": "refuses a wrong SHA-256",
    "checks_md5": "refuses a wrong MD5",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What was probed, and as what the configuration has it."""

    url: str
    bucket: str
    upstream: str
    preset: str
    configured: Capabilities
    has_state_elsewhere: bool


class Report:
    def __init__(self, place: Place, probed: Probed) -> None:
        self._place = place
        self._probed = probed

    @property
    def to_write(self) -> dict[str, bool | list[str]]:
        """The capabilities that the configuration has otherwise than they were found."""
        configured = asdict(self._place.configured)
        differing: dict[str, bool | list[str]] = {
            name: bool(each.found)
            for name, each in self._probed.capabilities.items()
            if each.found is not None and each.found != configured[name]
        }
        more = self._operations(found=True) - self._place.configured.knows
        return differing | ({"knows": sorted(more)} if more else {})

    def _operations(self, *, found: bool) -> set[str]:
        return {name for name, each in self._probed.operations.items() if each.found is found}

    @property
    def problems(self) -> list[str]:
        """What no capability mends."""
        bucket, broken = self._probed.bucket, self._probed.promises.items()
        found = [
            f"{MEANINGS[name]}: {_word(each.found)}: {each.how}" for name, each in broken if not each.found
        ]
        if bucket.needs_state_elsewhere and not self._place.has_state_elsewhere:
            found.append("the bucket has versions or locks: multipart uploads need `state` in another bucket")
        for name in sorted(self._operations(found=False) & self._place.configured.knows):
            how = self._probed.operations[name].how
            found.append(f"{name} is configured, and the store does not carry it out: {how}")
        found += [f"left behind: {name}" for name in self._probed.left_behind]
        return found

    @property
    def good(self) -> bool:
        return not self.to_write and not self.problems

    def text(self) -> str:
        return "".join(f"{line}\n" for line in self._lines())

    def as_json(self) -> dict[str, Any]:
        place, probed = self._place, self._probed
        return {
            "ok": self.good,
            "bucket": place.bucket,
            "upstream": place.upstream,
            "url": place.url,
            "preset": place.preset,
            "versioning": probed.bucket.versioning,
            "object_lock": probed.bucket.object_lock,
            "needs_state_elsewhere": probed.bucket.needs_state_elsewhere,
            "capabilities": _found_and_configured(probed.capabilities, asdict(place.configured)),
            "promises": {name: asdict(each) for name, each in probed.promises.items()},
            "facts": {name: asdict(each) for name, each in probed.facts.items()},
            "operations": _found_and_configured(
                probed.operations, {name: name in place.configured.knows for name in probed.operations}
            ),
            "to_write": self.to_write,
            "problems": self.problems,
        }

    def _lines(self) -> Iterator[str]:
        place, probed = self._place, self._probed
        yield f"s3://{place.bucket} on {place.upstream} ({place.url}), preset {place.preset}"
        yield ""
        for findings in (probed.promises, probed.capabilities, probed.facts):
            for name, each in findings.items():
                mark = (
                    "!" if name in self.to_write or (findings is probed.promises and not each.found) else " "
                )
                yield f"{mark} {MEANINGS[name]:<42} {_word(each.found):<8} {each.how}"
        for name, each in probed.operations.items():
            differs = each.found is not None and each.found != (name in place.configured.knows)
            yield f"{'!' if differs else ' '} {name:<42} {_word(each.found):<8} {each.how}"
        lock = ", with Object Lock" if probed.bucket.object_lock else ""
        yield f"  {'versioning':<42} {probed.bucket.versioning}{lock}"
        yield ""
        if self.to_write:
            pairs = ", ".join(f"{name}: {_written(value)}" for name, value in self.to_write.items())
            yield "Write in the configuration, where it differs from what was found:"
            yield f"  upstreams:\n    - name: {place.upstream}\n      capabilities: {{{pairs}}}"
        yield from (f"Problem: {problem}" for problem in self.problems)
        if self.good:
            yield "The configuration fits."


def _found_and_configured(
    findings: Mapping[str, Finding], configured: Mapping[str, bool]
) -> dict[str, dict[str, Any]]:
    return {name: asdict(each) | {"configured": configured[name]} for name, each in findings.items()}


def _written(value: bool | list[str]) -> str:  # noqa: FBT001  # what stands in the configuration, whatever it is
    return f"[{', '.join(value)}]" if isinstance(value, list) else str(value).lower()


def _word(found: bool | int | str | None) -> str:  # noqa: FBT001  # what was found, whatever it is
    if isinstance(found, bool):
        return "yes" if found else "no"
    return "?" if found is None else str(found)
