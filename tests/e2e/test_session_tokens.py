"""Access keys that are good with a session token alone, at every door, and for as long as they last."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.forms import post, signed_by
from tests.e2e.sdk import client, refused, request_id
from tests.e2e.trail import Trail
from tests.e2e.wire import send_as_is
from tests.stores.sealgate import ALICE, GONE, VISITOR, Sealgate, User

PLAIN = plaintext(70_000)
INVALID = (400, "InvalidToken")
USERS: dict[str, tuple[User, tuple[int, str]]] = {
    "another token": (replace(VISITOR, session_token="another"), INVALID),
    "no token": (replace(VISITOR, session_token=""), INVALID),
    "a token of a key that has none": (replace(ALICE, session_token="any"), INVALID),
    "a token that is over": (GONE, (400, "ExpiredToken")),
    "a wrong secret": (replace(VISITOR, secret_key="guess"), (403, "SignatureDoesNotMatch")),
}


def test_a_request_with_its_token_is_its_owners(
    *, sealgate: Sealgate, bucket: str, key: str, key_arn: str, sealed_on_store: AtRest, trail: Trail
) -> None:
    """In the header; in chunks with signatures, as botocore sends them to HTTP, too."""
    with client("s3", sealgate.url, VISITOR) as s3:
        answer = s3.put_object(
            Bucket=bucket, Key=key, Body=PLAIN, ServerSideEncryption="aws:kms", SSEKMSKeyId=key_arn
        )
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == PLAIN

    sealed_on_store(bucket, key, PLAIN)
    event = trail.of(request_id(answer))
    assert event["userIdentity"]["arn"] == VISITOR.arn
    assert VISITOR.session_token not in str(event)


def by_header(s3: Any, _: User, bucket: str, key: str) -> tuple[int, str]:
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=PLAIN)
    except ClientError as error:
        return refused(error)
    return 200, ""


def by_url(s3: Any, _: User, bucket: str, key: str) -> tuple[int, str]:
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": key})
    answer = send_as_is("PUT", url, PLAIN, headers={})
    return answer.status, answer.code


def by_form(s3: Any, user: User, bucket: str, key: str) -> tuple[int, str]:
    answer = post(*signed_by(user, s3, bucket, key), PLAIN)
    return answer.status, answer.code


DOORS = [by_header, by_url, by_form]


@pytest.mark.parametrize("door", DOORS)
def test_every_door_takes_the_token(
    *, sealgate: Sealgate, s3: Any, bucket: str, key: str, door: Callable[..., tuple[int, str]]
) -> None:
    with client("s3", sealgate.url, VISITOR, signature_version="s3v4") as visitor:
        assert door(visitor, VISITOR, bucket, key)[0] in {200, 204}

    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == PLAIN


@pytest.mark.parametrize("who", USERS)
@pytest.mark.parametrize("door", DOORS)
def test_what_is_wrong_with_a_token_is_told_at_every_door(
    *, sealgate: Sealgate, s3: Any, bucket: str, key: str, door: Callable[..., tuple[int, str]], who: str
) -> None:
    """And nothing is written."""
    user, answer = USERS[who]
    with client("s3", sealgate.url, user, signature_version="s3v4") as visitor:
        assert door(visitor, user, bucket, key) == answer

    assert s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == 0


def test_a_token_may_be_appended_to_a_url_that_was_signed_without_it(
    sealgate: Sealgate, s3: Any, bucket: str, key: str
) -> None:
    """As some signers do. Another one is refused as in any other place."""
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN)
    untold = replace(VISITOR, session_token="")
    with client("s3", sealgate.url, untold, signature_version="s3v4") as signing:
        url = signing.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})

    answer = send_as_is("GET", f"{url}&X-Amz-Security-Token=visitor-token%2B%2F%3D", headers={})
    wrong = send_as_is("GET", f"{url}&X-Amz-Security-Token=another", headers={})

    assert (answer.status, answer.body) == (200, PLAIN)
    assert (wrong.status, wrong.code) == INVALID


def test_the_key_service_takes_the_token_too(sealgate: Sealgate) -> None:
    """The same identities, AWS's names for what is wrong."""
    with client("kms", sealgate.kms_url, VISITOR) as kms:
        assert "Keys" in kms.list_keys()
    for user, code in (
        (replace(VISITOR, session_token="another"), "UnrecognizedClientException"),
        (GONE, "ExpiredTokenException"),
    ):
        with client("kms", sealgate.kms_url, user) as kms, pytest.raises(ClientError) as caught:
            kms.list_keys()
        assert refused(caught.value) == (400, code)
