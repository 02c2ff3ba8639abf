"""An envelope that is not the one sealed for this body under this name opens nothing, and is told of.

Three ways to damage one: its bytes, its place, its absence. All with the store's own credentials.
"""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from recovery.envelope import read_header
from tests.e2e.at_rest import plaintext
from tests.faults.damage import Stored
from tests.faults.evidence import Evidence
from tests.faults.wire import Got, ask
from tests.stores.sealgate import Sealgate

PLAIN, OTHER = plaintext(70_000, seed=1), plaintext(70_000, seed=2)
NOT_AS_SEALED = (403, "InvalidObjectState")
NO_SUCH_KEY = {(403, "AccessDenied"), (400, "KMS.NotFoundException"), (400, "KMS.InvalidKeyUsageException")}
"""What names no key that is accepted is refused as any such name is."""
KEY_ARN = "field 03"
MODES = {"AES256": 3, "aws:kms": 8}
"""Characters between two that are changed. One holds six bits: a third of them strikes each byte but few."""


@pytest.fixture
def take(raw: Any, bucket: str) -> Callable[[str], Stored]:
    """An object as it lies on the bare store."""

    def taken(key: str) -> Stored:
        kept = raw.get_object(Bucket=bucket, Key=key)
        return Stored(kept["Body"].read(), kept["Metadata"])

    return taken


@pytest.fixture
def put_raw(raw: Any, bucket: str) -> Callable[[str, Stored], None]:
    def put(key: str, stored: Stored) -> None:
        raw.put_object(Bucket=bucket, Key=key, Body=stored.body, Metadata=dict(stored.metadata))

    return put


@pytest.fixture
def get(sealgate: Sealgate, bucket: str) -> Callable[[str], Got]:
    return lambda key: ask("GET", f"{sealgate.url}/{bucket}/{key}")


@pytest.fixture
def refused_as_violation(get: Any, evidence: Evidence) -> Callable[[str], None]:
    """refused_as_violation(key): no byte of the object, one event, one count."""

    def check(key: str) -> None:
        before = evidence.violations()
        answer = get(key)
        assert answer.told == NOT_AS_SEALED
        assert evidence.violation(answer.request_id)
        assert evidence.violations_reach(before + 1)

    return check


def changed(header: str, at: int) -> str:
    """The header with one character replaced by another of its alphabet."""
    return header[:at] + ("A" if header[at] != "A" else "B") + header[at + 1 :]


def field_at(header: str, character: int) -> str:
    """Which part of the header this character belongs to, after docs/FORMAT.md."""
    if character < 2:
        return "version"
    place = (character - 2) * 6 // 8
    envelope = base64.urlsafe_b64decode(header[2:] + "=" * (-len(header[2:]) % 4))
    if place < 2:
        return "flags"
    at = 2
    while at < len(envelope) - 32:
        tag, length = envelope[at], int.from_bytes(envelope[at + 1 : at + 3], "big")
        if place < at + 3:
            return "head of a field"
        at += 3 + length
        if place < at:
            return f"field {tag:02X}"
    return "seal"


@pytest.mark.parametrize(("mode", "step"), MODES.items())
def test_any_changed_character_is_noticed(
    *,
    s3: Any,
    bucket: str,
    key: str,
    take: Any,
    put_raw: Any,
    get: Any,
    evidence: Evidence,
    mode: str,
    step: int,
) -> None:
    """No single changed character of the header ends in a success, and each is a violation."""
    s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=PLAIN,
        ServerSideEncryption=mode,
        ChecksumAlgorithm="SHA256",
        Metadata={"a": "b"},
    )
    stored = take(key)
    header = stored.metadata["sealgate"]
    overlooked, told = [], set()
    for at in [0, 1, 2, 3, *range(4, len(header) - 1, step), len(header) - 1]:
        put_raw(key, stored.with_envelope(changed(header, at)))

        answer = get(key)

        assert answer.status >= 400
        if field_at(header, at) != KEY_ARN:
            assert answer.told == NOT_AS_SEALED
        told.add(answer.told)
        if not evidence.violation(answer.request_id):
            overlooked.append((at, field_at(header, at), answer.told))
    assert not overlooked, "\n".join(map(str, overlooked))
    assert told <= {NOT_AS_SEALED, *NO_SUCH_KEY}


@pytest.fixture
def pair(s3: Any, bucket: str, key: str, take: Any) -> tuple[tuple[str, Stored], tuple[str, Stored]]:
    """Two objects of one size in one bucket, sealed under the same data key."""
    names = (f"{key}-1", f"{key}-2")
    for name, plain in zip(names, (PLAIN, OTHER), strict=True):
        s3.put_object(Bucket=bucket, Key=name, Body=plain)
    return (names[0], take(names[0])), (names[1], take(names[1]))


