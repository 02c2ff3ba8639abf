"""Contradictions between fields that are well alone, and warnings about what is allowed but seldom meant.

Fed a Config, returns Problems; reads no file and changes nothing. CONTRADICTIONS and WARNINGS are the tables:
one small function for each subject, which names the field that is to be changed and what to write.
"""

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from urllib.parse import urlsplit

from proxy.config.errors import Problem
from proxy.config.key_services import key_services
from proxy.config.patterns import covers
from proxy.config.policies import policy_faults, policy_warnings
from proxy.config.rules import DEFAULT_RULE, hides, rule_for, upstream_of
from proxy.config.schema import AwsBackend, Config, FileSink, HsmBackend, Rule
from proxy.config.tokens import tokens, tokens_over

Check = Callable[[Config], Iterator[Problem]]


def contradictions(config: Config) -> list[Problem]:
    return [problem for check in CONTRADICTIONS for problem in check(config)]


def warnings(config: Config) -> list[Problem]:
    return [problem for check in WARNINGS for problem in check(config)]


def _ports(config: Config) -> Iterator[Problem]:
    taken = {config.listen.port: "listen.port"}
    hsm_listen = config.hsm.listen if config.hsm else None
    for path, place in (("admin.port", config.admin), ("hsm.listen.port", hsm_listen)):
        if place and place.port and (other := taken.setdefault(place.port, path)) != path:
            yield Problem(path, f"is {place.port}, which {other} has: write another port")


def _addresses(config: Config) -> Iterator[Problem]:
    places = [("listen.address", config.listen.address), ("admin.address", config.admin.address)]
    hsm_listen = config.hsm.listen if config.hsm else None
    if hsm_listen:
        places.append(("hsm.listen.address", hsm_listen.address))
    for path, address in places:
        if not _is_address(address):
            yield Problem(path, "must be an IP address, such as 127.0.0.1 or ::1")
    if hsm_listen and hsm_listen.tls is None and not _is_loopback(hsm_listen.address):
        yield Problem("hsm.listen.address", "must be 127.0.0.1 or ::1, where hsm.listen has no tls")


def _reset_within_reach(config: Config) -> Iterator[Problem]:
    hsm = config.hsm
    if hsm and hsm.test_reset and hsm.listen and not _is_loopback(hsm.listen.address):
        yield Problem("hsm.test_reset", "is for tests on one machine: leave it out, or listen on 127.0.0.1")


def _is_loopback(address: str) -> bool:
    return not _is_address(address) or ipaddress.ip_address(address).is_loopback


def _networks(config: Config) -> Iterator[Problem]:
    for i, network in enumerate(config.listen.trusted_proxies):
        try:
            ipaddress.ip_network(network)
        except ValueError:
            yield Problem(
                f"listen.trusted_proxies[{i}]", "must be a network whose host bits are 0, such as 10.0.0.0/8"
            )


def _duplicates(config: Config) -> Iterator[Problem]:
    identities = list(enumerate(config.identities))
    yield from _twice((f"accounts[{i}]", a) for i, a in enumerate(config.accounts))
    yield from _twice((f"upstreams[{i}].name", u.name) for i, u in enumerate(config.upstreams))
    yield from _twice((f"kms.backends[{i}].name", b.name) for i, b in enumerate(config.kms.backends))
    yield from _twice((f"identities[{i}].name", f"{who.name} of {who.account}") for i, who in identities)
    yield from _twice((f"identities[{i}].arn", who.arn) for i, who in identities)
    yield from _twice(
        (f"identities[{i}].access_keys[{k}].access_key_id", key.access_key_id)
        for i, who in identities
        for k, key in enumerate(who.access_keys)
    )
    for i, who in identities:  # as IAM has it: policies do not tell the case of a tag's name
        yield from _twice((f"identities[{i}].tags.{name}", name.lower()) for name in who.tags)
    yield from _twice(
        (f"audit.sinks[{i}]", sink.path if isinstance(sink, FileSink) else sink.type)
        for i, sink in enumerate(config.audit.sinks)
    )


def _accounts(config: Config) -> Iterator[Problem]:
    for i, who in enumerate(config.identities):
        if who.account not in config.accounts:
            yield Problem(f"identities[{i}].account", f"{who.account} is not in accounts: add it there")
        if who.arn.split(":")[4] != who.account:
            yield Problem(f"identities[{i}].arn", f"must be of account {who.account}")
        if who.arn.endswith(":root"):
            yield Problem(
                f"identities[{i}].arn", "must be a user or role: nobody signs in as an account's root"
            )


