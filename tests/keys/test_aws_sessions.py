"""Identities that are somebody to AWS: whose session makes a call, and whose data keys are whose."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import boto3
import pytest
from aiohttp import web

from proxy.keys.aws import AwsKeys, open_aws_keys
from proxy.keys.aws_sessions import ASKED_AGAIN, TAG, AwsIdentity, Sessions, assuming
from proxy.keys.cache import CachedKeys, CacheLimits
from proxy.keys.provider import KeyRefused, KeyServiceError, KeyUnavailable
from tests.hsm.api.service import ADMIN, REGION
from tests.keys.conftest import CALLER, admin_client, aws_settings
from tests.keys.gate import gate_to

CONTEXT = {"aws:s3:arn": "arn:aws:s3:::bucket"}
ROLES = "arn:aws:iam::123456789012:role"
ALICE = AwsIdentity(name="alice", arn="arn:aws:iam::111122223333:user/alice", role_arn=f"{ROLES}/readers")
BOB = AwsIdentity(name="bob", arn="arn:aws:iam::111122223333:user/bob", role_arn=f"{ROLES}/readers")
CAROL = AwsIdentity(
    name="carol",
    arn="arn:aws:iam::111122223333:user/carol",
    access_key_id="AKIACAROLATAWS00",
    secret_access_key="carol-secret-at-aws",
)
PROXY_KEY = ADMIN.access_keys[0].access_key


class Listened:
    """Moto, and whose access key signed each call to it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.calls: list[tuple[str, str, str]] = []
        """Operation, access key id, session token."""
        self.grant_tokens: list[tuple[str, object]] = []
        """Operation, and what it said of them."""

    def signers(self, operation: str) -> list[str]:
        return [key for name, key, _ in self.calls if name == operation]

    async def take(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        target = request.headers.get("x-amz-target", "")
        operation = target.rpartition(".")[2] or re.findall(rb"Action=(\w+)", body)[0].decode()
        signer = re.findall(r"Credential=(\w+)", request.headers["authorization"])[0]
        self.calls.append((operation, signer, request.headers.get("x-amz-security-token", "")))
        if target:
            self.grant_tokens.append((operation, json.loads(body).get("GrantTokens")))
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.url, data=body, headers=headers) as answer,
        ):
            told = {"content-type": answer.headers["content-type"]}
            return web.Response(status=answer.status, body=await answer.read(), headers=told)


@asynccontextmanager
async def listening(moto_url: str) -> AsyncIterator[tuple[Listened, str]]:
    listened = Listened(moto_url)
    runner = web.ServerRunner(web.Server(listened.take))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield listened, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def aws(moto_url: str) -> AsyncIterator[tuple[AwsKeys, Listened]]:
    async with listening(moto_url) as (listened, url):
        settings = replace(aws_settings(url), sts_endpoint_url=url)
        keys = await open_aws_keys(settings, [ALICE, BOB, CAROL])
        yield keys, listened
        await keys.aclose()


@pytest.fixture(scope="module")
def key_arn(moto_url: str) -> str:
    return str(admin_client(moto_url).create_key()["KeyMetadata"]["Arn"])


def caller(arn: str) -> Any:
    return replace(CALLER, principal=arn)


async def test_each_identity_s_calls_are_made_in_its_own_session(
    aws: tuple[AwsKeys, Listened], key_arn: str, moto_url: str
) -> None:
    """Who has none is served by the proxy. At once, so that no session signs another's call."""
    keys, listened = aws
    arns = [ALICE.arn, CAROL.arn, CALLER.principal, BOB.arn] * 3
    made = await asyncio.gather(*(keys.generate(key_arn, CONTEXT, caller(arn), fresh=False) for arn in arns))

    assert len({each.plain for each in made}) == len(arns)
    assert listened.signers("AssumeRole") == [PROXY_KEY] * 2
    signers = listened.signers("GenerateDataKey")
    sessions = set(signers) - {PROXY_KEY, CAROL.access_key_id}
    assert [signers.count(each) for each in (PROXY_KEY, CAROL.access_key_id, *sessions)] == [3] * 4
    tokens = {key: token for _, key, token in listened.calls}
    session: Any = boto3.session.Session  # boto3 is not annotated
    names = set()
    for key in sessions:
        sts = session().client(
            "sts",
            endpoint_url=moto_url,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key="not checked by moto",
            aws_session_token=tokens[key],
        )
        names.add((await asyncio.to_thread(sts.get_caller_identity))["Arn"].rpartition("/")[2])
    assert names == {"alice", "bob"}


