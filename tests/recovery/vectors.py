"""Reads the published vectors, seals anew what they describe, and plays the key service behind them."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from recovery.open import OpenedObject, open_object
from recovery.unlock import Unwrap
from tests.recovery.sealing import Run, body_of, column, seal_index, seal_run

VECTORS = Path(__file__).parent.parent / "vectors"


def load(file: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((VECTORS / file).read_text())
    return content


OBJECTS: dict[str, dict[str, Any]] = {
    vector["name"]: vector for file in ("objects.json", "multipart.json") for vector in load(file)["objects"]
}


@cache
def plain_of(name: str) -> bytes:
    vector = OBJECTS[name]
    return hashlib.shake_256(vector["plain_seed"].encode()).digest(vector["plain_length"])


@cache
def body_from(name: str, run_id: str | None = None) -> bytes:
    """The vector's body, sealed anew; with a run id, another attempt to send it, which had no index."""
    vector = OBJECTS[name]
    content_key = bytes.fromhex(vector["content_key"])
    outer = bytes.fromhex(vector["outer_content_key"]) if "outer_content_key" in vector else None
    runs = b"".join(seal_run(run, content_key, outer) for run in _runs(vector, run_id))
    index = b"" if run_id else _index(vector, content_key)
    return body_of(runs, index, vector["plain_length"])


def service(vector: Mapping[str, Any]) -> Unwrap:
    """A key service that opens what the vector says, under exactly the context that it says."""
    blobs = {(vector.get("key_arn"), vector.get("wrapped_data_key")): vector["data_key"]}
    if "outer_data_key" in vector:
        blobs[vector["outer_key_arn"], vector["outer_wrapped_data_key"]] = vector["outer_data_key"]

    def unwrap(key_arn: str, wrapped: bytes, context: dict[str, str]) -> bytes:
        assert context == vector["kms_context"]
        return bytes.fromhex(blobs[key_arn, wrapped.hex()])

    return unwrap


def careless_service(vector: Mapping[str, Any]) -> Unwrap:
    """A key service that opens anything: what is refused now, the header alone gave away."""

    def unwrap(key_arn: str, wrapped: bytes, _: dict[str, str]) -> bytes:
        outer = {vector.get("outer_key_arn"), vector.get("outer_wrapped_data_key")}
        is_outer = "outer_data_key" in vector and not outer.isdisjoint({key_arn, wrapped.hex()})
        return bytes.fromhex(vector["outer_data_key" if is_outer else "data_key"])

    return unwrap


def open_vector(vector: Mapping[str, Any], body: bytes, *, careless: bool = False) -> OpenedObject:
    """Opens a body with the header, name and keys of a vector."""
    by_client = vector["mode"] == "client"
    unwrap = careless_service(vector) if careless else service(vector)
    return open_object(
        body,
        vector["header"],
        bucket=vector["bucket"],
        key=bytes.fromhex(vector["key"]),
        unwrap=None if by_client else unwrap,
        client_key=bytes.fromhex(vector["data_key"]) if by_client else None,
    )


def edited(body: bytes, edits: list[dict[str, Any]], bodies: Mapping[str, bytes]) -> bytes:
    """The edits of bodies.json, in order; what is copied comes from bodies that were not edited."""
    data = bytearray(body)
    for edit in edits:
        [(what, how)] = edit.items()
        if what == "flip":
            data[how] ^= 1
        elif what == "cut_to":
            del data[how:]
        elif what == "append":
            data += bodies[how["from"]][how["at"] : how["at"] + how["count"]]
        elif what == "copy":
            data[how["to"] : how["to"] + how["count"]] = bodies[how["from"]][
                how["at"] : how["at"] + how["count"]
            ]
        elif what == "put":
            data[how["at"] : how["at"] + len(how["hex"]) // 2] = bytes.fromhex(how["hex"])
        elif what == "zero":
            data[how["at"] : how["at"] + how["count"]] = bytes(how["count"])
        else:
            raise AssertionError(what)
    return bytes(data)


def checksums_of(of: Mapping[str, str]) -> dict[int, bytes]:
    return {int(code): bytes.fromhex(value) for code, value in of.items()}


def _runs(vector: Mapping[str, Any], run_id: str | None) -> list[Run]:
    plain = plain_of(vector["name"])
    if "parts" not in vector:
        return [Run(0, bytes.fromhex(run_id or vector["run_id"]), plain)]
    runs, at = [], 0
    for part in vector["parts"]:
        end = at + part["plain_length"]
        runs.append(Run(part["number"], bytes.fromhex(part["run_id"]), plain[at:end]))
        at = end
    return runs


def _index(vector: Mapping[str, Any], content_key: bytes) -> bytes:
    if "index" in vector:
        return bytes.fromhex(vector["index"])
    checksums = checksums_of(vector["checksums_in_index"])
    if not checksums:
        return b""
    value = b"".join(bytes([code]) + checksums[code] for code in sorted(checksums))
    return seal_index(column(3, value), content_key)
