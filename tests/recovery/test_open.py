"""The front door: keys of both kinds, names, memory, and when plaintext leaves."""

import ast
import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import recovery
from recovery.envelope import Mode
from recovery.errors import (
    ForeignName,
    HeaderDamaged,
    KeyMissing,
    SegmentDamaged,
    TailDamaged,
    WrongKey,
    WrongSize,
)
from recovery.open import open_object
from tests.recovery.made import (
    BUCKET,
    CLIENT,
    CONTENT_KEY,
    DATA_KEY,
    KEY,
    NAME,
    TWO_LAYERS,
    Made,
    fields_of,
    multipart,
    opened,
    runs_of,
    single,
    unwrap,
)
from tests.recovery.sealing import M, S, header_of, name, wrap

SEALED_S = S + 28


class Sparing(io.BytesIO):
    """A file that gives a little less than it is asked for, and remembers the most that it was asked for."""

    most = 0

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        self.most = max(self.most, size if size >= 0 else sys.maxsize)
        return super().read(min(size, 10_000))


def test_a_large_object_is_read_a_segment_at_a_time() -> None:
    """Memory does not grow with the object, and a file may give less than it was asked for."""
    made = multipart(runs_of((1, M), (2, M)))
    file = Sparing(made.body)

    found = open_object(file, made.header, bucket=BUCKET, key=KEY, client_key=DATA_KEY)

    assert b"".join(found.plaintext()) == made.plain
    assert file.most == SEALED_S


def test_plaintext_is_given_more_than_once() -> None:
    found = opened(single(b"abc"))

    assert [b"".join(found.plaintext()) for _ in range(2)] == [b"abc", b"abc"]


def test_good_segments_leave_before_a_bad_one_and_none_after() -> None:
    plain = runs_of((0, 3 * S))[0].plain
    made = single(plain)
    at = 2 * SEALED_S + 100
    pieces: list[bytes] = []

    with pytest.raises(SegmentDamaged, match="segment 2 of the body: its tag is not good"):
        pieces.extend(opened(replace(made, body=made.body[:at] + b"?" + made.body[at + 1 :])).plaintext())

    assert b"".join(pieces) == plain[: 2 * S]


def test_no_plaintext_leaves_where_the_tail_is_damaged() -> None:
    """The tail is read first, though it is last."""
    made = single(b"abc" * S)

    with pytest.raises(TailDamaged):
        opened(replace(made, body=made.body[:-4] + b"SGB2"))


def test_a_file_that_shrinks_meanwhile_is_refused() -> None:
    made = single(b"abc" * S)
    file = io.BytesIO(made.body)
    found = open_object(file, made.header, bucket=BUCKET, key=KEY, client_key=DATA_KEY)
    file.truncate(S)

    with pytest.raises(WrongSize, match=f"ends at byte {S}"):
        list(found.plaintext())


@pytest.mark.parametrize(("mode", "missing"), [(CLIENT, "SSE-C"), (TWO_LAYERS, "arn:inner")])
def test_a_key_of_the_kind_that_is_missing_is_asked_for(mode: int, missing: str) -> None:
    """The error says which key to look for."""
    made = single(b"abc", mode=mode)

    with pytest.raises(KeyMissing, match=missing):
        open_object(
            made.body,
            made.header,
            bucket=BUCKET,
            key=KEY,
            unwrap=unwrap if mode == CLIENT else None,
            client_key=DATA_KEY if mode == TWO_LAYERS else None,
        )


@pytest.mark.parametrize("key", [b"", DATA_KEY[:16], DATA_KEY + b"!", b"\x07" * 32])
def test_a_key_that_cannot_be_it_is_refused(key: bytes) -> None:
    made = single(b"abc")

    with pytest.raises(WrongKey):
        open_object(made.body, made.header, bucket=BUCKET, key=KEY, client_key=key)


def test_errors_of_the_key_service_go_through() -> None:
    made = single(b"abc", mode=TWO_LAYERS)

    def refuse(_: str, __: bytes, ___: dict[str, str]) -> bytes:
        raise PermissionError

    with pytest.raises(PermissionError):
        open_object(made.body, made.header, bucket=BUCKET, key=KEY, unwrap=refuse)


def test_a_bucket_may_be_read_under_another_name_if_its_former_one_is_given() -> None:
    """The name that counts is the one that stands in the header."""
    made = single(b"abc", mode=TWO_LAYERS)

    found = open_object(
        made.body, made.header, bucket="a-copy", key=KEY, former_buckets=[BUCKET], unwrap=unwrap
    )

    assert b"".join(found.plaintext()) == b"abc"
    with pytest.raises(ForeignName, match=BUCKET):
        open_object(made.body, made.header, bucket="a-copy", key=KEY, unwrap=unwrap)


def test_another_objects_name_is_refused() -> None:
    made = single(b"abc")

    with pytest.raises(WrongKey):
        open_object(made.body, made.header, bucket=BUCKET, key=KEY + b"2", client_key=DATA_KEY)


def test_a_name_longer_than_its_length_field_is_refused() -> None:
    made = single(b"abc")

    with pytest.raises(ForeignName, match="65536 bytes"):
        open_object(made.body, made.header, bucket=BUCKET, key=b"k" * 65_536, client_key=DATA_KEY)


def made_under(key: bytes, flags: int) -> Made:
    """A single-part object of one layer under another key name, with other flags."""
    fields = {
        2: b"\0" * 7 + b"\3",
        3: b"arn:inner",
        4: b"inner",
        5: wrap(DATA_KEY, CONTENT_KEY, b"s" * 16, name(BUCKET, key)),
        7: BUCKET.encode(),
    }
    return replace(single(b"abc"), header=header_of(flags, fields, CONTENT_KEY, name(BUCKET, key)))


def test_a_key_that_is_not_utf8_has_no_context_of_its_own() -> None:
    """Where the context has the bucket alone, such a key does not matter."""
    key = b"\xff"

    with pytest.raises(ForeignName, match="UTF-8"):
        open_object(b"", made_under(key, 0x0006).header, bucket=BUCKET, key=key, unwrap=unwrap)
    made = made_under(key, 0x0004)
    found = open_object(made.body, made.header, bucket=BUCKET, key=key, unwrap=unwrap)
    assert b"".join(found.plaintext()) == b"abc"
    assert found.envelope.flags.mode is Mode.KEY_SERVICE


def test_a_private_field_may_be_absent() -> None:
    assert opened(single(b"abc")).header_checksums() == {}


def test_nothing_is_believed_before_the_seal_is_good() -> None:
    """A length that is a lie under a good wrap is the header's damage, not the body's."""
    made = single(b"abc")
    fields = fields_of(CLIENT, {2: (4).to_bytes(8, "big")})

    with pytest.raises(HeaderDamaged, match="seal"):
        opened(replace(made, header=header_of(CLIENT, fields, b"\x09" * 32, NAME)))


def test_no_key_shows_in_a_repr() -> None:
    shown = repr(opened(single(b"abc", mode=TWO_LAYERS)))

    assert repr(CONTENT_KEY)[2:-1] not in shown
    assert repr(DATA_KEY)[2:-1] not in shown


def test_recovery_needs_the_standard_library_and_cryptography_alone() -> None:
    """Whoever has lost everything else can still run it."""
    files = sorted(Path(recovery.__path__[0]).rglob("*.py"))
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text()))]
    imported = {
        alias.name.split(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {(node.module or "").split(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)}

    assert imported - sys.stdlib_module_names == {"cryptography", "recovery"}
