"""The users that the suite acts as, told to each server in its own words.

`main` owns what it makes and may everything; `alt` and `tenant` are others, who may only what they were
granted. The suite also wants sections about IAM: its tests of that are not run, and `main` stands in.
"""

import configparser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.stores.sealgate import ACCOUNT, OTHER_ACCOUNT, User, identity


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteUser:
    section: str
    user: User
    canonical_id: str
    display_name: str
    actions: tuple[str, ...]
    """What SeaweedFS lets it do."""

    @property
    def email(self) -> str:
        return f"{self.user.name}@example.com"


def _user(name: str, account: str) -> User:
    return User(
        name=f"suite-{name}",
        account=account,
        access_key=f"AKIASUITE{name.upper():0<11}",
        secret_key=f"{name}-secret",
    )


MAIN = SuiteUser(
    section="s3 main",
    user=_user("main", ACCOUNT),
    canonical_id="a" * 64,
    display_name="Main Tester",
    actions=("Admin", "Read", "List", "Tagging", "Write"),
)
ALT = SuiteUser(
    section="s3 alt",
    user=_user("alt", ACCOUNT),
    canonical_id="b" * 64,
    display_name="Alt Tester",
    actions=("Read", "List", "Tagging", "Write"),
)
TENANT = SuiteUser(
    section="s3 tenant",
    user=_user("tenant", OTHER_ACCOUNT),
    canonical_id="c" * 64,
    display_name="Tenant Tester",
    actions=("Read", "List", "Tagging", "Write"),
)
USERS = (MAIN, ALT, TENANT)
STAND_INS = ("iam", "iam root", "iam alt root")


def seaweedfs_identities() -> list[dict[str, Any]]:
    return [
        {
            "name": each.user.name,
            "credentials": [{"accessKey": each.user.access_key, "secretKey": each.user.secret_key}],
            "account": {
                "id": each.canonical_id,
                "displayName": each.display_name,
                "emailAddress": each.email,
            },
            "actions": list(each.actions),
        }
        for each in USERS
    ]


def sealgate_identities() -> list[dict[str, Any]]:
    """Each acts on the store as itself, so that ownership and ACLs there are its own."""
    return [
        identity(each.user)
        | {
            "upstreams": [
                {
                    "name": "store",
                    "access_key_id": each.user.access_key,
                    "secret_access_key": each.user.secret_key,
                }
            ]
        }
        for each in USERS
    ]


def write_suite_config(path: Path, url: str, kms_keys: tuple[str, str] | None) -> None:
    """What the suite reads. `kms_keys` are two keys that `main` may seal with, where there are any."""
    server = urlsplit(url)
    config = configparser.RawConfigParser()
    config["DEFAULT"] = {
        "host": server.hostname or "",
        "port": str(server.port),
        "is_secure": "False",
        "ssl_verify": "False",
    }
    config["fixtures"] = {"bucket prefix": "compat-{random}-"}
    for each in USERS:
        config[each.section] = _section(each)
    config[TENANT.section]["tenant"] = "testx"
    if kms_keys:
        config[MAIN.section].update(kms_keyid=kms_keys[0], kms_keyid2=kms_keys[1])
    for name in STAND_INS:
        config[name] = _section(MAIN)
    with path.open("w") as out:
        config.write(out)


def _section(each: SuiteUser) -> Mapping[str, str]:
    return {
        "display_name": each.display_name,
        "user_id": each.canonical_id,
        "email": each.email,
        "access_key": each.user.access_key,
        "secret_key": each.user.secret_key,
        "api_name": "",
        "storage_classes": "",
        "lc_debug_interval": "10",
    }
