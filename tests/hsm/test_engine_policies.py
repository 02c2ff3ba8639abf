"""Key policies: what may be put, what is shown, and who is let in by them."""

import json
from typing import Any

import pytest

from proxy.hsm.core.key_policies import POLICY_LIMIT_BYTES, default_policy
from tests.hsm.rig import ACCOUNT, REGION, STRANGERS, Rig, proxy, user
from tests.hsm.rights import document, rights, statement

ANN, BEN = (f"arn:aws:iam::{ACCOUNT}:user/{name}" for name in ("ann", "ben"))
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
MANAGED = "alias/aws/s3"


def policy(principal: str, action: object = "kms:*", effect: str = "Allow", **more: object) -> str:
    return document(statement(effect, action, Principal={"AWS": principal}, **more))


def test_a_key_made_without_a_policy_has_the_default_one(rig: Rig) -> None:
    """AWS's for keys made through the API: the account, through its identity policies."""
    shown = rig.ask("GetKeyPolicy", KeyId=rig.key()["KeyId"])

    assert shown["PolicyName"] == "default"
    assert json.loads(shown["Policy"]) == {
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [
            {
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": ROOT},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }


def test_a_policy_is_kept_as_it_was_written(rig: Rig) -> None:
    made, put = policy(ANN), json.dumps(json.loads(policy(ROOT)), indent=4)
    key = rig.key(Policy=made)
    first = rig.ask("GetKeyPolicy", KeyId=key["Arn"], PolicyName="default")["Policy"]
    rig.ask("PutKeyPolicy", KeyId=key["KeyId"], PolicyName="default", Policy=put)
    rig.restart()

    assert first == made
    assert rig.ask("GetKeyPolicy", KeyId=key["KeyId"])["Policy"] == put
    assert rig.ask("ListKeyPolicies", KeyId=key["KeyId"]) == {"PolicyNames": ["default"], "Truncated": False}


def test_a_key_has_no_policy_of_another_name(rig: Rig) -> None:
    key = rig.key()["KeyId"]

    for refused in (
        rig.refused("GetKeyPolicy", KeyId=key, PolicyName="second"),
        rig.refused("PutKeyPolicy", KeyId=key, PolicyName="second", Policy=policy(ROOT)),
    ):
        assert (refused.code, refused.message) == ("NotFoundException", "No such policy exists")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"Version": "2012-10-17"}',
        document(statement("Allow", "kms:*")),
        policy("nobody"),
        policy(ROOT, effect="Perhaps"),
        policy(ROOT, Condition={"StringIs": {"kms:CallerAccount": "1"}}),
        policy(ROOT, Elsewhere=True),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(rig: Rig, text: str) -> None:
    """And nothing is made or changed."""
    key = rig.key()["KeyId"]
    refused = [
        rig.refused("PutKeyPolicy", KeyId=key, Policy=text),
        rig.refused("CreateKey", Policy=text),
        rig.refused("CreateKey", Policy=text, BypassPolicyLockoutSafetyCheck=True),
    ]

    assert {refusal.code for refusal in refused} == {"MalformedPolicyDocumentException"}
    assert rig.ask("GetKeyPolicy", KeyId=key)["Policy"] == default_policy(ACCOUNT)
    assert len(rig.ask("ListKeys")["Keys"]) == 1


@pytest.mark.parametrize(
    ("operator", "key", "taken"),
    [
        ("ForAllValues:StringEquals", "kms:EncryptionContext:a", False),
        ("ForAllValues:StringLikeIfExists", "aws:RequestTag/team", False),
        ("ForAnyValue:StringEquals", "kms:EncryptionContext:a", True),
        ("ForAllValues:StringEquals", "kms:EncryptionContextKeys", True),
        ("ForAllValues:StringEquals", "aws:TagKeys", True),
    ],
)
def test_a_condition_that_says_less_than_it_seems_is_refused(
    rig: Rig, operator: str, key: str, *, taken: bool
) -> None:
    """AWS: OverlyPermissiveCondition."""
    text = document(
        statement("Allow", "kms:*", Principal={"AWS": ROOT}),
        statement("Allow", "kms:Decrypt", Principal={"AWS": BEN}, Condition={operator: {key: "b"}}),
    )
    key_id = rig.key()["KeyId"]
    if taken:
        rig.ask("PutKeyPolicy", KeyId=key_id, Policy=text)
        return
    refused = rig.refused("PutKeyPolicy", KeyId=key_id, Policy=text)

    assert refused.code == "MalformedPolicyDocumentException"
    assert refused.message.startswith("OverlyPermissiveCondition: ")


def test_a_policy_has_at_most_32_kib(rig: Rig) -> None:
    text = policy(ROOT)
    most = text + " " * (POLICY_LIMIT_BYTES - len(text))

    key = rig.key(Policy=most)["KeyId"]
    for refused in (
        rig.refused("CreateKey", Policy=most + " "),
        rig.refused("PutKeyPolicy", KeyId=key, Policy=most + " "),
    ):
        assert refused.code == "LimitExceededException"


@pytest.mark.parametrize(
    ("text", "open_"),
    [
        (policy(ANN), True),
        (policy(ROOT), True),
        (policy(ACCOUNT), True),
        (policy("*"), True),
        (policy(ANN, "kms:PutKeyPolicy"), True),
        (policy(ANN, "kms:Put*"), True),
        (policy(BEN), False),
        (policy(ANN, "kms:Decrypt"), False),
        (policy(ANN, Condition={"StringEquals": {"aws:PrincipalTag/team": "crew"}}), False),
        (policy(f"arn:aws:iam::{STRANGERS}:root"), False),
        (
            document(
                statement("Allow", "kms:*", Principal={"AWS": ROOT}),
                statement("Deny", "kms:PutKeyPolicy", Principal={"AWS": ANN}),
            ),
            False,
        ),
    ],
)
def test_nobody_locks_themselves_out_by_mistake(rig: Rig, text: str, *, open_: bool) -> None:
    """The lockout safety check: the caller, or their account, could put the next policy."""
    key = rig.key()["KeyId"]
    for action, named in (("CreateKey", {}), ("PutKeyPolicy", {"KeyId": key})):
        if open_:
            rig.ask(action, Policy=text, **named)
        else:
            refused = rig.refused(action, Policy=text, **named)
            says = "The new key policy will not allow you to update the key policy in the future."
            assert (refused.code, refused.message) == ("MalformedPolicyDocumentException", says)
            rig.ask(action, Policy=text, BypassPolicyLockoutSafetyCheck=True, **named)


def test_whom_a_policy_names_needs_no_other(rig: Rig) -> None:
    """And whom it does not name is refused whatever their own policies say."""
    rig.rights[ANN] = rights(statement("Allow", "kms:CreateKey"))
    key = rig.key(Policy=policy(ANN))

    rig.ask("Encrypt", KeyId=key["KeyId"], Plaintext=b"x")
    refused = rig.refused("Encrypt", user(name="ben"), KeyId=key["KeyId"], Plaintext=b"x")
    assert refused.code == "AccessDeniedException"
    assert refused.message == (
        f"User: {BEN} is not authorized to perform: kms:Encrypt on resource: {key['Arn']}"
        " because no resource-based policy allows the kms:Encrypt action"
    )


def test_an_account_that_is_named_decides_by_its_identity_policies(rig: Rig) -> None:
    key = rig.key()["KeyId"]
    rig.rights[BEN] = rights(statement("Allow", "kms:Encrypt"))
    rig.ask("Encrypt", user(name="ben"), KeyId=key, Plaintext=b"x")

    refused = rig.refused("DescribeKey", user(name="ben"), KeyId=key)
    assert refused.message.endswith(" because no identity-based policy allows the kms:DescribeKey action")


def test_another_account_needs_both(rig: Rig) -> None:
    key = rig.key(
        Policy=document(
            statement("Allow", "kms:*", Principal={"AWS": ROOT}),
            statement("Allow", ["kms:Encrypt", "kms:GetKeyPolicy"], Principal={"AWS": STRANGERS}),
        )
    )["Arn"]
    eve = user(STRANGERS, name="eve")
    rig.ask("Encrypt", eve, KeyId=key, Plaintext=b"x")
    rig.rights[eve.arn] = rights(statement("Allow", "kms:Decrypt"))

    assert rig.refused("Encrypt", eve, KeyId=key, Plaintext=b"x").code == "AccessDeniedException"
    named = rig.key(
        Policy=document(
            statement("Allow", "kms:*", Principal={"AWS": ROOT}),
            statement("Allow", "kms:Encrypt", Principal={"AWS": eve.arn}),
        )
    )["Arn"]
    # Other than in the key's own account, being named is not enough.
    assert rig.refused("Encrypt", eve, KeyId=named, Plaintext=b"x").code == "AccessDeniedException"
    # AWS's page of GetKeyPolicy: "Cross-account use: No".
    assert rig.refused("GetKeyPolicy", user(STRANGERS), KeyId=key).code == "AccessDeniedException"


@pytest.mark.parametrize(
    ("action", "request_"),
    [
        ("CreateKey", {}),
        ("CreateKey", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        ("GenerateRandom", {"NumberOfBytes": 1}),
        ("ListAliases", {}),
        ("ListKeys", {}),
        ("ListRetirableGrants", {"RetiringPrincipal": ANN}),
    ],
)
def test_identity_policies_alone_decide_what_is_about_no_key(
    rig: Rig, action: str, request_: dict[str, Any]
) -> None:
    needed = [f"kms:{action}"] + (["kms:TagResource"] if "Tags" in request_ else [])
    rig.rights[ANN] = rights(statement("Allow", needed))
    rig.ask(action, **request_)
    for each in needed:
        rig.rights[ANN] = rights(statement("Allow", "kms:*"), statement("Deny", each))
        assert rig.refused(action, **request_).code == "AccessDeniedException"
    rig.rights[ANN] = rights()
    assert rig.refused(action, **request_).code == "AccessDeniedException"


@pytest.mark.parametrize("lacking", ["alias", "key"])
def test_an_alias_takes_the_right_to_it_and_to_its_key(rig: Rig, lacking: str) -> None:
    """AWS: "Controlling access to aliases"."""
    first, second = rig.key()["KeyId"], rig.key()["KeyId"]
    rig.ask("CreateAlias", AliasName="alias/old", TargetKeyId=first)
    resource = f"arn:aws:kms:{REGION}:{ACCOUNT}:{'key/*' if lacking == 'alias' else 'alias/*'}"
    rig.rights[ANN] = rights({"Effect": "Allow", "Action": "kms:*", "Resource": resource})
    calls = [
        rig.refused("CreateAlias", AliasName="alias/new", TargetKeyId=first),
        rig.refused("UpdateAlias", AliasName="alias/old", TargetKeyId=second),
        rig.refused("DeleteAlias", AliasName="alias/old"),
    ]
    rig.rights.clear()

    assert {refusal.code for refusal in calls} == {"AccessDeniedException"}
    assert [alias["TargetKeyId"] for alias in rig.ask("ListAliases")["Aliases"]] == [first]


def test_who_may_use_a_key_by_an_alias_may_not_therefore_change_it(rig: Rig) -> None:
    """AWS of kms:RequestAlias: "You cannot use this condition key to control access to alias operations"."""
    by_alias = {"StringEquals": {"kms:RequestAlias": "alias/mine"}}
    owner = statement("Allow", "kms:*", Principal={"AWS": ANN})
    text = document(owner, statement("Allow", "kms:*", Principal={"AWS": BEN}, Condition=by_alias))
    mine = rig.key(Policy=text)["KeyId"]
    rig.ask("CreateAlias", AliasName="alias/mine", TargetKeyId=mine)
    ben = user(name="ben")

    rig.ask("Encrypt", ben, KeyId="alias/mine", Plaintext=b"x")
    for action, target in (("DeleteAlias", {}), ("UpdateAlias", {"TargetKeyId": rig.key(ben)["KeyId"]})):
        refused = rig.refused(action, ben, AliasName="alias/mine", **target)
        assert refused.code == "AccessDeniedException"


def test_an_alias_moves_only_where_both_keys_allow_it(rig: Rig) -> None:
    mine = rig.key()["KeyId"]
    closed = rig.key(Policy=policy(BEN), BypassPolicyLockoutSafetyCheck=True)["KeyId"]
    rig.ask("CreateAlias", AliasName="alias/mine", TargetKeyId=mine)
    rig.ask("CreateAlias", user(name="ben"), AliasName="alias/closed", TargetKeyId=closed)

    for alias, target in (("alias/mine", closed), ("alias/closed", mine)):
        refused = rig.refused("UpdateAlias", AliasName=alias, TargetKeyId=target)
        assert refused.code == "AccessDeniedException"


def test_the_managed_keys_policy_is_awss_and_fixed(rig: Rig) -> None:
    arn = rig.outcome("DescribeKey", proxy(), KeyId=MANAGED).key_arn
    shown = json.loads(rig.ask("GetKeyPolicy", KeyId=arn)["Policy"])

    assert [each["Principal"]["AWS"] for each in shown["Statement"]] == ["*", ROOT]
    assert shown["Statement"][0]["Condition"]["StringEquals"] == {
        "kms:CallerAccount": ACCOUNT,
        "kms:ViaService": f"s3.{REGION}.amazonaws.com",
    }
    refused = rig.refused("PutKeyPolicy", KeyId=arn, Policy=policy(ROOT))
    assert refused.code == "AccessDeniedException"
    assert rig.refused("CreateGrant", KeyId=arn, GranteePrincipal=BEN, Operations=["Decrypt"]).code == (
        "AccessDeniedException"
    )


def test_what_another_key_policy_says_of_the_service_is_heard(rig: Rig) -> None:
    """Through S3 only: kms:ViaService, as policies written for AWS have it."""
    through = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
    key = rig.key(
        Policy=document(
            statement("Allow", ["kms:PutKeyPolicy", "kms:CreateKey"], Principal={"AWS": ROOT}),
            statement("Allow", "kms:*", Principal={"AWS": ROOT}, Condition=through),
        )
    )["KeyId"]

    rig.ask("GenerateDataKey", proxy(), KeyId=key, KeySpec="AES_256")
    assert rig.refused("GenerateDataKey", KeyId=key, KeySpec="AES_256").code == "AccessDeniedException"
    assert rig.refused("GenerateDataKey", proxy(STRANGERS), KeyId=key, KeySpec="AES_256").code != ""
