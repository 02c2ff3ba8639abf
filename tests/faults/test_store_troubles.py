"""A store that is down, slow, cuts or lies: the client hears that it may come back, or is cut itself.

The service here reaches its store through a relay, with short idle times. Nothing needs a restart afterwards.
"""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.at_rest import plaintext
from tests.faults.damage import SEGMENT
from tests.faults.evidence import Evidence
from tests.faults.relay import Relay, Trouble, Way
from tests.faults.troubled import IDLE_SECONDS
from tests.faults.wire import Got, ask
from tests.stores.sealgate import Sealgate

SMALL, LARGE = plaintext(70_000), plaintext(3 * 1024 * 1024)
GROUP_BYTES = 8 * SEGMENT
UNAVAILABLE = (503, "ServiceUnavailable")


@pytest.fixture
def at(service: Sealgate, bucket: str, key: str) -> str:
    return f"{service.url}/{bucket}/{key}"


@pytest.fixture
def comes_back(at: str) -> Iterator[Callable[[Got], None]]:
    """comes_back(answer): 503, told when to try again; and after the trouble all is as ever."""

    def check(answer: Got) -> None:
        assert answer.told == UNAVAILABLE
        assert int(answer.headers["retry-after"]) >= 1

    yield check
    assert ask("PUT", at, body=SMALL).status == 200
    assert ask("GET", at).body == SMALL


def names(raw: Any, bucket: str, key: str) -> list[str]:
    return [each["Key"] for each in raw.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])]


