"""The first rule that matches is the one; patterns; warnings; what `config explain` says."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.check import warnings
from proxy.config.explain import explain
from proxy.config.patterns import covers, meet
from proxy.config.rules import allowed_keys, applies, hides, rule_for
from proxy.config.schema import Config

Make = Callable[..., Config]
KEY_ARN = "arn:aws:kms:us-east-1:111122223333:key/k"
SECOND = {
    "name": "second",
    "url": "http://127.0.0.1:9001",
    "access_key_id": "AKSECOND",
    "secret_access_key": "s3cret",
}
HSM: dict[str, Any] = {
    "kms.backends": [{"type": "hsm", "write": True}],
    "hsm": {"store": "s", "root_key": {"env": "R"}},
}
RULES = [
    {
        "match": "photos/raw/*",
        "key": "alias/photos",
        "data_key_scope": "object",
        "accept_names": ["old", "older"],
    },
    {"match": "photos", "key": KEY_ARN, "keys": ["arn:aws:kms:*:111122223333:key/*"]},
    {"match": "logs/*", "mode": "passthrough"},
]


@pytest.mark.parametrize(
    ("bucket", "key", "index"),
    [
        ("photos", "raw/a", 0),
        ("photos", "raw/", 0),
        ("photos", "raw", 1),
        ("photos", "", 1),
        ("photos2", "raw/a", None),
        ("logs", "x", 2),
        ("logs", "", 2),
        ("log", "s/x", None),
    ],
)
def test_the_first_rule_that_matches_is_the_one(bucket: str, key: str, index: int | None, make: Make) -> None:
    """What no rule takes is encrypted under the service-owned key."""
    found, rule = rule_for(make(buckets=RULES), bucket, key)

    assert found == index
    assert index is not None or (rule.mode, rule.key) == ("encrypt", None)


MATCHES = st.sampled_from(["*", "aaa", "aab", "aaa/*", "aaa/x*", "aaa/xy*", "aab/x*"])


@given(
    earlier=MATCHES,
    later=MATCHES,
    bucket=st.sampled_from(["aaa", "aab", "b"]),
    key=st.text("xyz", max_size=3),
)
def test_a_hidden_rule_matches_nothing_that_the_earlier_does_not(
    earlier: str, later: str, bucket: str, key: str
) -> None:
    if hides(earlier, later) and applies(later, bucket, key):
        assert applies(earlier, bucket, key)


@pytest.mark.parametrize(
    ("earlier", "later", "hidden"),
    [
        ("*", "aaa", True),
        ("*", "*", True),
        ("aaa", "*", False),
        ("aaa", "aaa/x*", True),
        ("aaa/x*", "aaa", False),
        ("aaa/x*", "aaa/xy*", True),
        ("aaa/xy*", "aaa/x*", False),
        ("aaa", "aab", False),
    ],
)
def test_a_rule_behind_a_wider_one_is_found(*, earlier: str, later: str, hidden: bool) -> None:
    assert hides(earlier, later) is hidden


PATTERNS = st.text("ab*?", max_size=5)


@given(one=PATTERNS, other=PATTERNS, text=st.text("ab", max_size=6))
def test_patterns_that_share_a_text_meet(one: str, other: str, text: str) -> None:
    """No key ARN is claimed twice where no patterns meet."""
    if covers(one, text) and covers(other, text):
        assert meet(one, other)
    assert meet(one, other) == meet(other, one)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("", "", True),
        ("*", "", True),
        ("a", "", False),
        ("a*", "*b", True),
        ("a*c", "a?", True),
        ("a*c", "b*", False),
        ("a?", "a", False),
        ("*a*", "b?b", True),
        ("*a", "*b", False),
        ("a.c", "abc", False),
        ("a*" * 30, "*b" * 30, True),
        ("*a" * 30, "*b" * 30, False),
        ("arn:aws:kms:*:111122223333:key/*", "arn:aws:kms:*:444455556666:key/*", False),
        ("arn:aws:kms:*:111122223333:key/*", "arn:aws:kms:eu-*:1*:key/a", True),
        ("arn:aws:kms:us-*", "arn:aws:kms:*:111122223333:key/*", True),
        ("arn:aws:kms:us-*", "arn:aws:kms:eu-*:111122223333:key/*", False),
        ("*", "arn:aws:kms:*:111122223333:key/*", True),
    ],
)
def test_patterns_meet_or_not(*, one: str, other: str, expected: bool) -> None:
    assert meet(one, other) is expected


def test_envelopes_may_name_the_accounts_keys_and_those_configured(make: Make) -> None:
    """A rule's own `keys` stand alone; an alias names no ARN yet."""
    owned = "arn:aws:kms:us-east-1:999999999999:key/owned"
    config = make({"kms.backends.0.owned_key": owned}, buckets=RULES)

    assert allowed_keys(config, config.buckets[1]) == ("arn:aws:kms:*:111122223333:key/*",)
    assert allowed_keys(config, config.buckets[0]) == ("arn:*:kms:*:111122223333:key/*", owned)


