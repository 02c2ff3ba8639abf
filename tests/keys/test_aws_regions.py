"""AWS KMS in two regions, either of which may be away: moto's, whose replicas share their key material."""

from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest

from proxy.keys.aws import AwsKeys, AwsRegion, open_aws_keys
from proxy.keys.aws_prepare import NotPrepared, Wanted, prepare
from proxy.keys.aws_sessions import AwsIdentity
from proxy.keys.multi_region import in_region
from proxy.keys.provider import (
    SINGLE_REGION,
    KeyRefused,
    KeyServiceError,
    KeyUnavailable,
    KeyUnusable,
    WrappedKeyDamaged,
)
from tests.hsm.api.service import ADMIN, REGION
from tests.keys.conftest import CALLER, aws_settings
from tests.keys.gate import Gate, gate_to
from tests.stores.moto_kms import multi_region_keys

OTHER = "eu-west-1"
CONTEXT = {"aws:s3:arn": "arn:aws:s3:::bucket"}
ROLE = "arn:aws:iam::123456789012:role/readers"
ALICE = AwsIdentity(name="alice", arn="arn:aws:iam::111122223333:user/alice", role_arn=ROLE)
CUT = "cut"
Fault = str | tuple[int, str]


@dataclass(kw_only=True)
class Regional:
    keys: AwsKeys
    first: Gate
    other: Gate
    seen: list[tuple[str, str]]
    """Region and outcome of each call, as metrics are told of it."""


@pytest.fixture(scope="module", autouse=True)
def _like_aws() -> Iterator[None]:
    with multi_region_keys():
        yield


@contextmanager
def kms(url: str, region: str) -> Iterator[Any]:
    session: Any = boto3.session.Session  # boto3 is not annotated
    own = ADMIN.access_keys[0]
    made = session().client(
        "kms",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=own.access_key,
        aws_secret_access_key=own.secret,
    )
    with closing(made) as client:
        yield client


def replicated(url: str) -> str:
    """A multi-Region key of both: its ARN in the first."""
    with kms(url, REGION) as first:
        arn = str(first.create_key(MultiRegion=True)["KeyMetadata"]["Arn"])
        first.replicate_key(KeyId=arn, ReplicaRegion=OTHER)
    return arn


@pytest.fixture(scope="module")
def related(moto_url: str) -> str:
    return replicated(moto_url)


@pytest.fixture(scope="module")
def single(moto_url: str) -> str:
    with kms(moto_url, REGION) as first:
        return str(first.create_key()["KeyMetadata"]["Arn"])


@asynccontextmanager
async def two_regions(
    moto_url: str, identities: Collection[AwsIdentity] = (), **settings: Any
) -> AsyncIterator[Regional]:
    async with AsyncExitStack() as stack:
        first, other = [await stack.enter_async_context(gate_to(moto_url)) for _ in range(2)]
        elsewhere = AwsRegion(
            region=OTHER, endpoint_url=other.url, sts_endpoint_url=other.url, grant_tokens=("of-the-other",)
        )
        seen: list[tuple[str, str]] = []
        keys = await open_aws_keys(
            replace(
                aws_settings(first.url, **settings),
                sts_endpoint_url=first.url,
                failover_regions=(elsewhere,),
            ),
            identities,
            lambda region, outcome: seen.append((region, outcome)),
        )
        stack.push_async_callback(keys.aclose)
        yield Regional(keys=keys, first=first, other=other, seen=seen)


@pytest.fixture
async def aws(moto_url: str) -> AsyncIterator[Regional]:
    async with two_regions(moto_url, breaker_failures=100) as made:
        yield made


def fail(gate: Gate, fault: Fault) -> None:
    if isinstance(fault, tuple):
        gate.fault = fault
    else:
        gate.cut = True


AWAY: list[Fault] = [
    CUT,
    (500, "KMSInternalException"),
    (400, "ThrottlingException"),
    (503, "DependencyTimeoutException"),
    (502, "NeverHeardOf"),
]


