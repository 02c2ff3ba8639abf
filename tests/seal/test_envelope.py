"""Headers: written, read without belief, opened."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.seal.envelope import Mode, OpenEnvelope, kms_context, open_envelope, read_envelope, seal_envelope
from proxy.seal.errors import (
    DamagedEnvelope,
    ForeignBucket,
    FormatError,
    RefusedContext,
    TamperedBody,
    UnknownVersion,
    WrongKey,
)
from proxy.seal.geometry import sealed_size
from proxy.seal.header_fields import encode_header
from tests.seal.material import (
    BY_NAME,
    MULTIPART,
    SINGLE,
    Vector,
    binary,
    checksums,
    header_of,
    load,
    named,
    present,
)

ALL = [*SINGLE, *MULTIPART]
REFUSED: list[Vector] = [case for case in load("headers")["refused"] if case["why"] != "checksums"]
NO_CHECKSUMS: list[Vector] = [case for case in load("headers")["refused"] if case["why"] == "checksums"]
OPENED: list[Vector] = load("headers")["opened"]
ERRORS: dict[str, type[FormatError]] = {
    "damaged": DamagedEnvelope,
    "version": UnknownVersion,
    "foreign bucket": ForeignBucket,
    "wrong key": WrongKey,
    "no context": RefusedContext,
}
LEAST: dict[str, Any] = {
    "bucket": "bucket",
    "key": b"key",
    "mode": Mode.CLIENT,
    "plain_length": 1,
    "data_key": bytes(32),
    "content_key": bytes(32),
    "salt": bytes(16),
}


def with_flags(fields: bytes) -> str:
    return encode_header(b"\x00\x04" + fields + bytes(32))


def opened(header: str, vector: Vector) -> OpenEnvelope:
    """As a reader does it: what to tell the key service comes before what it answers."""
    claim = read_envelope(header)
    kms_context(
        bucket=claim.bucket,
        key=present(vector, "key"),
        data_key_per_object=claim.data_key_per_object,
        client_context=claim.client_context,
    )
    return open_envelope(
        claim,
        bucket=vector["bucket"],
        key=present(vector, "key"),
        data_key=present(vector, "data_key"),
        outer_data_key=binary(vector, "outer_data_key"),
    )


@pytest.mark.parametrize("vector", ALL, ids=named(ALL))
def test_a_header_is_written_as_the_vector_has_it(vector: Vector) -> None:
    assert header_of(vector) == vector["header"]


@pytest.mark.parametrize("vector", ALL, ids=named(ALL))
def test_a_header_says_whom_to_ask_and_opens_to_its_keys(vector: Vector) -> None:
    claim = read_envelope(vector["header"])
    envelope = opened(vector["header"], vector)

    assert claim.bucket == vector["bucket"]
    assert claim.mode is Mode[vector["mode"].upper()]
    assert claim.multipart == ("upload_tag" in vector)
    assert claim.upload_tag == binary(vector, "upload_tag")
    assert claim.plain_length == envelope.plain_length
    assert envelope.plain_length == (None if claim.multipart else vector["plain_length"])
    assert claim.key_arn == vector.get("key_arn")
    assert claim.wrapped_data_key == binary(vector, "wrapped_data_key")
    assert claim.outer_key_arn == vector.get("outer_key_arn")
    assert claim.outer_wrapped_data_key == binary(vector, "outer_wrapped_data_key")
    assert claim.client_context == vector["client_context"]
    assert claim.data_key_per_object == vector["data_key_per_object"]
    assert envelope.content_key == present(vector, "content_key")
    assert envelope.outer_content_key == binary(vector, "outer_content_key")
    assert envelope.checksums == checksums(vector, "checksums_in_envelope")
    assert envelope.seal == claim.seal


@pytest.mark.parametrize("vector", [v for v in ALL if "kms_context" in v], ids=lambda v: v["name"])
def test_the_key_service_sees_the_place_and_the_clients_pairs(vector: Vector) -> None:
    claim = read_envelope(vector["header"])

    context = kms_context(
        bucket=claim.bucket,
        key=present(vector, "key"),
        data_key_per_object=claim.data_key_per_object,
        client_context=claim.client_context,
    )

    assert context == vector["kms_context"]


@pytest.mark.parametrize("case", REFUSED, ids=named(REFUSED))
def test_a_header_that_differs_in_anything_is_refused(case: Vector) -> None:
    """Every field flipped, every rule of the tables broken under a good seal, every sloppy base64."""
    with pytest.raises(ERRORS[case["why"]]):
        opened(case["header"], {**BY_NAME[case["object"]], **case})


@pytest.mark.parametrize("case", NO_CHECKSUMS, ids=named(NO_CHECKSUMS))
def test_checksums_that_break_a_rule_are_refused_though_the_seal_is_good(case: Vector) -> None:
    envelope = opened(case["header"], BY_NAME[case["object"]])

    with pytest.raises(DamagedEnvelope):
        assert envelope.checksums is None


@pytest.mark.parametrize("case", OPENED, ids=named(OPENED))
def test_a_header_opens_with_all_that_a_reader_may_skip_or_must_take(case: Vector) -> None:
    """Fields of a later writer, and the least and the oddest of what the page allows."""
    vector = {**BY_NAME[case["object"]], **case}

    envelope = opened(case["header"], vector)

    assert envelope.content_key == present(vector, "content_key")
    assert envelope.sealed.client_context == vector["client_context"]
    if "checksums_in_envelope" in case:
        assert envelope.checksums == checksums(case, "checksums_in_envelope")


@pytest.mark.parametrize("name", ["kms with context", "double", "client", "three odd parts"])
def test_no_character_of_a_header_can_change(name: str) -> None:
    """Each one, not only each field: the text has no slack."""
    vector = BY_NAME[name]
    header: str = vector["header"]

    for place in range(len(header)):
        other = "A" if header[place] != "A" else "B"
        with pytest.raises((DamagedEnvelope, WrongKey, ForeignBucket, UnknownVersion)):
            opened(header[:place] + other + header[place + 1 :], vector)


@pytest.mark.parametrize("name", ["kms with context", "client"])
def test_no_header_opens_cut(name: str) -> None:
    vector = BY_NAME[name]
    header: str = vector["header"]

    for length in range(len(header)):
        with pytest.raises((DamagedEnvelope, WrongKey)):
            opened(header[:length], vector)


@settings(deadline=None)
@given(st.text() | st.binary().map(encode_header) | st.binary(max_size=200).map(with_flags))
def test_no_text_makes_reading_fail_in_any_other_way(header: str) -> None:
    """The store may put anything there."""
    try:
        read_envelope(header)
    except (DamagedEnvelope, UnknownVersion):
        return


def test_a_refusal_names_what_the_caller_needs() -> None:
    vector = BY_NAME["kms with context"]

    with pytest.raises(UnknownVersion) as version:
        read_envelope("17." + vector["header"][2:])
    with pytest.raises(ForeignBucket) as foreign:
        opened(vector["header"], {**vector, "bucket": "elsewhere"})

    assert version.value.version == "17"
    assert foreign.value.sealed_for == vector["bucket"]


def test_keys_and_context_stay_out_of_reprs() -> None:
    """A repr ends in a log."""
    for vector in ALL:
        shown = repr(opened(vector["header"], vector))
        for secret in ("content_key", "outer_content_key"):
            assert secret not in vector or repr(present(vector, secret)) not in shown
        assert not any(value and value in shown for value in vector["client_context"].values())


def test_the_outer_layers_salt_and_content_key_are_its_own() -> None:
    """One layer's keys do not open the other."""
    vector = BY_NAME["double"]

    with pytest.raises(DamagedEnvelope):
        opened(vector["header"], {**vector, "outer_data_key": vector["data_key"]})


