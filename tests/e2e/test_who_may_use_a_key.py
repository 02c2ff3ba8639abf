"""A data key in memory is not a permission: who may use a KMS key is asked of its policy, each time anew.

One worker, so that what one client had opened is there for all of them.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.e2e.at_rest import plaintext
from tests.e2e.trail import Trail
from tests.faults.wire import Got, ask, own_address
from tests.stores.sealgate import ALICE, BOB, MALLORY, Sealgate, User

PLAIN = plaintext(300)
USES = ["kms:GenerateDataKey", "kms:Decrypt"]
DENIED = (403, "AccessDenied")
MakeKey = Callable[..., str]
Ask = Callable[[], Got]
ROUNDS = 5


@pytest.fixture
def make_key(kms: Any) -> Iterator[MakeKey]:
    """make_key(who, condition) is a KMS key that who may use, and nobody else; Alice manages it."""
    made: list[str] = []

    def make(*who: User, condition: dict[str, Any] | None = None) -> str:
        manages = {
            "Effect": "Allow",
            "Action": ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"],
            "Resource": "*",
        }
        uses = {"Effect": "Allow", "Action": USES, "Resource": "*", "Condition": condition or {}}
        statements = [
            manages | {"Principal": {"AWS": ALICE.arn}},
            uses | {"Principal": {"AWS": [each.arn for each in who]}},
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        made.append(kms.create_key(Policy=policy)["KeyMetadata"]["Arn"])
        return made[-1]

    yield make
    for arn in made:
        kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)


@pytest.fixture
def at(sealgate: Sealgate, bucket: str, key: str) -> str:
    return f"{sealgate.url}/{bucket}/{key}"


def under(key_arn: str) -> dict[str, str]:
    return {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": key_arn,
        "x-amz-server-side-encryption-bucket-key-enabled": "true",
    }


def from_memory(trail: Trail, answer: Got) -> bool:
    cached: bool = trail.of(answer.request_id)["additionalEventData"]["cacheHit"]
    return cached


def in_memory_for(trail: Trail, allowed: Ask, refused: Ask) -> bool:
    """Whether the data key was there before and after a refusal, and so at it."""
    before, answer, after = allowed(), refused(), allowed()
    assert (before.status, after.status) == (200, 200)
    assert answer.told == DENIED
    assert PLAIN not in answer.body
    return from_memory(trail, before) and from_memory(trail, after)


def test_one_client_reads_with_the_data_key_that_another_is_refused(
    at: str, make_key: MakeKey, trail: Trail
) -> None:
    """News of a key that was just made may drop what is in memory, which is then tried once more."""
    here = own_address()
    assert ask("PUT", at, under(make_key(ALICE)), body=PLAIN, source=here).status == 200
    alice, bob = (partial(ask, "GET", at, user=user, source=here) for user in (ALICE, BOB))

    assert any(in_memory_for(trail, alice, bob) for _ in range(ROUNDS))
    assert alice().body == PLAIN


def test_a_client_that_is_allowed_too_shares_the_data_key(at: str, make_key: MakeKey, trail: Trail) -> None:
    key_arn, here = make_key(ALICE, BOB), own_address()
    assert ask("PUT", at, under(key_arn), body=PLAIN, source=here).status == 200
    readings = [ask("GET", at, user=user, source=here) for _ in range(ROUNDS) for user in (ALICE, BOB)]

    assert {each.body for each in readings} == {PLAIN}
    assert from_memory(trail, readings[-1])


@pytest.mark.parametrize("other", [BOB, MALLORY], ids=lambda user: user.name)
def test_who_may_not_make_data_keys_does_not_write_with_one_that_is_there(
    at: str, make_key: MakeKey, trail: Trail, other: User
) -> None:
    """Neither somebody of the same account nor of another one."""
    key_arn, here = make_key(ALICE), own_address()
    alice = partial(ask, "PUT", at, under(key_arn), body=PLAIN, source=here)
    refused = partial(ask, "PUT", f"{at}-2", under(key_arn), body=PLAIN, user=other, source=here)

    assert any(in_memory_for(trail, alice, refused) for _ in range(ROUNDS))


def test_an_address_that_the_policy_does_not_take(at: str, make_key: MakeKey) -> None:
    """The same principal in the same second, with the data key in memory: one address may, the other not."""
    inside, outside = own_address(), own_address()
    key_arn = make_key(ALICE, condition={"IpAddress": {"aws:SourceIp": f"{inside}/32"}})
    assert ask("PUT", at, under(key_arn), body=PLAIN, source=inside).status == 200
    assert ask("GET", at, source=inside).body == PLAIN

    for _ in range(3):
        assert ask("GET", at, source=outside).told == DENIED
        assert ask("GET", at, source=inside).body == PLAIN
        assert ask("PUT", f"{at}-2", under(key_arn), body=PLAIN, source=outside).told == DENIED
        assert ask("PUT", f"{at}-2", under(key_arn), body=PLAIN, source=inside).status == 200
