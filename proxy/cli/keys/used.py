"""Where a configuration uses a key. Decides from it alone: asks neither the store nor the key service."""

from collections.abc import Collection, Iterator

from proxy.config.patterns import covers
from proxy.config.schema import Config


def uses_of(config: Config, key_arn: str, names: Collection[str]) -> Iterator[str]:
    """A line for each rule and setting. `names` are all that may stand for the key: its id, its ARN, its
    aliases and their ARNs.
    """
    for index, rule in enumerate(config.buckets):
        place = f'buckets[{index}], match "{rule.match}"'
        if rule.key in names:
            yield f"{place}: seals new objects under it"
        elif any(covers(pattern, key_arn) for pattern in rule.keys):
            yield f"{place}: may open and seal under it"
    for backend in config.kms.backends:
        if backend.type == "aws":
            for role in ("owned_key", "managed_key"):
                if getattr(backend, role) in names:
                    yield f"kms backend {backend.name}: is its {role}"
