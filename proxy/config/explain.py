"""The effective rule for a name, as text for a person: what happens to s3://bucket/key, and why."""

from proxy.config.rules import allowed_keys, rule_for, upstream_of
from proxy.config.schema import Config, Rule

MINIMUMS = {
    None: "none",
    "kms": "SSE-KMS: nothing that is written is under less",
    "dsse": "DSSE-KMS: nothing that is written is under less",
}


def explain(config: Config, url: str) -> str:
    """Lines of `name  value` for s3://BUCKET or s3://BUCKET/KEY. Raises ValueError for any other text."""
    bucket, slash, key = url.removeprefix("s3://").partition("/")
    if not url.startswith("s3://") or not bucket:
        raise ValueError(f"{url!r} is not of the form s3://BUCKET/KEY")
    index, rule = rule_for(config, bucket, key)
    rows = {
        "name": f"s3://{bucket}{slash}{key}",
        "rule": f'buckets[{index}], match "{rule.match}"'
        if index is not None
        else "none matches: the default",
        "mode": rule.mode if rule.until is None else f"{rule.mode} until {rule.until}, then encrypt",
        **(
            {"sealed copies": rule.plaintext_copies} if rule.mode == "passthrough" else _sealing(config, rule)
        ),
        **({"anonymous": _anonymous(rule)} if rule.anonymous == "forward" else {}),
        "upstream": _upstream(config, rule),
    }
    return "".join(f"{name:<15} {value}\n" for name, value in rows.items())


def _anonymous(rule: Rule) -> str:
    return (
        f"forwarded; keys as {rule.anonymous_as}" if rule.anonymous_as else "forwarded; opens nothing sealed"
    )


def _sealing(config: Config, rule: Rule) -> dict[str, str]:
    writer = next(b for b in config.kms.backends if b.write)
    owned = writer.owned_key if writer.type == "aws" else "the service-owned key"
    return {
        "key": _default(rule, owned),
        "before the key": "what the request's headers name, then what PutBucketEncryption said",
        "minimum": MINIMUMS[rule.minimum],
        "keys_allowed": ", ".join(rule.keys_allowed) or "all of keys",
        "kms backend": writer.name,
        "data_key_scope": rule.data_key_scope,
        "keys": ", ".join(allowed_keys(config, rule)),
        "accept_names": ", ".join(rule.accept_names) or "none",
    }


def _default(rule: Rule, owned: str) -> str:
    """Of writes that name none, where PutBucketEncryption said nothing."""
    if rule.key is None and rule.minimum is None:
        return f"{owned} (SSE-S3)"
    way = "DSSE-KMS" if rule.minimum == "dsse" else "SSE-KMS"
    return f"{rule.key or 'aws/s3'} ({way})"


def _upstream(config: Config, rule: Rule) -> str:
    found = upstream_of(config, rule)
    return f"{found.name} ({found.url})"
