"""Reads the judged tables: each row is a question to the key service's own decision, and AWS's answer to it.

A table is a file of groups. A group names the AWS page that its answers come from and what its rows share
(`given`); a row says what differs, and the answer. Statements are written short: `Allow` or `Deny` with
actions of KMS, `to` principals, `resource`, `when` conditions; `..._all_but` for the Not* elements. All
is read into the documents and questions that the service itself would be given.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from proxy.hsm.core.access import FOREIGN, Principal, Rights
from proxy.hsm.core.conditions import Asked
from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.grants import Grant, pairs_of
from proxy.hsm.core.lifecycle import DAY_SECONDS
from proxy.hsm.core.model import Key, Manager
from proxy.hsm.core.names import alias_arn
from proxy.hsm.core.states import KeyState
from proxy.hsm.grantbook import Grantbook
from proxy.hsm.guard import Guard
from proxy.policy.documents import Kind, parse

OWNER, PARTNER, REGION = "111122223333", "444455556666", "eu-central-1"
KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY_ARN = f"arn:aws:kms:{REGION}:{OWNER}:key/{KEY_ID}"
PEOPLE = {
    "alice": f"arn:aws:iam::{OWNER}:user/alice",
    "bob": f"arn:aws:iam::{OWNER}:user/team/bob",
    "role": f"arn:aws:iam::{OWNER}:role/Engineering",
    "session": f"arn:aws:sts::{OWNER}:assumed-role/Engineering/worker-7",
    "eve": f"arn:aws:iam::{PARTNER}:user/eve",
    "their role": f"arn:aws:iam::{PARTNER}:role/Audit",
    "their session": f"arn:aws:sts::{PARTNER}:assumed-role/Audit/night-run",
    "account": f"arn:aws:iam::{OWNER}:root",
    "partner": f"arn:aws:iam::{PARTNER}:root",
}
"""The key is the account's; `account` and `partner` stand for whoever belongs to them."""
ANSWERS = ("allow", "implicit deny", "explicit deny")
_ALONE = {"CreateKey", "GenerateRandom", "ListAliases", "ListKeys", "ListRetirableGrants"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    name: str
    page: str
    asks: str
    """IAM's name of the action."""
    answer: str
    identity: tuple[dict[str, Any], ...]
    """Statements of the caller's identity policies, as AWS writes them; of the key policy below."""
    key_policy: tuple[dict[str, Any], ...]
    grants: tuple[Grant, ...]
    asked: Asked
    resource: str
    """An ARN, or * where the action is about nothing."""

    @property
    def by_policies_alone(self) -> bool:
        """Whether another evaluator, which knows identity and resource policies, can judge it."""
        return not self.grants and self.asks != "RetireGrant"

    @property
    def is_own(self) -> bool:
        return self.asked.principal.client_account == OWNER


def rows() -> list[Row]:
    return [
        row for path in sorted(Path(__file__).parent.glob("tables/*.yaml")) for row in _rows_of_table(path)
    ]


def judged(row: Row) -> str:
    """The key service's answer, one of ANSWERS; `deny` where it hides from a stranger which of the two."""
    book = Grantbook()
    for grant in row.grants:
        book.keep(grant)
    guard = Guard(book, lambda _: row.asked.rights)
    try:
        if row.asks == "RetireGrant":
            guard.check_retiring(row.asked)
        elif row.asked.key is None:
            guard.check_alone(row.asked, row.resource)
        else:
            operation = "ReEncrypt" if row.asks.startswith("ReEncrypt") else row.asks
            guard.check_key(row.asked, operation=operation)
    except KmsError as exc:
        return _answer(exc, row)
    return "allow"


def document(statements: tuple[dict[str, Any], ...], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def _answer(exc: KmsError, row: Row) -> str:
    """From AWS's message, whose form is held to as well."""
    who = row.asked.principal.client_arn
    beginning = f"User: {who} is not authorized to perform: kms:{row.asks} on resource: "
    assert exc.code == "AccessDeniedException"
    assert exc.message.startswith(beginning), exc.message
    if exc.message.endswith(FOREIGN):
        return "deny"
    assert exc.message.startswith(beginning + row.resource), exc.message
    reason = exc.message.removeprefix(beginning + row.resource)
    if reason in {
        f" with an explicit deny in {kind} policy" for kind in ("an identity-based", "a resource-based")
    }:
        return "explicit deny"
    lacking = {
        f" because no {kind} policy allows the kms:{row.asks} action"
        for kind in ("identity-based", "resource-based")
    }
    assert reason in lacking or (row.asks == "RetireGrant" and not reason), exc.message
    return "implicit deny"


def _rows_of_table(path: Path) -> Iterator[Row]:
    for group in yaml.safe_load(path.read_text("utf-8")):
        for number, case in enumerate(group["rows"], 1):
            merged = {**group.get("given", {}), **case}
            shown = f"{path.stem}: {group['about']} {number}"
            yield row_of(shown, group["page"], merged)


def row_of(name: str, page: str, case: Mapping[str, Any]) -> Row:
    _check_names(name, case)
    key_policy = tuple(_statement(each) for each in case.get("key", ()))
    identity = tuple(_statement(each) for each in case.get("identity", ()))
    grants = tuple(_grant(each, number) for number, each in enumerate(case.get("grants", ())))
    about_key = case["asks"] not in _ALONE and "alias" not in case
    now = datetime.fromisoformat(case.get("at", "2026-05-01T12:00:00+00:00")).timestamp()
    asked = Asked(
        principal=_principal(case),
        rights=Rights(
            policies=(parse(document(identity), kind=Kind.IDENTITY),) if identity else (),
            tags=case.get("caller tags", {}),
            name=case.get("caller name", ""),
        ),
        action=case["asks"],
        request=_request(case),
        now_epoch=now,
        unused_since_epoch=now - DAY_SECONDS * case.get("unused days", 0),
        key=_key(key_policy, case) if about_key else None,
        aliases=case.get("key aliases", ()),
        named=case.get("named", KEY_ARN),
        same_key=case.get("same key", False),
        grant=grants[0] if case["asks"] == "RetireGrant" else _proposed(case),
    )
    alias = alias_arn(REGION, OWNER, case["alias"]) if "alias" in case else "*"
    return Row(
        name=name,
        page=page,
        asks=case["asks"],
        answer=case["answer"],
        identity=identity,
        key_policy=key_policy,
        grants=grants,
        asked=asked,
        resource=KEY_ARN if about_key else alias,
    )


_NAMES = {
    *("who", "asks", "answer", "key", "identity", "grants", "context", "via", "ip", "secure", "agent"),
    *("named", "key aliases", "key tags", "caller tags", "request", "same key", "at", "alias", "creates"),
    *("region", "unused days", "caller name"),
}


def _check_names(name: str, case: Mapping[str, Any]) -> None:
    unknown = set(case) - _NAMES
    assert not unknown, f"{name}: {unknown}"
    assert case["answer"] in ANSWERS, f"{name}: {case['answer']}"


def _principal(case: Mapping[str, Any]) -> Principal:
    arn = PEOPLE[case["who"]]
    who = Principal(
        arn=arn,
        account=arn.split(":")[4],
        kind="user",
        region=case.get("region", REGION),
        source_ip=case.get("ip", ""),
        secure_transport=case.get("secure", False),
        user_agent=case.get("agent", ""),
    )
    if "via" not in case:
        return who
    # A service calls for a client: here the proxy does, and is seen as S3.
    gateway = f"arn:aws:iam::{OWNER}:user/gateway"
    speaks = (who.arn, who.account)
    return replace(
        who, arn=gateway, account=OWNER, kind="proxy", on_behalf_of=speaks, via_service=case["via"]
    )


def _key(policy: tuple[dict[str, Any], ...], case: Mapping[str, Any]) -> Key:
    return Key(
        key_id=KEY_ID,
        account=OWNER,
        region=REGION,
        manager=Manager.CUSTOMER,
        state=KeyState.ENABLED,
        created_epoch=0.0,
        tags=tuple(case.get("key tags", {}).items()),
        policy=key_policy_text(policy),
    )


@cache
def _no_statement() -> str:
    """A key policy has one statement at least; this one is about nobody who is asked for."""
    return document((_statement({"Allow": "*", "to": f"arn:aws:iam::{OWNER}:user/nobody"}),))


def key_policy_text(policy: tuple[dict[str, Any], ...]) -> str:
    return document(policy) if policy else _no_statement()


def _request(case: Mapping[str, Any]) -> dict[str, Any]:
    request = dict(case.get("request", {}))
    if "context" in case:
        member = {"ReEncryptFrom": "SourceEncryptionContext", "ReEncryptTo": "DestinationEncryptionContext"}
        request[member.get(case["asks"], "EncryptionContext")] = case["context"]
    return request


def _proposed(case: Mapping[str, Any]) -> Grant | None:
    return _grant(case["creates"], 99) if "creates" in case else None


def _grant(given: Mapping[str, Any], number: int) -> Grant:
    equals, subset = given.get("equals"), given.get("subset")
    return Grant(
        grant_id=f"{number:064x}",
        key_arn=KEY_ARN,
        created_epoch=0.0,
        issuing_account=given.get("by", OWNER),
        operations=tuple(sorted(given["operations"])),
        grantee=PEOPLE[given["to"]] if "to" in given else "",
        grantee_service=given.get("to service", ""),
        retiring=PEOPLE[given["retiring"]] if "retiring" in given else "",
        retiring_service=given.get("retiring service", ""),
        context_equals=pairs_of(equals) if equals else None,
        context_subset=pairs_of(subset) if subset else None,
        source_arn=given.get("source", ""),
    )


def _statement(given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name in {"Allow", "Deny", "Allow_all_but", "Deny_all_but"}:
            effect, _, rest = name.partition("_")
            found["Effect"] = effect
            found["NotAction" if rest else "Action"] = [_action(each) for each in _listed(value)]
        else:
            element, read = _ELEMENTS[name]
            found[element] = read(value)
    if not {"Resource", "NotResource"} & set(found):
        found["Resource"] = "*"
    return found


def _principals(value: Any) -> Any:
    if value == "*":
        return "*"
    return {"AWS": [PEOPLE.get(each, each) for each in _listed(value)]}


def _resources(value: Any) -> list[str]:
    return [KEY_ARN if each == "this key" else each for each in _listed(value)]


_ELEMENTS: dict[str, tuple[str, Any]] = {
    "to": ("Principal", _principals),
    "to_all_but": ("NotPrincipal", _principals),
    "resource": ("Resource", _resources),
    "resource_all_but": ("NotResource", _resources),
    "when": ("Condition", lambda value: value),
}


def _action(name: str) -> str:
    return name if name == "*" or ":" in name else f"kms:{name}"


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
