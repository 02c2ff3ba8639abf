"""The vectors of tests/vectors as values, and objects made of them, for all tests of this room.

Nothing here computes a key or a cipher: what is expected comes from the files alone.
"""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import shake_256
from pathlib import Path
from typing import Any

from proxy.seal.envelope import Mode, OuterKey, open_envelope, read_envelope, seal_envelope
from proxy.seal.geometry import WHOLE, Window, plain_size
from proxy.seal.layout import Layout, OneRun
from proxy.seal.opener import Opener
from proxy.seal.parts import open_parts
from proxy.seal.sealer import Sealer, seal_body

VECTORS = Path(__file__).parent.parent / "vectors"
Vector = dict[str, Any]


@cache
def load(name: str) -> Vector:
    loaded: Vector = json.loads((VECTORS / f"{name}.json").read_text())
    return loaded


SINGLE: list[Vector] = load("objects")["objects"]
MULTIPART: list[Vector] = load("multipart")["objects"]
BY_NAME: dict[str, Vector] = {vector["name"]: vector for vector in [*SINGLE, *MULTIPART]}


def named(vectors: Iterable[Vector]) -> list[str]:
    return [vector["name"] for vector in vectors]


def binary(vector: Vector, field: str) -> bytes | None:
    """The field's bytes, None where the vector does not have it."""
    return bytes.fromhex(vector[field]) if field in vector else None


def present(vector: Vector, field: str) -> bytes:
    return bytes.fromhex(vector[field])


def checksums(vector: Vector, field: str) -> dict[int, bytes]:
    return {int(code): bytes.fromhex(value) for code, value in vector[field].items()}


def plaintext(vector: Vector) -> bytes:
    return shake_256(vector["plain_seed"].encode()).digest(vector["plain_length"])


def header_of(vector: Vector) -> str:
    """The header, written by the code under test from what the vector fixes."""
    outer = None
    if "outer_key_arn" in vector:
        outer = OuterKey(
            key_arn=vector["outer_key_arn"],
            wrapped_data_key=present(vector, "outer_wrapped_data_key"),
            data_key=present(vector, "outer_data_key"),
            content_key=present(vector, "outer_content_key"),
            salt=present(vector, "outer_salt"),
        )
    return seal_envelope(
        bucket=vector["bucket"],
        key=present(vector, "key"),
        mode=Mode[vector["mode"].upper()],
        plain_length=None if "upload_tag" in vector else vector["plain_length"],
        upload_tag=binary(vector, "upload_tag"),
        key_arn=vector.get("key_arn"),
        wrapped_data_key=binary(vector, "wrapped_data_key"),
        data_key=present(vector, "data_key"),
        content_key=present(vector, "content_key"),
        salt=present(vector, "salt"),
        data_key_per_object=vector["data_key_per_object"],
        client_context=vector["client_context"],
        checksums=checksums(vector, "checksums_in_envelope"),
        checksum_nonce=binary(vector, "checksum_nonce"),
        outer=outer,
    )


def body_of(vector: Vector, *, run_id: str | None = None) -> bytes:
    """The body, written by the code under test; another run_id makes another attempt's."""
    if "parts" in vector:
        return multipart_body_of(vector)
    return bytes(
        seal_body(
            plaintext(vector),
            content_key=present(vector, "content_key"),
            run_id=bytes.fromhex(run_id) if run_id else present(vector, "run_id"),
            outer_content_key=binary(vector, "outer_content_key"),
            checksums=checksums(vector, "checksums_in_index"),
        )
    )


def multipart_body_of(vector: Vector) -> bytes:
    """The runs of the parts by the code under test, put together around the vector's index."""
    plain, place, runs = plaintext(vector), 0, []
    for part in vector["parts"]:
        end = place + part["plain_length"]
        sealer = Sealer(
            content_key=present(vector, "content_key"),
            run_id=present(part, "run_id"),
            plain_length=part["plain_length"],
            outer_content_key=binary(vector, "outer_content_key"),
            part=part["number"],
        )
        runs += [bytes(view) for view in sealer.feed(plain[place:end])] + [bytes(sealer.finish())]
        place = end
    index = present(vector, "index")
    zeros = bytes(vector["body_length"] - sum(map(len, runs)) - len(index) - 8)
    return b"".join([*runs, zeros, index, len(index).to_bytes(4, "big"), b"SGB1"])


def sealer_of(vector: Vector) -> Sealer:
    return Sealer(
        content_key=present(vector, "content_key"),
        run_id=present(vector, "run_id"),
        plain_length=vector["plain_length"],
        outer_content_key=binary(vector, "outer_content_key"),
    )


def layout_in(vector: Vector, body: bytes) -> Layout:
    """Where the runs lie; those of a multipart body by the index that it holds."""
    if "parts" not in vector:
        return OneRun(vector["plain_length"])
    return open_parts(body, content_key=present(vector, "content_key"), plain_length=plain_size(len(body)))


def opener_of(
    vector: Vector,
    where: Window = WHOLE,
    plain_last: int | None = None,
    *,
    layout: Layout | None = None,
    **more: bool,
) -> Opener:
    return Opener(
        content_key=present(vector, "content_key"),
        layout=layout or OneRun(vector["plain_length"]),
        window=where,
        plain_last=vector["plain_length"] - 1 if plain_last is None else plain_last,
        outer_content_key=binary(vector, "outer_content_key"),
        **more,
    )


def pieces(opener: Opener, answer: bytes) -> Iterator[bytes]:
    """What the opener gives out for a store's answer, which must be used up exactly."""
    place = 0
    while sealed := opener.wanted():
        sealed[:] = answer[place : place + len(sealed)]
        place += len(sealed)
        yield bytes(opener.open())
    assert place == len(answer)


def cut_out(body: bytes, where: Window) -> bytes:
    """What a store answers."""
    return body[where.sealed_first : None if where.sealed_last is None else where.sealed_last + 1]


def opened_whole(vector: Vector, body: bytes) -> bytes:
    """As a reader does it: header, size, index, then the whole body. Raises what the reader would."""
    claim = read_envelope(vector["header"])
    claim.agreed_length(len(body))
    open_envelope(
        claim,
        bucket=vector["bucket"],
        key=present(vector, "key"),
        data_key=present(vector, "data_key"),
        outer_data_key=binary(vector, "outer_data_key"),
    )
    return b"".join(pieces(opener_of(vector, layout=layout_in(vector, body)), body))


def edited(vector: Vector, edits: list[Vector]) -> bytes:
    """A damaged body, as bodies.json and multipart.json describe it."""
    body = bytearray(body_of(vector))
    for edit in edits:
        [(verb, how)] = edit.items()
        match verb:
            case "flip":
                body[how] ^= 1
            case "put":
                put = bytes.fromhex(how["hex"])
                body[how["at"] : how["at"] + len(put)] = put
            case "zero":
                body[how["at"] : how["at"] + how["count"]] = bytes(how["count"])
            case "cut_to":
                del body[how:]
            case "copy":
                body[how["to"] : how["to"] + how["count"]] = _source(how)
            case "append":
                body += _source(how)
            case _:
                raise AssertionError(verb)
    return bytes(body)


def _source(how: Vector) -> bytes:
    attempts: dict[str, Vector] = {attempt["name"]: attempt for attempt in load("bodies")["attempts"]}
    if how["from"] in attempts:
        attempt = attempts[how["from"]]
        body = body_of(BY_NAME[attempt["same_as"]], run_id=attempt["run_id"])
    else:
        body = body_of(BY_NAME[how["from"]])
    return body[how["at"] : how["at"] + how["count"]]