def answer_of(status: str, document: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-length: {len(document)}\r\ncontent-type: application/xml\r\n\r\n"
    return (head + document).encode()


SLOW_DOWN = answer_of("503 Slow Down", "<Error><Code>SlowDown</Code><Message>Slow.</Message></Error>")
INTERNAL = answer_of("500 Internal", "<Error><Code>InternalError</Code><Message>Sorry.</Message></Error>")
ANSWERS = {
    "500": (INTERNAL, "ServiceUnavailable"),
    "500 without words": (answer_of("500 Internal"), "ServiceUnavailable"),
    "502 in HTML": (answer_of("502 Bad Gateway", "<html>nginx</html>"), "ServiceUnavailable"),
    "503": (SLOW_DOWN, "SlowDown"),
    "503 without words": (answer_of("503 Unavailable"), "ServiceUnavailable"),
    "no HTTP": (b"\x16\x03\x01\x02\x00 what is this?\r\n\r\n", "ServiceUnavailable"),
    "half a head": (b"HTTP/1.1 200 OK\r\ncontent-le", "ServiceUnavailable"),
    "endless head": (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000, "ServiceUnavailable"),
    "two lengths": (
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nbody!",
        "ServiceUnavailable",
    ),
}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_a_store_that_is_down(
    *, relay: Relay, at: str, witness: Evidence, comes_back: Any, method: str
) -> None:
    """503 with Retry-After, an event that says so, and no restart when it is back."""
    assert ask("PUT", at, body=SMALL).status == 200
    relay.shut()
    try:
        started = time.monotonic()
        answer = ask(method, at, body=SMALL if method == "PUT" else b"")
        took = time.monotonic() - started
    finally:
        relay.open()

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert took < 5
    assert witness.of(answer.request_id)["errorCode"] == UNAVAILABLE[1]
    if method != "HEAD":
        comes_back(answer)


def test_a_large_body_for_a_store_that_is_down(
    *, relay: Relay, at: str, raw: Any, bucket: str, key: str, comes_back: Any
) -> None:
    relay.shut()
    try:
        comes_back(ask("PUT", at, body=LARGE))
    finally:
        relay.open()
    assert names(raw, bucket, key) == []


@pytest.mark.parametrize(
    "way", [lambda size: Way(cut_after=size), lambda size: Way(end_after=size)], ids=["reset", "ended"]
)
@pytest.mark.parametrize("bytes_through", [GROUP_BYTES + 200_000, 2_000_000, 3_140_000])
def test_a_store_that_cuts_in_the_middle_of_a_read(
    *, relay: Relay, at: str, witness: Evidence, way: Callable[[int], Way], bytes_through: int
) -> None:
    """What arrived is true, and no client takes it for the whole. It is nobody's forgery."""
    assert ask("PUT", at, body=LARGE).status == 200
    before = witness.violations()
    with relay.trouble(to_proxy=way(bytes_through)):
        answer = ask("GET", at)

    assert (answer.status, answer.torn) == (200, True)
    assert 0 < len(answer.body) < len(LARGE)
    assert LARGE.startswith(answer.body)
    assert witness.of(answer.request_id)["additionalEventData"]["outcome"] == "torn"
    assert witness.violations() == before
    assert ask("GET", at).body == LARGE


def test_a_store_that_cuts_before_the_first_group(*, relay: Relay, at: str, comes_back: Any) -> None:
    """Nothing was sent yet: so the answer can be an error."""
    assert ask("PUT", at, body=LARGE).status == 200
    with relay.trouble(to_proxy=Way(cut_after=300_000)):
        comes_back(ask("GET", at))


def test_a_cut_before_the_head_is_tried_again(*, relay: Relay, at: str) -> None:
    """A read can be sent twice: the client hears nothing of one lost answer."""
    assert ask("PUT", at, body=SMALL).status == 200
    with relay.trouble(to_proxy=Way(cut_after=0), times=1):
        answer = ask("GET", at)
        struck = relay.struck

    assert (answer.status, answer.body, struck) == (200, SMALL, 1)


@pytest.mark.parametrize("bytes_through", [0, 500, 100_000, 1_500_000, 3_140_000])
def test_a_store_that_cuts_in_the_middle_of_a_write(
    *, relay: Relay, at: str, raw: Any, bucket: str, key: str, comes_back: Any, bytes_through: int
) -> None:
    """Nothing is there, and the client is asked to come again."""
    with relay.trouble(to_store=Way(cut_after=bytes_through)):
        comes_back(ask("PUT", at, body=LARGE))

    time.sleep(0.3)
    assert names(raw, bucket, key) == []


def test_a_held_body_outlives_a_lost_connection(*, relay: Relay, at: str) -> None:
    """It is still in memory: so it is sent again, unasked."""
    with relay.trouble(to_store=Way(cut_after=1000), times=1):
        answer = ask("PUT", at, body=SMALL)
        struck = relay.struck

    assert (answer.status, struck) == (200, 1)
    assert ask("GET", at).body == SMALL


def test_a_large_write_whose_answer_is_lost(*, relay: Relay, at: str, comes_back: Any) -> None:
    """Whether the store took it is not known: the client may try again, and does not hear success."""
    with relay.trouble(to_proxy=Way(cut_after=0)):
        comes_back(ask("PUT", at, body=LARGE))


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_store_that_does_not_answer(*, relay: Relay, at: str, comes_back: Any, method: str) -> None:
    """After the idle time, and not much later."""
    assert ask("PUT", at, body=SMALL).status == 200
    with relay.trouble(to_proxy=Way(stall_after=0)):
        started = time.monotonic()
        answer = ask(method, at, body=SMALL if method == "PUT" else b"")
        took = time.monotonic() - started

    assert IDLE_SECONDS * 0.9 < took < IDLE_SECONDS * 4
    comes_back(answer)


def test_a_store_that_falls_silent_in_the_middle_of_a_read(
    *, relay: Relay, at: str, witness: Evidence
) -> None:
    assert ask("PUT", at, body=LARGE).status == 200
    with relay.trouble(to_proxy=Way(stall_after=2_000_000)):
        answer = ask("GET", at)

    assert (answer.status, answer.torn) == (200, True)
    assert LARGE.startswith(answer.body)
    assert witness.of(answer.request_id)["additionalEventData"]["outcome"] == "torn"


def test_a_store_that_falls_silent_in_the_middle_of_a_write(
    *, relay: Relay, at: str, raw: Any, bucket: str, key: str, comes_back: Any
) -> None:
    with relay.trouble(to_store=Way(stall_after=100_000)):
        comes_back(ask("PUT", at, body=plaintext(16 * 1024 * 1024)))

    time.sleep(0.3)
    assert names(raw, bucket, key) == []


def test_a_slow_store_that_moves_is_waited_for(*, relay: Relay, at: str) -> None:
    """The bound is on silence, not on the whole."""
    assert ask("PUT", at, body=LARGE).status == 200
    with relay.trouble(to_proxy=Way(delay_seconds=0.04)):
        started = time.monotonic()
        assert ask("GET", at).body == LARGE
        assert time.monotonic() - started > 1.5 * IDLE_SECONDS


def test_an_answer_without_a_length_is_none(*, relay: Relay, at: str, comes_back: Any) -> None:
    """Nobody could tell a cut one from a whole one."""
    assert ask("PUT", at, body=SMALL).status == 200
    with relay.trouble(answer=b"HTTP/1.1 200 OK\r\nx-amz-meta-sealgate: 1.AA\r\n\r\nbody"):
        comes_back(ask("GET", at))


@pytest.mark.parametrize("size", [70_000, 3 * 1024 * 1024], ids=["held", "streamed"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("said", ANSWERS)
def test_a_store_that_answers_trouble(
    *,
    relay: Relay,
    at: str,
    raw: Any,
    bucket: str,
    key: str,
    witness: Evidence,
    said: str,
    method: str,
    size: int,
) -> None:
    """Whatever it says, the client gets 503, Retry-After and one of two codes; no word of the store's."""
    wire, code = ANSWERS[said]
    with relay.trouble(answer=wire):
        answer = ask(method, at, body=plaintext(size) if method == "PUT" else b"")

    assert answer.told == (503, code)
    assert answer.headers["retry-after"] == "1"
    assert b"nginx" not in answer.body
    assert names(raw, bucket, key) == []
    assert witness.of(answer.request_id)["errorCode"] == code


def test_a_success_that_comes_before_the_body_is_none(
    *, relay: Relay, at: str, raw: Any, bucket: str, key: str
) -> None:
    """A store that says 200 to half a body has not kept it."""
    # The bucket's own setting is asked for before, and remembered for some seconds.
    assert ask("PUT", f"{at.rsplit('/', 1)[0]}/before", body=SMALL).status == 200
    with relay.trouble(answer=b'HTTP/1.1 200 OK\r\netag: "x"\r\ncontent-length: 0\r\n\r\n'):
        answer = ask("PUT", at, body=plaintext(16 * 1024 * 1024))

    assert answer.status == 503
    assert names(raw, bucket, key) == []


def second_envelope(piece: bytes) -> bytes:
    return piece.replace(b"\r\n\r\n", b"\r\nx-amz-meta-sealgate: 1.AAAA\r\n\r\n", 1)


def without_envelope(piece: bytes) -> bytes:
    return re.sub(rb"x-amz-meta-sealgate", b"x-amz-meta-sealed-", piece, flags=re.IGNORECASE)


@pytest.mark.parametrize("change", [second_envelope, without_envelope])
def test_a_head_that_is_changed_on_its_way(
    *, relay: Relay, at: str, witness: Evidence, change: Callable[[bytes], bytes]
) -> None:
    """There is exactly one envelope, or no object."""
    assert ask("PUT", at, body=SMALL).status == 200
    before = witness.violations()
    with relay.trouble(to_proxy=Way(change=change)):
        answer = ask("GET", at)

    assert answer.told == (403, "InvalidObjectState")
    assert witness.violation(answer.request_id)
    assert witness.violations_reach(before + 1)
    assert ask("GET", at).body == SMALL


def test_trouble_is_a_plan(relay: Relay) -> None:
    """The relay by itself: what was set is over when its block is."""
    with relay.trouble(answer=b"x", times=1):
        assert relay._current() == Trouble(answer=b"x", times=1)
    assert relay._current() == Trouble()
