"""A byte that changes on its way to the store: nothing is confirmed that the store has otherwise.

A relay flips one bit of what the proxy sends. Checked by checksums, the store itself refuses it; by MD5, its
ETag tells, and what it had is taken back where that touches nothing else.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.at_rest import plaintext
from tests.faults.evidence import Evidence
from tests.faults.relay import Relay, Way
from tests.faults.troubled import UnsafeBuckets
from tests.faults.wire import Got, ask
from tests.stores.sealgate import Sealgate

SMALL, LARGE = plaintext(70_000), plaintext(3 * 1024 * 1024)
BODIES = pytest.mark.parametrize("plain", [SMALL, LARGE], ids=["held", "streamed"])
CHECKED = pytest.mark.parametrize("way", ["checksum", "md5"])
PLACE = 40_000
"""Within the first segment, behind any head."""


class Flip:
    """Changes one bit of what passes, once."""

    def __init__(self) -> None:
        self._passed = 0

    def __call__(self, piece: bytes) -> bytes:
        at = PLACE - self._passed
        self._passed += len(piece)
        if not 0 <= at < len(piece):
            return piece
        return piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1 :]


@pytest.fixture
def flipped(relay: Relay) -> Callable[..., Got]:
    """A request whose way to the store flips one bit."""

    def send(method: str, url: str, body: bytes) -> Got:
        with relay.trouble(to_store=Way(change=Flip())):
            return ask(method, url, body=body)

    return send


@BODIES
@CHECKED
def test_a_bit_that_flips_on_the_way_is_a_503_and_no_object(
    *,
    service: Sealgate,
    witness: Evidence,
    unsafe: UnsafeBuckets,
    raw: Any,
    key: str,
    flipped: Callable[..., Got],
    way: str,
    plain: bytes,
) -> None:
    at, before = f"{service.url}/{unsafe[way]}/{key}", witness.count("sealgate_damaged_uploads_total")

    answer = flipped("PUT", at, plain)

    assert answer.told == (503, "ServiceUnavailable")
    assert answer.headers["retry-after"] == "1"
    assert raw.list_objects_v2(Bucket=unsafe[way], Prefix=key)["KeyCount"] == 0
    event = witness.of(answer.request_id)
    found = event["additionalEventData"]["damagedUpload"]
    assert ("deleted" if way == "md5" and plain is LARGE else "refused what it received") in found
    assert "integrityViolation" not in event["additionalEventData"]
    assert witness.count("sealgate_damaged_uploads_total") == before + 1
    assert ask("PUT", at, body=plain).status == 200
    assert ask("GET", at).body == plain


@BODIES
def test_unchecked_it_is_found_when_it_is_too_late(
    service: Sealgate, unsafe: UnsafeBuckets, key: str, flipped: Callable[..., Got], plain: bytes
) -> None:
    """So the flip is one, and `none` is what it says."""
    at = f"{service.url}/{unsafe['none']}/{key}"

    assert flipped("PUT", at, plain).status == 200
    assert ask("GET", at).told == (403, "InvalidObjectState")


def test_what_was_there_before_is_there_again_where_there_are_versions(
    *, service: Sealgate, unsafe: UnsafeBuckets, raw: Any, key: str, flipped: Callable[..., Got]
) -> None:
    """The version that is wrong goes, and only that."""
    at = f"{service.url}/{unsafe['versioned']}/{key}"
    assert ask("PUT", at, body=SMALL).status == 200

    assert flipped("PUT", at, LARGE).status == 503

    assert ask("GET", at).body == SMALL
    assert len(raw.list_object_versions(Bucket=unsafe["versioned"], Prefix=key)["Versions"]) == 1


@BODIES
@CHECKED
def test_a_part_that_is_damaged_is_never_the_client_s(
    *, service: Sealgate, unsafe: UnsafeBuckets, key: str, flipped: Callable[..., Got], way: str, plain: bytes
) -> None:
    """It is sent again, and the object is whole."""
    at = f"{service.url}/{unsafe[way]}/{key}"
    upload = _between(ask("POST", f"{at}?uploads").body, "UploadId")
    part = f"{at}?partNumber=1&uploadId={upload}"

    assert flipped("PUT", part, plain).told == (503, "ServiceUnavailable")
    etag = ask("PUT", part, body=plain).headers["etag"]
    listed = f"<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    done = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()

    assert ask("POST", f"{at}?uploadId={upload}", body=done).status == 200
    assert ask("GET", at).body == plain


def _between(document: bytes, name: str) -> str:
    return document.decode().partition(f"<{name}>")[2].partition(f"</{name}>")[0]