@pytest.mark.parametrize("fault", AWAY, ids=str)
async def test_a_multi_region_key_is_asked_for_where_there_is_an_answer(
    aws: Regional, related: str, fault: Fault
) -> None:
    """By its related ARN there. What was made in either region opens in both, and bears one name."""
    at_first = await aws.keys.generate(related, CONTEXT, CALLER, fresh=True)
    assert (aws.other.asked, at_first.region) == ([], "")
    fail(aws.first, fault)

    opened = await aws.keys.unwrap(related, at_first.wrapped, CONTEXT, CALLER)
    elsewhere = await aws.keys.generate(related, CONTEXT, CALLER, fresh=True)
    await aws.keys.may_generate(related, CONTEXT, CALLER)
    await aws.keys.may_unwrap(related, elsewhere.wrapped, CONTEXT, CALLER)
    described = await aws.keys.describe(related, CALLER)

    assert (opened.plain, opened.key_arn, opened.region) == (at_first.plain, related, OTHER)
    assert (elsewhere.key_arn, elsewhere.region) == (related, OTHER)
    assert described.key_arn == related
    there = in_region(related, OTHER)
    operations = ["Decrypt", "GenerateDataKey", "GenerateDataKey", "Decrypt", "DescribeKey"]
    assert aws.other.asked == [(each, there) for each in operations]
    aws.first.cut, aws.first.fault = False, None
    again = await aws.keys.unwrap(related, elsewhere.wrapped, CONTEXT, CALLER)
    assert (again.plain, again.key_arn, again.region) == (elsewhere.plain, related, "")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ((400, "AccessDeniedException"), KeyRefused),
        ((400, "InvalidGrantTokenException"), KeyRefused),
        ((400, "DisabledException"), KeyUnusable),
        ((400, "KMSInvalidStateException"), KeyUnusable),
        ((400, "NotFoundException"), KeyUnusable),
        ((400, "InvalidCiphertextException"), WrappedKeyDamaged),
        ((400, "UnrecognizedClientException"), KeyUnavailable),
        ((400, "ExpiredTokenException"), KeyUnavailable),
        ((400, "LimitExceededException"), KeyUnavailable),
    ],
    ids=str,
)
async def test_an_answer_is_taken_as_one_also_if_it_is_no(
    aws: Regional, related: str, fault: tuple[int, str], error: type[KeyServiceError]
) -> None:
    """Nobody looks for a region that is milder."""
    aws.first.fault = fault

    with pytest.raises(error) as caught:
        await aws.keys.unwrap(related, b"wrapped", CONTEXT, CALLER)

    assert caught.value.code == fault[1]
    assert aws.other.asked == []


@pytest.mark.parametrize("fault", AWAY, ids=str)
async def test_a_single_region_key_is_asked_for_in_its_region_alone(
    aws: Regional, single: str, fault: Fault
) -> None:
    """And who asked is told why."""
    fail(aws.first, fault)

    with pytest.raises(KeyUnavailable) as caught:
        await aws.keys.generate(single, CONTEXT, CALLER, fresh=True)

    assert caught.value.code == SINGLE_REGION
    assert caught.value.reason == (
        f"{REGION} does not answer, and {single} is a single-Region key: no other region has it"
    )
    assert aws.other.asked == []


async def test_what_the_other_region_says_of_its_related_key_is_an_answer_too(
    aws: Regional, related: str
) -> None:
    aws.first.cut = True
    aws.other.fault = (400, "AccessDeniedException")

    with pytest.raises(KeyRefused):
        await aws.keys.unwrap(related, b"wrapped", CONTEXT, CALLER)


async def test_a_key_without_a_replica_is_unavailable_and_not_missing(aws: Regional, moto_url: str) -> None:
    """That it is nowhere else says nothing of it; "there is no such key" would read as damage."""
    with kms(moto_url, REGION) as first:
        alone = first.create_key(MultiRegion=True)["KeyMetadata"]["Arn"]
    aws.first.cut = True

    with pytest.raises(KeyUnavailable):
        await aws.keys.unwrap(alone, b"wrapped", CONTEXT, CALLER)

    assert aws.other.asked == [("Decrypt", in_region(alone, OTHER))]


async def test_both_regions_away_is_unavailable(aws: Regional, related: str) -> None:
    aws.first.cut = aws.other.cut = True

    with pytest.raises(KeyUnavailable):
        await aws.keys.unwrap(related, b"wrapped", CONTEXT, CALLER)


