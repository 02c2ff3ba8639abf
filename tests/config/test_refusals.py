"""Every refusal names the field and says what to write: a row each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.config.errors import ConfigError
from proxy.config.load import parse

Refused = Callable[..., list[str]]
NEAR = {"type": "hsm", "write": True}
FAR = NEAR | {"endpoint_url": "https://keys.example.com:8081"}
HSM = {"store": "hsm.sqlite", "root_key": {"env": "ROOT"}}


def at_aws(**fields: str) -> dict[str, Any]:
    """A root key at AWS KMS, with something wrong."""
    return {"hsm": HSM | {"root_key": {"aws_kms": {"key_id": "k", "sealed_file": "f", **fields}}}}


def in_token(**fields: str) -> dict[str, Any]:
    """A root key in a PKCS#11 token, with something wrong."""
    whole = {"module": "/m.so", "token": "t", "key": "k", "pin": "1234", "sealed_file": "f"}
    return {"hsm": HSM | {"root_key": {"pkcs11": whole | fields}}}


REACHED = {"address": "10.0.0.1", "tls": {"certificate_file": "c", "key_file": "k"}}
AWS = {"type": "aws", "write": True}
ROLE = {"role_arn": "arn:aws:iam::111122223333:role/photos"}
RULE = {"match": "photos"}
KEY_ARN = "arn:aws:kms:us-east-1:111122223333:key/k"
BOB = {
    "name": "bob",
    "account": "111122223333",
    "access_keys": [{"access_key_id": "AKIDBOB", "secret_access_key": "x"}],
}
SECOND = {
    "name": "second",
    "url": "http://127.0.0.1:9001",
    "access_key_id": "AKSECOND",
    "secret_access_key": "s3cret",
}
STORE_KEY = {"name": "second", "access_key_id": "AKTHEIRS", "secret_access_key": "s3cret"}
GONE_ROWS = ["upstreams", "accounts", "identities", "kms"]


def no_file(path: Path) -> str:
    raise FileNotFoundError(2, "No such file or directory", str(path))


def rule(**fields: Any) -> dict[str, Any]:
    return {"buckets": [RULE | fields]}