def _upstreams(config: Config) -> Iterator[Problem]:
    names = [u.name for u in config.upstreams]
    for i, who in enumerate(config.identities):
        yield from _twice(
            (f"identities[{i}].upstreams[{k}].name", s.name) for k, s in enumerate(who.upstreams)
        )
        for k, theirs in enumerate(who.upstreams):
            if theirs.name not in names:
                yield _no_such_store(f"identities[{i}].upstreams[{k}].name", theirs.name, names)
    for i, upstream in enumerate(config.upstreams):
        if upstream.ca_file and not upstream.url.startswith("https:"):
            yield Problem(f"upstreams[{i}].ca_file", "needs an https:// url: change the url, or leave it out")


def _urls(config: Config) -> Iterator[Problem]:
    urls = [(f"upstreams[{i}].url", u.url) for i, u in enumerate(config.upstreams)]
    backends = enumerate(config.kms.backends)
    urls += [
        (f"kms.backends[{i}].{name}", url)
        for i, b in backends
        for name in ("endpoint_url", "sts_endpoint_url")
        if (url := getattr(b, name, None))
    ]
    at_aws = config.hsm.root_key.aws_kms if config.hsm else None
    if at_aws and at_aws.endpoint_url:
        urls.append(("hsm.root_key.aws_kms.endpoint_url", at_aws.endpoint_url))
    for path, url in urls:
        if not _is_url(url):
            yield Problem(path, "must be http:// or https://, a host, perhaps a port: https://s3.example.com")


def _rules(config: Config) -> Iterator[Problem]:
    names = [u.name for u in config.upstreams]
    for i, rule in enumerate(config.buckets):
        path = f"buckets[{i}]"
        if rule.upstream not in (None, *names):
            yield _no_such_store(f"{path}.upstream", rule.upstream, names)
        elif "/" in rule.match:
            yield from _divided(path, rule, config)
        if rule.accept_names and rule.match == "*":
            yield Problem(f"{path}.accept_names", "needs a rule for one bucket: write its name in match")
        yield from _anonymous(path, rule, config)
        yield from _idle_fields(path, rule)
        if rule.until is not None and _maybe_day(rule.until) is None:
            yield Problem(f"{path}.until", f"{rule.until} is in no calendar: write a day, such as 2027-12-31")
        yield from _rule_key(path, rule, config)
        yield from _floor(path, rule)


def _anonymous(path: str, rule: Rule, config: Config) -> Iterator[Problem]:
    if not rule.anonymous_as:
        return
    if rule.anonymous != "forward":
        yield Problem(f"{path}.anonymous_as", "says nothing where anonymous requests are refused")
    if rule.anonymous_as not in {who.arn for who in config.identities if not who.disabled}:
        says = f"{rule.anonymous_as} is the ARN of none of identities, or of one that is disabled"
        yield Problem(f"{path}.anonymous_as", says)


def _no_such_store(path: str, name: str | None, names: Iterable[str]) -> Problem:
    return Problem(path, f"{name} is not in upstreams: there are {', '.join(names)}")


def _divided(path: str, rule: Rule, config: Config) -> Iterator[Problem]:
    """A listing comes from one store, so a bucket lies on one as a whole."""
    bucket = rule.match.partition("/")[0]
    _, whole = rule_for(config, bucket, "")
    if whole.upstream in (None, *(u.name for u in config.upstreams)):
        here, there = upstream_of(config, rule).name, upstream_of(config, whole).name
        if here != there:
            message = (
                f"is {here}, but the bucket {bucket} lies on {there}: write upstream: {there} here, or give"
            )
            yield Problem(f"{path}.upstream", f"{message} the bucket a rule of its own with upstream: {here}")


def _idle_fields(path: str, rule: Rule) -> Iterator[Problem]:
    if rule.until is not None and rule.mode != "migrate":
        yield Problem(f"{path}.until", "is of mode migrate alone: leave it out, or write mode: migrate")
    if rule.mode != "passthrough":
        if rule.plaintext_copies == "allow":
            yield Problem(
                f"{path}.plaintext_copies",
                "means nothing where copies are sealed: leave it out, or write mode: passthrough",
            )
        return
    default = Rule(match=rule.match)
    for name in ("key", "keys", "minimum", "keys_allowed", "accept_names", "data_key_scope"):
        if getattr(rule, name) == getattr(default, name):
            continue
        yield Problem(
            f"{path}.{name}", "means nothing in mode passthrough: leave it out, or write mode: encrypt"
        )


