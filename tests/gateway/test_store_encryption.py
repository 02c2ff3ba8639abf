"""Headers that ask for encryption reach the store where it is the one to do it, and nowhere else."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from proxy.gateway.rules import Mode
from proxy.gateway.store_encryption import asked_of_store, told_by_store
from proxy.s3.errors import S3Error

if TYPE_CHECKING:
    from proxy.gateway.call import Call

SSE = "x-amz-server-side-encryption"
HEADERS = {SSE: "aws:kms", f"{SSE}-aws-kms-key-id": "k", "x-amz-acl": "private"}


def call(mode: Mode, headers: dict[str, str]) -> "Call":
    return cast(
        "Call", SimpleNamespace(rule=SimpleNamespace(mode=mode), request=SimpleNamespace(headers=headers))
    )


def test_a_passthrough_rule_lets_the_store_encrypt() -> None:
    asked = call(Mode.PASSTHROUGH, HEADERS)

    assert asked_of_store(asked) == {SSE: "aws:kms", f"{SSE}-aws-kms-key-id": "k"}
    assert told_by_store(asked, {SSE: "aws:kms", "etag": "x"}) == {SSE: "aws:kms"}


@pytest.mark.parametrize("mode", [Mode.ENCRYPT, Mode.MIGRATE])
def test_what_is_sealed_here_tells_the_store_of_no_key(mode: Mode) -> None:
    asked = call(mode, HEADERS)

    assert asked_of_store(asked) == told_by_store(asked, {SSE: "AES256"}) == {}


def test_what_contradicts_itself_does_not_get_there() -> None:
    with pytest.raises(S3Error):
        asked_of_store(call(Mode.PASSTHROUGH, {SSE: "AES256", f"{SSE}-aws-kms-key-id": "k"}))
