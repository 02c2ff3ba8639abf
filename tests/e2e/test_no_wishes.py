"""What asks wrongly for encryption is refused alike at every door, and writes nothing."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.no_wishes import KMS, NO_WISH, OWN_KEY
from tests.e2e.own_keys import NAME, OWN
from tests.e2e.wire import Answer, send, send_as_is
from tests.faults.wire import presigned
from tests.stores.sealgate import Sealgate

PLAIN = plaintext(1000)


def by_header(url: str, headers: dict[str, str], method: str = "PUT") -> Answer:
    return send(method, url, PLAIN if method == "PUT" else b"", headers=headers)


def by_url(url: str, headers: dict[str, str], method: str = "PUT") -> Answer:
    """Headers that were signed with the URL, and go along."""
    return send_as_is(method, presigned(method, url, headers=headers), PLAIN, headers=headers)


def in_the_url(url: str, headers: dict[str, str], method: str = "PUT") -> Answer:
    """As some SDKs presign: the headers are parameters, and whoever has the URL sends none."""
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in headers.items())
    return send_as_is(method, presigned(method, f"{url}?{query}"), PLAIN, headers={})


DOORS = [by_header, by_url, in_the_url]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("what", NO_WISH)
def test_a_put(*, sealgate: Sealgate, raw: Any, bucket: str, key: str, door: Any, what: str) -> None:
    wish, code = NO_WISH[what]

    answer = door(f"{sealgate.url}/{bucket}/{key}", wish)

    assert (answer.status, answer.code) == (400, code)
    assert raw.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == 0


@pytest.mark.parametrize("what", NO_WISH)
def test_an_upload_in_parts(*, sealgate: Sealgate, raw: Any, bucket: str, key: str, what: str) -> None:
    """When it is begun, and not when its parts come."""
    wish, code = NO_WISH[what]

    answer = by_header(f"{sealgate.url}/{bucket}/{key}?uploads", wish, "POST")

    assert (answer.status, answer.code) == (400, code)
    begun = raw.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    assert key not in [each["Key"] for each in begun]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("wish", [KMS, OWN_KEY], ids=["KMS", "own key"])
def test_what_is_asked_well_is_done(
    *, sealgate: Sealgate, bucket: str, key: str, sealed_on_store: AtRest, door: Any, wish: dict[str, str]
) -> None:
    """So it is the wish that is refused, and not the door."""
    answer = door(f"{sealgate.url}/{bucket}/{key}", wish)

    assert answer.status == 200
    told = answer.headers.get(f"{NAME}-key-md5") or answer.headers["x-amz-server-side-encryption"]
    assert told == (OWN.md5 if wish is OWN_KEY else "aws:kms")
    sealed_on_store(bucket, key, PLAIN, opens=wish is OWN_KEY, client_key=OWN.plain)
