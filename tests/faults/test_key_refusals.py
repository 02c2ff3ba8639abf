"""A key service that says no: never plaintext, never another key, and no alarm about the store.

The service here keeps no data keys, so that each refusal is felt at once.
"""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.at_rest import plaintext
from tests.e2e.sdk import client
from tests.faults.evidence import Evidence
from tests.faults.wire import ask
from tests.stores.sealgate import BOB, MALLORY, Sealgate, serving
from tests.stores.seaweedfs import Store

PLAIN = plaintext(5000)
KMS = "x-amz-server-side-encryption"
KEY_ID = "x-amz-server-side-encryption-aws-kms-key-id"


@pytest.fixture(scope="module")
def uncached(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealgate]:
    """Each use of a key asks the key service."""
    kms = {"backends": [{"type": "hsm", "write": True}], "data_key_cache": {"max_age_seconds": 0}}
    with serving(store, Path(tmp_path_factory.mktemp("uncached")), kms=kms) as running:
        yield running


@pytest.fixture(scope="module")
def keys(uncached: Sealgate) -> Iterator[Any]:
    with client("kms", uncached.kms_url) as made:
        yield made


@pytest.fixture(scope="module")
def witness(uncached: Sealgate) -> Evidence:
    return Evidence(uncached)


@pytest.fixture
def at(uncached: Sealgate, bucket: str, key: str) -> str:
    return f"{uncached.url}/{bucket}/{key}"


def new_key(keys: Any) -> str:
    return str(keys.create_key()["KeyMetadata"]["Arn"])


def under(key_id: str) -> dict[str, str]:
    return {KMS: "aws:kms", KEY_ID: key_id}


def written(raw: Any, bucket: str, key: str) -> list[str]:
    return [each["Key"] for each in raw.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])]


def test_a_disabled_key_neither_seals_nor_opens(
    *, keys: Any, at: str, raw: Any, bucket: str, key: str, witness: Evidence
) -> None:
    """KMS.DisabledException on both ways, no violation, and it works again once the key does."""
    arn = new_key(keys)
    assert ask("PUT", at, under(arn), body=PLAIN).status == 200
    before = witness.violations()

    keys.disable_key(KeyId=arn)
    read, write = ask("GET", at), ask("PUT", f"{at}-2", under(arn), body=PLAIN)

    assert read.told == write.told == (400, "KMS.DisabledException")
    assert written(raw, bucket, key) == [key]
    for answer in (read, write):
        assert witness.of(answer.request_id)["errorCode"] == "KMS.DisabledException"
    assert witness.of(read.request_id)["additionalEventData"]["keyArn"] == arn
    assert witness.violations() == before
    keys.enable_key(KeyId=arn)
    assert ask("GET", at).body == PLAIN
    assert ask("PUT", f"{at}-2", under(arn), body=PLAIN).status == 200


def test_an_older_object_outlives_a_refused_write(*, keys: Any, at: str) -> None:
    arn = new_key(keys)
    assert ask("PUT", at, body=PLAIN).status == 200
    keys.disable_key(KeyId=arn)

    assert ask("PUT", at, under(arn), body=b"new").told == (400, "KMS.DisabledException")

    assert ask("GET", at).body == PLAIN


@pytest.mark.parametrize("size", [5000, 2 * 1024 * 1024], ids=["held", "streamed"])
def test_another_accounts_key_does_not_seal(
    *, uncached: Sealgate, at: str, raw: Any, bucket: str, key: str, size: int
) -> None:
    """Named by its ARN, by somebody whom its account gave nothing."""
    with client("kms", uncached.kms_url, MALLORY) as theirs:
        arn = new_key(theirs)

    answer = ask("PUT", at, under(arn), body=plaintext(size))

    assert answer.told == (403, "AccessDenied")
    assert written(raw, bucket, key) == []


def test_another_accounts_user_does_not_open(*, keys: Any, at: str, witness: Evidence) -> None:
    """Who may read the bucket may still not use the key; and that is no damage."""
    assert ask("PUT", at, under(new_key(keys)), body=PLAIN).status == 200
    before = witness.violations()

    answer = ask("GET", at, user=MALLORY)

    assert answer.told == (403, "AccessDenied")
    assert PLAIN not in answer.body
    assert witness.violation(answer.request_id) == ""
    assert witness.violations() == before
    assert ask("GET", at, user=BOB).body == PLAIN


@pytest.mark.parametrize(
    ("key_id", "told"),
    [
        (str(uuid.UUID(int=7)), (400, "KMS.NotFoundException")),
        ("alias/nobody", (400, "KMS.NotFoundException")),
        (f"arn:aws:kms:us-east-1:111122223333:key/{uuid.UUID(int=7)}", (400, "KMS.NotFoundException")),
        (f"arn:aws:kms:us-east-1:999999999999:key/{uuid.UUID(int=7)}", (403, "AccessDenied")),
        ("alias/aws/sqs", (400, "KMS.NotFoundException")),
    ],
)
def test_a_key_that_is_nobodys(
    *, at: str, raw: Any, bucket: str, key: str, key_id: str, told: tuple[int, str]
) -> None:
    """Refused by what the key service says of it, and nothing is sealed under any other."""
    answer = ask("PUT", at, under(key_id), body=PLAIN)

    assert answer.told == told
    assert written(raw, bucket, key) == []
