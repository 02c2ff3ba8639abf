"""Identities' policies: the names that they use, and documents compiled into what a decision needs.

A policy that many identities name is compiled once. What it says wrong is told with the field it stands in.
"""

from collections.abc import Iterator, Mapping

from proxy.config.errors import Problem
from proxy.config.schema import Config
from proxy.config.terms import Document
from proxy.policy.condition_keys import maybe_known
from proxy.policy.documents import Kind, Policy, parse
from proxy.policy.malformed import MalformedPolicy

UNKNOWABLE = ("s3:existingobjecttag/", "s3:buckettag/", "s3:resourceaccount")
"""Keys of the S3 side that the store alone knows. A Deny that waits for one would never be felt."""


def policies_of(config: Config) -> Mapping[str, tuple[Policy, ...]]:
    """By the identity's ARN. Of a configuration that was checked."""
    compiled: dict[str, Policy] = {}

    def policy(document: Document) -> Policy:
        if document.text not in compiled:
            compiled[document.text] = parse(document.text, kind=Kind.IDENTITY)
        return compiled[document.text]

    return {
        who.arn: tuple(policy(_written(config, document)) for document in who.policies if not who.disabled)
        for who in config.identities
    }


def policy_faults(config: Config) -> Iterator[Problem]:
    for i, who in enumerate(config.identities):
        for k, document in enumerate(who.policies):
            name = document.value
            if isinstance(name, str) and name not in config.policies:
                listed = ", ".join(config.policies) or "none"
                yield Problem(
                    f"identities[{i}].policies[{k}]", f"{name} is not in policies: there are {listed}"
                )
    for path, document in _documents(config):
        yield from _faults(path, document)


def policy_warnings(config: Config) -> Iterator[Problem]:
    """Of keys that no request has: what waits for one is never allowed, and never denied."""
    for path, document in _documents(config):
        policy = parse(document.text, kind=Kind.IDENTITY)
        for name in sorted(policy.names):
            key = maybe_known(name)
            if key is None:
                yield Problem(path, f"{name} is no condition key that is known: no request has it")
            elif key.never:
                yield Problem(path, f"{key.name} is a condition key that no request here has")
    for i, who in enumerate(config.identities):
        if not (who.policies or who.disabled):
            yield Problem(f"identities[{i}].policies", "are missing: this identity may do nothing")


def _faults(path: str, document: Document) -> Iterator[Problem]:
    try:
        policy = parse(document.text, kind=Kind.IDENTITY)
    except MalformedPolicy as exc:
        yield Problem(f"{path}.{exc.where}" if exc.where else path, exc.what)
        return
    for name in sorted(policy.names):
        if name.startswith(UNKNOWABLE):
            yield Problem(path, f"{name} is known to the store alone: no policy here can decide by it")
    if not policy.has_variables and "${" in document.text:
        yield Problem(f"{path}.Version", 'must be "2012-10-17": in older ones ${...} is no variable')


def _documents(config: Config) -> Iterator[tuple[str, Document]]:
    """All that are written out, with their places; each text once."""
    seen: set[str] = set()
    named = [(f"policies.{name}", document) for name, document in config.policies.items()]
    inline = [
        (f"identities[{i}].policies[{k}]", document)
        for i, who in enumerate(config.identities)
        for k, document in enumerate(who.policies)
        if not document.text.startswith('"')
    ]
    for path, document in (*named, *inline):
        if document.text not in seen:
            seen.add(document.text)
            yield path, document


def _written(config: Config, document: Document) -> Document:
    name = document.value
    return config.policies[name] if isinstance(name, str) else document