ONE_FIELD: list[tuple[dict[str, Any], str, str]] = [
    ({"listne": {}}, "listne", "is not a field; did you mean listen?"),
    ({"zzz": 1}, "zzz", "is not a field; known here: listen, admin, "),
    ({"upstreams.0.uri": "x"}, "upstreams[0].uri", "did you mean url?"),
    ({"identities.0.boundary": {}}, "identities[0].boundary", "is not a field"),
    ({"listen": 8080}, "listen", "must be a section with fields such as address:"),
    ({"listen": None}, "listen", "is empty: write a value, or leave the line out"),
    ({"listen.port": "8080"}, "listen.port", "must be a whole number, without unit or quotes"),
    ({"listen.port": True}, "listen.port", "must be a whole number"),
    ({"listen.port": 80.5}, "listen.port", "must be a whole number"),
    ({"listen.port": -1}, "listen.port", "must be from 0 to 65535"),
    ({"listen.port": 65536}, "listen.port", "must be from 0 to 65535"),
    ({"listen.head_timeout_seconds": "20s"}, "listen.head_timeout_seconds", "must be a number"),
    ({"listen.head_timeout_seconds": 0}, "listen.head_timeout_seconds", "must be from 0.1 to 3600"),
    (
        {"listen.head_timeout_seconds": float("nan")},
        "listen.head_timeout_seconds",
        "must be from 0.1 to 3600",
    ),
    ({"listen.address": "localhost"}, "listen.address", "must be an IP address, such as 127.0.0.1"),
    ({"listen.address": "1.2.3"}, "listen.address", "must be an IP address, such as 127.0.0.1"),
    (
        {"listen.trusted_proxies": ["proxy.internal"]},
        "listen.trusted_proxies[0]",
        "a network such as 10.0.0.0/8",
    ),
    ({"listen.tls": {"key_file": "k"}}, "listen.tls.certificate_file", "is missing: write certificate_file"),
    ({"listen.tls": {"certificate_file": "c"}}, "listen.tls.key_file", "is missing: write key_file"),
    ({"domains": "s3.example.com"}, "domains", "must be a list"),
    ({"domains": ["*.example.com"]}, "domains[0]", "a host name in lower case"),
    ({"region": "EU"}, "region", "a region's name, such as eu-central-1"),
    ({"upstreams": []}, "upstreams", "must have 1 to 16 items, and has 0"),
    ({"upstreams.0.url": "store:9000"}, "upstreams[0].url", "http:// or https://, a host"),
    ({"upstreams.0.url": "http://store/path"}, "upstreams[0].url", "and no path"),
    ({"upstreams.0.url": "http://me:pw@store"}, "upstreams[0].url", "http:// or https://"),
    ({"upstreams.0.url": "http://store:99999"}, "upstreams[0].url", "http:// or https://"),
    ({"upstreams.0.url": "http://:80"}, "upstreams[0].url", "http:// or https://"),
    ({"upstreams.0.preset": "mino"}, "upstreams[0].preset", "did you mean minio?"),
    ({"upstreams.0.ca_file": ""}, "upstreams[0].ca_file", "must be a path"),
    ({"upstreams.0.secret_access_key": 12}, "upstreams[0].secret_access_key", "put it in quotes"),
    (
        {"upstreams.0.secret_access_key": " "},
        "upstreams[0].secret_access_key",
        "a secret is one line of text",
    ),
    ({"upstreams.0.secret_access_key": "a\nb"}, "upstreams[0].secret_access_key", "a secret is one line"),
    ({"accounts": [111122223333]}, "accounts[0]", "must be text: put it in quotes"),
    ({"accounts": ["1234"]}, "accounts[0]", "must be twelve digits in quotes"),
    ({"identities.0.access_keys": []}, "identities[0].access_keys", "must have 1 to 2 items, and has 0"),
    ({"identities.0.tags": ["a"]}, "identities[0].tags", "must be a section of `name: value` lines"),
    ({"identities.0.tags": {"age": 3}}, "identities[0].tags.age", "put it in quotes"),
    ({"identities.0.tags": {3: "age"}}, "identities[0].tags", "put it in quotes"),
    ({"identities.0.arn": "ann"}, "identities[0].arn", "arn:aws:iam::ACCOUNT:user/NAME"),
    (rule(match="photos/raw"), "buckets[0].match", '"bucket/prefix*"'),
    (rule(match="photo*"), "buckets[0].match", '"bucket", "bucket/prefix*" or "*"'),
    (rule(mode="migrating"), "buckets[0].mode", "did you mean migrate?"),
    (
        {"identities.0.access_keys.0.expires": "2027-12-31"},
        "identities[0].access_keys[0].expires",
        "a time in UTC, such as",
    ),
    (rule(mode="migrate", until="next year"), "buckets[0].until", "a day, such as 2027-12-31"),
    (rule(mode="migrate", until=2027), "buckets[0].until", "must be text"),
    (rule(mode="encrypted"), "buckets[0].mode", "did you mean encrypt?"),
    (rule(mode=["encrypt"]), "buckets[0].mode", "must be one of encrypt, migrate, passthrough"),
    (rule(plaintext_copies="yes"), "buckets[0].plaintext_copies", "must be one of refuse, allow"),
    (rule(key="my key"), "buckets[0].key", "a KMS key's id, its ARN, alias/NAME or an alias ARN"),
    (rule(keys=["arn:aws:s3:::x"]), "buckets[0].keys[0]", "a key ARN with * in it"),
    ({"kms.backends": [{"write": True}]}, "kms.backends[0].type", "is missing: write one of hsm, aws"),
    ({"kms.backends": ["aws"]}, "kms.backends[0].type", "is missing: write one of hsm, aws"),
    ({"kms.backends": [{"type": "gcp"}]}, "kms.backends[0].type", "must be one of hsm, aws"),
    ({"kms.backends": [{"type": "hsm", "region": "x"}]}, "kms.backends[0].region", "is not a field"),
    ({"kms.backends.0.write": "yes"}, "kms.backends[0].write", "must be true or false"),
    ({"kms.data_key_cache.max_uses": 1048577}, "kms.data_key_cache.max_uses", "must be from 1 to 1048576"),
    ({"audit.sinks": [{"type": "file"}]}, "audit.sinks[0].path", "is missing: write path"),
    ({"audit.sinks": []}, "audit.sinks", "must have 1 to 16 items"),
    *[({name: None}, name, "is empty") for name in GONE_ROWS],
]

CONTRADICTIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"listen.port": 9090}, "admin.port", "is 9090, which listen.port has: write another port"),
    ({"hsm": HSM | {"listen": {"port": 8080}}}, "hsm.listen.port", "which listen.port has"),
    ({"hsm": HSM | {"listen": {"address": "10.0.0.1"}}}, "hsm.listen.address", "must be 127.0.0.1 or ::1"),
    ({"hsm": HSM | {"listen": REACHED, "test_reset": True}}, "hsm.test_reset", "is for tests on one machine"),
    (
        {"kms": {"backends": [FAR | {"secret_access_key": "s"}]}},
        "kms.backends[0].access_key_id",
        "kind proxy",
    ),
    (
        {"kms": {"backends": [FAR | {"access_key_id": "PROXYKEY"}]}},
        "kms.backends[0].secret_access_key",
        "kind",
    ),
    (
        {"hsm": HSM, "kms": {"backends": [NEAR | {"access_key_id": "PROXYKEY"}]}},
        "kms.backends[0].access_key_id",
        "is for endpoint_url alone",
    ),
    ({"listen.trusted_proxies": ["10.0.0.1/8"]}, "listen.trusted_proxies[0]", "whose host bits are 0"),
    ({"listen.trusted_proxies": ["10.0.0.0/99"]}, "listen.trusted_proxies[0]", "whose host bits are 0"),
    ({"accounts.1": "111122223333"}, "accounts[1]", "stands in accounts[0] already"),
    ({"identities.1": BOB | {"name": "ann"}}, "identities[1].name", "stands in identities[0].name already"),
    ({"identities.1": BOB | {"arn": "arn:aws:iam::111122223333:user/ann"}}, "identities[1].arn", "already"),
    (
        {"identities.1": BOB | {"access_keys": [{"access_key_id": "AKIDANN", "secret_access_key": "x"}]}},
        "identities[1].access_keys[0].access_key_id",
        "AKIDANN stands in identities[0].access_keys[0].access_key_id already",
    ),
    ({"identities.0.account": "999999999999"}, "identities[0].account", "is not in accounts: add it there"),
    (
        {"identities.0.arn": "arn:aws:iam::999999999999:user/x"},
        "identities[0].arn",
        "of account 111122223333",
    ),
    ({"identities.0.arn": "arn:aws:iam::111122223333:root"}, "identities[0].arn", "must be a user or role"),
    (
        {"identities.0.tags": {"Team": "red", "team": "blue"}},
        "identities[0].tags.team",
        "stands in identities[0].tags.Team already",
    ),
    ({"upstreams.0.ca_file": "ca.pem"}, "upstreams[0].ca_file", "needs an https:// url"),
    ({"kms.backends.0.endpoint_url": "http://:1"}, "kms.backends[0].endpoint_url", "a host"),
    ({"kms.backends.0.write": False}, "kms.backends", "none writes: add `write: true`"),
    ({"kms.backends": [AWS, AWS | {"name": "b"}]}, "kms.backends[1].write", "only one may"),
    ({"kms.backends": [AWS, AWS | {"name": "b"}]}, "kms.backends[1].arns", "* meets * of kms.backends[0]"),
    ({"kms.backends": [AWS, AWS]}, "kms.backends[1].name", "aws stands in kms.backends[0].name already"),
    (
        {"kms.backends": [{"type": "hsm", "write": True}]},
        "kms.backends[0].type",
        "hsm needs the section hsm:",
    ),
    (
        {"kms.backends": [AWS, {"type": "hsm"}, {"type": "hsm"}], "hsm": HSM},
        "kms.backends[2].type",
        "there is one",
    ),
    (
        {"kms.backends.0.access_key_id": "AKIDX"},
        "kms.backends[0].secret_access_key",
        "write both, or neither",
    ),
    ({"kms.backends.0.secret_access_key": "x"}, "kms.backends[0].access_key_id", "write both, or neither"),
    ({"kms.backends.0.managed_key": "alias/sealgate/owned"}, "kms.backends[0].managed_key", "another key"),
    ({"kms.backends.0.owned_key": "alias/aws/s3"}, "kms.backends[0].owned_key", "name a key of your own"),
    ({"fips": True}, "fips", "must be one of off, required"),
    (
        {"hsm": HSM | {"root_key": {"passphrase_env": "P"}}, "fips": "required"},
        "hsm.root_key.passphrase_env",
        "needs scrypt, which fips: required rules out: write file, env, aws_kms or pkcs11",
    ),
    ({"hsm": HSM | {"root_key": {}}}, "hsm.root_key", "must have exactly one of file, env, passphrase_file"),
    ({"hsm": HSM | {"root_key": {"env": "A", "file": "b"}}}, "hsm.root_key", "must have exactly one of"),
    (
        {"hsm": HSM | {"root_key": {"aws_kms": {"sealed_file": "f"}}}},
        "hsm.root_key.aws_kms.key_id",
        "is missing",
    ),
    (at_aws(access_key_id="AKIDX"), "hsm.root_key.aws_kms.secret_access_key", "write both, or neither"),
    (at_aws(key_id="alias/aws/s3"), "hsm.root_key.aws_kms.key_id", "name a key of your own"),
    (
        at_aws(endpoint_url="http://kms.example.com"),
        "hsm.root_key.aws_kms.endpoint_url",
        "must be https://: the root key comes from there in the clear",
    ),
    (
        {"hsm": HSM | {"root_key": {"pkcs11": {"module": "/m.so", "token": "t", "key": "k"}}}},
        "hsm.root_key.pkcs11.pin",
        "is missing: write pin or pin_env or pin_file",
    ),
    (in_token(module="m.so"), "hsm.root_key.pkcs11.module", "must be a whole path, such as /usr/lib/softhsm"),
    (in_token(token="t" * 33), "hsm.root_key.pkcs11.token", "must be 1 to 32 characters"),
    ({"hsm": HSM | {"regions": ["eu-west-1"]}}, "hsm.regions", "must hold us-east-1"),
    ({"hsm": HSM | {"socket": "s" * 101}}, "hsm.socket", "is longer than 100 bytes"),
    (rule(upstream="other"), "buckets[0].upstream", "other is not in upstreams: there are main"),
    (
        {"upstreams.1": SECOND, "buckets": [{"match": "photos/raw/*", "upstream": "second"}]},
        "buckets[0].upstream",
        "is second, but the bucket photos lies on main: write upstream: main here",
    ),
    ({"upstreams.1": SECOND | {"name": "main"}}, "upstreams[1].name", "main stands in upstreams[0].name"),
    (
        {"identities.0.upstreams": [STORE_KEY]},
        "identities[0].upstreams[0].name",
        "second is not in upstreams",
    ),
    (
        {"upstreams.1": SECOND, "identities.0.upstreams": [STORE_KEY, STORE_KEY]},
        "identities[0].upstreams[1].name",
        "second stands in identities[0].upstreams[0].name already",
    ),
    (
        {"buckets": [{"match": "*", "accept_names": ["old"]}]},
        "buckets[0].accept_names",
        "needs a rule for one",
    ),
    (rule(mode="passthrough", key="alias/x"), "buckets[0].key", "means nothing in mode passthrough"),
    (rule(mode="passthrough", keys=["*"]), "buckets[0].keys", "means nothing in mode passthrough"),
    (rule(mode="passthrough", accept_names=["old"]), "buckets[0].accept_names", "means nothing in mode"),
    (rule(mode="passthrough", data_key_scope="object"), "buckets[0].data_key_scope", "means nothing in mode"),
    (rule(mode="passthrough", minimum="kms"), "buckets[0].minimum", "means nothing in mode passthrough"),
    (rule(minimum="aes"), "buckets[0].minimum", "must be"),
    (rule(keys_allowed=[KEY_ARN]), "buckets[0].key", "is needed beside keys_allowed"),
    (
        rule(key=KEY_ARN, keys_allowed=["arn:aws:kms:*:444455556666:key/*"]),
        "buckets[0].keys_allowed",
        "leaves out the rule's own key",
    ),
    (rule(plaintext_copies="allow"), "buckets[0].plaintext_copies", "means nothing where copies are sealed"),
    (rule(key="alias/aws/sqs"), "buckets[0].key", "alias/aws/sqs is another service's key"),
    (
        rule(key="alias/aws/s3"),
        "buckets[0].key",
        "AWS lets nobody else use alias/aws/s3: write alias/sealgate/s3",
    ),
    (
        rule(key=KEY_ARN) | {"kms.backends.0.arns": ["arn:aws:kms:*:999999999999:key/*"]},
        "buckets[0].key",
        "is not claimed by kms.backends[0], which writes: add it to its arns",
    ),
    (
        rule(key=KEY_ARN, keys=["arn:aws:kms:*:999999999999:key/*"]),
        "buckets[0].keys",
        "leaves out the rule's own key",
    ),
    (
        {"identities.0.assume_role": {"role_arn": "arn:aws:iam::111122223333:user/x"}},
        "identities[0].assume_role.role_arn",
        "arn:aws:iam::ACCOUNT:role/NAME",
    ),
    (
        {"identities.0.assume_role": ROLE, "kms.backends": [NEAR], "hsm": HSM},
        "identities[0].assume_role",
        "says nothing: no kms.backends has type aws",
    ),
    (
        {
            "identities.0.assume_role": ROLE,
            "identities.0.aws_credentials": {"access_key_id": "AKIDATAWS", "secret_access_key": "x"},
        },
        "identities[0].aws_credentials",
        "stands beside assume_role: write one of the two",
    ),
    ({"kms.backends.0.sts_endpoint_url": "http://:1"}, "kms.backends[0].sts_endpoint_url", "a host"),
    (
        {"kms.backends.0.failover_regions": [{"region": "eu-west-1"}, {"region": "eu-west-1"}]},
        "kms.backends[0].failover_regions[1].region",
        "eu-west-1 is there already",
    ),
    (
        {"kms.backends.0.failover_regions": [{"region": "us-east-1"}]},
        "kms.backends[0].failover_regions[0].region",
        "us-east-1 is there already",
    ),
    ({"kms.backends.0.grant_tokens": ["t"] * 11}, "kms.backends[0].grant_tokens", "10"),
    ({"kms.backends.0.grant_tokens": ["a b"]}, "kms.backends[0].grant_tokens[0]", "CreateGrant"),
    (
        {"limits.held_body_bytes": 8 << 20, "limits.memory_budget_bytes": 16 << 20},
        "limits.held_body_bytes",
        "quarter",
    ),
    (
        {"identities.0.access_keys.0.expires": "2027-12-31T00:00:00Z"},
        "identities[0].access_keys[0].expires",
        "is of a session_token alone",
    ),
    (
        {
            "identities.0.access_keys.0.session_token": "t",
            "identities.0.access_keys.0.expires": "2027-02-30T00:00:00Z",
        },
        "identities[0].access_keys[0].expires",
        "is in no calendar",
    ),
    ({"audit.sinks": [{"type": "stdout"}, {"type": "stdout"}]}, "audit.sinks[1]", "stands in audit.sinks[0]"),
    (rule(mode="migrate", until="2027-02-30"), "buckets[0].until", "is in no calendar"),
    (rule(until="2027-12-31"), "buckets[0].until", "leave it out, or write mode: migrate"),
    (rule(mode="passthrough", until="2027-12-31"), "buckets[0].until", "is of mode migrate alone"),
]