@pytest.mark.parametrize(
    ("edits", "path", "message"),
    [
        ({"buckets": [{"match": "*"}, {"match": "late"}]}, "buckets[1]", "is never reached: buckets[0] (*)"),
        ({"buckets": [{"match": "*", "mode": "passthrough"}]}, "buckets[0].mode", "is not sealed"),
        (
            {"buckets": [{"match": "old", "mode": "migrate", "until": "2020-01-01"}]},
            "buckets[0].until",
            "2020-01-01 is past",
        ),
        (
            {
                "identities.0.access_keys.0.session_token": "t",
                "identities.0.access_keys.0.expires": "2020-01-01T00:00:00Z",
            },
            "identities[0].access_keys[0].expires",
            "2020-01-01T00:00:00Z is past",
        ),
        ({"listen.address": "0.0.0.0"}, "listen.tls", "plaintext crosses the network"),
        ({"admin.address": "::"}, "admin.address", "ask for no login"),
        ({"listen.trusted_proxies": ["0.0.0.0/0"]}, "listen.trusted_proxies[0]", "is everybody"),
        ({"upstreams.0.url": "http://store:9000"}, "upstreams[0].url", "to another host"),
        ({"upstreams.1": SECOND}, "upstreams[1]", "no rule of buckets has upstream: second"),
        ({"hsm": {"store": "s", "root_key": {"env": "R"}}}, "hsm", "no kms.backends has type hsm"),
        ({**HSM, "hsm": HSM["hsm"] | {"test_reset": True}}, "hsm.test_reset", "destroy every key"),
    ],
)
def test_what_is_seldom_meant_is_warned_of(
    edits: dict[str, Any], path: str, message: str, make: Make
) -> None:
    found = warnings(make(edits))

    assert [problem.path for problem in found] == [path]
    assert message in found[0].message


@pytest.mark.parametrize(
    "edits",
    [
        {},
        {"upstreams.0.url": "http://localhost"},
        {"upstreams.0.url": "https://store"},
        HSM,
        {"listen": {"address": "0.0.0.0", "tls": {"certificate_file": "c", "key_file": "k"}}},
        {"listen.port": 0, "admin.port": 0},
        {"buckets": [{"match": "old", "mode": "migrate", "until": "2999-01-01"}]},
        {"buckets": [{"match": "old", "mode": "migrate"}]},
    ],
)
def test_what_is_usual_is_not_warned_of(edits: dict[str, Any], make: Make) -> None:
    assert warnings(make(edits)) == []


def test_explain_tells_the_effective_rule(make: Make) -> None:
    assert explain(make(buckets=RULES), "s3://photos/raw/1.jpg").splitlines() == [
        "name            s3://photos/raw/1.jpg",
        'rule            buckets[0], match "photos/raw/*"',
        "mode            encrypt",
        "key             alias/photos (SSE-KMS)",
        "before the key  what the request's headers name, then what PutBucketEncryption said",
        "minimum         none",
        "keys_allowed    all of keys",
        "kms backend     aws",
        "data_key_scope  object",
        "keys            arn:*:kms:*:111122223333:key/*",
        "accept_names    old, older",
        "upstream        main (http://127.0.0.1:9000)",
    ]