MIXED: dict[str, Callable[[Stored, Stored], Stored]] = {
    "another's body": lambda own, other: own.with_body(other.body),
    "another's envelope": lambda own, other: own.with_envelope(other.metadata["sealgate"]),
    "another object": lambda own, other: own.with_body(other.body).with_envelope(other.metadata["sealgate"]),
    "no envelope": lambda own, _: own.with_envelope(None),
    "an empty envelope": lambda own, _: own.with_envelope("1."),
    "another's body without envelope": lambda own, other: own.with_body(other.body).with_envelope(None),
    "two envelopes in one": lambda own, _: own.with_envelope(f"{own.metadata['sealgate']},1."),
    "the envelope twice": lambda own, _: own.with_envelope(",".join([own.metadata["sealgate"]] * 2)),
    "padding": lambda own, _: own.with_envelope(own.metadata["sealgate"] + "="),
    "the envelope cut": lambda own, _: own.with_envelope(own.metadata["sealgate"][:-40]),
    "a field more": lambda own, _: own.with_envelope(with_field(own.metadata["sealgate"], 0x90)),
    "an unknown field": lambda own, _: own.with_envelope(with_field(own.metadata["sealgate"], 0x7F)),
}


def with_field(header: str, tag: int) -> str:
    """The envelope with a field more before its seal. Tags from 80 on are skipped by readers, but sealed."""
    envelope = base64.urlsafe_b64decode(header[2:] + "=" * (-len(header[2:]) % 4))
    grown = envelope[:-32] + bytes([tag, 0, 1, 0]) + envelope[-32:]
    return "1." + base64.urlsafe_b64encode(grown).rstrip(b"=").decode()


@pytest.mark.parametrize("how", MIXED)
def test_what_is_not_this_objects_is_refused(
    *, pair: Any, put_raw: Any, refused_as_violation: Any, how: str
) -> None:
    """Body and envelope are bound to each other and to their name, whatever the store makes of them."""
    (name, stored), (_, other) = pair
    put_raw(name, MIXED[how](stored, other))

    refused_as_violation(name)


def test_a_renamed_object_is_refused(pair: Any, put_raw: Any, refused_as_violation: Any, key: str) -> None:
    """Under a name that never was, as under another's."""
    (_, stored), _ = pair
    put_raw(f"{key}-renamed", stored)

    refused_as_violation(f"{key}-renamed")


def test_an_object_in_another_bucket_is_refused(
    *, sealgate: Sealgate, s3: Any, raw: Any, pair: Any, evidence: Evidence, bucket: str
) -> None:
    """Its bucket's name is in the envelope; a rule may accept it, and none does here."""
    (name, stored), _ = pair
    elsewhere = f"{bucket}-2"[-63:].lstrip("-")
    s3.create_bucket(Bucket=elsewhere)
    raw.put_object(Bucket=elsewhere, Key=name, Body=stored.body, Metadata=dict(stored.metadata))

    answer = ask("GET", f"{sealgate.url}/{elsewhere}/{name}")

    assert answer.told == NOT_AS_SEALED
    assert evidence.violation(answer.request_id)


def test_an_older_versions_envelope_is_refused(
    *, s3: Any, bucket: str, key: str, take: Any, put_raw: Any, refused_as_violation: Any
) -> None:
    """Same name, same size, same data key: the content key tells them apart. And the other way round."""
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN)
    older = take(key)
    s3.put_object(Bucket=bucket, Key=key, Body=OTHER)
    newer = take(key)
    assert read_header(older.metadata["sealgate"]).seal != read_header(newer.metadata["sealgate"]).seal

    for body, envelope in ((newer, older), (older, newer)):
        put_raw(key, body.with_envelope(envelope.metadata["sealgate"]))
        refused_as_violation(key)


def test_a_plain_object_is_not_served_as_a_sealed_one(
    raw: Any, bucket: str, key: str, get: Any, evidence: Evidence
) -> None:
    """What was put beside the proxy is refused by its own name; only a lost envelope is damage."""
    raw.put_object(Bucket=bucket, Key=key, Body=PLAIN)

    answer = get(key)

    assert answer.told == NOT_AS_SEALED
    assert PLAIN not in answer.body
    assert evidence.of(answer.request_id)["errorCode"] == "InvalidObjectState"


def test_a_client_cannot_bring_an_envelope(url: str, raw: Any, bucket: str, key: str, pair: Any) -> None:
    """A body sealed elsewhere stays there."""
    (_, stored), _ = pair

    answer = ask("PUT", url, {"x-amz-meta-sealgate": stored.metadata["sealgate"]}, body=stored.body)

    assert answer.status == 400
    assert raw.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == len(pair)
