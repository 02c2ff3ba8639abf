"""In whose trail stands what is done with a key of each class."""

import base64
from datetime import UTC, datetime
from typing import Any

from proxy.audit.event import Event
from proxy.hsm.api_audit import event_of_happening
from tests.hsm.api.service import ADMIN, PROXY, Service, served
from tests.hsm.api.wire import call
from tests.hsm.asking import CALLS, EDITS, LOOKS, USES, Target, new_target
from tests.hsm.classes.cells import YEAR, cell, managed, owned
from tests.hsm.rig import ACCOUNT, NOW, REGION, Rig

FOR_ADMIN = {
    "x-sealgate-principal": ADMIN.arn,
    "x-sealgate-via-service": f"s3.{REGION}.amazonaws.com",
    "x-sealgate-source-ip": "192.0.2.7",
    "x-sealgate-secure-transport": "true",
}


async def recorded(service: Service, action: str, target: Target, *, through_proxy: bool) -> Event:
    """The event of a call on a key."""
    spoken: dict[str, Any] = {"who": PROXY, "headers": FOR_ADMIN} if through_proxy else {}
    asked = {
        name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for name, value in CALLS[action](target).items()
    }
    await call(service.url, action, asked, **spoken)
    event = service.recorded.last
    assert event.event_name == action
    assert event.user_identity.arn == ADMIN.arn
    return event


@cell("audit", "customer managed")
async def test_every_call_on_a_customers_key_is_in_the_accounts_trail(rig: Rig) -> None:
    """Management and use, also what is refused."""
    target = new_target(rig)
    async with served(rig.engine) as service:
        for action in (*sorted(LOOKS), *sorted(USES), *sorted(EDITS)):
            event = await recorded(service, action, target, through_proxy=False)
            assert event.recipient_account_id == ACCOUNT
            assert target.arn in {each.arn for each in event.resources} or action in NAMES_ANOTHER


NAMES_ANOTHER = {"ListAliases"}
"""Operations that say nothing of a key by themselves."""


@cell("audit", "service managed")
async def test_every_use_of_the_managed_key_is_in_the_accounts_trail(rig: Rig) -> None:
    target = managed(rig)
    async with served(rig.engine) as service:
        for action in sorted(USES):
            event = await recorded(service, action, target, through_proxy=True)
            assert (event.error_code, event.recipient_account_id) == ("", ACCOUNT)
            assert {each.arn for each in event.resources} == {target.arn}
    rig.now = NOW + YEAR
    assert {event.recipient_account_id for event in rotations(rig) if target.arn in str(event)} == {ACCOUNT}


@cell("audit", "service owned")
async def test_no_use_of_the_owned_key_is_in_an_accounts_trail(rig: Rig) -> None:
    """It stands in the operator's own log, without an account that it would belong to."""
    target = owned(rig)
    async with served(rig.engine) as service:
        for action in sorted(USES):
            event = await recorded(service, action, target, through_proxy=True)
            assert (event.error_code, event.recipient_account_id) == ("", "")
            assert {each.arn for each in event.resources} == {target.arn}
    rig.now = NOW + YEAR
    assert [event.recipient_account_id for event in rotations(rig)] == [""]


def rotations(rig: Rig) -> list[Event]:
    now = datetime.fromtimestamp(rig.now, UTC)
    return [event_of_happening(each, now=now, event_id="e") for each in rig.engine.do_due()]
