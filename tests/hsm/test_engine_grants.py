"""Grants: made, listed, used, retired and revoked."""

from typing import Any

import pytest

from proxy.hsm.engine_desk import Limits
from tests.hsm.rig import ACCOUNT, NOW, OTHER_REGION, STRANGERS, Rig, running, user
from tests.hsm.rights import rights, statement

ANN, BEN, CAT = (f"arn:aws:iam::{ACCOUNT}:user/{name}" for name in ("ann", "ben", "cat"))
EVE = f"arn:aws:iam::{STRANGERS}:user/eve"
ben, cat, eve = user(name="ben"), user(name="cat"), user(STRANGERS, name="eve")
GONE = "0" * 64


@pytest.fixture
def key(rig: Rig) -> str:
    """Of ann, who may do everything; ben, cat and eve may do nothing by themselves."""
    for arn in (BEN, CAT, EVE):
        rig.rights[arn] = rights()
    return str(rig.key()["Arn"])


def grant(rig: Rig, key: str, operations: list[str], **more: Any) -> dict[str, Any]:
    return rig.ask("CreateGrant", **{"KeyId": key, "GranteePrincipal": BEN, "Operations": operations, **more})


def encrypts(rig: Rig, key: str, who: Any = ben, **context: str) -> bool:
    asked = {"KeyId": key, "Plaintext": b"x", "EncryptionContext": context, "DryRun": True}
    code = rig.refused("Encrypt", who, **asked).code
    assert code in {"DryRunOperationException", "AccessDeniedException"}
    return code == "DryRunOperationException"


def test_a_grant_allows_what_it_lists_and_nothing_else(rig: Rig, key: str) -> None:
    before = encrypts(rig, key)
    made = grant(rig, key, ["Encrypt", "DescribeKey"])

    assert not before
    assert encrypts(rig, key)
    assert rig.ask("DescribeKey", ben, KeyId=key, GrantTokens=[made["GrantToken"]])
    assert rig.refused("GenerateDataKey", ben, KeyId=key, KeySpec="AES_256").code == "AccessDeniedException"
    assert rig.refused("DisableKey", ben, KeyId=key).code == "AccessDeniedException"
    assert not encrypts(rig, key, cat)
    assert not encrypts(rig, str(rig.key()["Arn"]))


def test_a_grant_to_another_account_needs_nothing_there(rig: Rig, key: str) -> None:
    grant(rig, key, ["Encrypt"], GranteePrincipal=EVE)

    assert encrypts(rig, key, eve)
    assert not encrypts(rig, key, user(STRANGERS, name="else"))


def test_a_grant_to_an_account_leaves_it_to_its_policies(rig: Rig, key: str) -> None:
    grant(rig, key, ["Encrypt"], GranteePrincipal=f"arn:aws:iam::{STRANGERS}:root")

    assert not encrypts(rig, key, eve)
    rig.rights[EVE] = rights(statement("Allow", "kms:Encrypt"))
    assert encrypts(rig, key, eve)


def test_a_deny_goes_before_a_grant(rig: Rig, key: str) -> None:
    grant(rig, key, ["Encrypt"])
    rig.rights[BEN] = rights(statement("Deny", "kms:Encrypt"))

    assert not encrypts(rig, key)