def test_two_layers_cannot_be_opened_with_one_data_key() -> None:
    vector = dict(BY_NAME["double"])
    del vector["outer_data_key"]

    with pytest.raises(ValueError, match="two data keys"):
        opened(vector["header"], vector)


@pytest.mark.parametrize(
    "wrong",
    [
        {"plain_length": None},
        {"upload_tag": bytes(16)},
        {"mode": Mode.KMS},
        {"mode": Mode.KMS, "key_arn": "arn:of:a:key"},
        {"mode": Mode.KMS, "wrapped_data_key": b"blob"},
        {"mode": Mode.DOUBLE, "key_arn": "arn:of:a:key", "wrapped_data_key": b"blob"},
        {"key_arn": "arn:of:a:key"},
        {"data_key_per_object": True},
        {"client_context": {"a": "b"}},
        {"bucket": "ab"},
        {"salt": bytes(15)},
        {"data_key": bytes(31)},
        {"data_key": bytes(33)},
        {"content_key": bytes(31)},
        {"checksums": {2: b"1234"}},
        {"checksums": {2: b"1234"}, "checksum_nonce": bytes(11)},
        {"checksums": {2: b"123"}, "checksum_nonce": bytes(12)},
        {"checksums": {11: b"1234"}, "checksum_nonce": bytes(12)},
    ],
    ids=str,
)
def test_no_header_is_written_that_a_reader_would_refuse(wrong: dict[str, Any]) -> None:
    seal_envelope(**LEAST)

    with pytest.raises(ValueError, match=r"envelope|bytes"):
        seal_envelope(**{**LEAST, **wrong})


