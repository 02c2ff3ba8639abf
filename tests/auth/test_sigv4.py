"""The signer of what we send, and the memo of its keys."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta, timezone

import pytest

from proxy.auth.sigv4 import UNSIGNED_HEADERS, Credentials, Signer, SigningKey, SigningKeys, timestamp_of
from tests.auth.forge import EMPTY_SHA256, NOW, PERMANENT, TEMPORARY, Wire

SIGNED = "SignedHeaders={}, Signature="


def test_what_is_added_for_s3() -> None:
    signed = Wire().signed(TEMPORARY, payload_hash="UNSIGNED-PAYLOAD").headers

    assert signed["x-amz-date"] == "20130524T000000Z"
    assert signed["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert signed["x-amz-security-token"] == TEMPORARY.session_token
    assert (
        SIGNED.format("host;x-amz-content-sha256;x-amz-date;x-amz-security-token") in signed["authorization"]
    )
    assert signed.keys() - {"authorization"} == {
        "host",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-security-token",
    }


def test_what_is_added_for_other_services() -> None:
    """No session token where there is none, and no header for the payload's hash."""
    signed = Wire().signed(service="kms").headers

    assert signed.keys() == {"host", "x-amz-date", "authorization"}


@pytest.mark.parametrize("name", sorted(UNSIGNED_HEADERS))
def test_what_may_change_on_the_way_is_not_signed(name: str) -> None:
    headers = {"host": "h", name: "value"}

    signed = Wire(headers=headers).signed().headers

    assert SIGNED.format("host;x-amz-content-sha256;x-amz-date") in signed["authorization"]


def test_stale_headers_of_an_earlier_signature_are_replaced() -> None:
    """A request is signed again when it is sent again."""
    fresh = Wire().signed(at=NOW + timedelta(seconds=7))

    again = Wire().signed().signed(at=NOW + timedelta(seconds=7))

    assert again == fresh


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 999999, tzinfo=UTC), "20260102T030405Z"),
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(), "Z")), "20261231T235959Z"),
        (datetime(999, 1, 1, tzinfo=UTC), "09990101T000000Z"),
    ],
)
def test_a_timestamp_is_cut_to_the_second(now: datetime, expected: str) -> None:
    assert timestamp_of(now) == expected


@pytest.mark.parametrize("zone", [None, timezone(timedelta(hours=1))], ids=str)
def test_time_in_another_zone_is_a_mistake(zone: timezone | None) -> None:
    with pytest.raises(AssertionError):
        timestamp_of(NOW.replace(tzinfo=zone))


@pytest.mark.parametrize("text", ["", "a", "a" * 1000, "é\udcff"], ids=ascii)
def test_a_signing_key_makes_the_hmac(text: str) -> None:
    """Ours keeps the pads in; the standard library's is the reference."""
    key = bytes(range(32))

    made = SigningKey(key).sign(text)

    assert made == hmac.new(key, text.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()


def test_keys_are_derived_once_a_day_region_and_service() -> None:
    keys = SigningKeys()
    today = keys.get(PERMANENT, day="20130524", region="r", service="s3")

    assert keys.get(PERMANENT, day="20130524", region="r", service="s3") is today
    others = [
        keys.get(PERMANENT, day="20130525", region="r", service="s3"),
        keys.get(PERMANENT, day="20130524", region="q", service="s3"),
        keys.get(PERMANENT, day="20130524", region="r", service="kms"),
        keys.get(TEMPORARY, day="20130524", region="r", service="s3"),
    ]
    assert len({key.sign("x") for key in (today, *others)}) == 5


def test_a_changed_secret_is_another_key() -> None:
    """A rolled secret must not be answered from the memo."""
    keys = SigningKeys()
    scope = {"day": "20130524", "region": "r", "service": "s3"}
    old = keys.get(PERMANENT, **scope).sign("x")

    new = keys.get(Credentials(access_key=PERMANENT.access_key, secret="new"), **scope).sign("x")

    assert new != old


def test_the_memo_is_bounded_and_forgets_the_oldest() -> None:
    keys = SigningKeys(capacity=2)
    first = keys.get(PERMANENT, day="1", region="r", service="s3")
    second = keys.get(PERMANENT, day="2", region="r", service="s3")

    keys.get(PERMANENT, day="3", region="r", service="s3")

    assert len(keys) == 2
    assert keys.get(PERMANENT, day="2", region="r", service="s3") is second
    assert keys.get(PERMANENT, day="1", region="r", service="s3") is not first


def test_no_secret_is_shown() -> None:
    key = SigningKeys().get(TEMPORARY, day="1", region="r", service="s3")
    signer = Signer(TEMPORARY, region="r", service="s3")

    shown = repr(TEMPORARY) + repr(key) + repr(signer)

    assert TEMPORARY.secret not in shown
    assert TEMPORARY.session_token not in shown
    assert "ASIAEXAMPLE" in shown


def test_a_signer_shares_the_keys_it_is_given() -> None:
    keys = SigningKeys()

    Signer(PERMANENT, region="r", service="s3", signing_keys=keys).sign(
        method="GET", path="/", query="", headers={"host": "h"}, payload_hash=EMPTY_SHA256, now=NOW
    )

    assert len(keys) == 1