@pytest.mark.parametrize("operation", ["generate", "unwrap", "describe"])
async def test_another_key_than_the_related_one_is_not_taken(
    aws: Regional, related: str, moto_url: str, operation: str
) -> None:
    """Whatever the other region says that it used."""
    made = await aws.keys.generate(related, CONTEXT, CALLER, fresh=True)
    aws.first.cut = True
    aws.other.lie = (in_region(related, OTHER), in_region(replicated(moto_url), OTHER))
    call = {
        "generate": lambda: aws.keys.generate(related, CONTEXT, CALLER, fresh=True),
        "unwrap": lambda: aws.keys.unwrap(related, made.wrapped, CONTEXT, CALLER),
        "describe": lambda: aws.keys.describe(related, CALLER),
    }[operation]

    with pytest.raises(KeyUnavailable, match="used another key"):
        await call()  # type: ignore[no-untyped-call]  # one of three


async def test_a_region_that_fails_is_left_alone_by_itself(moto_url: str, related: str, single: str) -> None:
    """Its breaker is its own: the other region serves on, and is not asked for what it cannot have."""
    async with two_regions(moto_url, breaker_failures=2, breaker_pause_seconds=3600) as aws:
        aws.first.cut = True
        for _ in range(5):
            await aws.keys.generate(related, CONTEXT, CALLER, fresh=True)
        with pytest.raises(KeyUnavailable) as caught:
            await aws.keys.generate(single, CONTEXT, CALLER, fresh=True)

        assert caught.value.code == SINGLE_REGION
        assert len(aws.first.asked) == 2
        assert aws.keys.regions_away == (REGION,)
        assert aws.seen.count((REGION, "unavailable")) == 2
        assert aws.seen.count((REGION, "left_alone")) == 4
        assert aws.seen.count((OTHER, "ok")) == 5


async def test_the_first_region_is_used_again_once_it_answers(moto_url: str, related: str) -> None:
    async with two_regions(moto_url, breaker_failures=1, breaker_pause_seconds=0) as aws:
        aws.first.cut = True
        assert (await aws.keys.generate(related, CONTEXT, CALLER, fresh=True)).region == OTHER
        assert list(aws.keys.regions_away) == [REGION]
        aws.first.cut = False

        assert (await aws.keys.generate(related, CONTEXT, CALLER, fresh=True)).region == ""
        assert not aws.keys.regions_away


def aliased(url: str, region: str, alias: str, key_arn: str) -> None:
    with kms(url, region) as there:
        there.create_alias(AliasName=alias, TargetKeyId=in_region(key_arn, region))


async def test_an_alias_means_what_its_own_region_last_said(aws: Regional, moto_url: str) -> None:
    """What the same alias names in another region is that region's."""
    key_arn = replicated(moto_url)
    aliased(moto_url, REGION, "alias/remembered", key_arn)
    aliased(moto_url, OTHER, "alias/remembered", replicated(moto_url))
    for name in ("alias/remembered", key_arn.rpartition("/")[2]):
        aws.keys.use_as_proxy(name)
    await aws.keys.describe("alias/remembered", CALLER)
    aws.first.cut = True

    made = await aws.keys.generate("alias/remembered", CONTEXT, CALLER, fresh=True)

    assert (made.key_arn, made.region) == (key_arn, OTHER)
    assert aws.other.asked == [("GenerateDataKey", in_region(key_arn, OTHER))]


async def test_an_alias_that_its_own_region_never_explained(
    aws: Regional, moto_url: str, single: str
) -> None:
    """So a start while the first region is away succeeds: where the other one has the alias for a key that
    the first has, too.
    """
    key_arn = replicated(moto_url)
    aliased(moto_url, OTHER, "alias/related", key_arn)
    with kms(moto_url, OTHER) as other:
        alone = other.create_key()["KeyMetadata"]["Arn"]
        not_here = other.create_key(MultiRegion=True)["KeyMetadata"]["Arn"]
    aliased(moto_url, OTHER, "alias/alone", alone)
    aliased(moto_url, OTHER, "alias/not-here", not_here)
    aws.first.cut = True

    assert (await aws.keys.describe("alias/related", CALLER)).key_arn == key_arn
    made = await aws.keys.generate(
        f"arn:aws:kms:{REGION}:123456789012:alias/related", CONTEXT, CALLER, fresh=True
    )
    assert made.key_arn == key_arn
    for name in ("alias/alone", "alias/not-here", "alias/nowhere", single.rpartition("/")[2]):
        with pytest.raises(KeyUnavailable) as caught:
            await aws.keys.generate(name, CONTEXT, CALLER, fresh=True)
        assert caught.value.code == ""
    assert ("GenerateDataKey", alone) not in aws.other.asked
    assert ("GenerateDataKey", not_here) not in aws.other.asked


