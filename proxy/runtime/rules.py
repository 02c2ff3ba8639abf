"""The configuration's bucket rules, in the shape that a request needs."""

from datetime import date
from functools import partial

from proxy.config import schema
from proxy.config.rules import DEFAULT_RULE, allowed_keys, applies, upstream_of
from proxy.gateway.rules import BucketRule, Mode, Rules
from proxy.runtime.kms import claim_of
from proxy.s3.encryption import Algorithm

MINIMUMS = {None: Algorithm.SSE_S3, "kms": Algorithm.SSE_KMS, "dsse": Algorithm.DSSE_KMS}


def rules_of(config: schema.Config, service_keys: tuple[str, ...]) -> Rules:
    rules = [(partial(applies, each.match), _rule(config, each, service_keys)) for each in config.buckets]
    return Rules(rules, otherwise=_rule(config, DEFAULT_RULE, service_keys))


def _rule(config: schema.Config, rule: schema.Rule, service_keys: tuple[str, ...]) -> BucketRule:
    patterns = allowed_keys(config, rule) + (() if rule.keys else service_keys)
    return BucketRule(
        upstream=upstream_of(config, rule).name,
        mode=Mode(rule.mode),
        plain_until=date.fromisoformat(rule.until) if rule.until else None,
        key_id=rule.key,
        data_key_per_object=rule.data_key_scope == "object",
        accepts_key=claim_of(patterns),
        minimum=MINIMUMS[rule.minimum],
        allows_key=claim_of(rule.keys_allowed) if rule.keys_allowed else None,
        accept_names=frozenset(rule.accept_names),
        anonymous=rule.anonymous == "forward",
        anonymous_as=rule.anonymous_as or "",
        plaintext_copies=rule.plaintext_copies == "allow",
    )
