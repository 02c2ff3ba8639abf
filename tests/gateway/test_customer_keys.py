"""Over plain HTTP a client's own key is taken from whom the configuration says, and from nobody else."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from proxy.gateway.call import Call
from proxy.gateway.customer_keys import check_customer_keys, customer_key_of
from proxy.gateway.rules import Mode
from proxy.s3.customer_key import NOT_SECURE, OverHttp
from proxy.s3.errors import S3Error
from tests.e2e.own_keys import OWN

REFUSE, LOOPBACK, ALLOW = OverHttp
HERE = ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]
ELSEWHERE = ["10.0.0.1", "192.168.1.5", "2001:db8::1", "::ffff:10.0.0.1", "fe80::1%eth0", "", "localhost"]
TAKEN = {
    **{(REFUSE, address): False for address in HERE + ELSEWHERE},
    **{(LOOPBACK, address): True for address in HERE},
    **{(LOOPBACK, address): False for address in ELSEWHERE},
    **{(ALLOW, address): True for address in HERE + ELSEWHERE},
}


@dataclass
class FewThings:
    """What the check asks of a call."""

    setting: OverHttp
    source_ip: str
    secure: bool = False
    name: str = "PutObject"
    headers: dict[str, str] = field(default_factory=lambda: dict(OWN.headers))

    def call(self) -> Call:
        made: Any = SimpleNamespace(
            request=SimpleNamespace(headers=self.headers),
            operation=SimpleNamespace(name=self.name, copies=self.name in {"CopyObject", "UploadPartCopy"}),
            rule=SimpleNamespace(mode=Mode.ENCRYPT),
            exchange=SimpleNamespace(secure=self.secure, source_ip=self.source_ip),
            rooms=SimpleNamespace(sse_c_over_http=self.setting),
        )
        return cast("Call", made)


@pytest.mark.parametrize(("setting", "address"), TAKEN)
def test_who_may_send_a_key_without_tls(setting: OverHttp, address: str) -> None:
    """Refused both before anything is done, and where the key is used."""
    call = FewThings(setting, address).call()
    if TAKEN[setting, address]:
        check_customer_keys(call)
        key = customer_key_of(call)
        assert key is not None
        assert key.plain == OWN.plain
        return
    for use in (check_customer_keys, customer_key_of):
        with pytest.raises(S3Error) as caught:
            use(call)
        assert (caught.value.status, caught.value.code) == (400, "InvalidRequest")
        assert caught.value.message == NOT_SECURE


@pytest.mark.parametrize("setting", OverHttp)
def test_with_tls_anybody_may(setting: OverHttp) -> None:
    check_customer_keys(FewThings(setting, "10.0.0.1", secure=True).call())


def test_a_source_s_key_is_as_secret() -> None:
    of_source = {name.replace("x-amz-", "x-amz-copy-source-"): each for name, each in OWN.headers.items()}
    call = FewThings(REFUSE, "127.0.0.1", name="CopyObject", headers=of_source).call()

    with pytest.raises(S3Error) as caught:
        check_customer_keys(call)

    assert caught.value.message == NOT_SECURE


def test_a_source_s_malformed_key_is_told_before_anything_is_done() -> None:
    of_source = {"x-amz-copy-source-server-side-encryption-customer-algorithm": "AES256"}

    with pytest.raises(S3Error) as caught:
        check_customer_keys(FewThings(ALLOW, "", name="CopyObject", headers=of_source).call())

    assert caught.value.code == "InvalidArgument"


@pytest.mark.parametrize("name", ["DeleteObject", "ListObjectsV2", "HeadBucket"])
def test_where_a_key_means_nothing_it_is_overlooked(name: str) -> None:
    """As on S3."""
    check_customer_keys(FewThings(REFUSE, "10.0.0.1", name=name).call())