@pytest.mark.parametrize(("edits", "path", "hint"), ONE_FIELD + CONTRADICTIONS)
def test_a_fault_is_refused_with_its_field_and_what_to_write(
    edits: dict[str, Any], path: str, hint: str, refused: Refused
) -> None:
    """A person finds the line, and knows what to put there, from the message alone."""
    found = [problem for problem in refused(edits) if problem.startswith(f"{path}: ")]

    assert any(hint in problem for problem in found), refused(edits)


@pytest.mark.parametrize("edits", [row[0] for row in ONE_FIELD + CONTRADICTIONS])
def test_no_message_shows_a_secret(edits: dict[str, Any], refused: Refused) -> None:
    """Messages go to terminals and logs."""
    text = "\n".join(refused(edits))

    assert "hush-hush" not in text
    assert "s3cret" not in text


def test_what_is_required_is_asked_for() -> None:
    """An empty file is answered with the list of what it must hold."""
    with pytest.raises(ConfigError) as caught:
        parse("{}", {}, no_file)

    assert [str(problem) for problem in caught.value.problems] == [
        "upstreams: is missing: write upstreams",
        "accounts: is missing: write accounts",
        "identities: is missing: write identities or identities_file",
        "kms: is missing: write kms",
    ]


def test_all_faults_are_told_at_once(refused: Refused) -> None:
    """Nobody mends a file one error at a time."""
    edits = {"listen.port": "x", "region": 3, "upstreams.0.name": "", "kms.backends.0.write": 1, "extra": 1}

    assert sorted(problem.split(":")[0] for problem in refused(edits)) == [
        "extra",
        "kms.backends[0].write",
        "listen.port",
        "region",
        "upstreams[0].name",
    ]


def test_all_contradictions_are_told_at_once(refused: Refused) -> None:
    assert (
        len(refused({"listen.port": 9090, "kms.backends.0.write": False, "accounts.1": "111122223333"})) == 3
    )