async def test_a_data_key_of_one_session_serves_no_other(aws: tuple[AwsKeys, Listened], key_arn: str) -> None:
    """AWS may allow the one and refuse the other, so each is given its own."""
    keys, listened = aws
    cached = CachedKeys(keys, CacheLimits())
    arns = (ALICE.arn, BOB.arn, CAROL.arn, CALLER.principal)
    first = [await cached.generate(key_arn, CONTEXT, caller(arn), fresh=False) for arn in arns]
    again = [await cached.generate(key_arn, CONTEXT, caller(arn), fresh=False) for arn in arns]
    opened = [await cached.unwrap(key_arn, first[0].wrapped, CONTEXT, caller(arn)) for arn in arns]

    assert len({each.plain for each in first}) == len(arns)
    assert [each.plain for each in again] == [each.plain for each in first]
    assert [each.cached for each in again] == [True] * len(arns)
    assert [each.cached for each in opened] == [False] * len(arns)
    assert len(set(listened.signers("Decrypt"))) == len(arns)


async def test_the_service_s_own_key_is_used_by_the_proxy_for_all(
    aws: tuple[AwsKeys, Listened], key_arn: str
) -> None:
    keys, listened = aws
    keys.use_as_proxy(key_arn)
    cached = CachedKeys(keys, CacheLimits())
    made = {
        (await cached.generate(key_arn, CONTEXT, caller(arn), fresh=False)).plain
        for arn in (ALICE.arn, CAROL.arn, CALLER.principal)
    }

    assert len(made) == 1
    assert {key for _, key, _ in listened.calls} == {PROXY_KEY}


async def test_grant_tokens_go_with_every_call_in_every_session(moto_url: str, key_arn: str) -> None:
    """A grant made a moment ago is known by its token alone, to whichever host of AWS answers."""
    tokens = ("of-one-grant", "of-another")
    async with listening(moto_url) as (listened, url):
        settings = replace(aws_settings(url), sts_endpoint_url=url, grant_tokens=tokens)
        keys = await open_aws_keys(settings, [ALICE])
        for who in (CALLER, caller(ALICE.arn)):
            made = await keys.generate(key_arn, CONTEXT, who, fresh=False)
            await keys.may_generate(key_arn, CONTEXT, who)
            await keys.unwrap(key_arn, made.wrapped, CONTEXT, who)
            await keys.may_unwrap(key_arn, made.wrapped, CONTEXT, who)
            await keys.describe(key_arn, who)
            await keys.re_encrypt(
                key_arn, made.wrapped, CONTEXT, who, to_key_id=key_arn, to_context={"new": "context"}
            )
        await keys.aclose()

    operations = ["GenerateDataKey", "GenerateDataKey", "Decrypt", "Decrypt", "DescribeKey", "ReEncrypt"]
    assert listened.grant_tokens == [(each, list(tokens)) for each in operations * 2]
    assert len(listened.signers("AssumeRole")) == 1