def _rule_key(path: str, rule: Rule, config: Config) -> Iterator[Problem]:
    key, writers = rule.key, [(i, b) for i, b in enumerate(config.kms.backends) if b.write]
    if key is None or len(writers) != 1:
        return
    index, writer = writers[0]
    alias = key[key.find("alias/") :] if "alias/aws/" in key else ""
    if alias and alias != "alias/aws/s3":
        yield Problem(
            f"{path}.key", f"{alias} is another service's key: name a key of your own, or alias/aws/s3"
        )
    elif alias and isinstance(writer, AwsBackend):
        yield Problem(f"{path}.key", f"AWS lets nobody else use {alias}: write {writer.managed_key}")
    if ":key/" in key and not any(covers(pattern, key) for pattern in writer.arns):
        yield Problem(
            f"{path}.key", f"is not claimed by kms.backends[{index}], which writes: add it to its arns"
        )
    if ":key/" in key and rule.keys and not any(covers(pattern, key) for pattern in rule.keys):
        yield Problem(f"{path}.keys", "leaves out the rule's own key: what it writes could not be read")


def _floor(path: str, rule: Rule) -> Iterator[Problem]:
    if not rule.keys_allowed or rule.mode == "passthrough":
        return
    if rule.key is None:
        yield Problem(f"{path}.key", "is needed beside keys_allowed: what seals a write that names no key?")
    elif ":key/" in rule.key and not any(covers(pattern, rule.key) for pattern in rule.keys_allowed):
        yield Problem(f"{path}.keys_allowed", "leaves out the rule's own key: write it here, too")


def _limits(config: Config) -> Iterator[Problem]:
    if config.limits.held_body_bytes > config.limits.memory_budget_bytes // 4:
        yield Problem("limits.held_body_bytes", "must be at most a quarter of memory_budget_bytes")


def _hidden_rules(config: Config) -> Iterator[Problem]:
    for i, rule in enumerate(config.buckets):
        for j, earlier in enumerate(config.buckets[:i]):
            if hides(earlier.match, rule.match):
                yield Problem(
                    f"buckets[{i}]", f"is never reached: buckets[{j}] ({earlier.match}) comes first"
                )
                break


def _unsealed(config: Config) -> Iterator[Problem]:
    for i, rule in enumerate(config.buckets):
        if rule.match == "*" and rule.mode == "passthrough":
            yield Problem(
                f"buckets[{i}].mode", "passthrough for every bucket: what no earlier rule takes is not sealed"
            )


def _over(config: Config) -> Iterator[Problem]:
    for i, rule in enumerate(config.buckets):
        day = _maybe_day(rule.until or "")
        if day is not None and day < datetime.now(UTC).date():
            yield Problem(f"buckets[{i}].until", f"{day} is past: what is not sealed is refused now")


def _open_to_all(config: Config) -> Iterator[Problem]:
    if not config.listen.tls and not _is_local(config.listen.address):
        yield Problem(
            "listen.tls", "is missing on an address that others reach: plaintext crosses the network"
        )
    if not _is_local(config.admin.address):
        yield Problem("admin.address", "is reached by others: health and metrics ask for no login")
    for i, upstream in enumerate(config.upstreams):
        if upstream.url.startswith("http:") and not _is_local(urlsplit(upstream.url).hostname or ""):
            yield Problem(
                f"upstreams[{i}].url", "is http:// to another host: metadata and names cross in the clear"
            )


def _trusts_all(config: Config) -> Iterator[Problem]:
    for i, network in enumerate(config.listen.trusted_proxies):
        if network.endswith("/0"):
            yield Problem(f"listen.trusted_proxies[{i}]", "is everybody: any client may choose its address")


def _idle_stores(config: Config) -> Iterator[Problem]:
    used = {upstream_of(config, rule).name for rule in (DEFAULT_RULE, *config.buckets)}
    for i, upstream in enumerate(config.upstreams):
        if upstream.name not in used:
            yield Problem(f"upstreams[{i}]", f"is not used: no rule of buckets has upstream: {upstream.name}")


def _idle_hsm(config: Config) -> Iterator[Problem]:
    here = [b for b in config.kms.backends if isinstance(b, HsmBackend) and b.endpoint_url is None]
    if config.hsm and not here:
        yield Problem("hsm", "is not used: no kms.backends has type hsm")


def _test_reset(config: Config) -> Iterator[Problem]:
    if config.hsm and config.hsm.test_reset:
        yield Problem("hsm.test_reset", "is on: whoever may kms:Reset here can destroy every key at once")


def _twice(values: Iterable[tuple[str, str]]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for path, value in values:
        if (other := first.setdefault(value, path)) != path:
            yield Problem(path, f"{value} stands in {other} already: write another")


def _maybe_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_local(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


CONTRADICTIONS: tuple[Check, ...] = (
    _ports,
    _addresses,
    _reset_within_reach,
    _networks,
    _duplicates,
    _accounts,
    policy_faults,
    tokens,
    _upstreams,
    _urls,
    key_services,
    _rules,
    _limits,
)
WARNINGS: tuple[Check, ...] = (
    *(_hidden_rules, _unsealed, _over, tokens_over, _open_to_all, _trusts_all, _idle_stores, _idle_hsm),
    _test_reset,
    policy_warnings,
)
