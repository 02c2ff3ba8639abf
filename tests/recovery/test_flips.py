"""Every byte counts: small objects with bits of each byte of body and header turned, cut, and left out."""

from dataclasses import replace

import pytest

from recovery.errors import RecoveryError
from tests.recovery.made import (
    CONTENT_KEY,
    TWO_LAYERS,
    Made,
    multipart,
    opened,
    runs_of,
    single,
)
from tests.recovery.sealing import column, seal_index
from tests.recovery.vectors import OBJECTS, body_from, open_vector

SMALL: dict[str, Made] = {
    "single": single(b"12345"),
    "single, empty": single(b""),
    "single, index": single(b"12345", seal_index(column(3, b"\x02abcd"), CONTENT_KEY)),
    "single, two layers": single(b"12345", mode=TWO_LAYERS),
    "multipart": multipart(runs_of((1, 5), (2, 3))),
    "multipart, two layers": multipart(runs_of((7, 5), (10_000, 0)), mode=TWO_LAYERS),
}


def plain_before_refusal(made: Made, *refusals: type[Exception]) -> bytes:
    """What left before the object was refused; it must be refused."""
    pieces: list[bytes] = []
    with pytest.raises((RecoveryError, *refusals)):
        pieces.extend(opened(made).plaintext())
    return b"".join(pieces)


@pytest.mark.parametrize("name", SMALL)
def test_the_object_opens_as_it_is(name: str) -> None:
    assert b"".join(opened(SMALL[name]).plaintext()) == SMALL[name].plain


@pytest.mark.parametrize("bit", [0x01, 0x10, 0x80])
@pytest.mark.parametrize("name", SMALL)
def test_a_flipped_bit_anywhere_in_the_body_is_found(name: str, bit: int) -> None:
    """In run ids, ciphertext, tags, zero bytes, index and footer alike."""
    made = SMALL[name]
    for at in range(len(made.body)):
        body = made.body[:at] + bytes([made.body[at] ^ bit]) + made.body[at + 1 :]

        assert made.plain.startswith(plain_before_refusal(replace(made, body=body)))


@pytest.mark.parametrize("name", SMALL)
def test_a_body_with_a_byte_missing_is_found(name: str) -> None:
    """At its end, at its beginning, and anywhere between."""
    made = SMALL[name]
    for at in range(len(made.body)):
        for body in (made.body[:at], made.body[at + 1 :], made.body[:at] + made.body[at + 1 :]):
            plain_before_refusal(replace(made, body=body))


@pytest.mark.parametrize("name", SMALL)
def test_another_character_anywhere_in_the_header_is_found(name: str) -> None:
    """Two others for each, so that every character changes some bit that counts."""
    made = SMALL[name]
    for at in range(len(made.header)):
        for other in {"A", "B", "_"} - {made.header[at]}:
            header = made.header[:at] + other + made.header[at + 1 :]

            # The key service may be the first to refuse.
            assert plain_before_refusal(replace(made, header=header), PermissionError) == b""


@pytest.mark.parametrize(
    "name", ["client 5 bytes", "double empty", "index in an empty object", "one empty part"]
)
def test_a_flipped_byte_of_a_published_body_is_found(name: str) -> None:
    body = body_from(name)
    for at in range(len(body)):
        with pytest.raises(RecoveryError):
            list(
                open_vector(OBJECTS[name], body[:at] + bytes([body[at] ^ 0xFF]) + body[at + 1 :]).plaintext()
            )