def test_re_encrypt_takes_both_of_its_operations(rig: Rig, key: str) -> None:
    other = rig.key()["Arn"]
    blob = rig.ask("Encrypt", KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    asked = {"CiphertextBlob": blob, "DestinationKeyId": other}
    grant(rig, key, ["ReEncryptFrom", "Decrypt"])

    refused = rig.refused("ReEncrypt", ben, **asked)
    assert f"kms:ReEncryptTo on resource: {other}" in refused.message
    grant(rig, other, ["ReEncryptTo"])
    assert rig.ask("ReEncrypt", ben, **asked)["KeyId"] == other
    assert rig.refused("ReEncrypt", cat, **asked).code == "AccessDeniedException"


@pytest.mark.parametrize(
    ("constraint", "context", "allowed"),
    [
        ("Equals", {"dept": "IT"}, True),
        ("Equals", {"DEPT": "IT"}, True),
        ("Equals", {"dept": "it"}, False),
        ("Equals", {"dept": "IT", "more": "x"}, False),
        ("Equals", {}, False),
        ("Subset", {"dept": "IT"}, True),
        ("Subset", {"Dept": "IT", "more": "x"}, True),
        ("Subset", {"dept": "HR"}, False),
        ("Subset", {"more": "IT"}, False),
        ("Subset", {}, False),
    ],
)
def test_constraints_hold_for_the_encryption_context(
    *, rig: Rig, key: str, constraint: str, context: dict[str, str], allowed: bool
) -> None:
    """Names are compared without regard to case, values are not; actions without a context are free of it."""
    pairs = {f"EncryptionContext{constraint}": {"dept": "IT"}}
    grant(rig, key, ["Encrypt", "DescribeKey"], Constraints=pairs)

    assert encrypts(rig, key, **context) is allowed
    assert rig.ask("DescribeKey", ben, KeyId=key)
    assert rig.ask("ListGrants", KeyId=key)["Grants"][0]["Constraints"] == pairs


def test_a_grant_made_twice_under_one_name_is_one_grant(rig: Rig, key: str) -> None:
    """With a token of its own for each call."""
    first, again = (grant(rig, key, ["Encrypt", "Decrypt"], Name="one") for _ in range(2))
    turned = grant(rig, key, ["Decrypt", "Encrypt"], Name="one")
    other = grant(rig, key, ["Encrypt"], Name="one")
    nameless = [grant(rig, key, ["Encrypt"])["GrantId"] for _ in range(2)]

    assert first["GrantId"] == again["GrantId"] == turned["GrantId"]
    assert first["GrantToken"] != again["GrantToken"]
    assert len({first["GrantId"], other["GrantId"], *nameless}) == 4
    rig.ask("RetireGrant", GrantToken=again["GrantToken"])
    assert rig.refused("RetireGrant", GrantToken=first["GrantToken"]).code == "InvalidGrantTokenException"


def test_grants_are_listed_whole_filtered_and_in_pages(rig: Rig, key: str) -> None:
    made = [grant(rig, key, ["Encrypt"], Name=f"n{number}") for number in range(3)]
    to_cat = grant(rig, key, ["Decrypt"], GranteePrincipal=CAT, RetiringPrincipal=EVE)
    rig.restart()
    pages: list[str] = []
    marker: dict[str, str] = {}
    for _ in range(4):
        page = rig.ask("ListGrants", KeyId=key, Limit=1, **marker)
        pages.append(page["Grants"][0]["GrantId"])
        marker = {"Marker": page.get("NextMarker", "")}

    assert not page["Truncated"]
    assert pages == sorted(each["GrantId"] for each in (*made, to_cat))
    assert rig.ask("ListGrants", KeyId=key, GranteePrincipal=CAT)["Grants"] == [
        {
            "KeyId": key,
            "GrantId": to_cat["GrantId"],
            "Name": "",
            "CreationDate": NOW,
            "GranteePrincipal": CAT,
            "RetiringPrincipal": EVE,
            "IssuingAccount": f"arn:aws:iam::{ACCOUNT}:root",
            "Operations": ["Decrypt"],
        }
    ]
    assert len(rig.ask("ListGrants", KeyId=key, GrantId=made[0]["GrantId"])["Grants"]) == 1
    assert rig.refused("ListGrants", KeyId=key, GrantId="x").code == "InvalidGrantIdException"
    assert rig.refused("ListGrants", KeyId=key, GrantId=GONE).code == "NotFoundException"


def test_grants_that_one_may_retire_are_listed_over_all_keys(rig: Rig, key: str) -> None:
    second, abroad = rig.key()["Arn"], rig.key(user(region=OTHER_REGION))["KeyId"]
    made = {grant(rig, each, ["Encrypt"], RetiringPrincipal=EVE)["GrantId"] for each in (key, second)}
    rig.ask(
        "CreateGrant",
        user(region=OTHER_REGION),
        KeyId=abroad,
        GranteePrincipal=BEN,
        RetiringPrincipal=EVE,
        Operations=["Encrypt"],
    )
    rig.rights[EVE] = rights(statement("Allow", "kms:ListRetirableGrants"))
    found = rig.ask("ListRetirableGrants", eve, RetiringPrincipal=EVE)

    assert {each["GrantId"] for each in found["Grants"]} == made
    assert rig.ask("ListRetirableGrants", RetiringPrincipal=ANN)["Grants"] == []
    assert rig.refused("ListRetirableGrants", RetiringPrincipal=EVE).code == "AccessDeniedException"
    assert rig.refused("ListRetirableGrants", RetiringPrincipal="x").code == "InvalidArnException"
    assert rig.refused("ListRetirableGrants").code == "ValidationException"


@pytest.mark.parametrize(
    ("who", "operations", "retiring", "own", "may"),
    [
        (ben, ["Encrypt"], None, None, False),
        (ben, ["RetireGrant"], None, None, True),
        (cat, ["RetireGrant"], None, None, False),
        (cat, ["Encrypt"], CAT, None, True),
        (eve, ["Encrypt"], EVE, None, True),
        (eve, ["Encrypt"], None, "Allow", False),
        (eve, ["Encrypt"], f"arn:aws:iam::{STRANGERS}:root", None, False),
        (eve, ["Encrypt"], f"arn:aws:iam::{STRANGERS}:root", "Allow", True),
        (cat, ["Encrypt"], None, "Allow", True),
        (cat, ["Encrypt"], CAT, "Deny", False),
    ],
)
def test_the_grant_says_who_may_retire_it(
    *, rig: Rig, key: str, who: Any, operations: list[str], retiring: str | None, own: str | None, may: bool
) -> None:
    """AWS: "Retiring and revoking grants". `own` is what the caller's identity policy says of RetireGrant."""
    more = {"RetiringPrincipal": retiring} if retiring else {}
    made = grant(rig, key, operations, **more)
    if own:
        rig.rights[who.arn] = rights(statement(own, "kms:RetireGrant"))

    if may:
        assert rig.refused("RetireGrant", who, GrantToken=made["GrantToken"], DryRun=True).code == (
            "DryRunOperationException"
        )
        rig.ask("RetireGrant", who, KeyId=key, GrantId=made["GrantId"])
        assert rig.ask("ListGrants", KeyId=key)["Grants"] == []
    else:
        refused = rig.refused("RetireGrant", who, KeyId=key, GrantId=made["GrantId"])
        assert refused.code == "AccessDeniedException"
        assert len(rig.ask("ListGrants", KeyId=key)["Grants"]) == 1


def test_a_revoked_grant_gives_nothing_more(rig: Rig, key: str) -> None:
    made = grant(rig, key, ["Encrypt"])
    asked = {"KeyId": key, "GrantId": made["GrantId"]}

    assert rig.refused("RevokeGrant", ben, **asked).code == "AccessDeniedException"
    assert rig.refused("RevokeGrant", **asked, DryRun=True).code == "DryRunOperationException"
    assert encrypts(rig, key)
    rig.ask("RevokeGrant", **asked)
    assert not encrypts(rig, key)
    assert rig.refused("RevokeGrant", **asked).code == "NotFoundException"
    assert rig.refused("RevokeGrant", KeyId=key, GrantId="x").code == "InvalidGrantIdException"
    tokens = [made["GrantToken"]]
    assert rig.refused("Encrypt", KeyId=key, Plaintext=b"x", GrantTokens=tokens).code == (
        "InvalidGrantTokenException"
    )


@pytest.mark.parametrize(
    ("operations", "constraints", "may"),
    [
        (["Encrypt"], {"EncryptionContextSubset": {"a": "1"}}, True),
        (["Encrypt", "CreateGrant"], {"EncryptionContextSubset": {"A": "1"}}, True),
        (["Encrypt"], {"EncryptionContextSubset": {"a": "1", "b": "2"}}, True),
        (["Encrypt"], {"EncryptionContextEquals": {"a": "1"}}, True),
        (["Encrypt"], {"EncryptionContextSubset": {"b": "2"}}, False),
        (["Encrypt"], {"EncryptionContextEquals": {"a": "2"}}, False),
        (["Encrypt"], {}, False),
        (["Decrypt"], {"EncryptionContextSubset": {"a": "1"}}, False),
        (["Encrypt", "Decrypt"], {"EncryptionContextSubset": {"a": "1"}}, False),
    ],
)
def test_through_a_grant_only_narrower_ones_are_made(
    *, rig: Rig, key: str, operations: list[str], constraints: dict[str, Any], may: bool
) -> None:
    """AWS: "Granting CreateGrant permission"."""
    grant(rig, key, ["Encrypt", "CreateGrant"], Constraints={"EncryptionContextSubset": {"a": "1"}})
    asked = {"KeyId": key, "GranteePrincipal": CAT, "Operations": operations, "Constraints": constraints}

    if may:
        rig.ask("CreateGrant", ben, **asked)
    else:
        assert rig.refused("CreateGrant", ben, **asked).code == "AccessDeniedException"
    assert len(rig.ask("ListGrants", KeyId=key)["Grants"]) == 1 + may


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Operations": []}, "ValidationException"),
        ({"Operations": ["Sign"]}, "ValidationException"),
        ({"Operations": ["Encrypt", "GenerateMac"]}, "ValidationException"),
        ({"GranteePrincipal": "ben"}, "InvalidArnException"),
        ({"GranteePrincipal": "arn:aws:iam::1:user/ben"}, "InvalidArnException"),
        ({"GranteePrincipal": f"arn:aws:iam::{ACCOUNT}:group/all"}, "InvalidArnException"),
        ({"RetiringPrincipal": "*"}, "InvalidArnException"),
        ({"GranteePrincipal": None}, "ValidationException"),
        ({"GranteeServicePrincipal": "s3.amazonaws.com"}, "ValidationException"),
        ({"GranteePrincipal": None, "GranteeServicePrincipal": "s3.amazonaws.com"}, "ValidationException"),
        ({"RetiringPrincipal": BEN, "RetiringServicePrincipal": "s3.amazonaws.com"}, "ValidationException"),
        ({"KeyId": "alias/a"}, "NotFoundException"),
        ({"KeyId": GONE[:36]}, "NotFoundException"),
        ({"GrantTokens": ["bm8gdG9rZW4="]}, "InvalidGrantTokenException"),
        ({"GrantTokens": ["no base64!"]}, "InvalidGrantTokenException"),
        ({"DryRun": True}, "DryRunOperationException"),
        (
            {"Constraints": {"EncryptionContextSubset": {str(n): "" for n in range(9)}}},
            "ValidationException",
        ),
        ({"Constraints": {"EncryptionContextEquals": {"a": "x" * 384}}}, "ValidationException"),
    ],
)
def test_what_makes_no_grant_is_refused(rig: Rig, key: str, change: dict[str, Any], code: str) -> None:
    asked = {"KeyId": key, "GranteePrincipal": BEN, "Operations": ["Encrypt"]} | change
    given = {name: value for name, value in asked.items() if value is not None}

    assert rig.refused("CreateGrant", **given).code == code
    assert rig.ask("ListGrants", KeyId=key)["Grants"] == []