async def test_a_key_of_the_other_region_is_asked_for_there_first(aws: Regional, moto_url: str) -> None:
    """As an envelope names it that a proxy wrote whose first region is the other one."""
    related = in_region(replicated(moto_url), OTHER)
    with kms(moto_url, OTHER) as other:
        single = other.create_key()["KeyMetadata"]["Arn"]
    made = [await aws.keys.generate(each, CONTEXT, CALLER, fresh=True) for each in (related, single)]
    assert aws.first.asked == []
    aws.other.cut = True

    opened = await aws.keys.unwrap(related, made[0].wrapped, CONTEXT, CALLER)
    with pytest.raises(KeyUnavailable, match="single-Region"):
        await aws.keys.unwrap(single, made[1].wrapped, CONTEXT, CALLER)

    assert (opened.plain, opened.key_arn, opened.region) == (made[0].plain, related, REGION)


async def test_a_region_that_is_not_configured_is_not_asked_for(aws: Regional, related: str) -> None:
    """A related key there would be one, but nobody said that it may be used: AWS answers, as ever."""
    aws.first.fault = (400, "NotFoundException")
    foreign = in_region(related, "ap-south-1")

    with pytest.raises(KeyUnusable):
        await aws.keys.unwrap(foreign, b"wrapped", CONTEXT, CALLER)

    assert (aws.first.asked, aws.other.asked) == ([("Decrypt", foreign)], [])


def wanted(key_id: str) -> Wanted:
    return Wanted(key_id=key_id, description="a service's own")


async def test_keys_are_prepared_in_every_region(moto_url: str, single: str) -> None:
    """Also where a run before ended in the middle; what could not fail over is refused with the reason."""
    settings = replace(
        aws_settings(moto_url), failover_regions=(AwsRegion(region=OTHER, endpoint_url=moto_url),)
    )
    with kms(moto_url, REGION) as first:
        half = first.create_key(MultiRegion=True)["KeyMetadata"]["Arn"]
    aliased(moto_url, REGION, "alias/half", half)
    told = [each async for each in prepare(settings, [wanted("alias/whole"), wanted("alias/half")])]
    again = [each async for each in prepare(settings, [wanted("alias/whole"), wanted(half)])]

    assert [each.is_new for each in told] == [True, True, False, True]
    assert [each.key_arn for each in told[2:]] == [half, in_region(half, OTHER)]
    assert told[1].key_arn == in_region(told[0].key_arn, OTHER)
    assert [(each.key_arn, each.is_new) for each in again] == [(each.key_arn, False) for each in told]
    with kms(moto_url, OTHER) as other:
        for alias, key in (("alias/whole", told[1]), ("alias/half", told[3])):
            assert other.describe_key(KeyId=alias)["KeyMetadata"]["Arn"] == key.key_arn
    aliased(moto_url, REGION, "alias/single", single)
    aliased(moto_url, REGION, "alias/elsewhere", replicated(moto_url))
    aliased(moto_url, OTHER, "alias/elsewhere", half)
    for alias, why in (("alias/single", "single-Region key"), ("alias/elsewhere", "it stands for")):
        with pytest.raises(NotPrepared, match=why):
            assert [each async for each in prepare(settings, [wanted(alias)])]


async def test_sessions_and_grant_tokens_go_along(moto_url: str, related: str) -> None:
    """STS of the first region is away, too: the session is made in the other one, and signs there. Related
    keys have grants of their own, and a token that a region does not know would be refused.
    """
    async with two_regions(moto_url, [ALICE], grant_tokens=("of-the-first",)) as aws:
        aws.first.cut = True
        alice = replace(CALLER, principal=ALICE.arn)

        made = await aws.keys.generate(related, CONTEXT, alice, fresh=True)

        assert made.region == OTHER
        assert [name for name, _ in aws.other.asked] == ["AssumeRole", "GenerateDataKey"]
        assert aws.other.signers[0] == ADMIN.access_keys[0].access_key
        assert aws.other.signers[1].startswith("ASIA")
        assert aws.first.documents[1]["GrantTokens"] == ["of-the-first"]
        assert aws.other.documents[1]["GrantTokens"] == ["of-the-other"]
        assert aws.keys.standing(related, alice).share == ALICE.arn
