"""The operations that are ours, over the wire: signed, checked and recorded as AWS's are."""

from typing import Any

import pytest

from proxy.hsm.engine_reset import RESET
from tests.hsm.api.service import MODEL, STRANGER, Service
from tests.hsm.api.wire import Answer, call, post, signed


async def own(service: Service, action: str, document: Any, **options: Any) -> Answer:
    return await call(
        service.url, action, document, headers={"x-amz-target": f"Sealgate.{action}"}, **options
    )


async def test_each_answers_and_leaves_an_event(service: Service) -> None:
    await call(service.url, "CreateKey", {})
    for action in sorted(MODEL.own_operations - {RESET}):
        answer = await own(service, action, {})

        assert (answer.status, service.recorded.last.event_name) == (200, action)


async def test_there_is_no_reset_unless_a_configuration_asks_for_it(service: Service) -> None:
    await call(service.url, "CreateKey", {})
    refused = await own(service, RESET, {})
    listed = await call(service.url, "ListKeys", {})

    assert (refused.status, refused.code) == (400, "UnsupportedOperationException")
    assert len(listed.document["Keys"]) == 1


async def test_an_account_is_told_of_itself_alone(service: Service) -> None:
    await call(service.url, "CreateKey", {})
    mine, theirs = await own(service, "GetBill", {}), await own(service, "GetBill", {}, who=STRANGER)

    assert len(mine.document["Keys"]) == 1
    assert theirs.document["Keys"] == []


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "next", "2026-01-01"])
async def test_a_month_is_checked_as_aws_checks_its_members(service: Service, month: str) -> None:
    answer = await own(service, "GetBill", {"Month": month})

    assert (answer.status, answer.code) == (400, "ValidationException")
    assert "Value '" in answer.document["message"]


@pytest.mark.parametrize(
    "target",
    ["TrentService.GetBill", "Sealgate.CreateKey", "Sealgate.GetNothing", "GetBill", "Sealgate.", ".", ""],
)
async def test_each_has_its_own_name_and_no_other(service: Service, target: str) -> None:
    headers = signed(service.url, "-", b"{}", headers={"x-amz-target": target})

    assert (await post(service.url, headers, b"{}")).code == "UnknownOperationException"


async def test_the_last_use_names_the_event_of_the_trail(service: Service) -> None:
    key_id = (await call(service.url, "CreateKey", {})).document["KeyMetadata"]["KeyId"]
    used = await call(service.url, "GenerateDataKey", {"KeyId": key_id, "KeySpec": "AES_256"})
    event = service.recorded.last
    told = (await call(service.url, "GetKeyLastUsage", {"KeyId": key_id})).document["KeyLastUsage"]

    assert told["CloudTrailEventId"] == event.event_id
    assert told["KmsRequestId"] == event.request_id == used.headers["x-amzn-RequestId"]
    assert told["Operation"] == "GenerateDataKey"
