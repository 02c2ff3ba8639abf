"""A key service that says no, or nothing: never plaintext, never another key, no alarm about the store.

The service here keeps no data keys, so that each refusal is felt at once.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.at_rest import plaintext
from tests.e2e.sdk import client
from tests.faults.evidence import Evidence
from tests.faults.key_uses import PLAIN, READS, WRITES, expected, made, told, under
from tests.faults.outages import DOWN, child, comes_back, key_service_down
from tests.faults.wire import ask
from tests.stores.sealgate import ALICE, BOB, MALLORY, Sealgate, serving
from tests.stores.seaweedfs import Store

NOBODYS = f"arn:aws:kms:us-east-1:{ALICE.account}:key/{uuid.UUID(int=9)}"
DENIED: Any = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Principal": {"AWS": ALICE.arn},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
            "Resource": "*",
        },
    ],
}


def denied(keys: Any, arn: str) -> None:
    keys.put_key_policy(KeyId=arn, PolicyName="default", Policy=json.dumps(DENIED))


STATES: dict[str, tuple[Callable[[Any, str], Any], tuple[int, str]]] = {
    "disabled": (lambda keys, arn: keys.disable_key(KeyId=arn), (400, "KMS.DisabledException")),
    "to be deleted": (
        lambda keys, arn: keys.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7),
        (400, "KMS.KMSInvalidStateException"),
    ),
    "denied": (denied, (403, "AccessDenied")),
}
"""What befalls a key, and how S3 tells it."""


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


@pytest.fixture(scope="module")
def objects(uncached: Sealgate) -> Iterator[Any]:
    with client("s3", uncached.url) as made:
        yield made


@pytest.fixture
def at(uncached: Sealgate, bucket: str, key: str) -> str:
    return f"{uncached.url}/{bucket}/{key}"


def new_key(keys: Any) -> str:
    return str(keys.create_key()["KeyMetadata"]["Arn"])


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


@pytest.mark.parametrize("state", STATES)
def test_every_operation_tells_what_befell_the_key(
    *, uncached: Sealgate, keys: Any, objects: Any, raw: Any, bucket: str, key: str, state: str
) -> None:
    """In S3's words, each of them, and nothing is written."""
    befalls, answer = STATES[state]
    there = made(objects, uncached.url, bucket, key, new_key(keys))
    assert {name: use(there).status for name, use in READS.items()} == dict.fromkeys(READS, 200) | {
        "GetObject of a range": 206
    }
    raw.delete_object(Bucket=bucket, Key=f"{key}-new")

    befalls(keys, there.arn)
    uses = READS | WRITES
    heard = {name: told(name, use(there)) for name, use in uses.items()}

    assert heard == {name: expected(name, answer) for name in uses}
    assert ask("HEAD", there.at).status == 200
    assert written(raw, bucket, key) == [key, f"{key}-other"]


def test_every_write_tells_of_a_key_that_is_not_there(
    *, uncached: Sealgate, keys: Any, objects: Any, raw: Any, bucket: str, key: str
) -> None:
    there = replace(made(objects, uncached.url, bucket, key, new_key(keys)), arn=NOBODYS)

    heard = {name: use(there).told for name, use in WRITES.items()}

    assert heard == dict.fromkeys(WRITES, (400, "KMS.NotFoundException"))
    assert written(raw, bucket, key) == [key, f"{key}-other"]


def test_every_operation_tells_of_an_outage_that_it_may_pass(
    *, uncached: Sealgate, keys: Any, objects: Any, raw: Any, bucket: str, key: str
) -> None:
    """503 with Retry-After, which SDKs obey: never plaintext, never another key."""
    there = made(objects, uncached.url, bucket, key, new_key(keys))
    uses = READS | WRITES
    with key_service_down(uncached), ThreadPoolExecutor(len(uses)) as at_once:
        asked = {name: at_once.submit(use, there) for name, use in uses.items()}
        heard = {name: each.result() for name, each in asked.items()}

    assert {name: told(name, each) for name, each in heard.items()} == {
        name: expected(name, DOWN) for name in uses
    }
    assert {each.headers.get("retry-after") for each in heard.values()} == {"1"}
    assert written(raw, bucket, key) == [key, f"{key}-other"]
    assert comes_back("GET", there.at).body == PLAIN
    assert child(uncached, "hsm") != 0