def test_explain_tells_the_default_and_what_is_left_alone(make: Make) -> None:
    """Where no key is named, the service-owned one is."""
    hsm = {"hsm": {"store": "s", "root_key": {"env": "R"}}, "kms.backends": [{"type": "hsm", "write": True}]}

    assert "key             alias/sealgate/owned (SSE-S3)\n" in explain(make(), "s3://b")
    assert "key             the service-owned key (SSE-S3)\n" in explain(make(hsm), "s3://b/k")
    assert "rule            none matches: the default\n" in explain(make(), "s3://b")
    assert "kms backend" not in explain(make(buckets=RULES), "s3://logs/x")
    assert "sealed copies   refuse\n" in explain(make(buckets=RULES), "s3://logs/x")


def test_explain_tells_the_store_of_the_rule(make: Make) -> None:
    several = {"upstreams.1": SECOND, "buckets": [{"match": "far", "upstream": "second"}]}

    assert explain(make(several), "s3://far/k").endswith("upstream        second (http://127.0.0.1:9001)\n")
    assert explain(make(several), "s3://near/k").endswith("upstream        main (http://127.0.0.1:9000)\n")


@pytest.mark.parametrize(
    ("rule", "mode"),
    [({}, "migrate"), ({"until": "2999-12-31"}, "migrate until 2999-12-31, then encrypt")],
)
def test_explain_tells_how_long_plaintext_is_read(rule: dict[str, str], mode: str, make: Make) -> None:
    """What is written is sealed all along, so its key is told too."""
    told = explain(make(buckets=[{"match": "old", "mode": "migrate", **rule}]), "s3://old/x")

    assert f"mode            {mode}\n" in told
    assert "key             alias/sealgate/owned (SSE-S3)\n" in told


@pytest.mark.parametrize("url", ["", "bucket/key", "s3://", "s3:///key", "https://b/k"])
def test_explain_wants_a_name(url: str, make: Make) -> None:
    with pytest.raises(ValueError, match="is not of the form s3://BUCKET/KEY"):
        explain(make(), url)


def test_a_wildcard_stays_in_its_field() -> None:
    """Else a pattern for one account would claim another's key, whose name may hold any text."""
    pattern = "arn:aws:kms:*:111122223333:key/*"

    assert covers(pattern, "arn:aws:kms:eu-central-1:111122223333:key/a")
    assert not covers(pattern, "arn:aws:kms:eu-central-1:444455556666:key/a:111122223333:key/b")
    assert covers("arn:aws:kms:eu-*", "arn:aws:kms:eu-central-1:444455556666:key/a")
    assert covers("*", pattern)


FLOORS = [
    ({}, "the service-owned key (SSE-S3)", "none", "all of keys"),
    ({"minimum": "kms"}, "aws/s3 (SSE-KMS)", "SSE-KMS: nothing", "all of keys"),
    ({"minimum": "dsse", "key": "alias/a"}, "alias/a (DSSE-KMS)", "DSSE-KMS: nothing", "all of keys"),
    ({"keys_allowed": [KEY_ARN], "key": KEY_ARN}, f"{KEY_ARN} (SSE-KMS)", "none", KEY_ARN),
]


@pytest.mark.parametrize(("fields", "key", "minimum", "allowed"), FLOORS)
def test_explain_tells_the_floor(
    *, fields: dict[str, Any], key: str, minimum: str, allowed: str, make: Make
) -> None:
    """Also what seals where nobody asks: a floor raises it."""
    backends = {"kms.backends.0": {"type": "hsm", "write": True}}
    hsm = {"hsm": {"store": "s", "root_key": {"file": "f"}}}
    told = explain(make(backends, buckets=[{"match": "photos", **fields}], **hsm), "s3://photos/a")
    rows = {line[:15].strip(): line[16:] for line in told.splitlines()}

    assert rows["key"].startswith(key)
    assert rows["minimum"].startswith(minimum)
    assert rows["keys_allowed"] == allowed
