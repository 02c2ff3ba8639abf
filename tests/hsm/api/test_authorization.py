"""Who may do what, over the wire: boto3 gets AWS's error, in AWS's words, and grants work as AWS's do."""

import asyncio
from typing import Any

from botocore.exceptions import ClientError

from proxy.hsm.core.access import FOREIGN, Rights
from proxy.hsm.engine import Engine
from tests.hsm.api.service import ACCOUNT, ADMIN, FOREIGN_ACCOUNT, PROXY, REGION, STRANGER, Service
from tests.hsm.rights import EVERYTHING, document, rights, statement


def refusal(call: Any, **asked: Any) -> tuple[int, str, str]:
    """Status, code and message of a call that is refused."""
    try:
        call(**asked)
    except ClientError as exc:
        response: Any = exc.response
        error = response["Error"]
        return response["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]
    raise AssertionError("the call was allowed")


def says(arn: str, action: str, resource: str, reason: str) -> tuple[int, str, str]:
    message = f"User: {arn} is not authorized to perform: kms:{action} on resource: {resource}{reason}"
    return 400, "AccessDeniedException", message


async def test_a_refusal_says_who_may_not_what_and_why(service: Service, engine: Engine) -> None:
    """One for each of AWS's reasons, and to a stranger always the same one."""
    held: dict[str, Rights] = {ADMIN.arn: EVERYTHING, STRANGER.arn: EVERYTHING}
    engine.serve({ACCOUNT, FOREIGN_ACCOUNT}, lambda arn: held.get(arn, Rights()))

    def work() -> None:
        kms, theirs = service.client(), service.client(STRANGER)
        key = kms.create_key()["KeyMetadata"]["Arn"]
        asked = {"KeyId": key, "Plaintext": b"x"}
        blob = kms.encrypt(**asked)["CiphertextBlob"]
        held[ADMIN.arn] = rights(statement("Allow", ["kms:Encrypt", "kms:PutKeyPolicy"]))
        none = " because no identity-based policy allows the kms:Decrypt action"
        assert refusal(kms.decrypt, CiphertextBlob=blob) == says(ADMIN.arn, "Decrypt", key, none)
        none = " because no identity-based policy allows the kms:CreateKey action"
        assert refusal(kms.create_key) == says(ADMIN.arn, "CreateKey", "*", none)
        held[ADMIN.arn] = rights(statement("Allow", "kms:*"), statement("Deny", "kms:Encrypt"))
        deny = " with an explicit deny in an identity-based policy"
        assert refusal(kms.encrypt, **asked) == says(ADMIN.arn, "Encrypt", key, deny)
        assert refusal(theirs.encrypt, **asked) == says(STRANGER.arn, "Encrypt", key, FOREIGN)
        held[ADMIN.arn] = EVERYTHING
        kms.put_key_policy(
            KeyId=key,
            Policy=document(
                statement("Allow", "kms:PutKeyPolicy", Principal={"AWS": ADMIN.arn}),
                statement("Deny", "kms:Encrypt", Principal="*"),
            ),
        )
        deny = " with an explicit deny in a resource-based policy"
        assert refusal(kms.encrypt, **asked) == says(ADMIN.arn, "Encrypt", key, deny)
        none = " because no resource-based policy allows the kms:DescribeKey action"
        assert refusal(kms.describe_key, KeyId=key) == says(ADMIN.arn, "DescribeKey", key, none)

    await asyncio.to_thread(work)


async def test_a_partner_uses_a_key_by_policy_and_by_grant(service: Service, engine: Engine) -> None:
    """Policies of both accounts together; a grant without them, by its constraint, until it is revoked."""
    held: dict[str, Rights] = {ADMIN.arn: EVERYTHING, STRANGER.arn: Rights()}
    engine.serve({ACCOUNT, FOREIGN_ACCOUNT}, lambda arn: held.get(arn, Rights()))
    partner = f"arn:aws:iam::{FOREIGN_ACCOUNT}:root"

    def work() -> None:
        kms, theirs = service.client(), service.client(STRANGER)
        policy = document(
            statement("Allow", "kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
            statement("Allow", ["kms:Encrypt", "kms:DescribeKey"], Principal={"AWS": partner}),
        )
        key = kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
        assert refusal(theirs.describe_key, KeyId=key) == says(STRANGER.arn, "DescribeKey", key, FOREIGN)
        held[STRANGER.arn] = rights(statement("Allow", "kms:DescribeKey"))
        assert theirs.describe_key(KeyId=key)["KeyMetadata"]["Arn"] == key

        context, other = {"project": "apollo"}, {"project": "gemini"}
        blob = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)["CiphertextBlob"]
        made = kms.create_grant(
            KeyId=key,
            GranteePrincipal=STRANGER.arn,
            Operations=["Decrypt"],
            Constraints={"EncryptionContextSubset": context},
        )
        asked = {"CiphertextBlob": blob, "KeyId": key, "GrantTokens": [made["GrantToken"]]}
        assert theirs.decrypt(EncryptionContext=context, **asked)["Plaintext"] == b"x"
        assert refusal(theirs.decrypt, EncryptionContext=other, **asked)[:2] == (400, "AccessDeniedException")
        kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
        asked.pop("GrantTokens")
        refused = refusal(theirs.decrypt, EncryptionContext=context, **asked)
        assert refused == says(STRANGER.arn, "Decrypt", key, FOREIGN)

    await asyncio.to_thread(work)
    codes = [event.error_code for event in service.recorded.events]
    assert codes.count("AccessDeniedException") == 3


async def test_policies_see_the_address_and_the_program_of_a_call(service: Service, engine: Engine) -> None:
    """aws:SourceIp is the connection's, aws:UserAgent what the client sends."""
    held: dict[str, Rights] = {}
    engine.serve({ACCOUNT, FOREIGN_ACCOUNT}, lambda arn: held.get(arn, EVERYTHING))

    def work() -> None:
        kms = service.client()
        for condition, allowed in (
            ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
            ({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, False),
            ({"StringLike": {"aws:UserAgent": "*Botocore/*"}}, True),
            ({"StringLike": {"aws:UserAgent": "aws-cli/*"}}, False),
            ({"Bool": {"aws:SecureTransport": "false"}}, True),
            ({"StringEquals": {"aws:RequestedRegion": REGION}}, True),
        ):
            held[ADMIN.arn] = rights(statement("Allow", "kms:*", Condition=condition))
            if allowed:
                kms.list_keys()
            else:
                assert refusal(kms.list_keys)[1] == "AccessDeniedException"
        assert refusal(service.client(PROXY).list_keys)[1] == "AccessDeniedException"

    await asyncio.to_thread(work)
