"""Which bucket rule a name falls under: the first that matches, else encryption under the owned key."""

from proxy.config.schema import Config, Rule, Upstream

DEFAULT_RULE = Rule(match="*")


def rule_for(config: Config, bucket: str, key: str) -> tuple[int | None, Rule]:
    """The rule for bucket/key and its place in `buckets` (None: the default). With key "", for the bucket."""
    for index, rule in enumerate(config.buckets):
        if applies(rule.match, bucket, key):
            return index, rule
    return None, DEFAULT_RULE


def applies(match: str, bucket: str, key: str) -> bool:
    """Whether a rule's `match` takes in this name. A rule for a prefix says nothing of the bucket itself."""
    if match == "*":
        return True
    name, slash, prefix = match.partition("/")
    return name == bucket and (not slash or key.startswith(prefix.removesuffix("*")))


def seals_any(config: Config, bucket: str) -> bool:
    """Whether a rule seals names of the bucket."""
    for rule in config.buckets:
        name, slash, _ = rule.match.partition("/")
        if rule.match != "*" and name != bucket:
            continue
        if rule.mode != "passthrough":
            return True
        if not slash or applies(rule.match, bucket, ""):
            return False
    return True


def upstream_of(config: Config, rule: Rule) -> Upstream:
    """The store of names under this rule: the one that it names, else the first."""
    return next(each for each in config.upstreams if rule.upstream in (None, each.name))


def hides(earlier: str, later: str) -> bool:
    """Whether every name of the later rule falls under the earlier one."""
    if earlier == "*" or later == "*":
        return earlier == "*"
    name, slash, prefix = earlier.partition("/")
    other, other_slash, other_prefix = later.partition("/")
    if name != other or not slash:
        return name == other
    return bool(other_slash) and other_prefix.removesuffix("*").startswith(prefix.removesuffix("*"))


def allowed_keys(config: Config, rule: Rule) -> tuple[str, ...]:
    """Patterns of the key ARNs that envelopes under this rule may name.

    Without `keys` in the rule: the accounts' own, and every key ARN that the configuration writes with. An
    alias names no ARN yet: whoever resolves it adds what it stands for.
    """
    if rule.keys:
        return rule.keys
    owned = (key for b in config.kms.backends if b.type == "aws" for key in (b.owned_key, b.managed_key))
    named = [key for key in (rule.key, *owned) if key is not None and ":key/" in key]
    return (*(f"arn:*:kms:*:{account}:key/*" for account in config.accounts), *dict.fromkeys(named))