class FewSessions:
    """An STS that gives a session of an hour, or does not answer."""

    def __init__(self) -> None:
        self.asked: list[Mapping[str, Any]] = []
        self.error: Exception | None = None
        self.answers = asyncio.Event()
        self.answers.set()
        self.now = datetime(2026, 11, 25, tzinfo=UTC)

    async def assume_role(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append(request)
        await asyncio.sleep(0)
        await self.answers.wait()
        if self.error:
            raise self.error
        ends = self.now + timedelta(hours=1)
        key = f"ASIA{len(self.asked)}"
        return {
            "Credentials": {
                "AccessKeyId": key,
                "SecretAccessKey": "s",
                "SessionToken": "t",
                "Expiration": ends,
            }
        }


async def held(sessions: Sessions) -> str:
    return str((await sessions.credentials(ALICE.arn)).access_key)


async def test_a_session_is_made_once_and_renewed_five_minutes_before_its_end() -> None:
    sts = FewSessions()
    sessions = Sessions([ALICE], sts, lambda: sts.now)

    assert await asyncio.gather(*(held(sessions) for _ in range(100))) == ["ASIA1"] * 100
    sts.now += timedelta(minutes=54, seconds=59)
    assert await held(sessions) == "ASIA1"
    sts.now += timedelta(seconds=1)
    assert await held(sessions) == "ASIA2"
    assert len(sts.asked) == 2


async def test_while_sts_does_not_answer_a_session_serves_to_its_end() -> None:
    sts = FewSessions()
    sessions = Sessions([ALICE], sts, lambda: sts.now)
    await held(sessions)
    sts.error = KeyUnavailable("down")
    sts.now += timedelta(minutes=59)

    assert await held(sessions) == "ASIA1"
    sts.now += timedelta(minutes=1)
    with pytest.raises(KeyUnavailable):
        await held(sessions)


async def test_nobody_waits_for_sts_who_has_a_session_that_is_good() -> None:
    """An STS that hangs would else hold up all that an identity does for the last minutes of its session."""
    sts = FewSessions()
    sessions = Sessions([ALICE], sts, lambda: sts.now)
    await held(sessions)
    sts.answers.clear()
    sts.error = KeyUnavailable("down")
    sts.now += timedelta(minutes=56)
    asking = asyncio.create_task(held(sessions))
    await asyncio.sleep(0)

    async with asyncio.timeout(5):
        assert await held(sessions) == "ASIA1"
    sts.answers.set()
    assert await asking == "ASIA1"
    sts.now += ASKED_AGAIN - timedelta(seconds=1)
    await held(sessions)
    assert len(sts.asked) == 2
    sts.now += timedelta(seconds=1)
    await held(sessions)
    assert len(sts.asked) == 3


@pytest.mark.parametrize("error", [KeyUnavailable("down"), KeyRefused("no", code="AccessDenied")])
async def test_a_failure_is_that_of_all_who_waited(error: KeyServiceError) -> None:
    """Else a thousand of them ask one after another, each as long as STS takes."""
    sts = FewSessions()
    sessions = Sessions([ALICE], sts, lambda: sts.now)
    sts.error = error

    ends = await asyncio.gather(*(held(sessions) for _ in range(100)), return_exceptions=True)

    assert {type(each) for each in ends} == {type(error)}
    assert len(sts.asked) == 1
    sts.error = None
    assert await held(sessions) == "ASIA2"


async def test_who_asks_sts_and_leaves_takes_nobody_along() -> None:
    sts = FewSessions()
    sessions = Sessions([ALICE], sts, lambda: sts.now)
    sts.answers.clear()
    leaving, staying = (asyncio.create_task(held(sessions)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    sts.answers.set()

    assert await staying == "ASIA2"


async def test_a_session_that_aws_does_not_take_is_made_anew() -> None:
    """Its role was deleted and made again, say; an access key of an identity's own stays what it is."""
    sts = FewSessions()
    sessions = Sessions([ALICE, CAROL], sts, lambda: sts.now)
    refused = await sessions.credentials(ALICE.arn)

    assert sessions.renewable(ALICE.arn, refused)
    assert await held(sessions) == "ASIA2"
    assert sessions.renewable(ALICE.arn, refused)
    assert await held(sessions) == "ASIA2"
    assert not sessions.renewable(CAROL.arn, await sessions.credentials(CAROL.arn))


@pytest.mark.parametrize(
    ("who", "error"),
    [(CAROL.arn, KeyRefused), (ALICE.arn, KeyUnavailable), (CALLER.principal, KeyUnavailable)],
)
async def test_an_access_key_that_aws_does_not_take_is_its_identity_s_refusal(
    moto_url: str, key_arn: str, who: str, error: type[KeyServiceError]
) -> None:
    """Not the KMS's outage: it closes nothing to others, and no older yes serves on. Of a role's session and
    the proxy's own a retry may be better.
    """
    async with gate_to(moto_url) as gate:
        settings = replace(aws_settings(gate.url, breaker_failures=2), sts_endpoint_url=moto_url)
        keys = await open_aws_keys(settings, [ALICE, CAROL])
        async with aclosing(keys):
            gate.fault = (400, "UnrecognizedClientException")
            for _ in range(5):
                with pytest.raises(error) as caught:
                    await keys.generate(key_arn, CONTEXT, caller(who), fresh=False)
                assert caught.value.code == "UnrecognizedClientException"
            gate.fault = None

            await keys.generate(key_arn, CONTEXT, CALLER, fresh=False)


async def test_a_role_that_may_no_longer_be_assumed_is_a_refusal_at_once() -> None:
    sts = FewSessions()
    sessions = Sessions([ALICE], sts, lambda: sts.now)
    await held(sessions)
    sts.error = KeyRefused("no", code="AccessDenied")
    sts.now += timedelta(minutes=56)

    with pytest.raises(KeyRefused):
        await held(sessions)


@pytest.mark.parametrize(("name", "session"), [("a", "a@sealgate"), ("al", "al"), ("x" * 64, "x" * 64)])
def test_a_session_names_the_identity_as_aws_takes_it(name: str, session: str) -> None:
    """Two characters at least, and sixty-four."""
    asked = assuming(replace(ALICE, name=name, external_id="partner"))

    assert asked == {
        "RoleArn": ALICE.role_arn,
        "RoleSessionName": session,
        "SourceIdentity": session,
        "Tags": [{"Key": TAG, "Value": ALICE.arn}],
        "ExternalId": "partner",
    }
