"""Pages of another origin: every answer says whether the page may read it, whoever made the answer."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.at_rest import plaintext
from tests.e2e.forms import post, signed
from tests.e2e.wire import Answer, send, send_as_is
from tests.stores.sealgate import Sealgate

PLAIN = plaintext(70_000)
PAGE, STRANGER = "https://a.example", "https://b.example"
RULE = {
    "AllowedMethods": ["GET", "PUT", "POST", "HEAD"],
    "AllowedOrigins": [PAGE],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": ["ETag", "x-amz-server-side-encryption"],
    "MaxAgeSeconds": 77,
}


@pytest.fixture(scope="module")
def ruled_by(s3: Any) -> str:
    """A bucket with a CORS rule, an object, and a copy's source."""
    name = f"pages-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [RULE]})
    s3.put_object(Bucket=name, Key="key", Body=PLAIN)
    return name


def copied(url: str, **headers: str) -> Answer:
    source = f"/{url.split('/')[3]}/key"
    return send("PUT", f"{url}-copy", headers=headers | {"x-amz-copy-source": source})


ANSWERS: dict[str, tuple[int, Callable[..., Answer]]] = {
    "read": (200, lambda url, **h: send("GET", url, headers=h)),
    "head": (200, lambda url, **h: send("HEAD", url, headers=h)),
    "range": (206, lambda url, **h: send("GET", url, headers=h | {"range": "bytes=5-9"})),
    "unchanged": (304, lambda url, **h: send("GET", url, headers=h | {"if-none-match": "*"})),
    "write": (200, lambda url, **h: send("PUT", f"{url}-new", PLAIN, headers=h)),
    "copy": (200, copied),
    "attributes": (
        200,
        lambda url, **h: send("GET", f"{url}?attributes", headers=h | {"x-amz-object-attributes": "ETag"}),
    ),
    "upload begun": (200, lambda url, **h: send("POST", f"{url}-parts?uploads", headers=h)),
    "list": (200, lambda url, **h: send("GET", f"{url.removesuffix('/key')}?list-type=2", headers=h)),
    "not there": (404, lambda url, **h: send("GET", f"{url}-missing", headers=h)),
    "unsigned": (403, lambda url, **h: send_as_is("GET", url, headers=h)),
    "wrong digest": (
        400,
        lambda url, **h: send("PUT", url, PLAIN, headers=h | {"content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}),
    ),
    "not served": (501, lambda url, **h: send("GET", f"{url}?torrent", headers=h)),
    "reserved": (403, lambda url, **h: send("GET", url.replace("/key", "/.sealgate/x"), headers=h)),
}


@pytest.mark.parametrize("what", ANSWERS)
def test_every_answer_may_be_read_by_the_page_that_a_rule_names(
    sealgate: Sealgate, ruled_by: str, what: str
) -> None:
    """Also the proxy's own, which the store never saw; and no other page reads any."""
    status, ask = ANSWERS[what]
    url = f"{sealgate.url}/{ruled_by}/key"

    allowed, denied, silent = ask(url, origin=PAGE), ask(url, origin=STRANGER), ask(url)

    assert (allowed.status, denied.status, silent.status) == (status, status, status)
    assert allowed.headers["access-control-allow-origin"] == PAGE
    assert allowed.headers["access-control-expose-headers"] == "ETag, x-amz-server-side-encryption"
    assert "Origin" in allowed.headers["vary"]
    assert "access-control-allow-origin" not in denied.headers
    assert "access-control-allow-origin" not in silent.headers


@pytest.mark.parametrize("path", ["", "/", "/key", "/another"])
def test_a_preflight_is_answered_from_the_bucket_s_rules(
    sealgate: Sealgate, ruled_by: str, path: str
) -> None:
    """Whatever in the bucket it is about: SeaweedFS itself lets everybody, where it is the bucket."""
    url = f"{sealgate.url}/{ruled_by}{path}"
    asking = {"origin": PAGE, "access-control-request-method": "POST"}

    allowed = send_as_is("OPTIONS", url, headers=asking)

    assert (allowed.status, allowed.headers["access-control-allow-origin"]) == (200, PAGE)
    assert allowed.headers["access-control-max-age"] == "77"
    for wrong in ({"origin": STRANGER}, {"access-control-request-method": "DELETE"}):
        denied = send_as_is("OPTIONS", url, headers=asking | wrong)
        assert (denied.status, denied.code) == (403, "AccessForbidden")


def test_a_method_that_no_rule_allows_is_told_to_no_page(sealgate: Sealgate, ruled_by: str) -> None:
    answer = send("DELETE", f"{sealgate.url}/{ruled_by}/gone", headers={"origin": PAGE})

    assert answer.status == 204
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(("key", "status"), [("form", 204), (".sealgate/x", 403)])
def test_a_form_that_a_script_sends_is_answered_alike(s3: Any, ruled_by: str, key: str, status: int) -> None:
    url, fields = signed(s3, ruled_by, key)

    allowed = post(url, fields, PLAIN, origin=PAGE)
    denied = post(url, fields, PLAIN, origin=STRANGER)

    assert (allowed.status, denied.status) == (status, status)
    assert allowed.headers["access-control-allow-origin"] == PAGE
    assert "access-control-allow-origin" not in denied.headers


def test_a_bucket_that_is_not_there_is_told_of_without_rules(sealgate: Sealgate) -> None:
    answer = send("GET", f"{sealgate.url}/no-{uuid.uuid4()}/key", headers={"origin": PAGE})

    assert (answer.status, answer.code) == (404, "NoSuchBucket")


@pytest.mark.parametrize("origin", ["null", "*", "ä", "https://", f"https://{'a' * 60_000}", "a, b"])
def test_an_origin_that_is_none_is_told_nothing(sealgate: Sealgate, ruled_by: str, origin: str) -> None:
    """And the refusal is the same as without."""
    answer = send_as_is("GET", f"{sealgate.url}/{ruled_by}/key", headers={"origin": origin})

    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert "access-control-allow-origin" not in answer.headers
