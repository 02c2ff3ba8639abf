"""A presigned URL's life, to the second, and what may stand in its query."""

from dataclasses import replace
from datetime import timedelta

import pytest

from proxy.auth.errors import Expired, Malformed, NotYetValid, Part, WrongSignature
from proxy.auth.verify import Payload
from tests.auth.forge import ALICE, BOB, EMPTY_SHA256, NOW, TEMPORARY, Wire, authenticate

WEEK = 7 * 24 * 3600


@pytest.mark.parametrize("expires", [1, 60, WEEK])
def test_a_url_lives_from_the_skew_before_its_date_to_its_last_second(expires: int) -> None:
    url = Wire().presigned(expires_seconds=expires)

    for seconds in (-900, 0, expires):
        assert authenticate(url, now=NOW + timedelta(seconds=seconds)).identity is ALICE


@pytest.mark.parametrize("seconds", [-900.000001, -901, -86400])
def test_a_url_before_its_time(seconds: float) -> None:
    now = NOW + timedelta(seconds=seconds)

    with pytest.raises(NotYetValid) as refused:
        authenticate(Wire().presigned(), now=now)

    assert (refused.value.signed_at, refused.value.now) == (NOW, now)


@pytest.mark.parametrize(("expires", "seconds"), [(1, 1.000001), (60, 61), (60, 900), (WEEK, WEEK + 1)])
def test_a_url_after_its_time_has_no_skew(expires: int, seconds: float) -> None:
    now = NOW + timedelta(seconds=seconds)

    with pytest.raises(Expired) as refused:
        authenticate(Wire().presigned(expires_seconds=expires), now=now)

    assert refused.value.expired_at == NOW + timedelta(seconds=expires)
    assert (refused.value.now, refused.value.expires_seconds) == (now, expires)


def test_a_url_for_no_time_at_all_has_expired() -> None:
    """Also for a server whose clock is behind its maker's."""
    for now in (NOW, NOW - timedelta(seconds=5)):
        with pytest.raises(Expired):
            authenticate(Wire().presigned(expires_seconds=0), now=now)


@pytest.mark.parametrize("expires", [WEEK + 1])
def test_a_life_out_of_bounds_is_refused_though_it_is_signed(expires: int) -> None:
    with pytest.raises(Malformed) as refused:
        authenticate(Wire().presigned(expires_seconds=expires))

    assert refused.value.part is Part.QUERY


def test_a_life_cannot_be_lengthened() -> None:
    url = Wire().presigned(expires_seconds=60)

    with pytest.raises(WrongSignature):
        authenticate(replace(url, query=url.query.replace("Expires=60", "Expires=61")))


@pytest.mark.parametrize("word", ["UNSIGNED-PAYLOAD", EMPTY_SHA256])
def test_a_payload_hash_may_stand_in_the_query(word: str) -> None:
    """JavaScript's SDK hoists it there."""
    url = Wire(query=f"X-Amz-Content-Sha256={word}").presigned(payload_hash=word)

    assert authenticate(url).claim.payload_hash == word


def test_a_payload_hash_may_stand_in_a_signed_header() -> None:
    url = Wire().with_headers(x_amz_content_sha256=EMPTY_SHA256).presigned(payload_hash=EMPTY_SHA256)

    assert authenticate(url).payload is Payload.SIGNED


def test_a_body_that_is_already_hashed_need_not_be_named() -> None:
    """Services that have no header for it are handed the hash by their edge."""
    url = Wire().presigned(payload_hash=EMPTY_SHA256)

    assert authenticate(url, payload_hash=EMPTY_SHA256).payload is Payload.SIGNED
    with pytest.raises(WrongSignature):
        authenticate(url, payload_hash="0" * 64)


def test_a_session_token_may_stand_in_both_places_where_they_agree() -> None:
    same = Wire().with_headers(x_amz_security_token=TEMPORARY.session_token).presigned(TEMPORARY)

    assert authenticate(same).identity is BOB


def test_values_that_differ_in_query_and_header_leave_open_which_one_counts() -> None:
    with pytest.raises(Malformed) as refused:
        authenticate(Wire().with_headers(x_amz_security_token="another").presigned(TEMPORARY))

    assert refused.value.part is Part.QUERY


def test_headers_that_a_client_sends_beside_are_no_matter() -> None:
    url = Wire().presigned()

    assert authenticate(url.with_headers(user_agent="curl", range="bytes=0-1")).identity is ALICE
