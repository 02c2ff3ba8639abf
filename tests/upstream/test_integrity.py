"""Which checksum goes along with what, by the store and the configuration."""

import base64
import hashlib

import pytest

from proxy.upstream.capabilities import PRESETS, Capabilities
from proxy.upstream.integrity import (
    Integrity,
    checked_headers,
    is_checked,
    lacking,
    upload_headers,
    usual_integrity,
)
from proxy.upstream.messages import Request
from proxy.upstream.settings import UpstreamSettings

CHECKSUM, MD5 = Integrity.CHECKSUM, Integrity.MD5
ABLE = Capabilities(checksum_headers=True, checksum_trailers=True, checksum_parts=True, md5_etags=True)
PARTLESS = Capabilities(checksum_headers=True, checksum_trailers=True, md5_etags=True)


@pytest.mark.parametrize(
    ("preset", "usual"),
    [
        ("aws", CHECKSUM),
        ("minio", CHECKSUM),
        ("seaweedfs", CHECKSUM),
        *((name, Integrity.NONE) for name in ("ceph", "juicefs", "garage", "r2", "b2", "gcs", "generic")),
    ],
)
def test_what_is_usual_costs_next_to_nothing(preset: str, usual: Integrity) -> None:
    assert usual_integrity(PRESETS[preset]) is usual


@pytest.mark.parametrize(
    ("integrity", "capabilities", "missing"),
    [
        (Integrity.NONE, Capabilities(), ()),
        (CHECKSUM, ABLE, ()),
        (CHECKSUM, Capabilities(checksum_trailers=True), ("checksum_headers",)),
        (CHECKSUM, Capabilities(checksum_headers=True), ("checksum_trailers",)),
        (MD5, Capabilities(), ("md5_etags",)),
        (MD5, PRESETS["juicefs"], ()),
    ],
)
def test_what_a_store_lacks_is_named(
    integrity: Integrity, capabilities: Capabilities, missing: tuple[str, ...]
) -> None:
    assert lacking(integrity, capabilities) == missing
    if missing:
        with pytest.raises(ValueError, match=missing[0]):
            UpstreamSettings(base_url="http://a", integrity=integrity, capabilities=capabilities)


@pytest.mark.parametrize(
    ("method", "query", "headers", "checked"),
    [
        ("PUT", "", {}, True),
        ("PUT", "x-id=PutObject", {}, True),
        ("PUT", "partNumber=1&uploadId=u", {}, True),
        ("PUT", "tagging", {}, False),
        ("PUT", "tagging=", {}, False),
        ("PUT", "versionId=v&acl", {}, False),
        ("PUT", "", {"content-md5": "x"}, False),
        ("PUT", "", {"x-amz-checksum-crc32c": "x"}, False),
        ("PUT", "", {"x-amz-trailer": "x"}, False),
        ("POST", "uploads", {}, False),
        ("POST", "", {}, False),
        ("GET", "", {}, False),
    ],
)
def test_objects_and_parts_are_checked_and_settings_are_not(
    *, method: str, query: str, headers: dict[str, str], checked: bool
) -> None:
    """Settings bring their own digest."""
    request = Request(method=method, path="/b/k", query=query, headers=headers)

    for integrity in (CHECKSUM, MD5):
        assert is_checked(request, integrity, ABLE) is checked


def test_parts_go_unchecked_where_the_store_wants_their_checksums_listed() -> None:
    part = Request(method="PUT", path="/b/k", query="partNumber=1&uploadId=u")

    assert not is_checked(part, CHECKSUM, PARTLESS)
    assert is_checked(part, MD5, PARTLESS)
    assert upload_headers(CHECKSUM, PARTLESS) == upload_headers(MD5, ABLE) == {}
    assert upload_headers(CHECKSUM, ABLE) == {
        "x-amz-checksum-algorithm": "CRC32C",
        "x-amz-checksum-type": "FULL_OBJECT",
    }


def test_what_goes_along_with_a_held_body() -> None:
    """The check value of the CRC catalogue, and RFC 1864's digest."""
    value = base64.b64encode(bytes.fromhex("e3069283")).decode()
    digest = base64.b64encode(hashlib.md5(b"123456789").digest()).decode()  # noqa: S324 - what S3 asks for

    assert checked_headers(CHECKSUM, b"123456789") == {
        "x-amz-checksum-crc32c": value,
        "x-amz-sdk-checksum-algorithm": "CRC32C",
    }
    assert checked_headers(MD5, memoryview(b"123456789")) == {"content-md5": digest}
