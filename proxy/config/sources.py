"""YAML text to plain values, refusing what YAML takes silently: a field that is written twice."""

from collections.abc import Hashable
from typing import Any

import yaml

from proxy.config.errors import ConfigError, Problem


class _Loader(yaml.SafeLoader):
    """SafeLoader, in which the second of two equal keys is an error and not the winner."""


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    seen: set[Hashable] = set()
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = _name(loader, key_node)
        if not isinstance(key, Hashable):
            raise yaml.constructor.ConstructorError(
                None, None, "a field's name must be text", key_node.start_mark
            )
        if key in seen:
            message = f"{key!r} is written twice; keep one"
            raise yaml.constructor.ConstructorError(None, None, message, key_node.start_mark)
        seen.add(key)
    loader.flatten_mapping(node)
    return {_name(loader, key): loader.construct_object(value, deep=True) for key, value in node.value}


def _name(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    """As it is written where YAML takes it for nothing: Null is an operator of policies."""
    if node.tag == "tag:yaml.org,2002:null" and node.value:
        return node.value
    return loader.construct_object(node, deep=True)


# A date stays text: what reads it may say better than a YAML reader what is wrong with it.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def plain_values(text: str, *, path: str = "") -> Any:
    """Mappings, lists and scalars of one YAML document; ConfigError with line and column where it is none."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506 -- a subclass of SafeLoader
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ConfigError([Problem(path, f"{place}{exc.problem}")]) from None
    except yaml.YAMLError as exc:
        raise ConfigError([Problem(path, f"is not YAML: {exc}")]) from None
