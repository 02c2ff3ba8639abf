"""Speaking for a client: who may, for whom, and that it is proven and recorded."""

import pytest

from proxy.auth.identities import Identity
from tests.hsm.api.service import ACCOUNT, ADMIN, PROXY, STRANGER, Service
from tests.hsm.api.wire import call, post, signed

FOR_ADMIN = {
    "x-sealgate-principal": ADMIN.arn,
    "x-sealgate-via-service": "s3.eu-central-1.amazonaws.com",
    "x-sealgate-source-ip": "192.0.2.7",
    "x-sealgate-secure-transport": "true",
    "x-sealgate-request-id": "S3REQUEST",
}
DATA_KEY = {"KeyId": "alias/aws/s3", "KeySpec": "AES_256", "EncryptionContext": {"bucket": "secret-name"}}


async def test_a_proxy_gets_a_data_key_for_its_client(service: Service) -> None:
    """The event has both: who asked, and who called for them."""
    answer = await call(service.url, "GenerateDataKey", DATA_KEY, who=PROXY, headers=FOR_ADMIN)

    assert answer.status == 200
    event = service.recorded.last
    assert (event.user_identity.arn, event.user_identity.invoked_by) == (ADMIN.arn, PROXY.arn)
    assert (event.source_ip_address, event.shared_event_id) == ("192.0.2.7", "S3REQUEST")
    assert event.recipient_account_id == ACCOUNT
    assert [r.arn for r in event.resources] == [answer.document["KeyId"]]
    assert "secret-name" not in repr(event)
    assert event.request_parameters["encryptionContext"] == {"bucket": "HIDDEN_DUE_TO_SECURITY_REASONS"}


async def test_the_use_of_an_owned_key_is_in_no_accounts_trail(service: Service) -> None:
    asked = DATA_KEY | {"KeyId": "alias/sealgate/owned"}
    answer = await call(service.url, "GenerateDataKey", asked, who=PROXY, headers=FOR_ADMIN)

    assert answer.status == 200
    assert service.recorded.last.recipient_account_id == ""


@pytest.mark.parametrize("who", [ADMIN, STRANGER], ids=lambda i: i.name)
@pytest.mark.parametrize("name", FOR_ADMIN)
async def test_nobody_but_a_proxy_may_speak_for_another(service: Service, who: Identity, name: str) -> None:
    """A header that is left aside today is believed by mistake tomorrow."""
    answer = await call(service.url, "ListKeys", {}, who=who, headers={name: FOR_ADMIN[name]})

    assert (answer.status, answer.code) == (400, "AccessDeniedException")


@pytest.mark.parametrize("name", FOR_ADMIN)
async def test_a_spoken_header_outside_the_signature_is_refused(service: Service, name: str) -> None:
    """Else whoever stands between could put another name in."""
    headers = {n: v for n, v in FOR_ADMIN.items() if n != name}
    sent = signed(service.url, "ListKeys", b"{}", who=PROXY, headers=headers) | {name: FOR_ADMIN[name]}

    answer = await post(service.url, sent, b"{}")

    assert answer.code == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"x-sealgate-principal": "arn:aws:iam::111122223333:user/nobody"}, "AccessDeniedException"),
        ({"x-sealgate-principal": PROXY.arn}, "AccessDeniedException"),
        ({"x-sealgate-principal": ""}, "AccessDeniedException"),
        ({"x-sealgate-source-ip": "192.0.2.7, 192.0.2.8"}, "ValidationException"),
        ({"x-sealgate-secure-transport": "yes"}, "ValidationException"),
        ({"x-sealgate-root": "true"}, "ValidationException"),
    ],
)
async def test_what_a_proxy_says_must_make_sense(
    service: Service, changed: dict[str, str], code: str
) -> None:
    answer = await call(service.url, "GenerateDataKey", DATA_KEY, who=PROXY, headers=FOR_ADMIN | changed)

    assert (answer.status, answer.code) == (400, code)


async def test_a_proxy_must_say_for_whom(service: Service) -> None:
    without = {n: v for n, v in FOR_ADMIN.items() if n != "x-sealgate-principal"}
    answer = await call(service.url, "GenerateDataKey", DATA_KEY, who=PROXY, headers=without)

    assert answer.code == "ValidationException"


@pytest.mark.parametrize("headers", [{}, FOR_ADMIN], ids=["alone", "for a client"])
async def test_a_proxy_cannot_manage_keys(service: Service, headers: dict[str, str]) -> None:
    answer = await call(service.url, "CreateKey", {}, who=PROXY, headers=headers)

    assert answer.code == "AccessDeniedException"


async def test_the_context_in_a_grants_constraints_is_not_recorded(service: Service) -> None:
    """Its names are: they say which rule it is."""
    made = await call(service.url, "CreateKey", {}, who=ADMIN)
    asked = {
        "KeyId": made.document["KeyMetadata"]["KeyId"],
        "GranteePrincipal": STRANGER.arn,
        "Operations": ["Decrypt"],
        "Constraints": {"EncryptionContextSubset": {"project": "secret-name"}},
    }
    answer = await call(service.url, "CreateGrant", asked, who=ADMIN)
    event = service.recorded.last

    assert answer.status == 200
    assert "secret-name" not in repr(event)
    assert event.request_parameters["constraints"] == {
        "EncryptionContextSubset": {"project": "HIDDEN_DUE_TO_SECURITY_REASONS"}
    }