@pytest.mark.parametrize(
    ("pairs", "pair"),
    [
        ({"aws:s3:arn": "arn:aws:s3:::other"}, "aws:s3:arn"),
        ({"a": "\udc80"}, "a"),
        ({"a": "x" * 65_536}, "a"),
    ],
)
def test_a_context_that_cannot_be_kept_is_refused_by_its_pair(pairs: dict[str, str], pair: str) -> None:
    kms: dict[str, Any] = {**LEAST, "mode": Mode.KMS, "key_arn": "arn:of:a:key", "wrapped_data_key": b"blob"}

    with pytest.raises(RefusedContext) as refused:
        seal_envelope(**kms, client_context=pairs)

    assert refused.value.pair == pair


def test_the_reserved_pair_never_reaches_the_key_service() -> None:
    with pytest.raises(RefusedContext):
        kms_context(bucket="b", key=b"k", data_key_per_object=False, client_context={"aws:s3:arn": "x"})


def test_a_key_that_is_no_text_has_no_data_key_of_its_own() -> None:
    """A context holds text; the bucket's data key serves any name."""
    shared = kms_context(bucket="bucket", key=b"\xff", data_key_per_object=False)

    with pytest.raises(RefusedContext):
        kms_context(bucket="bucket", key=b"\xff", data_key_per_object=True)
    assert shared == {"aws:s3:arn": "arn:aws:s3:::bucket"}


def test_a_bodys_size_must_be_the_headers() -> None:
    vector = BY_NAME["owned"]
    claim = read_envelope(vector["header"])
    multipart = read_envelope(BY_NAME["three odd parts"]["header"])

    assert claim.agreed_length(sealed_size(1000)) == 1000
    assert multipart.agreed_length(sealed_size(1000)) == 1000
    for wrong in (sealed_size(999), sealed_size(1001), 0, 123):
        with pytest.raises(TamperedBody):
            claim.agreed_length(wrong)


def test_the_private_field_is_proven_again_when_it_is_opened() -> None:
    """Under a good seal only a wrong writer could damage it; that is no reason to trust it."""
    vector = BY_NAME["owned"]
    envelope = opened(vector["header"], vector)
    private = envelope.sealed.fields[11]
    damaged = replace(
        envelope.sealed, fields={**envelope.sealed.fields, 11: private[:-1] + bytes([private[-1] ^ 1])}
    )

    with pytest.raises(DamagedEnvelope):
        assert replace(envelope, sealed=damaged).checksums is None