def test_a_grant_to_a_service_is_kept_for_it(rig: Rig, key: str) -> None:
    """No service calls here, so that nobody can use it."""
    bucket = {"SourceArn": "arn:aws:s3:::b"}
    asked = {"GranteeServicePrincipal": "backup.amazonaws.com", "Operations": ["Encrypt"]}
    rig.ask("CreateGrant", KeyId=key, **asked, Constraints=bucket, RetiringPrincipal=ANN)
    listed = rig.ask("ListGrants", KeyId=key)["Grants"][0]

    assert (listed["GranteeServicePrincipal"], listed["Constraints"]) == ("backup.amazonaws.com", bucket)
    assert "GranteePrincipal" not in listed


@pytest.mark.parametrize(
    "asked",
    [{}, {"GrantId": GONE}, {"KeyId": "K"}, {"GrantToken": "t", "KeyId": "K", "GrantId": GONE}],
)
def test_a_grant_is_retired_by_one_way_of_naming_it(rig: Rig, key: str, asked: dict[str, str]) -> None:
    named = {name: key if value == "K" else value for name, value in asked.items()}

    assert rig.refused("RetireGrant", **named).code == "ValidationException"


def test_of_anothers_key_it_is_not_told_whether_it_has_a_grant(rig: Rig, key: str) -> None:
    missing = key.rpartition("/")[0] + "/0f1e2d3c-4b5a-4697-8877-665544332211"
    there, gone = (rig.refused("RetireGrant", eve, KeyId=k, GrantId=GONE) for k in (key, missing))

    assert there.code == gone.code == "AccessDeniedException"
    assert there.message.replace(key, "") == gone.message.replace(missing, "")


def test_a_key_takes_its_grants_along(rig: Rig, key: str) -> None:
    made = grant(rig, key, ["Encrypt"])
    rig.ask("ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=7)
    rig.now += 8 * 86400
    assert [each.name for each in rig.engine.do_due()] == ["DeleteKey"]
    rig.restart()

    assert rig.refused("RetireGrant", GrantToken=made["GrantToken"]).code == "InvalidGrantTokenException"


def test_a_key_has_so_many_grants_and_no_more(tmp_path: Any) -> None:
    with running(tmp_path, Limits(grants_per_key=2)) as rig:
        key = rig.key()["KeyId"]
        for _ in range(2):
            grant(rig, key, ["Encrypt"], Name="same")
        grant(rig, key, ["Decrypt"])

        refused = rig.refused("CreateGrant", KeyId=key, GranteePrincipal=BEN, Operations=["Encrypt"])
        assert refused.code == "LimitExceededException"
        (row,) = [q for q in rig.ask("GetQuotas")["Quotas"] if q["Quota"] == "GrantsPerKey"]
        assert (row["Used"], row["Limit"]) == (2, 2)
        assert rig.engine.quotas_used()["GrantsPerKey"] == 1.0
