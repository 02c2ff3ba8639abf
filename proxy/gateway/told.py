"""What an answer's head says of a sealed object's checksums."""

from collections.abc import Mapping

from proxy.gateway.call import Call
from proxy.s3.checksums import response_header
from proxy.seal.checksums import COMPOSITE
from proxy.seal.layout import RunPlace
from proxy.seal.parts import Parts

TYPE = "x-amz-checksum-type"


def wants_checksums(call: Call) -> bool:
    return call.request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED"


def checksum_headers(checksums: Mapping[int, bytes], *, parts_count: int = 0) -> dict[str, str]:
    """Those of the whole object. A composite one is made of so many parts', and says how many."""
    headers = {}
    for code, digest in checksums.items():
        name, value = response_header(code & ~COMPOSITE, digest)
        headers[name] = f"{value}-{parts_count}" if code & COMPOSITE else value
    return headers | {TYPE: checksum_type(checksums)} if headers else {}


def part_checksum_headers(parts: Parts, run: RunPlace) -> dict[str, str]:
    """That of one part; the type is the object's."""
    found = parts.part_checksum(run.ordinal)
    if found is None:
        return {}
    name, value = response_header(found[0] & ~COMPOSITE, found[1])
    return {name: value, TYPE: checksum_type(parts.checksums or {COMPOSITE: b""})}


def checksum_type(checksums: Mapping[int, bytes]) -> str:
    return "COMPOSITE" if any(code & COMPOSITE for code in checksums) else "FULL_OBJECT"
